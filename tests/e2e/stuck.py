#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A handler that holds its thread: on a node with one worker everybody else goes on, and the node says so."""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.node import Node
from harness.tap import check, contains, equal, eventually, run, test

SPIN_MS = 3000


def spinning(cleanup, node):
    """A client that waits for the probe's {spin, _}; .answer() is what it got."""
    answers = []
    client = threading.Thread(target=lambda: answers.append(node.coppice("call", "probe", f"{{spin, {SPIN_MS}}}", "--timeout", "60s")))
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
    client, answer = spinning(cleanup, node)
    eventually(lambda: node.ask("status")["stuck_threads"] == 1, "the worker is taken over")
    equal(node.call("kv", "{put, a, 1}"), "ok")
    equal(node.call("kv", "{get, a}"), "{ok,1}")
    check(client.is_alive(), "the handler spins still")
    equal(answer(), "ok", node.log())
    after = node.ask("status")
    equal(after["stuck_threads"], 0)
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
    equal(node.coppice("restart", "demo/inner/probe").returncode, 0, node.log())
    check(node.call("probe", "self") != spins, "another one answers")
    check(node.ask("status")["stuck_threads"] == 1, "while the first still spins")


if __name__ == "__main__":
    run()
