#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a service manager hears over NOTIFY_SOCKET: ready when every application has started, how it is in words, that
it lives; the test is the service manager."""
import os
import pathlib
import resource
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.node import Folder, Node, plugin_folder, root
from harness.reports import sanitized
from harness.tap import Skip, check, contains, equal, eventually, run, test

variants = pathlib.Path(os.environ.get("COPPICE_TEST_PLUGINS") or root / "build" / "release" / "tests" / "e2e" / "plugins")

tree = """
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    type: temporary
    supervisor: { children: [ { id: a, actor: %s, name: a, shutdown: %s } ] }
  - name: bar
    supervisor: { children: [ { id: b, actor: probe, name: b } ] }
"""


class Manager:
    """Hears; .lines are all so far, in order."""

    def __init__(self, cleanup):
        self.folder = Folder()
        cleanup.callback(self.folder.close)
        self.path = str(self.folder.path / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        cleanup.callback(self.socket.close)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.lines = []

    def node(self, cleanup, config, watchdog=None, wait=True, settings=()):
        """A node under it; `watchdog` in seconds."""
        given = {"NOTIFY_SOCKET": self.path}
        if watchdog is not None:
            given["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            return Node(cleanup, config=config, wait=wait, settings=settings)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def hear(self):
        """What has come since the last time."""
        fresh = []
        while True:
            try:
                fresh += self.socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                self.lines += fresh
                return fresh

    def has(self, line):
        self.hear()
        return line in self.lines

    def status(self):
        """The last one."""
        self.hear()
        said = [line for line in self.lines if line.startswith("STATUS=")]
        return said[-1].removeprefix("STATUS=") if said else ""


def waits(manager, line):
    eventually(lambda: manager.has(line), line)


@test("READY=1 comes when every application has started, with the status in words")
def ready(cleanup):
    manager = Manager(cleanup)
    manager.node(cleanup, tree % ("kv", "5s"))
    waits(manager, "READY=1")
    eventually(lambda: manager.status() == "running: 2 applications", "the status")
    at = manager.lines.index("READY=1")
    equal([line for line in manager.lines[:at] if line.startswith("STATUS=running")], [])
    check("WATCHDOG=1" not in manager.lines, "nobody asked for it", manager.lines)


@test("an application that does not start is named and keeps READY=1 back until it has started")
def late(cleanup):
    manager = Manager(cleanup)
    there = manager.folder.path / "there"
    child = f"{{ id: c, actor: late, args: {{ needs: {there}, gate: {there} }} }}"
    config = tree % ("kv", "5s") + f"  - {{ name: dusk, type: temporary, supervisor: {{ children: [ {child} ] }} }}\n"
    node = manager.node(cleanup, config, wait=False, settings=[("plugins.path", f"[ {plugin_folder()}, {variants} ]")])
    eventually(lambda: "application dusk failed" in manager.status(), "the failure")
    check("READY=1" not in manager.lines, manager.lines)
    there.touch()
    node.ask("start", "dusk")
    waits(manager, "READY=1")


@test("an apply and a reload are told with what came of them, before whoever asked is answered")
def outcomes(cleanup):
    manager = Manager(cleanup)
    node = manager.node(cleanup, tree % ("kv", "5s"))
    waits(manager, "READY=1")
    node.folder.write("node.yaml", tree % ("probe", "5s"))
    node.ask("apply")
    equal(manager.status(), "running: 2 applications; apply: 1 change")
    node.folder.write("node.yaml", "node: { nonsense: 1 }\napplications: 7\n")
    equal(node.coppice("apply").returncode, 78)
    contains(manager.status(), "apply refused: ")
    contains(manager.status(), "node.yaml:1:9: ")
    contains(manager.status(), ", and 1 more")
    node.ask("reload")
    contains(manager.status(), "reload: no plugin's file has changed")
    manager.hear()
    states = [line for line in manager.lines if line in ("READY=1", "RELOADING=1")]
    equal(states[0], "READY=1")
    equal(states[-1], "READY=1", states)


@test("SIGHUP is an apply and a reload, and is told as they are")
def hang_up(cleanup):
    manager = Manager(cleanup)
    node = manager.node(cleanup, tree % ("kv", "5s"))
    waits(manager, "READY=1")
    node.process.send_signal(signal.SIGHUP)
    eventually(lambda: manager.status() ==
               "running: 2 applications; apply: nothing to change; reload: no plugin's file has changed", "both")


@test("the watchdog is fed well within its time, and by a node that was stopped by a signal no more")
def watchdog(cleanup):
    manager = Manager(cleanup)
    node = manager.node(cleanup, tree % ("kv", "5s"), watchdog=2)
    waits(manager, "READY=1")
    manager.hear()
    before, began = len([line for line in manager.lines if line == "WATCHDOG=1"]), time.monotonic()
    eventually(lambda: manager.hear() is not None and manager.lines.count("WATCHDOG=1") >= before + 6, "it is fed")
    check(time.monotonic() - began >= 2, "no more often than it is good for", time.monotonic() - began)
    node.process.send_signal(signal.SIGSTOP)
    cleanup.callback(node.process.send_signal, signal.SIGCONT)
    manager.hear()
    time.sleep(2)
    equal([line for line in manager.hear() if line == "WATCHDOG=1"], [])
    node.process.send_signal(signal.SIGCONT)
    eventually(lambda: "WATCHDOG=1" in manager.hear(), "it goes on")


@test("a stop says what it stops, asks for the time that takes, and feeds the watchdog meanwhile")
def stop(cleanup):
    manager = Manager(cleanup)
    node = manager.node(cleanup, tree % ("probe", "30s"), watchdog=1)
    waits(manager, "READY=1")
    node.call("a", "{trap_exit, true}")
    node.coppice("call", "a", "{sleep, 2500}", "--timeout", "1ms")
    eventually(lambda: node.info("a")["status"] == "parked", "the handler waits")
    manager.hear()
    equal(node.stop(), 0, node.log())
    fresh = manager.hear()
    check("STOPPING=1" in fresh, fresh)
    check("STATUS=stopping: shop" in fresh, fresh)
    check(fresh.count("EXTEND_TIMEOUT_USEC=20000000") >= 2, "time is asked for", fresh)
    check(fresh.count("WATCHDOG=1") >= 4, "it is fed", fresh)


@test("a node that runs out of descriptors still feeds the watchdog")
def no_descriptors(cleanup):
    if sanitized("address", "thread"):
        raise Skip("the sanitizers need descriptors of their own to look at memory")
    manager = Manager(cleanup)
    node = manager.node(cleanup, tree % ("kv", "5s"), watchdog=1)
    waits(manager, "READY=1")
    used = max(int(one) for one in os.listdir(f"/proc/{node.process.pid}/fd"))
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (used + 1, used + 1))
    manager.hear()
    eventually(lambda: manager.hear().count("WATCHDOG=1") > 0, "it is fed")


@test("a service manager that does not listen any more is no reason to end")
def gone(cleanup):
    manager = Manager(cleanup)
    node = manager.node(cleanup, tree % ("kv", "5s"), watchdog=1)
    waits(manager, "READY=1")
    manager.socket.close()
    os.unlink(manager.path)
    node.ask("reload")
    equal(node.call("a", "size"), "0")
    equal(node.stop(), 0, node.log())


if __name__ == "__main__":
    run()
