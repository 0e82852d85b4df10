#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The messages that a service manager reads from NOTIFY_SOCKET: that the node is ready once every application has
started, its status in words, and signs of life. The test plays the service manager."""
import os
import resource
import signal
import time

from harness.node import Node, plugin_folder, variants
from harness.reports import sanitized
from harness.systemd import ServiceManager
from harness.tap import Skip, check, contains, equal, eventually, run, test


tree = """
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    type: temporary
    supervisor: { children: [ { id: a, actor: %s, name: a, shutdown: %s } ] }
  - name: bar
    supervisor: { children: [ { id: b, actor: probe, name: b } ] }
"""


def waits(manager, line):
    eventually(lambda: manager.has(line), line)


@test("READY=1 comes when every application has started, with the status in words")
def ready(cleanup):
    manager = ServiceManager(cleanup)
    Node(cleanup, config=tree % ("kv", "5s"), under=manager)
    waits(manager, "READY=1")
    eventually(lambda: manager.status() == "running: 2 applications", "the status")
    at = manager.lines.index("READY=1")
    equal([line for line in manager.lines[:at] if line.startswith("STATUS=running")], [])
    check("WATCHDOG=1" not in manager.lines, "nobody asked for it", manager.lines)


@test("an application that does not start is named and keeps READY=1 back until it has started")
def late(cleanup):
    manager = ServiceManager(cleanup)
    there = manager.folder.path / "there"
    child = f"{{ id: c, actor: late, args: {{ needs: {there}, gate: {there} }} }}"
    config = tree % ("kv", "5s") + f"  - {{ name: dusk, type: temporary, supervisor: {{ children: [ {child} ] }} }}\n"
    node = Node(cleanup, config=config, under=manager, wait=False,
                settings=[("plugins.path", f"[ {plugin_folder()}, {variants} ]")])
    eventually(lambda: "application dusk failed" in manager.status(), "the failure")
    check("READY=1" not in manager.lines, manager.lines)
    there.touch()
    node.ask("start", application="dusk")
    waits(manager, "READY=1")


@test("an apply and a reload are told with what came of them, before whoever asked is answered")
def outcomes(cleanup):
    manager = ServiceManager(cleanup)
    node = Node(cleanup, config=tree % ("kv", "5s"), under=manager)
    waits(manager, "READY=1")
    node.folder.write("node.yaml", tree % ("probe", "5s"))
    node.ask("apply")
    equal(manager.status(), "running: 2 applications; apply: 1 change")
    node.folder.write("node.yaml", "node: { nonsense: 1 }\napplications: 7\n")
    equal(node.coppice("apply").returncode, 78)
    contains(manager.status(), "apply refused: ")
    check(manager.status().endswith("/node.yaml:1:9"), "the mistake may quote a value", manager.status())
    node.ask("reload")
    contains(manager.status(), "reload: no plugin's file has changed")
    manager.hear()
    states = [line for line in manager.lines if line in ("READY=1", "RELOADING=1")]
    equal(states[0], "READY=1")
    equal(states[-1], "READY=1", states)


@test("SIGHUP is an apply and a reload, and is told as they are")
def hang_up(cleanup):
    manager = ServiceManager(cleanup)
    node = Node(cleanup, config=tree % ("kv", "5s"), under=manager)
    waits(manager, "READY=1")
    node.process.send_signal(signal.SIGHUP)
    eventually(lambda: manager.status() ==
               "running: 2 applications; apply: nothing to change; reload: no plugin's file has changed", "both")


@test("the watchdog is fed well within its time, and by a node that was stopped by a signal no more")
def watchdog(cleanup):
    manager = ServiceManager(cleanup, watchdog=2)
    node = Node(cleanup, config=tree % ("kv", "5s"), under=manager)
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
    manager = ServiceManager(cleanup, watchdog=1)
    node = Node(cleanup, config=tree % ("probe", "30s"), under=manager)
    waits(manager, "READY=1")
    node.call("a", "{trap_exit, true}")
    node.answer("a", "{sleep, 2500}", 1)
    eventually(lambda: node.status("a") == "parked", "the handler waits")
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
    manager = ServiceManager(cleanup, watchdog=1)
    node = Node(cleanup, config=tree % ("kv", "5s"), under=manager)
    waits(manager, "READY=1")
    used = max(int(one) for one in os.listdir(f"/proc/{node.process.pid}/fd"))
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (used + 1, used + 1))
    manager.hear()
    eventually(lambda: manager.hear().count("WATCHDOG=1") > 0, "it is fed")


@test("a service manager that does not listen any more is no reason to end")
def gone(cleanup):
    manager = ServiceManager(cleanup, watchdog=1)
    node = Node(cleanup, config=tree % ("kv", "5s"), under=manager)
    waits(manager, "READY=1")
    manager.close()
    node.ask("reload")
    equal(node.call("a", "size"), "0")
    equal(node.stop(), 0, node.log())


if __name__ == "__main__":
    run()
