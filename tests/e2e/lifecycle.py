#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Start, stop and failure: exit statuses, signals, kill -9, the limits of supervision, and an idle node that sleeps."""
import os
import pathlib
import re
import signal
import subprocess
import time

from harness.node import Folder, Node, Shelf, connectable, program, tree
from harness.reports import sanitized
from harness.tap import check, contains, equal, eventually, run, test

fragile = tree("""
        - { id: probe, actor: probe, name: probe }
        - { id: stubborn, actor: probe, name: stubborn, shutdown: 100ms }
""", "fragile", "%s", distribution=connectable, name="top", intensity=2, period="60s")


@test("SIGTERM and SIGINT stop in order, with status 0 and no socket left")
def orderly_stop(cleanup):
    for number in (signal.SIGTERM, signal.SIGINT):
        node = Node(cleanup)
        equal(node.stop(number), 0, node.log())
        check(not os.path.exists(node.socket), "the control socket is removed")


@test("children that had to be killed are named in the log")
def culprit_named(cleanup):
    node = Node(cleanup, config=fragile % "permanent")
    node.call("stubborn", "{trap_exit, true}")
    with_sleep = subprocess.Popen([program("COPPICE", "coppice"), "call", "stubborn", "{sleep, 60000}",
                                   "--socket", node.socket], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cleanup.callback(with_sleep.wait)
    cleanup.callback(with_sleep.kill)
    eventually(lambda: node.status("stubborn") == "parked", "the handler waits")
    equal(node.stop(), 0, node.log())
    node.said("stubborn")
    node.said("killed")


slow = tree("""
        - { id: before, actor: probe, name: before }
        - { id: busy, actor: probe, name: busy, shutdown: %s }
        - { id: after, actor: probe, name: after }
""", "slow", "temporary", distribution=connectable)


def busy(cleanup, shutdown, request, state, label=None):
    """A node whose child `busy` is in the middle of a request."""
    node = Node(cleanup, config=slow % shutdown)
    node.call("busy", "{trap_exit, true}")
    if label:
        node.call("busy", f'{{label, <<"{label}">>}}')
    node.connection().send("call", name="busy", term=request)
    eventually(lambda: node.status("busy") == state, f"it is {state}")
    return node


@test("a child that takes long to stop, but stops, is named with the time it took")
def slow_stop(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    held = pathlib.Path(folder.write("held", ""))
    shelf = Shelf(cleanup, "probe")
    shelf.put("shift_1", "shift")
    node = Node(cleanup, config=(slow % "60s").replace("actor: probe, name: busy", "actor: shift, name: busy"), settings=[shelf.setting])
    equal(node.call("busy", "{trap_exit, true}"), "false")
    node.connection().send("call", name="busy", term=f'{{hold, <<"{held}">>}}')
    eventually(lambda: node.status("busy") == "parked", "the handler waits")
    node.process.send_signal(signal.SIGTERM)
    node.said("a second one shortens it", "it is stopping")
    time.sleep(2)  # from 1 s on a stop is slow; this child's begins a moment after the line
    held.unlink()
    equal(node.process.wait(60), 0, node.log())
    check(re.search(r"slow/busy took [0-9]+ ms to stop", node.log()), "named", node.log())
    check("killed" not in node.log(), "nobody was killed", node.log())


@test("a second signal kills what still holds up the stop, and names it by its place, whatever label it has given itself")
def second_signal(cleanup):
    node = busy(cleanup, "infinity", "{sleep, 600000}", "parked", label="of its own")
    node.process.send_signal(signal.SIGTERM)
    node.said("a second one shortens it", "it is stopping")
    check(node.process.poll() is None, "it waits for busy")
    equal(node.stop(signal.SIGINT), 0, node.log())
    node.said("slow/busy is killed: the stop was shortened")


@test("a plugin that never returns is killed, named and left behind: the node ends all the same")
def never_returns(cleanup):
    node = busy(cleanup, "200ms", "{spin, 3600000}", "running")
    equal(node.stop(seconds=60), 0, node.log())
    node.said("slow/busy did not stop within its 200 ms and is killed")
    node.said("a thread does not come back")


@test("a permanent application that ends takes the node down with status 1")
def intensity_ends_the_node(cleanup):
    node = Node(cleanup, config=fragile % "permanent")
    for _ in range(3):
        node.answer("probe", "{exit, oops}")
        if node.process.poll() is None:
            eventually(lambda: node.process.poll() is not None or node.answer("probe", "ping") is not None,
                       "probe back, or the node's end")
    equal(node.process.wait(20), 1, node.log())
    node.said("fragile")


@test("a temporary application that ends leaves the node up")
def temporary_application(cleanup):
    node = Node(cleanup, config=fragile % "temporary")
    for _ in range(3):
        node.answer("probe", "{exit, oops}")
        eventually(lambda: node.answer("probe", "ping") is not None or
                   node.ask("status")["applications"][0]["state"] != "running", "probe back, or the application's end")
    eventually(lambda: node.ask("status")["applications"][0]["state"] == "stopped", "the application has ended")
    equal(node.ask("status")["state"], "running")
    equal(node.stop(), 0)


@test("a SIGSEGV or SIGABRT that somebody sends ends the node, as any program")
def sent_fault(cleanup):
    # A sanitizer ends the program in its own way after a fault.
    for number in (signal.SIGABRT,) if sanitized("address", "thread") else (signal.SIGABRT, signal.SIGSEGV):
        equal(Node(cleanup).stop(number), -number)


@test("after kill -9 the next start finds nothing in its way")
def kill_minus_nine(cleanup):
    node = Node(cleanup)
    node.call("kv", "{put, a, 1}")
    node.process.kill()
    node.process.wait()
    again = Node(cleanup, settings=[("control.socket", node.socket), ("node.data", str(node.folder.path / "data"))],
                 epmd_port=node.epmd_port, wait=False)
    again.socket = node.socket
    again.wait_ready()
    equal(again.call("kv", "size"), "0")


@test("a second node on the same control socket, name or folder is refused with the reason")
def twice(cleanup):
    node = Node(cleanup)
    second = Node(cleanup, settings=[("control.socket", node.socket)], wait=False)
    equal(second.process.wait(20), 1)
    second.said(node.socket)
    namesake = Node(cleanup, epmd_port=node.epmd_port, wait=False)
    equal(namesake.process.wait(20), 1)
    namesake.said("demo")
    copies = sorted(os.listdir(node.folder.path / "data" / "plugins"))
    beside = Node(cleanup, name="beside", settings=[("node.data", str(node.folder.path / "data"))], wait=False)
    equal(beside.process.wait(20), 1)
    beside.said("/data is in use by another node")
    equal(sorted(os.listdir(node.folder.path / "data" / "plugins")), copies)
    equal(node.call("kv", "size"), "0")


@test("a node that cannot have its control socket hears a signal while it stops what it has started")
def signal_in_failed_start(cleanup):
    node = Node(cleanup)
    shelf = Shelf(cleanup, "late")
    waits = tree("""
        - { id: late, actor: late, name: late, shutdown: 10m, args: { gate: "/never", needs: "/" } }
""")
    second = Node(cleanup, name="second", config=waits, settings=[("control.socket", node.socket), shelf.setting], wait=False)
    second.said("plugin late", "signals are heard from here on")
    equal(second.stop(), 1, second.log())
    second.said(node.socket)


@test("an idle node burns no CPU")
def idle(cleanup):
    silent = fragile % "permanent"
    node = Node(cleanup, config=silent)

    def ticks():
        fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(2)  # the test shows that nothing happens
    check(ticks() - before <= 2, "ticks of 10 ms in 2 s", ticks() - before)


@test("the banner names the node, where it listens, the tree and two lines to paste")
def banner(cleanup):
    node = Node(cleanup)
    log = node.log()
    for part in (node.name, "127.0.0.1:", "demo_sup", "coppice call", "erl "):
        contains(log, part)
    check(node.cookie not in log, "no secret in the log")


@test("a group that was asked for and is not there is warned about, one that nobody asked for is not")
def control_group(cleanup):
    asking = Node(cleanup, settings=[("control.group", "no-such-group")])
    asking.said("warning control: there is no group no-such-group")
    Node(cleanup).said("is up")
    check("warning control:" not in Node(cleanup).log(), "a first start warns of nothing")


@test("--version, --check and bad usage end at once with their status")
def command_line(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    good = folder.write("good.yaml", "node: { name: a@127.0.0.1 }\n")
    bad = folder.write("bad.yaml", "node: { nmae: a@127.0.0.1 }\n")
    for arguments, status, part in [
        (["--version"], 0, "coppiced "),
        (["--check", "--config", good], 0, ""),
        (["--check", "--config", bad], 78, "bad.yaml:1:9: "),
        (["--config", bad], 78, "did you mean"),
        (["--config", str(folder.path / "missing.yaml")], 78, "missing.yaml"),
        (["--frobnicate"], 2, "frobnicate"),
    ]:
        done = subprocess.run([program("COPPICED", "coppiced"), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        equal(done.returncode, status, f"{arguments}: {done.stderr}")
        contains(done.stdout + done.stderr, part)


run()
