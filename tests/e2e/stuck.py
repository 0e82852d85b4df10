#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A handler that holds its thread, on a node with one worker: all other actors go on, and the node reports the
handler."""
import pathlib
import shutil
import signal
import threading
import urllib.request

from harness.metrics import Metrics
from harness.node import Folder, Node, free_port, plugin_folder, variants
from harness.reports import reports, sanitized
from harness.tap import check, contains, equal, eventually, run, test

SPIN_MS = 3000


def spinning(cleanup, node, through=None):
    """Starts a client that calls the probe with {spin, _}, or has the actor `through` call it. Returns the client's
    thread, and a function that waits for the answer and returns it."""
    answers = []
    whom, term = ("probe", f"{{spin, {SPIN_MS}}}") if through is None else (through, f"{{relay, probe, {{spin, {SPIN_MS}}}}}")
    client = threading.Thread(target=lambda: answers.append(node.coppice("call", whom, term, "--timeout", "60s")))
    client.start()
    cleanup.callback(client.join)

    def answer():
        client.join()
        return answers[0].stdout.strip()
    return client, answer


@test("while a handler spins on the only worker, calls to others are answered and the status says it")
def others_go_on(cleanup):
    node = Node(cleanup, settings=[("node.workers", "1")])
    before = node.ask("status")
    equal(before["stuck_threads"], 0)
    client, answer = spinning(cleanup, node, through="relay")
    eventually(lambda: node.ask("status")["stuck_threads"] == 1, "the worker is taken over")
    equal(node.call("kv", "{put, a, 1}"), "ok")
    equal(node.call("kv", "{get, a}"), "{ok,1}")
    info = node.info("probe")
    handles = info["handles"]
    equal((handles["callback"], handles["message"], info["waits"]), ("handle_call", "{spin, ...}", None))
    caller = node.info("relay")
    equal((handles["whom"], caller["waits"]["whom"]), (caller["pid"], info["pid"]), "for whom")
    check(handles["since_ms"] >= 20, "since when", handles)
    for term in ("{put, 1, 2}", "[]"):
        node.ask("cast", name="probe", term=term)
    node.ask("send", name="probe", term="tick")
    waiting = eventually(lambda: node.info("probe")["waiting"], "they wait")
    equal([one["what"] for one in waiting], ["cast {put, ...}", "cast a term", "tick"])
    check(all(one["age_ms"] >= 0 for one in waiting), "since when", waiting)
    told = node.coppice("info", "probe").stdout
    contains(told, f"handle_call of {{spin, ...}} for {handles['whom']}, since ")
    stuck, = node.ask("status")["stuck"]
    equal((stuck["pid"], stuck["who"], stuck["callback"], stuck["message"]), (info["pid"], info["pid"] + " probe", "handle_call", "{spin, ...}"))
    check(stuck["cpu_us"] > 0 and node.info("probe")["cpu_us"] > 0, "its processor time so far", stuck)
    eventually(lambda: node.ask("ps", sort="time")["processes"][0]["name"] == "probe", "it uses most processor time")
    busy = node.ask("top", sort="time")
    equal((busy["processes"][0]["name"], busy["stuck"][0]["who"]), ("probe", stuck["who"]))
    contains(node.coppice("top", "--once").stdout, f"stuck: {stuck['who']} for ")
    warning, = eventually(lambda: node.ask("health")["warnings"], "it is a warning after a second")
    equal((warning["what"], warning["name"]), ("thread", info["pid"] + " probe"))
    contains(warning["why"], "in handle_call of {spin, ...}")
    health = node.coppice("health")
    equal(health.returncode, 0)
    contains(health.stdout, f"coppice exit '{info['pid']}' kill")
    contains(node.coppice("status").stdout, f"{info['pid']} probe for ")
    check(client.is_alive(), "the handler spins still")
    equal(answer(), "ok", node.log())
    after = node.ask("status")
    equal((after["stuck_threads"], after["stuck"]), (0, []))
    said, = [line for line in node.log().splitlines() if "has left the handler that held a thread, after " in line]
    contains(said, info["pid"] + " probe")
    check(SPIN_MS <= int(said.split()[-2]) < 20 * SPIN_MS, "how long it took", said)
    check(after["slow_handlers"] > before["slow_handlers"], "it is counted", after)
    check(after["taken_over"] > before["taken_over"], "the takeover is counted", after)
    equal(node.call("probe", "ping"), "pong", "the probe goes on afterwards")
    spoken = [line for line in node.log().splitlines() if "{spin, ...}" in line]
    equal(len(spoken), 1, node.log())
    contains(spoken[0], "probe")
    contains(spoken[0], "handle_call")
    equal(node.stop(), 0, node.log())


@test("a process that spins can be killed, and its supervisor starts another at once")
def killed_meanwhile(cleanup):
    node = Node(cleanup, settings=[("node.workers", "1")])
    spins = node.call("probe", "self")
    client, _ = spinning(cleanup, node)
    eventually(lambda: node.ask("status")["stuck_threads"] == 1, "the worker is taken over")
    node.ask("restart", path="demo/inner/probe")
    check(node.call("probe", "self") != spins, "another one answers")
    check(node.ask("status")["stuck_threads"] == 1, "while the first still spins")


class Stubborn:
    """A node with an actor that catches the exception that unwinds it. killed() ends the actor while it is parked in a
    call."""

    def __init__(self, cleanup, linger, stack="256KiB"):
        shelf = Folder()
        cleanup.callback(shelf.close)
        shutil.copy(pathlib.Path(plugin_folder()) / "probe.so", shelf.path)
        shutil.copy(variants / "stubborn.so", shelf.path)
        self.port = free_port()
        self.node = Node(cleanup, config=f"""
node: {{ workers: 1, runtime: {{ linger: {linger}, stack: {stack} }} }}
control: {{ http: {{ address: 127.0.0.1, port: {self.port} }} }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
applications:
  - name: wood
    supervisor:
      intensity: 10
      children:
        - {{ id: silent, actor: probe, name: silent }}
        - {{ id: axe, actor: probe, name: axe }}
        - {{ id: oak, actor: stubborn, name: oak }}
""", settings=[("plugins.path", f"[ {shelf.path} ]")])

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            return Metrics(answer.read().decode()).value(f"coppice_{name}")

    def oak(self):
        return self.node.info("oak")

    def killed(self, stays_ms):
        """Parks the actor's handler and lets a linked neighbour fail, which kills the actor. Returns its former pid
        once another one is there."""
        before = self.oak()["pid"]
        self.node.answer("oak", f"{{wait, {stays_ms}}}", 1)
        eventually(lambda: self.oak()["status"] == "parked", "it is parked")
        equal(self.node.call("axe", "{link, oak}"), "ok")
        self.node.answer("axe", "{exit, felled}")
        eventually(lambda: self.node.pid("oak") is not None and self.oak()["pid"] != before, "another one is there")
        return before


@test("a handler has as much stack as the configuration says, and one that needs more ends the node with a line")
def stack_size(cleanup):
    at = Stubborn(cleanup, linger="5s", stack="4MiB")
    equal(at.node.call("oak", "{deep, 3000000}"), "ok")
    if sanitized("address", "thread"):
        return # its runtime handles the signal
    at = Stubborn(cleanup, linger="5s")
    equal(at.node.call("oak", "{deep, 150000}"), "ok")
    reports.expect_signal(signal.SIGSEGV)
    at.node.answer("oak", "{deep, 3000000}", 5000)
    at.node.process.wait(30)
    contains(at.node.log(), "needs more than the 262144 bytes of its stack")


@test("who catches everything and is killed while parked has a successor at once, and its stack is counted as given up")
def abandoned(cleanup):
    at = Stubborn(cleanup, "200ms")
    at.killed(stays_ms=4000)
    equal(at.metric("lingering_processes"), 1)  # while the first is still in its handler
    equal(at.node.call("oak", "ping"), "pong")
    eventually(lambda: at.metric("abandoned_stacks_total") == 1, "its stack is given up")
    at.node.said("its stack is given up", "and the log says so")
    equal(at.metric("lingering_processes"), 1)
    eventually(lambda: at.metric("lingering_processes") == 0, "it leaves its handler after all", 20)
    equal(at.node.stop(), 0, at.node.log())


@test("who catches everything and returns is given its time, and nothing is given up")
def unwound(cleanup):
    at = Stubborn(cleanup, "30s")
    at.killed(stays_ms=0)
    eventually(lambda: at.metric("lingering_processes") == 0, "it left its handler")
    equal(at.metric("abandoned_stacks_total"), 0)
    equal(at.node.call("oak", "ping"), "pong")
    equal(at.node.stop(), 0, at.node.log())


if __name__ == "__main__":
    run()
