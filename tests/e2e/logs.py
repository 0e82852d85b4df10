#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice logs` and `log-level`: the node's last lines and the following ones, in every state of the node, and what is
logged at which level."""
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness.control import Connection
from harness.node import Folder, Node, connectable, plugin_folder, program, root, tree, variants
from harness.reports import sanitized
from harness.tap import check, contains, equal, eventually, run, test
from harness.terminal import Terminal

ERROR, WARNING, INFO, DEBUG = range(4)
CONFIG = tree("""
        - { id: one, actor: talker, name: one }
        - { id: two, actor: talker, name: two }
        - { id: probe, actor: probe, name: probe }
""", "talk", "temporary", distribution=connectable, node="workers: 1")


def talking(cleanup, settings=(("node.log.rate.per_source", "unlimited"),)):
    """A node with two actors that log what they are told, and a probe."""
    shelf = Folder()
    cleanup.callback(shelf.close)
    for plugin in ("talker.so", "lines.so"):
        shutil.copy(variants / plugin, shelf.path)
    shutil.copy(pathlib.Path(plugin_folder()) / "probe.so", shelf.path)
    return Node(cleanup, config=CONFIG, settings=[("plugins.path", f"[ {shelf.path} ]"), *settings])


def say(node, text, level=INFO, times=1, who="one"):
    equal(node.call(who, f'{{say, {level}, <<"{text}">>, {times}}}'), "true")


marks = itertools.count(1)


def messages(node, **wanted):
    """All messages of a node. A line is kept until its thread has written it, in the order of the lines, so this waits
    for a last line: the answer to a request for something that does not exist."""
    mark = f"mark/{next(marks)}"
    node.reply("terminate", path=mark)
    eventually(lambda: any(f"asked to terminate {mark} " in line["message"] for line in node.logged(module="control")), "all is kept")
    return [line["message"] for line in node.logged(**wanted)]


class Follower:
    """A `coppice logs -f` beside the test. `lines`: the lines that it has printed."""

    def __init__(self, cleanup, node, *arguments):
        self.process = subprocess.Popen([program("COPPICE", "coppice"), "logs", "-f", *arguments, "--socket", node.socket],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        reader = threading.Thread(target=self.read)
        reader.start()
        cleanup.callback(self.process.stderr.close)
        cleanup.callback(self.process.stdout.close)
        cleanup.callback(reader.join)
        cleanup.callback(self.process.wait)
        cleanup.callback(self.process.kill)

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def shows(self, part):
        eventually(lambda: self.has(part), f"it shows {part!r}")

    def has(self, part):
        return any(part in line for line in list(self.lines))


@test("logs shows what the node has logged, as it did, from its first line on")
def whole(cleanup):
    node = talking(cleanup)
    say(node, "first", WARNING)
    shown = node.coppice("logs")
    equal((shown.returncode, shown.stderr), (0, ""))
    wanted = [line for line in shown.stdout.splitlines() if "first" in line]
    equal(len(wanted), 1)
    check(re.fullmatch(r"\S+Z warning talker: first name=one pid=<0\.\d+\.\d+>", wanted[0]), "as it was logged", wanted)
    own = [line.partition(" pid=")[0] for line in node.log().splitlines() if " talker: first" in line]
    equal(own, [wanted[0].partition(" name=")[0]], "time, level, module and text are the same")
    contains(shown.stdout, " control:", "lines of the start")


@test("lines are chosen by number, level, module and process, and a document shows each in its parts")
def chosen(cleanup):
    node = talking(cleanup)
    say(node, "a", INFO)
    say(node, "b", WARNING, who="two")
    say(node, "c", ERROR)
    equal(messages(node, module="talker"), ["a", "b", "c"])
    equal(messages(node, module="talker", last=2), ["b", "c"])
    equal(messages(node, module="talker", level="warning"), ["b", "c"])
    equal(messages(node, process="two"), ["b"])
    equal(messages(node, process=node.pid("one")), ["a", "c"])
    equal(messages(node, last=0), [])
    equal(node.reply("logs", process="nobody")["error"]["code"], "not_found")
    equal(messages(node, module="talker", last=2**64 - 1), ["a", "b", "c"])
    line = node.logged(module="talker", last=1)[0]
    equal(set(line), {"number", "time", "level", "module", "message", "fields"})
    equal((line["level"], line["fields"]["name"]), ("error", "one"))


@test("what cannot be meant is refused in a sentence")
def refused(cleanup):
    node = talking(cleanup)
    for arguments, code, why in ((("--level", "loud"), 2, "loud"), (("-n", "-1"), 2, ""), (("-n", "many"), 2, ""),
                                 (("--module", "distt"), 1, "there is no module distt\n  did you mean 'dist'?")):
        done = node.coppice("logs", *arguments)
        equal((done.returncode, done.stdout), (code, ""), arguments)
        contains(done.stderr, why)
    for arguments in ({"level": "loud"}, {"module": "x" * 100_000}):
        contains(node.reply("logs", **arguments), "error")
    for arguments in ({"last": -5}, {"last": "x"}, {"after": 10**18, "last": 7}, {"level": 7, "module": [], "process": {}}):
        contains(node.reply("logs", **arguments), "result")


@test("a follower sees lines as they come, those of its choice, one document a line if wanted")
def followed(cleanup):
    node = talking(cleanup)
    say(node, "before")
    all_of = Follower(cleanup, node)
    some = Follower(cleanup, node, "-n", "0", "--process", "two", "--json")
    all_of.shows("before")

    def follows():
        say(node, "begin", who="two")
        return some.has("begin")

    eventually(follows, "it follows, which shows only by what comes")
    say(node, "after", who="two")
    all_of.shows("talker: after")
    for number in range(20):
        say(node, f"line {number}.", who="two")
    some.shows("line 19.")
    shown = [json.loads(line)["message"] for line in some.lines]
    equal([text for text in shown if text != "begin"], ["after", *(f"line {number}." for number in range(20))])
    equal(node.stop(), 0)
    check(all_of.process.poll() is None, "it waits for the node's next life")


@test("logs and log-level answer while the only worker is stuck, and while all of the node stands in its handlers")
def stuck(cleanup):
    node = talking(cleanup)
    client = threading.Thread(target=lambda: node.coppice("call", "probe", "{spin, 4000}", "--timeout", "60s"))
    client.start()
    cleanup.callback(client.join)
    eventually(lambda: node.status("probe") == "running", "it spins")
    began = time.monotonic()
    contains(node.coppice("logs", "-n", "5").stdout, ": ")
    equal(node.ask("log-level")["level"], "info")
    check(client.is_alive() or time.monotonic() - began > 4, "meanwhile")


@test("who follows and does not read costs the node nothing and is told what went by")
def does_not_read(cleanup):
    node = talking(cleanup)
    lazy = subprocess.Popen([program("COPPICE", "coppice"), "logs", "-f", "--module", "talker", "--socket", node.socket],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    cleanup.callback(lazy.wait)
    cleanup.callback(lazy.kill)
    long = "x" * 4000
    resident = pathlib.Path(f"/proc/{node.process.pid}/statm")
    before = int(resident.read_text().split()[1]) * 4096
    for part in range(12):
        say(node, f"part {part} {long}", times=500)
        eventually(lambda: node.logged(last=1, module="talker")[0]["message"].startswith(f"part {part} "), "it is written")
    grown = int(resident.read_text().split()[1]) * 4096 - before
    if not sanitized("address", "thread"):  # they keep freed memory
        check(grown < 64 << 20, "24 MB of lines do not stay", grown)
    say(node, "the end", times=1)  # nothing is written after it while the lines are read
    eventually(lambda: node.logged(last=1, module="talker")[0]["message"].startswith("the end"), "it is written")
    size = sum(len(line["message"]) for line in node.logged())
    check(6 << 20 < size <= 8 << 20, "the last 8 MiB are kept", size)
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(lazy.stdout))
    reader.start()
    cleanup.callback(reader.join)
    limit = threading.Timer(60, lazy.kill)  # ends its standard error
    limit.start()
    cleanup.callback(limit.cancel)
    check(re.fullmatch(r"coppice: logs: \d+ lines went by before they could be read\n", lazy.stderr.readline()), "it is told")
    eventually(lambda: seen and "the end" in seen[-1], "and goes on where lines are")
    lazy.kill()


@test("a client that asks and does not read has one answer made for it, and is let go of with a word")
def takes_nothing(cleanup):
    node = talking(cleanup)
    say(node, "x" * 8000, times=1000)
    eventually(lambda: len(node.logged()) > 900, "they are written")
    status = pathlib.Path(f"/proc/{node.process.pid}/statm")
    before = int(status.read_text().split()[1]) * 4096
    deaf = node.connection()
    for _ in range(50):
        deaf.send("logs")
    node.said("does not read its answer: let go of", "it is let go of", seconds=40)
    node.said(f"pid {os.getpid()})")
    check(int(status.read_text().split()[1]) * 4096 - before < 32 << 20, "a page, not fifty", before)
    equal(node.call("probe", "ping"), "pong")


@test("more than 64 who wait for lines are refused, and their places come back")
def crowd(cleanup):
    node = talking(cleanup)
    coming = {"after": 10**9, "module": "epmd", "wait": True}
    waiting = []
    for _ in range(64):
        one = Connection(node.socket)
        waiting.append(one)
        one.send("logs", **coming)
    cleanup.callback(lambda: [one.close() for one in waiting])

    def refused_too():
        answer = asked()
        return answer and "error" in answer and answer["error"]["code"] == "limit" and answer

    def asked():
        with contextlib.closing(Connection(node.socket)) as one:
            one.socket.settimeout(0.5)
            one.send("logs", **coming)
            try:
                return one.receive()
            except TimeoutError:
                return None
    contains(eventually(refused_too, "one too many")["error"]["why"], "64 others follow the log")
    equal(node.call("probe", "ping"), "pong")


@test("a reader that waits in vain is told so after twenty seconds, and one that follows goes on")
def in_vain(cleanup):
    node = talking(cleanup, settings=[("events", "[ { name: notes, open: true } ]")])
    follower = Follower(cleanup, node, "-n", "0", "--module", "talker")
    of_log, of_event = Connection(node.socket), Connection(node.socket)
    cleanup.callback(of_log.close)
    cleanup.callback(of_event.close)
    of_log.send("logs", after=10**9, module="epmd", wait=True)
    tail = of_event.reply("events", name="notes", since="now")["result"]["tail"]
    of_event.send("events", tail=tail, after=0, wait=True)
    for one, why in ((of_log, "no line yet"), (of_event, "no event yet")):
        told = one.receive()
        equal((told["error"]["code"], told["error"]["why"]), ("timeout", why))
    say(node, "at last")
    follower.shows("at last")


@test("without a node logs says where to look, status 3")
def no_node(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    for path, where in ((str(shelf.path / "x.sock"), "where its standard error went"), ("/run/coppice/absent.sock", "journalctl -u coppice@absent")):
        done = subprocess.run([program("COPPICE", "coppice"), "logs", "--socket", path], capture_output=True, text=True, timeout=20)
        equal((done.returncode, done.stdout), (3, ""))
        contains(done.stderr, "coppice: logs: ")
        contains(done.stderr, where)


@test("colours are for terminals, and not with NO_COLOR")
def colours(cleanup):
    node = talking(cleanup)
    say(node, "red", ERROR)
    check("\x1b" not in node.coppice("logs").stdout, "none in a pipe")
    command = [program("COPPICE", "coppice"), "logs", "--module", "talker", "--socket", node.socket]
    shown = Terminal(cleanup, command)
    shown.read_until(b"red")
    contains(shown.seen, b"\x1b[31m")
    plain = Terminal(cleanup, command, NO_COLOR="1")
    plain.read_until(b"red")
    check(b"\x1b" not in plain.seen, "none with NO_COLOR", plain.seen)
    for name, environment in (("painted", {}), ("plain", {"NO_COLOR": "1"})):  # the daemon itself
        mine = [part.replace("/control.sock", f"/{name}.sock").replace("demo@", f"{name}@").replace("/data", f"/data-{name}")
                for part in node.command]
        daemon = Terminal(cleanup, [*mine, "--set", "node.log.level=debug"], **environment)
        check(daemon.read_until(b" started as "), "a line of debug", daemon.seen)
        equal(b"\x1b[2m" in daemon.seen, name == "painted", daemon.seen)


@test("the level of all, a module, a process by name and by pid can be another, and be taken back")
def levels(cleanup):
    node = talking(cleanup)

    def is_logged(text, who="one"):
        say(node, text, DEBUG, who=who)
        return messages(node, module="talker")[-1:] == [text]
    check(not is_logged("hidden 1"), "debug is not logged")
    pid = node.info("two")["pid"]
    for of, others in (("", True), ("talker", True), ("one", False), (pid, False)):
        told, other = ("two", "one") if of == pid else ("one", "two")
        document = node.ask("log-level", level="debug", of=of)
        equal([one["level"] for one in document["differs"]], ["debug"])
        check(is_logged(f"shown {of}", told), of)
        equal(is_logged(f"of the other {of}", other), others, of)
        equal(node.ask("log-level", level="default", of=of)["differs"], [], of)
        check(not is_logged(f"hidden {of}", told), of)
    equal(node.ask("log-level", level="error", of="one")["differs"], [{"scope": "process", "of": "one", "level": "error", "left_ms": None}])
    say(node, "quiet", WARNING)
    check("quiet" not in messages(node, module="talker"), "less is possible, too")


@test("a level for a time goes back by itself")
def for_a_time(cleanup):
    node = talking(cleanup)
    document = node.ask("log-level", level="debug", of="talker", for_ms=3600000)
    check(3_500_000 < document["differs"][0]["left_ms"] <= 3_600_000, "what is left of it", document)
    contains(node.coppice("log-level").stdout, "module talker")
    node.ask("log-level", level="debug", of="talker", for_ms=300)
    say(node, "in time", DEBUG)
    eventually(lambda: node.ask("log-level")["differs"] == [], "it is over")
    say(node, "too late", DEBUG)
    equal(messages(node, module="talker")[-1:], ["in time"] if "in time" in messages(node) else [])
    check("too late" not in messages(node), "as before")


@test("a level that cannot be meant is refused, and who changed one is in the log")
def level_refused(cleanup):
    node = talking(cleanup)
    for arguments, code, why in ((("loud",), 2, "loud"), (("debug", "--of", "talkr"), 1, "did you mean 'talker'?"),
                                 (("debug", "--of", "<0.99999.9>"), 1, "no process"), (("debug", "--for", "soon"), 2, "soon"),
                                 (("debug", "--for", "infinity"), 2, ""), (("--of", "one"), 2, "level")):
        done = node.coppice("log-level", *arguments)
        equal((done.returncode, done.stdout), (code, ""), arguments)
        contains(done.stderr, why)
    equal(node.ask("log-level")["differs"], [])
    node.ask("log-level", level="debug", of="one")
    line, = eventually(lambda: [one for one in node.logged(module="control") if "log-level debug one (uid " in one["message"]], "it is told")
    check(line["message"].startswith("asked to log-level debug one (uid "), "what", line)
    equal(line["fields"]["uid"], str(os.getuid()))
    check(int(line["fields"]["os_pid"]) > 1, "its pid", line)


@test("a source that writes too much is held back, counted and told, and takes nothing from the others")
def rates(cleanup):
    node = talking(cleanup, [("node.log.rate", "{ per_source: 1/s, burst: 20 }")])
    say(node, "much", times=1000)
    say(node, "little", times=1, who="two")
    written = messages(node, module="talker")
    check(20 <= written.count("much") < 900, "a burst", written.count("much"))
    equal(written.count("little"), 1)
    pid = node.info("one")["pid"]
    equal(node.stop(), 0)  # or after ten seconds
    found = re.findall(rf"talker: (\d+) lines of {re.escape(pid)} held back: more than 1 a second", node.log())
    equal(len(found), 1)
    equal(int(found[0]) + node.log().count("talker: much"), 1000)


def with_files(folder, text, **more):
    entry = ", ".join([f"path: {folder}/all.log", *(f"{key}: {value}" for key, value in more.items())])
    return CONFIG.replace("node: { workers: 1 }", f"node: {{ workers: 1, log: {{ files: [ {{ {entry} }} ]{text} }} }}")


@test("lines go to files as well, which are begun anew when they are full, or moved away, and by SIGHUP at once")
def files(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    node = talking(cleanup, [("node.log.rate.per_source", "unlimited"),
                             ("node.log.files", f"[ {{ path: {shelf.path}/all.log, rotate: {{ bytes: 64KiB, keep: 2 }} }},"
                                                f" {{ path: {shelf.path}/bad.log, level: error }} ]")])
    say(node, "good", INFO)
    say(node, "bad", ERROR)
    eventually(lambda: "talker: bad" in (shelf.path / "all.log").read_text(), "it is there")
    equal([line.split(" talker: ")[1].split(" ")[0] for line in (shelf.path / "bad.log").read_text().splitlines()], ["bad"])
    contains((shelf.path / "all.log").read_text(), "talker: good")
    (shelf.path / "bad.log").rename(shelf.path / "bad.old")
    node.process.send_signal(signal.SIGHUP)
    eventually((shelf.path / "bad.log").exists, "it is made anew")
    say(node, "worse", ERROR)
    eventually(lambda: "talker: worse" in (shelf.path / "bad.log").read_text(), "and written")
    check("worse" not in (shelf.path / "bad.old").read_text(), "not the moved one")
    say(node, "x" * 4000, times=100)
    eventually((shelf.path / "all.2.log").exists, "they are turned over")
    equal(node.stop(), 0)  # before the stop, one file may be about to get its next name
    check((shelf.path / "all.1.log").stat().st_size <= 64 << 10 and not (shelf.path / "all.3.log").exists(), "bounded")
    contains((shelf.path / "all.log").read_text().splitlines()[-1], "stopped")


@test("modules, rate, messages and files change by apply, and go back; what is wrong with them is refused with its place")
def changed(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    node = talking(cleanup, ())
    source = node.folder.path / "node.yaml"
    say(node, "hidden", DEBUG)
    source.write_text(with_files(shelf.path, ", modules: { talker: debug }, rate: { per_source: 1/s, burst: 3 }, messages: false"))
    equal({(one["action"], one["path"]) for one in node.ask("apply")["changes"]},
          {("set", f"node.log.{key}") for key in ("files", "modules.talker", "rate.per_source", "rate.burst", "messages")})
    say(node, "shown", DEBUG, times=50)
    say(node, "two", DEBUG, who="two")
    eventually(lambda: "talker: two" in (shelf.path / "all.log").read_text(), "in the file")
    written = messages(node, module="talker")
    check("hidden" not in written and 3 <= written.count("shown") < 40, "level and rate", written)
    equal(node.ask("log-level")["configured"]["modules"], {"talker": "debug"})
    source.write_text(CONFIG)
    node.ask("apply")
    equal(node.ask("log-level")["configured"]["modules"], {})
    say(node, "later", ERROR)
    equal(messages(node, last=1, module="talker"), ["later"])
    check("later" not in (shelf.path / "all.log").read_text(), "it is not written any more")
    source.write_text(with_files("/no/where", ""))
    refused = node.coppice("apply")
    equal(refused.returncode, 78)
    contains(refused.stderr, "node.yaml:2:45: error: path: there is no folder /no/where")
    equal(messages(node, last=1, module="talker"), ["later"])


def heard(node, who):
    """The lines that the actor of a log handler has got. Empty while it does not answer."""
    return node.answer(who, "kept") or ""


@test("an actor gets lines, but for its own and those that its work causes, and is started anew when it ends")
def to_an_actor(cleanup):
    node = talking(cleanup, [("node.log.rate.per_source", "unlimited"),
                             ("node.log.handlers", "[ { name: ears, to: { actor: lines, args: { name: ears, echo: one } },"
                                                   " modules: { control: error } } ]")])
    say(node, "first", WARNING)
    eventually(lambda: "warning talker: first [one]" in heard(node, "ears"), "it has the line")
    node.said("warning lines: took ")
    node.said("warning talker: echo ")
    say(node, "second", DEBUG, who="two")
    say(node, "third", ERROR, who="two")
    eventually(lambda: "error talker: third [two]" in heard(node, "ears"), "it has what comes later")
    got = heard(node, "ears")
    for absent in ("took", "begun", "echo", "second", "control:"):
        check(absent not in got, f"not {absent}", got)
    first, last = (int(number) for number in node.call("ears", "times").strip("{}").split(","))
    check(first <= last and abs(last / 1e6 - time.time()) < 3600, "microseconds since 1970", (first, last))
    equal(node.coppice("send", "ears", "die").returncode, 0)
    node.said("log/ears: the actor lines has ended: ")
    contains(node.log(), "it is started again in 1 s")
    say(node, "fourth", WARNING)
    eventually(lambda: "warning talker: fourth [one]" in heard(node, "ears"), "it is there again")
    got = heard(node, "ears")
    check("ended" not in got and "told to" not in got, "nothing of its own end", got)


@test("a handler whose process is killed says that it gets no lines, and an apply that changes it starts it again")
def killed_feed(cleanup):
    node = talking(cleanup)
    source = node.folder.path / "node.yaml"

    def use(level):
        entry = f"{{ name: ears, to: {{ actor: lines, args: {{ name: ears }} }}, level: {level}, modules: {{ control: error }} }}"
        source.write_text(CONFIG.replace("node: { workers: 1 }", f"node: {{ workers: 1, log: {{ handlers: [ {entry} ] }} }}"))
        node.ask("apply")

    def failing():
        return node.ask("log-level")["handlers"][0]["failing"] or ""

    use("info")
    say(node, "first", WARNING)
    eventually(lambda: "talker: first" in heard(node, "ears"), "it has the line")
    feed = next(one["pid"] for one in node.ask("ps")["processes"] if one["behaviour"] == "log_feed")
    node.reply("exit", name=feed, reason="kill")
    eventually(lambda: "its process has ended" in failing(), "it is seen")
    node.said("log/ears gets no lines: its process has ended")
    use("notice")
    say(node, "second", WARNING)
    eventually(lambda: "talker: second" in heard(node, "ears"), "it is there again")
    equal(failing(), "")


@test("a handler's queue is bounded: what it drops is counted, and both the log and the actor say so")
def handler_drops(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    gate = pathlib.Path(shelf.write("gate", ""))
    node = talking(cleanup, [("node.log.rate.per_source", "unlimited"),
                             ("node.log.handlers", f"[ {{ name: slow, to: {{ actor: lines, args: {{ name: slow, gate: {gate} }} }},"
                                                   " queue: { limit: 10, on_full: drop_new } } ]")])
    say(node, "much", times=100)
    eventually(lambda: re.search(r"log/slow: \d+ lines dropped: its queue was full", node.log()), "the log says it")
    gate.unlink()
    eventually(lambda: re.search(r"warning log: \d+ lines are missing here", heard(node, "slow")), "and so does what it gets")
    check(heard(node, "slow").count("talker: much") < 100, "they are missing")


@test("handlers come and go by apply; a syslog server gets datagrams as RFC 5424 has them")
def to_syslog(cleanup):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    cleanup.callback(server.close)
    server.bind(("127.0.0.1", 0))
    server.settimeout(30)
    node = talking(cleanup)
    source = node.folder.path / "node.yaml"

    def use(entry):
        source.write_text(CONFIG.replace("node: { workers: 1 }", f"node: {{ workers: 1, log: {{ handlers: [ {entry} ] }} }}"))
        changes = node.ask("apply")["changes"]
        equal([(one["action"], one["path"]) for one in changes], [("set", "node.log.handlers")])

    address = f"127.0.0.1:{server.getsockname()[1]}"
    use(f"{{ name: far, to: {{ syslog: '{address}' }}, level: error, modules: {{ talker: warning }} }}")
    equal([(one["name"], one["syslog"], one["level"], one["dropped"], one["failing"]) for one in node.ask("log-level")["handlers"]],
          [("far", address, "error", 0, None)])
    contains(node.coppice("log-level").stdout, address)
    say(node, "not severe", INFO)
    say(node, "severe", WARNING)
    line = server.recv(65536).decode()
    check(re.fullmatch(r'<28>1 \d{4}-\d\d-\d\dT\S+Z \S+ coppiced \d+ talker \[coppice@32473 pid="<0\.\d+\.\d+>" name="one"\] severe', line),
          "as RFC 5424 has it", line)
    use("{ name: far, to: { actor: lines, args: { name: near } }, modules: { control: error } }")
    say(node, "nearer", WARNING)
    eventually(lambda: "talker: nearer" in heard(node, "near"), "an actor gets them now")
    use("{ name: far, to: { actor: lines, args: { name: nearest } }, modules: { control: error } }")
    say(node, "nearest", WARNING)
    eventually(lambda: "talker: nearest" in heard(node, "nearest"), "another one")
    check(node.answer("near", "kept") is None, "in place of the former")
    source.write_text(CONFIG)
    node.ask("apply")
    eventually(lambda: node.answer("nearest", "kept") is None, "none any more")
    equal(node.ask("log-level")["handlers"], [])
    server.setblocking(False)
    try:
        check(False, "the server gets no more", server.recv(65536))
    except BlockingIOError:
        pass
    for wrong, why in (("{ name: far, to: { syslog: 127.0.0.1 } }", "must be HOST:PORT"),
                       ("{ name: far, to: { actor: nobody } }", "no plugin")):
        source.write_text(CONFIG.replace("node: { workers: 1 }", f"node: {{ workers: 1, log: {{ handlers: [ {wrong} ] }} }}"))
        refused = node.coppice("apply")
        equal(refused.returncode, 78)
        contains(refused.stderr, why)


@test("the modules that log-level knows are those that the daemon's sources log under")
def modules(cleanup):
    node = talking(cleanup)
    call = re.compile(r'log::(?:write|trace|debug|info|notice|warning|error|counted)\(\s*(?:[^;"]*?,\s*)?"([a-z_]+)"')
    named = re.compile(r'constexpr (?:std::string_view|const char\*) module = "([a-z_]+)"')
    found = set()
    for folder in ("daemon", "epmd"):
        for file in (root / folder).rglob("*.cpp"):
            text = file.read_text()
            found |= set(named.findall(text))
            found |= {match for match in call.findall(text)}
    check(len(found) > 10, "they are found", found)
    for module in sorted(found - {"refused", "kill", "stop", "accept", "gone", "found", "registered"}):
        equal(node.coppice("logs", "-n", "0", "--module", module).returncode, 0, module)


run()
