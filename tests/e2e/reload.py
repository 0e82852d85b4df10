#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hot reload: what is kept when a plugin is replaced under its actors. Each possible failure leaves the old generation
serving."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

from harness.node import Folder, Node, plugin_folder, root, variants
from harness.reports import reports, sanitized
from harness.tap import check, contains, equal, eventually, run, test


config = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
plugins: { reload_deadline: %s, watch: %s }
applications:
  - name: main
    supervisor:
      name: sup
      children:
        - { id: a, actor: shift, name: a }
        - { id: b, actor: shift, name: b }
        - { id: kv, actor: kv, name: kv }
        - { id: greeter, actor: greeter, name: greeter }
        - { id: relay, actor: relay, name: relay }
        - { id: probe, actor: probe, name: probe }
"""


class Shelf:
    """The folder from which a node takes its plugins."""

    def __init__(self, cleanup):
        self.path = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
        cleanup.callback(lambda: shutil.rmtree(self.path, ignore_errors=True))
        for name in ("kv", "greeter", "relay", "probe"):
            shutil.copy(pathlib.Path(plugin_folder()) / f"{name}.so", self.path / f"{name}.so")

    def put(self, variant, name):
        """Puts a built variant in the place of NAME.so as a package manager does: by renaming."""
        fresh = self.path / f".{name}.new"
        shutil.copy(variants / f"{variant}.so", fresh)
        fresh.chmod(0o755)
        fresh.rename(self.path / f"{name}.so")

    def put_text(self, text, name):
        fresh = self.path / f".{name}.new"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.rename(self.path / f"{name}.so")


def start(cleanup, variant="shift_1", deadline="5s", watch="false", **options):
    shelf = Shelf(cleanup)
    shelf.put(variant, "shift")
    return shelf, Node(cleanup, config=config % (deadline, watch), settings=[("plugins.path", f"[ {shelf.path} ]")], **options)


class Held:
    """A handler of an actor that lasts until release(). `hold` is parked, and the stack of `block` cannot be
    unwound."""

    def __init__(self, node, name, how="hold"):
        self.file = node.folder.path / f"{how}_{name}"
        self.file.touch()
        self.asked = node.connection()
        self.asked.send("call", name=name, term=f'{{{how}, <<"{self.file}">>}}')
        eventually(lambda: node.status(name) == "parked", "it is in its handler")

    def release(self):
        self.file.unlink()

    def answer(self):
        return self.asked.receive()["result"]["reply"]


def begin_reload(node, **arguments):
    """Asks for a reload. Returns the connection that will get its report."""
    asked = node.connection()
    asked.send("reload", **arguments)
    eventually(lambda: node.ask("status")["state"] == "reloading", "it is under way")
    return asked


def generation(node, plugin="shift"):
    return {one["id"]: one["generation"] for one in node.ask("plugins")["plugins"]}[plugin]


def kept_of(node, plugin="shift"):
    return {one["id"]: one["kept"] for one in node.ask("plugins")["plugins"]}[plugin]


def refused(node, *words):
    """A reload fails for this reason, and both actors go on with the old code and their state."""
    before = [int(node.call(name, "next")) for name in "ab"]
    old = generation(node)
    done = node.coppice("reload", "shift")
    check(done.returncode in (1, 4), "refused", done.returncode, done.stdout + done.stderr)
    for word in words:
        contains(done.stderr, word)
    equal(generation(node), old)
    for name, number in zip("ab", before):
        equal(node.info(name)["generation"], old)
        equal(int(node.call(name, "next")), number + 1)
    equal(node.ask("status")["state"], "running")


@test("a reload keeps state, pid, name, timers and links, and answers with the new code")
def kept(cleanup):
    shelf, node = start(cleanup)
    for _ in range(7):
        node.call("a", "next")
    node.call("kv", "{put, key, [1, 2, 3]}")
    node.call("a", "{alarm, 1500}")
    before = {name: node.info(name) for name in ("a", "b", "kv")}
    equal(node.call("a", "version"), '<<"1.0.0">>')
    shelf.put("shift_2", "shift")
    shelf.put("kv_2", "kv")
    report = node.ask("reload")
    equal({one["id"] for one in report["plugins"]}, {"shift", "kv"})
    for plugin in report["plugins"]:
        equal({actor["outcome"] for actor in plugin["actors"]}, {"carried"}, plugin["id"])
    equal(report["kept"], [])
    equal(node.call("a", "version"), '<<"2.0.0">>')
    equal(node.call("a", "next"), "8")
    contains(node.call("kv", "{get, key}"), "[1,2,3]")
    for name in before:
        now = node.info(name)
        for what in ("pid", "links", "monitored_by", "parent"):
            equal(now[what], before[name][what], f"{name} {what}")
        equal(now["generation"], 2)
    eventually(lambda: node.call("a", "rung") == "1", "the timer that was started before")
    equal(kept_of(node), [])
    equal(node.stop(), 0, node.log())


@test("nothing happens when no file has changed, and one named is reloaded all the same")
def unchanged(cleanup):
    _, node = start(cleanup)
    equal(node.ask("reload")["plugins"], [])
    contains(node.coppice("reload").stdout, "no plugin's file has changed")
    equal(generation(node), 1)
    node.ask("reload", plugin="shift")
    equal(generation(node), 2)
    done = node.coppice("reload", "nothere")
    equal(done.returncode, 1)
    contains(done.stderr, "no plugin nothere is loaded")


@test("--dry-run says what would happen and changes nothing")
def dry_run(cleanup):
    shelf, node = start(cleanup)
    shelf.put("shift_2", "shift")
    report = node.ask("reload", dry_run=True)
    equal(report["dry_run"], True)
    equal([(a["path"], a["outcome"]) for a in report["plugins"][0]["actors"]],
          [("main/a", "carried"), ("main/b", "carried")])
    equal(report["plugins"][0]["to"]["version"], "2.0.0")
    equal(report["kept"], [], "what was only tried out is not told as still mapped")
    equal(generation(node), 1)
    equal(node.call("a", "version"), '<<"1.0.0">>')
    shelf.put("shift_restore_refuses", "shift")
    equal(node.coppice("reload", "--dry-run").returncode, 1)


@test("an older version is taken as any other: a downgrade keeps the state")
def downgrade(cleanup):
    shelf, node = start(cleanup, "shift_2")
    node.call("a", "next")
    shelf.put("shift_1", "shift")
    equal(node.ask("reload")["plugins"][0]["to"]["version"], "1.0.0")
    equal(node.call("a", "next"), "2")
    equal(node.call("a", "version"), '<<"1.0.0">>')


@test("a new file that will not do is refused and the old generation goes on")
def refusals(cleanup):
    shelf, node = start(cleanup)
    crash = "ended with status" if sanitized("address") else "signal 11"  # a sanitizer exits instead
    reports.expect("coppice-plugin-host", "SEGV")
    shelf.put_text("#!/bin/sh\n", "shift")
    refused(node, "ELF")
    for variant, words in [("shift_other_actor", ["shift"]),
                           ("shift_strict_args", ["token", "schema"]),
                           ("shift_restore_refuses", ["restore_state does not take state version 1"]),
                           ("shift_restore_misfits", ["restore_state", "state of version 1: expected"]),
                           ("shift_restore_throws", ["cannot read this"]),
                           ("shift_restore_crashes", [crash, "restore"])]:
        shelf.put(variant, "shift")
        refused(node, *words)
    shelf.put("kv_1", "shift")
    refused(node, "kv")
    shelf.put("shift_2", "shift")
    node.ask("reload")
    equal(node.call("a", "version"), '<<"2.0.0">>')
    equal(kept_of(node), [])


def new_pid(node, name, former):
    """Whether another process has that name. Empty: no process has it."""
    found = [one["pid"] for one in node.ask("ps")["processes"] if one["name"] == name]
    return found and found[0] != former


@test("after_restore may do all, and one that fails ends its own actor and not the reload")
def after_restore(cleanup):
    shelf, node = start(cleanup)
    equal(node.call("a", "next"), "1")
    for count in range(1, 8):
        equal(node.call("b", "next"), str(count))
    before = {name: node.info(name)["pid"] for name in ("a", "b")}
    shelf.put("shift_after_restore", "shift")
    node.ask("reload", plugin="shift")
    equal(generation(node), 2)
    eventually(lambda: node.call("a", "rung") == "1", "the timer of a's after_restore")
    equal(node.call("a", "next"), "2")
    equal(node.info("a")["pid"], before["a"])
    eventually(lambda: new_pid(node, "b", before["b"]), "the supervisor's new b")
    equal(node.call("b", "next"), "1")
    equal(node.call("b", "rung"), "0")
    node.said("seven will not do")


@test("a file built for another ABI is refused and the old generation goes on")
def other_abi(cleanup):
    shelf, node = start(cleanup)
    # The manifest says for which ABI the file was built. Here it claims another one.
    data = (variants / "shift_2.so").read_bytes()
    check(b'"abi":[1,0]' in data)
    (shelf.path / "x").write_bytes(data.replace(b'"abi":[1,0]', b'"abi":[9,0]'))
    (shelf.path / "x").chmod(0o755)
    (shelf.path / "x").rename(shelf.path / "shift.so")
    refused(node, "ABI")


@test("a save_state that fails keeps the old generation")
def save_fails(cleanup):
    shelf, node = start(cleanup, "shift_save_fails")
    shelf.put("shift_2", "shift")
    refused(node, "save_state failed", "the state is in use")


@test("a save_state or restore_state slower than the deadline keeps the old generation")
def too_slow(cleanup):
    shelf, node = start(cleanup, "shift_save_spins", deadline="500ms")
    shelf.put("shift_2", "shift")
    refused(node, "500 ms")
    os.environ["COPPICE_SHIFT_HARM"] = "1"
    try:
        shelf, node = start(cleanup, deadline="500ms")
    finally:
        del os.environ["COPPICE_SHIFT_HARM"]
    shelf.put("shift_restore_spins", "shift")
    refused(node, "500 ms", "restore_state")
    shelf.put("shift_2", "shift")
    node.ask("reload")
    eventually(lambda: not kept_of(node), "the code that was slow is given back")


@test("a restore_state that fails only in the daemon, after others have succeeded, is undone for all")
def fails_late(cleanup):
    os.environ["COPPICE_SHIFT_HARM"] = "1"
    try:
        shelf, node = start(cleanup)
    finally:
        del os.environ["COPPICE_SHIFT_HARM"]
    shelf.put("shift_fails_late", "shift")
    shelf.put("kv_2", "kv")
    done = node.coppice("reload")
    equal(done.returncode, 1)
    contains(done.stderr, "only in the daemon")
    equal(generation(node, "kv"), 1)
    equal(generation(node), 1)
    equal(node.call("a", "next"), "1")


@test("a handler that does not end before the deadline keeps the old generation; one that does is waited for")
def deadline(cleanup):
    shelf, node = start(cleanup, deadline="500ms")
    shelf.put("shift_2", "shift")
    held = Held(node, "a")
    done = node.coppice("reload", "shift")
    equal(done.returncode, 4, done.stderr)
    contains(done.stderr, "did not come out of a handler")
    contains(done.stderr, "main/a")
    equal(node.call("b", "next"), "1")
    equal(generation(node), 1)
    held.release()
    equal(held.answer(), "1")
    shelf, node = start(cleanup, deadline="60s")
    shelf.put("shift_2", "shift")
    held = Held(node, "a")
    reload = begin_reload(node, plugin="shift")
    held.release()
    equal(held.answer(), "1")
    check("result" in reload.receive(), "it is reloaded")
    equal(node.call("a", "version"), '<<"2.0.0">>')


def client(node):
    return [os.environ.get("COPPICE") or str(root / "build/bin/coppice"), "--socket", node.socket]


@test("a handler that calls another actor of the same plugin is drained and does not deadlock")
def drained(cleanup):
    shelf, node = start(cleanup)
    shelf.put("shift_2", "shift")
    asking = subprocess.Popen([*client(node), "call", "a", "{ask, b, 1500}"], stdout=subprocess.PIPE, text=True)
    eventually(lambda: node.status("a") == "parked", "it waits")
    report = node.ask("reload")
    equal(asking.communicate()[0].strip(), "1")
    equal({actor["outcome"] for actor in report["plugins"][0]["actors"]}, {"carried"})
    equal(node.call("b", "next"), "2")
    equal(node.call("a", "version"), '<<"2.0.0">>')


@test("handlers that call each other, also through another plugin's actor, are drained whenever a reload comes")
def drained_through(cleanup):
    shelf, node = start(cleanup)
    asked, answers, over = [], [], threading.Event()

    def ask(request):
        while not over.is_set():
            asked.append(request)
            answers.append(node.call("a", request))

    callers = [threading.Thread(target=ask, args=(request,)) for request in ("{ask_through, relay, b, 3}", "{ask, b, 3}")]
    for caller in callers:
        caller.start()
    drained = 0
    for number in range(12):
        shelf.put("shift_2" if number % 2 == 0 else "shift_1", "shift")
        report = node.ask("reload")
        equal({actor["outcome"] for actor in report["plugins"][0]["actors"]}, {"carried"})
        drained += report["drain_ms"] > 0
    over.set()
    for caller in callers:
        caller.join()
    check(drained > 0, "a handler was under way when actors stood still")
    equal(sorted(map(int, answers)), list(range(1, len(asked) + 1)))


@test("a second reload during the first waits for it")
def one_behind_the_other(cleanup):
    shelf, node = start(cleanup, deadline="60s")
    shelf.put("shift_2", "shift")
    held = Held(node, "a")
    first = begin_reload(node)
    second = begin_reload(node)
    eventually(lambda: [one["what"] for one in node.ask("status")["changes"]] == ["reload", "reload"], "one runs, one waits")
    held.release()
    equal(len(first.receive()["result"]["plugins"]), 1)
    equal(second.receive()["result"]["plugins"], [], "nothing is new any more")
    equal(node.ask("status")["state"], "running")
    equal(generation(node), 2)


@test("every bundled plugin is reloaded under its processes, and the figures of the pause are printed")
def bundled(cleanup):
    _, node = start(cleanup)
    before = {name: node.info(name)["pid"] for name in ("kv", "greeter", "relay", "probe")}
    for name, pid in before.items():
        done = node.coppice("reload", name)
        equal(done.returncode, 0, done.stderr)
        for word in ("carried", "stood still", "handlers", "save", "restore"):
            contains(done.stdout, word)
        equal((node.info(name)["pid"], node.info(name)["generation"]), (pid, 2), name)
    equal(node.call("relay", "{relay, probe, ping}"), "pong")


@test("a stateless plugin is swapped, and an actor that cannot carry its state over is restarted by its supervisor")
def no_state(cleanup):
    shelf, node = start(cleanup)
    node.call("a", "next")
    old = node.info("greeter")["pid"]
    outcome = node.ask("reload", plugin="greeter")["plugins"][0]["actors"][0]["outcome"]
    equal((outcome, node.info("greeter")["pid"]), ("carried", old))
    old = node.info("a")["pid"]
    shelf.put("shift_no_state", "shift")
    actors = node.ask("reload")["plugins"][0]["actors"]
    equal({actor["outcome"] for actor in actors}, {"restarted"}, actors)
    check(all("restore_state" in actor["reason"] for actor in actors), "why", actors)
    equal(node.call("a", "next"), "1")
    check(node.info("a")["pid"] != old)
    equal({one["id"]: one["restarts"] for one in node.ask("tree")["applications"][0]["supervisor"]["children"]}["b"], 0)
    eventually(lambda: not kept_of(node), "the old code is given back")


@test("a node that is told to stop does not wait for the restarts of a reload")
def stopped_meanwhile(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    shelf, node = start(cleanup, environment={"COPPICE_SHIFT_HARM": folder.write("held", "")})
    shelf.put("shift_init_holds", "shift")
    begin_reload(node, plugin="shift")
    eventually(lambda: "parked" in (node.status("a"), node.status("b")), "the first of both is being restarted")
    node.process.send_signal(signal.SIGTERM)
    node.said("a second one shortens it", "it is stopping")
    equal(node.stop(signal.SIGINT), 0, node.log())


@test("--carry-only refuses a reload in which an actor would be restarted, and changes nothing")
def carry_only(cleanup):
    shelf, node = start(cleanup)
    equal(node.call("a", "next"), "1")
    shelf.put("shift_no_state", "shift")
    for options in ([], ["--dry-run"]):
        done = node.coppice("reload", "--carry-only", *options)
        equal(done.returncode, 1, done.stdout)
        check(re.search(r"main/[ab] \(<0\.\d+\.\d+>\) would be restarted: it has no restore_state; and so would 1 more; the old code goes on",
                        done.stderr), "why", done.stderr)
    equal((generation(node), node.call("a", "next")), (1, "2"))
    shelf.put("shift_2", "shift")
    equal(node.coppice("reload", "--carry-only").returncode, 0)
    check(generation(node) > 1, "each try has a number", generation(node))
    equal(node.call("a", "next"), "3")


@test("children that start and end while plugins are reloaded all end up in the new code")
def newcomers(cleanup):
    shelf, node = start(cleanup)
    started = []
    for round_number in range(6):
        shelf.put("shift_2" if round_number % 2 == 0 else "shift_1", "shift")
        reloading = subprocess.Popen([*client(node), "reload", "--json"], stdout=subprocess.PIPE, text=True)
        number = 0
        while reloading.poll() is None:
            name = f"n{round_number}_{number}"
            number += 1
            node.call("sup", f"{{start_child, #{{id => {name}, start => {{coppice, start_link, ['shift', #{{}}]}}}}}}")
            started.append(name)
            if len(started) > 3:
                node.call("sup", f"{{terminate_child, {started.pop(0)}}}")
        equal(reloading.returncode, 0, reloading.stdout.read())
    now = generation(node)
    shifts = [node.info(one["pid"]) for one in node.ask("ps")["processes"] if one["plugin"] == "shift"]
    equal({one["generation"] for one in shifts}, {now})


@test("SIGHUP reloads what has changed")
def hang_up(cleanup):
    shelf, node = start(cleanup)
    node.call("a", "next")
    shelf.put("shift_2", "shift")
    node.process.send_signal(signal.SIGHUP)
    eventually(lambda: node.call("a", "version") == '<<"2.0.0">>', "the new code")
    equal(node.call("a", "next"), "2")
    equal(node.stop(), 0, node.log())


@test("what the systemd unit runs for a reload returns when it is done, and fails if the old code goes on")
def unit_reload(cleanup):
    shelf, node = start(cleanup)
    unit = (pathlib.Path(os.environ["COPPICED"]).parents[1] / "packaging/coppice.service").read_text()
    lines = [line.removeprefix("ExecReload=").split() for line in unit.splitlines() if line.startswith("ExecReload=")]
    equal([line[1:] for line in lines], [["apply"], ["reload"]])

    def reload():
        return [subprocess.run([*client(node), *line[1:]], capture_output=True, timeout=60, check=False).returncode
                for line in lines]

    shelf.put("shift_2", "shift")
    equal(reload(), [0, 0])
    equal(node.call("a", "version"), '<<"2.0.0">>')
    shelf.put("shift_restore_refuses", "shift")
    equal(reload(), [0, 1])
    equal(node.call("a", "version"), '<<"2.0.0">>')


@test("with watch, a file that is renamed into place or written over is reloaded")
def watched(cleanup):
    shelf, node = start(cleanup, watch="true")
    node.call("a", "next")
    shelf.put("shift_2", "shift")
    eventually(lambda: node.call("a", "version") == '<<"2.0.0">>', "the new code")
    data = (variants / "shift_1.so").read_bytes()
    with open(shelf.path / "shift.so", "r+b") as file:
        file.write(data)
        file.truncate()
    eventually(lambda: node.call("a", "version") == '<<"1.0.0">>', "the old code again")
    equal(node.call("a", "next"), "2")
    equal(node.stop(), 0, node.log())


@test("nothing is lost or overtaken of what is sent inside the node while the receiver is reloaded")
def rain(cleanup):
    shelf = Shelf(cleanup)
    shelf.put("tally", "tally")
    shelf.put("rain", "rain")
    node = Node(cleanup, config="""
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
plugins: { reload_deadline: 30s }
applications:
  - name: main
    supervisor:
      children:
        - { id: tally, actor: tally, name: tally }
        - { id: rain, actor: rain, name: rain }
""", settings=[("plugins.path", f"[ {shelf.path} ]")])
    pid = node.info("tally")["pid"]
    node.call("rain", "{rain, tally, 200000}")
    for number in range(20):
        shelf.put("tally_2" if number % 2 == 0 else "tally", "tally")
        equal(node.ask("reload")["plugins"][0]["actors"][0]["outcome"], "carried")
    sent = int(node.call("rain", "stop"))
    check(sent > 1000, "it rained", sent)
    eventually(lambda: node.call("tally", "result") == f"{{{sent},0}}", "all came, in order")
    equal(node.info("tally")["pid"], pid)
    equal(node.stop(), 0, node.log())


@test("code that a thread of the plugin's, or a stack that has not unwound, needs is kept until it does not")
def kept_for_a_while(cleanup):
    clings = Folder()
    cleanup.callback(clings.close)
    file = pathlib.Path(clings.write("clings", ""))
    shelf, node = start(cleanup, "shift_clings", environment={"COPPICE_SHIFT_CLINGS": str(file)})
    shelf.put("shift_2", "shift")
    report = node.ask("reload")
    equal([(one["plugin"], one["generation"]) for one in report["kept"]], [("shift", 1)])
    contains(report["kept"][0]["reason"], "a thread of its own")
    file.unlink()
    eventually(lambda: not kept_of(node), "given back when the thread has ended")
    held = Held(node, "a", "block")
    node.ask("terminate", path="main/a")
    check("error" in held.asked.receive(), "it was killed")
    kept = node.ask("reload", plugin="shift")["kept"]
    equal([(one["plugin"], one["generation"]) for one in kept], [("shift", 2)])
    contains(kept[0]["reason"], "parked stack")
    equal(node.call("b", "next"), "1")
    held.release()
    eventually(lambda: not kept_of(node), "given back when the handler has returned")
    equal(node.stop(), 0, node.log())


@test("code that cannot be unmapped is counted as kept, with the reason")
def kept_image(cleanup):
    shelf, node = start(cleanup, "shift_keeps_mapped")
    node.call("a", "next")
    shelf.put("shift_2", "shift")
    kept_now = node.ask("reload")["kept"]
    equal([(one["plugin"], one["generation"]) for one in kept_now], [("shift", 1)])
    contains(kept_now[0]["reason"], "thread_local")
    equal(kept_of(node)[0]["generation"], 1)
    contains(node.coppice("reload", "shift").stdout, "still mapped: shift generation 1")
    equal(node.call("a", "next"), "2")
    equal(node.stop(), 0, node.log())


run()
