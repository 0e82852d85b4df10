#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The commands with which an operator examines and repairs a node: health, exit, top, the log of who did what; and that
the output fits the terminal."""
import json
import os
import pwd
import re
import signal
import subprocess
import termios
import threading

from harness.node import Node, connectable, program, root, tree
from harness.tap import check, contains, equal, eventually, run, shared, test
from harness.terminal import Terminal

CONFIG = tree("""
        - { id: probe, actor: probe, name: probe }
        - { id: kv, actor: kv, name: a_name_that_is_long_enough_to_make_any_table_wider_than_eighty_columns, unhandled: exit }
""", "wood", "temporary", distribution=connectable, intensity=2, period="60s", on_exceeded="park")
LONG = "a_name_that_is_long_enough_to_make_any_table_wider_than_eighty_columns"


@shared
def usual(cleanup):
    return Node(cleanup, config=CONFIG)


def asked(node):
    """The requests of clients to the node, as its log has them."""
    return [line for line in node.logged(module="control") if line["message"].startswith("asked to ")]


@test("a node that is as it should be is ok, status 0")
def well(cleanup):
    node = usual()
    done = node.coppice("health")
    equal((done.returncode, done.stdout, done.stderr), (0, "ok\n", ""))
    equal(node.ask("health"), {"status": "ok", "state": "running", "complaints": [], "warnings": []})


@test("what keeps it from being ready is named with the command that helps, which does, status 1")
def unwell(cleanup):
    node = Node(cleanup, config=CONFIG)
    for is_last in (False, False, True):
        pid = node.info("probe")["pid"]
        equal(node.coppice("exit", "probe", "oops").returncode, 0)
        eventually(lambda: node.pid("probe") is None if is_last else node.pid("probe") not in (pid, None), "it ended")
    eventually(lambda: node.ask("status")["degraded"], "it is parked")
    done = node.coppice("health")
    equal((done.returncode, done.stderr), (1, ""))
    contains(done.stdout, "child wood/probe")
    complaint, = json.loads(node.coppice("health", "--json").stdout)["complaints"]
    equal(complaint["help"], "coppice restart wood/probe")
    equal(node.coppice(*complaint["help"].split()[1:]).returncode, 0)
    equal(node.coppice("health").returncode, 0)
    equal(node.coppice("stop", "wood").returncode, 0)
    complaint, = json.loads(node.coppice("health", "--json").stdout)["complaints"] or [None]
    check(complaint is None or complaint["help"] == "coppice start wood", "a stopped application", complaint)


@test("exit ends a process by name and by pid, with any reason, and what is none is refused")
def exits(cleanup):
    node = Node(cleanup, config=CONFIG)
    pid = node.info("probe")["pid"]
    equal(node.ask("exit", name="probe", reason="{because, [some, 1]}"), {})
    eventually(lambda: node.pid(pid) is None, "it is gone")
    eventually(lambda: node.pid("probe") is not None, "it is back")
    node.said("{because,[some,1]}")
    pid = node.info("probe")["pid"]
    equal(node.call("probe", "{trap_exit, true}"), "false")
    equal(node.coppice("exit", pid, "kill").returncode, 0)
    eventually(lambda: node.pid(pid) is None, "kill is not trapped")
    for arguments, code, why in ((("nobody", "oops"), 1, "coppice: exit nobody: no process"), (("probe", "{oops"), 2, "reason"),
                                 (("probe@elsewhere@127.0.0.1", "oops"), 1, "another node"), (("probe",), 2, "reason")):
        done = node.coppice("exit", *arguments)
        equal((done.returncode, done.stdout), (code, ""), arguments)
        contains(done.stderr, why)


@test("info shows what format_status says of an actor's state, else what save_state writes, and of others nothing")
def states(cleanup):
    node = Node(cleanup)
    equal(node.call("kv", "{put, a, 1}"), "ok")
    contains(node.info("kv")["state"], "#{entries => 1,")
    check(re.search(r"^state +#\{entries => 1,", node.coppice("info", "kv").stdout, re.M), "for people, too",
          node.coppice("info", "kv").stdout)
    equal(node.call("kv", "{put, b, 1}"), "ok")
    contains(node.info("kv")["state"], "#{entries => 2,")
    equal(node.info("probe")["state"], "[]", "what its save_state writes")
    equal(node.info("net_kernel")["state"], None)


@test("info says what a parked process waits for, of whom, and for how long")
def waits(cleanup):
    node = Node(cleanup)
    equal(node.info("kv")["waits"], None)
    # The relay gives up each call after five seconds, and then has the next one.
    for actor, term in (("probe", "{sleep, 60000}"), *[("relay", "{relay, probe, ping}")] * 10):
        node.connection().send("call", name=actor, term=term)
    eventually(lambda: node.info("probe")["waits"], "the probe sleeps")
    found = eventually(lambda: node.info("relay")["waits"], "the relay calls it")
    pid = node.info("probe")["pid"]
    equal((found["for"], found["whom"]), ("answer", pid), found)
    check(0 <= found["left_ms"] <= 5000, "until its deadline", found)
    eventually(lambda: f"answer of {pid}, since " in node.coppice("info", "relay").stdout, "people are told, too")


@test("the end of a child is one event: its identity, path, pid, reason and the restarts that are left")
def crash(cleanup):
    node = Node(cleanup, config=CONFIG)
    for left in (2, 1):
        pid = node.info("probe")["pid"]
        equal(node.coppice("exit", pid, "{because, 1}").returncode, 0)
        eventually(lambda: node.pid("probe") not in (None, pid), "it is back")
        line, = eventually(lambda: [one for one in node.logged(process="wood/probe") if one["fields"].get("pid") == pid], "it is told")
        equal((line["level"], line["module"]), ("error", "supervisor"))
        equal(line["fields"], {"message_id": "f8dc6c4544fd40c285bcb672bf8aab93", "child": "wood/probe", "pid": pid,
                               "reason": "{because,1}", "restarts_left": str(left)})
        equal(node.logged(process=pid)[-1]["number"], line["number"])
    node.said(" error   supervisor: wood/probe ended: {because,1}: restarting it\n", "as text it is said once")


def ends(node):
    """The events of ended children, each with its fields."""
    return [line for line in node.logged(module="supervisor")
            if line["fields"].get("message_id") == "f8dc6c4544fd40c285bcb672bf8aab93"]


@test("a crash is one event with the callback that ran, the head of what it was given and the state as it shows itself")
def crash_in_a_callback(cleanup):
    node = Node(cleanup, config=CONFIG)
    equal(node.call(LONG, "{put, a, 1}"), "ok")
    long = "x" * 3000
    for request, command, callback in ((f'{{nonsense, <<"{long}">>}}', "call", "handle_call"), ("{nonsense, 2}", "cast", "handle_cast")):
        seen = len(ends(node))
        node.coppice(command, LONG, request)
        eventually(lambda: len(ends(node)) > seen, "it ended")
        line = ends(node)[-1]
        fields = line["fields"]
        equal((fields["child"], fields["callback"]), ("wood/kv", callback))
        check(fields["last_message"].startswith("{nonsense,") and len(fields["last_message"].encode()) <= 1024, "its head", fields)
        contains(fields["reason"], "bad_" + command)
        equal(fields["state"], "#{entries => 1,max_entries => 18446744073709551615}" if command == "call" else "#{entries => 0,max_entries => 18446744073709551615}")
        contains(line["message"], f"\nin {callback}, given {{nonsense,")
        contains(line["message"], "\nstate #{entries =>")
        eventually(lambda: node.pid(LONG) is not None, "it is back")
    node.coppice("call", "probe", "throw")
    eventually(lambda: ends(node)[-1]["fields"]["child"] == "wood/probe", "the exception")
    fields = ends(node)[-1]["fields"]
    equal((fields["callback"], fields["last_message"], fields.get("state")), ("handle_call", "throw", None))
    equal(fields["reason"], "{exception,'std::runtime_error',<<\"thrown on request\">>}")
    equal(sum("thrown on request" in line for line in node.log().splitlines()), 1, "it is said once")


@test("with node.log.messages: false no line shows what an actor was given")
def crash_without_messages(cleanup):
    node = Node(cleanup, config=CONFIG, settings=[("node.log.messages", "false")])
    for command, callback in (("call", "handle_call"), ("cast", "handle_cast")):
        seen = len(ends(node))
        node.coppice(command, LONG, '{secret, "12345"}')
        eventually(lambda: len(ends(node)) > seen, "it ended")
        fields = ends(node)[-1]["fields"]
        equal((fields["callback"], fields.get("last_message"), fields["reason"]), (callback, None, f"{{bad_{command},...}}"))
        contains(fields["state"], "entries")
        eventually(lambda: node.pid(LONG) is not None, "it is back")
    equal(node.call("probe", "{spin, 100}"), "ok")
    node.said("has held worker", "a slow handler is named")
    for said in ("secret", "12345", "handle_call of"):
        check(said not in node.log(), "nothing of it", said, node.log())


@test("a process without a supervisor tells of its own crash, as one event too")
def crash_alone(cleanup):
    node = Node(cleanup, config=CONFIG)
    equal(node.call("probe", "{trap_exit, true}"), "false")
    pid = re.search(r"<0\.\d+\.\d+>", node.call("probe", "{spawn_link, <<\"probe\">>, #{}}"))[0]
    node.coppice("call", pid, "{exit, {shot, down}}")
    line, = eventually(lambda: [one for one in node.logged(module="probe") if one["level"] == "error"], "it is told")
    equal({name: line["fields"][name] for name in ("pid", "reason", "callback", "last_message")},
          {"pid": pid, "reason": "{shot,down}", "callback": "handle_call", "last_message": "{exit,{shot,down}}"})
    equal(ends(node), [])


def outcomes(node, outcome):
    """The events of changes with this outcome."""
    return [one for one in node.logged(module="apply") if one["fields"].get("outcome") == outcome]


def who(client):
    return f"uid {os.getuid()}, pid {client.pid}, user {pwd.getpwuid(os.getuid()).pw_name}"


@test("an apply by a client is one event: who, what and what came of it")
def applies(cleanup):
    node = Node(cleanup, config=CONFIG)
    (node.folder.path / "node.yaml").write_text(CONFIG.replace("intensity: 2", "intensity: 7"))
    client = subprocess.Popen([program("COPPICE", "coppice"), "apply", "--socket", node.socket], stdout=subprocess.DEVNULL)
    equal(client.wait(60), 0)
    line, = eventually(lambda: outcomes(node, "applied"), "it is told")
    equal(line["fields"], {"message_id": "fec6c7dbb96240528c698245e3ad1117", "uid": str(os.getuid()), "os_pid": str(client.pid),
                           "user": pwd.getpwuid(os.getuid()).pw_name, "outcome": "applied", "changes": "1"})
    equal(line["message"], f"apply: 1 change ({who(client)})\nupdate wood: supervisor.intensity\nthe configuration is applied")
    (node.folder.path / "node.yaml").write_text(CONFIG.replace("workers: 2", "workers: 1"))
    equal(node.coppice("apply").returncode, 1)
    line, = eventually(lambda: outcomes(node, "refused"), "it is told")
    equal(line["fields"]["message_id"], "bb42e1734ffd450aa333995d3d2b9910")
    contains(line["message"], "node.workers can't change while the node runs")


@test("what changes something is logged with the client's uid and pid, what only asks or tries is not")
def who_did_it(cleanup):
    node = Node(cleanup, config=CONFIG)
    for looks in (("status",), ("ps",), ("tree",), ("diff",), ("apply", "--dry-run"), ("log-level",), ("health",), ("top", "--once")):
        equal(node.coppice(*looks).returncode, 0, looks)
    equal(asked(node), [])
    client = subprocess.Popen([program("COPPICE", "coppice"), "exit", "probe", "oops", "--socket", node.socket])
    equal(client.wait(20), 0)
    eventually(lambda: asked(node), "it is told")
    line, = asked(node)
    equal((line["message"], line["level"]), (f"asked to exit probe oops ({who(client)})", "notice"))
    equal((line["fields"]["uid"], line["fields"]["os_pid"]), (str(os.getuid()), str(client.pid)))
    for changes in (("restart", "wood/kv"), ("terminate", "wood/kv"), ("restart", "wood/kv"), ("stop", "wood"), ("start", "wood"),
                    ("reload",), ("apply",), ("disconnect", "x@127.0.0.1"), ("log-level", "info")):
        node.coppice(*changes)
        eventually(lambda: asked(node)[-1]["message"].partition(" (")[0] == "asked to " + " ".join(changes), changes)
    node.said(f" notice  control: asked to exit probe oops ({who(client)})\n")
    # An unknown argument does not hide the command from the log.
    before = len(asked(node))
    node.ask("exit", name="probe", reason="again", dry_run=True)
    eventually(lambda: len(asked(node)) == before + 1, "the exit is logged, whatever else was asked for")
    equal(asked(node)[-1]["message"].partition(" (")[0], "asked to exit probe again")
    # A name that is a term with blanks and a comment must not look like the end of the line, or like the begin of
    # another one.
    node.reply("exit", name="'probe' %) (uid 0, pid 1)\n% more" + 9000 * " ", reason="% normal\nkill", file="(dry run)", size=3)
    eventually(lambda: len(asked(node)) == before + 2, "it is logged")
    line = asked(node)[-1]
    check(line["message"].startswith("asked to exit ''probe' %) (uid 0, pid 1)\\x0a% more"), "the name is quoted", line)
    contains(line["message"], "…' … (uid ")
    equal(line["fields"]["uid"], str(os.getuid()))


@test("top shows the processes with most of what is asked for, largest first, and some of the node")
def tops(cleanup):
    node = Node(cleanup, config=CONFIG)
    equal(node.call("probe", "ping"), "pong")
    for sort, key in (("messages", "mailbox"), ("mailbox", "mailbox_bytes"), ("age", "oldest_ms"), ("memory", "memory"),
                      ("reductions", "reductions"), ("time", "cpu_us")):
        document = node.ask("top", sort=sort)
        figures = [one[key] for one in document["processes"]]
        equal(figures, sorted(figures, reverse=True), sort)
        check(len(figures) == min(20, document["process_count"]), "as many as there are", document)
    # Long enough for a slow machine; the test does not wait for its end.
    held_up = subprocess.Popen([program("COPPICE", "coppice"), "call", "probe", "{sleep, 60000}", "--socket", node.socket],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cleanup.callback(held_up.wait)
    eventually(lambda: node.status("probe") == "parked", "it waits")
    for _ in range(5):
        equal(node.coppice("cast", "probe", "hello").returncode, 0)
    for sort in ("messages", "age", "mailbox"):
        first = node.ask("top", sort=sort)["processes"][0]
        equal((first["name"], first["mailbox"]), ("probe", 5), sort)
        check(first["mailbox_bytes"] > 0 and first["oldest_ms"] >= 0, sort, first)
    equal(document["over_ms"], None, "one look has no rates")
    equal({one["reductions_per_second"] for one in document["processes"]}, {None})
    equal(node.coppice("top", "--sort", "beauty").returncode, 2)
    equal(node.coppice("top", "--every", "1ms").returncode, 2)
    contains(node.reply("top", sort="beauty")["error"]["why"], "beauty")
    for count in (0, -1, 10**18, "x"):
        check(1 <= len(node.ask("top", count=count)["processes"]) <= 1000, "bounded", count)


@test("top sorted by rate shows who works now, by two looks")
def rates(cleanup):
    node = Node(cleanup, config=CONFIG)
    for number in range(200):
        equal(node.call("probe", "ping"), "pong")
    stop = threading.Event()

    def calls():
        while not stop.is_set():
            node.call(LONG, "size")

    caller = threading.Thread(target=calls)
    caller.start()
    cleanup.callback(caller.join)
    cleanup.callback(stop.set)
    document = node.ask("top", sort="rate", over_ms=500)
    check(document["over_ms"] >= 400, "the time it took", document)
    first = document["processes"][0]
    equal(first["name"], LONG, document)
    check(0 < first["reductions_per_second"] <= document["reductions_per_second"], "a part of all", document)
    probe = [one for one in document["processes"] if one["name"] == "probe"][0]
    equal(probe["reductions_per_second"], 0, "what was done before does not count")
    node.ask("top", over_ms=1)
    left = node.connection()
    left.send("top", over_ms=60000)
    left.close()
    equal(node.call("probe", "ping"), "pong", "who leaves meanwhile leaves nothing")


@test("elsewhere than on a terminal top is one whole table; on one it is drawn anew, within its width and height")
def live(cleanup):
    node = usual()
    once = node.coppice("top")
    equal((once.returncode, once.stderr), (0, ""))
    contains(once.stdout, LONG)
    check("\x1b" not in once.stdout, "no colours")
    for columns, rows in ((80, 24), (200, 50), (40, 8)):
        terminal = Terminal(cleanup, ["sh", "-c", f"stty cols {columns} rows {rows}; exec {program('COPPICE', 'coppice')} top --every 100ms "
                                      f"--sort memory --socket {node.socket}"])
        for _ in range(3):  # frames of the picture
            kept, terminal.seen = terminal.seen, b""
            terminal.read_until(b"\x1b[J")
            terminal.seen = kept + terminal.seen
        picture = terminal.seen.split(b"\x1b[H")[1].split(b"\x1b[J")[0].decode()
        contains(picture, "\x1b[1mMEMORY\x1b[0m")
        contains(picture, "RATE")
        lines = [re.sub(r"\x1b\[[0-9;]*[mK]|\r", "", line) for line in picture.split("\n")]
        check(len(lines) <= rows, "rows", lines)
        # Columns have at least eight characters, so not all of them fit into a terminal of forty.
        check(columns < 80 or max(map(len, lines)) <= columns, "columns", lines)
        check(("BEHAVIOUR" in picture) == (columns == 200), "more where there is room", lines)


@test("keys in top choose the column, a process and that one alone, and the terminal is afterwards as it was")
def top_keys(cleanup):
    node = usual()

    def by_lines(terminal):
        return bool(termios.tcgetattr(terminal.descriptor)[3] & termios.ICANON)

    def shows(terminal, part):
        terminal.read_until(part)
        terminal.seen = b""

    for ends in (lambda: terminal.types("q"), lambda: os.kill(terminal.pid, signal.SIGINT)):
        terminal = Terminal(cleanup, [program("COPPICE", "coppice"), "top", "--every", "200ms", "--socket", node.socket])
        shows(terminal, b"q quit")
        check(not by_lines(terminal), "keys come one by one")
        terminal.types(">")
        shows(terminal, b"MAILBOX")
        terminal.types("\x1b[B\r")
        shows(terminal, b"trap exit")
        terminal.types("\x1b")
        shows(terminal, b"up down select")
        ends()
        terminal.read_until(b"never")  # reads until it is closed
        eventually(lambda: by_lines(terminal), "lines again")


@test("processes of the operator stand before those of the node, unless they are sorted by pid")
def own_first(_):
    node = usual()
    own = {"probe", LONG}

    def before(command, **arguments):
        names = [one["name"] for one in node.ask(command, **arguments)["processes"]]
        return max(names.index(name) for name in own) < names.index("net_kernel")

    check(before("ps"), "in ps")
    eventually(lambda: before("top", sort="messages", count=1000), "in top, when no message waits")
    pids = [int(one["pid"].split(".")[1]) for one in node.ask("ps", sort="pid")["processes"]]
    equal(pids, sorted(pids))


@test("tables and documents fit terminals of 80 and 200 columns, and are whole in a pipe")
def fits(cleanup):
    node = usual()
    for command in (("status",), ("tree",), ("ps",), ("info", LONG), ("nodes",), ("plugins",), ("events",), ("log-level",),
                    ("health",)):
        whole = node.coppice(*command).stdout
        for columns in (80, 200):
            terminal = Terminal(cleanup, ["sh", "-c", f"stty cols {columns}; exec {program('COPPICE', 'coppice')} {' '.join(command)} "
                                          f"--socket {node.socket}"])
            terminal.read_until(b"never")  # reads until it is closed
            lines = terminal.seen.decode().replace("\r", "").splitlines()
            check(lines and max(map(len, lines)) <= columns, f"{command} at {columns}", lines)
            if columns == 200 and command == ("tree",):
                equal(lines, whole.splitlines(), "whole where there is room")
    contains(node.coppice("ps").stdout, LONG)


@test("what the scripts of the packages ask of the client is known to it")
def packaged(cleanup):
    node = Node(cleanup, config=CONFIG)
    places = {'"$one"': "reload", "$only": "", '"$socket"': node.socket, "/run/coppice/node.sock": node.socket, '"$2"': "nothing.yaml"}
    known = []
    for script in sorted([*(root / "packaging/debian").glob("coppice*.p*"), *(root / "packaging/dh/autoscripts").iterdir()]):
        lines = [line for line in script.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
        for words in re.findall(r"""(?<![\w`/-])coppice ((?:[a-z]+|"\$\w+") .*?)(?= 2>| \||\)|$)""", "\n".join(lines), re.MULTILINE):
            command = words
            for place, value in places.items():
                command = command.replace(place, str(value))
            done = subprocess.run(["sh", "-c", f"exec {program('COPPICE', 'coppice')} {command}"], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60, check=False)
            check(done.returncode != 2, f"{script.name}: coppice {words}", done.stderr)
            # These wait without an end unless they are told otherwise, and dpkg waits for them.
            check(words.split()[0] not in ("apply", '"$one"') or "--timeout" in words, f"{script.name}: coppice {words}")
            known.append(words.split()[0])
    equal(sorted(set(known)), ['"$one"', "apply", "check", "status"])


run()
