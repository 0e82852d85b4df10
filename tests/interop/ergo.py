#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A node of Ergo Framework 2.2, which returns references with only three of their words. Debian has no package of it: PEER_ERGO
names a program of yours that is such a node, and without it these tests are skipped.

    PEER_ERGO OWN_NAME COOKIE NODE

Its EPMD is at ERL_EPMD_PORT. It starts a server `echo`, which answers Request with {ergo, Request} and ends for {die, Reason},
and a server that traps exits, reads a command from each line of standard input and answers `@@ TEXT`, first of all `@@ up`:

    call          puts <<"k">> => 1.5 into our kv and prints the answer to {get, <<"k">>}
    monitor       monitors the pid of our probe, makes it exit with bye, then prints ok
    monitor_name  the same for {probe, NODE};  nobody: for a name that does not exist;  link: the same by a link
    exit          links two of its processes to our probe; the first ends with reason_of_ergo
    spawn         asks NODE to spawn coppice:spawn('probe:probe', #{})
    wait          prints the next signal: `down REASON`, `exit REASON`, or `timeout` after 20 s"""
import os

from harness.erlang import Erl, Evaluator
from harness.node import Node
from harness.tap import Skip, contains, equal, eventually, run, test

NAME = "ergo@127.0.0.1"


def version():
    return "Ergo Framework 2.2"


class Ergo(Evaluator):
    def __init__(self, cleanup, node):
        program = os.environ.get("PEER_ERGO")
        if not program:
            raise Skip("PEER_ERGO names no program that plays a node of Ergo 2.2")
        super().__init__(cleanup, NAME, [program, NAME, node.cookie, node.name], node.epmd_port)
        for line in self.process.stdout:
            if line.startswith("@@ up"):
                return
            self.output.append(line)
        raise AssertionError(f"it does not start: {''.join(self.output)}")


def pair(cleanup, **options):
    node = Node(cleanup, **options)
    return node, Ergo(cleanup, node)


@test("an Ergo node calls our actors, and ours call a server of its", proves="calls", peer=version)
def calls(cleanup):
    node, ergo = pair(cleanup)
    for _ in range(3):
        equal(ergo("call"), "[ok 1.5]", node.log())
        equal(node.call(f"echo@{NAME}", "{hi, <<\"there\">>}").replace(" ", ""), '{ergo,{hi,<<"there">>}}', node.log())
    equal(node.call("relay", f"{{relay, {{echo, '{NAME}'}}, hi}}"), "{ergo,hi}")


@test("its monitors of our actors, by pid and by name, tell it of their end, and ours of its", proves="monitors", peer=version)
def monitors(cleanup):
    node, ergo = pair(cleanup)
    for word, end in (("monitor", "down bye"), ("monitor_name", "down bye"), ("nobody", "down noproc")):
        equal(ergo(word), "ok", node.log())
        equal(ergo("wait"), end, node.log())
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"P = {{probe, '{node.name}'}}, ok = gen_server:call(P, {{subscribe, self()}}), E = {{echo, '{NAME}'}},"
              "R = gen_server:call(P, {monitor, E}), is_reference(R)"), "true", node.log())
    equal(node.coppice("call", f"echo@{NAME}", "{die, enough}").returncode, 1)
    equal(erl("receive {info, {'DOWN', R, process, _, Why}} -> Why after 20000 -> none end"), "enough", node.log())


@test("links between its processes and our actors carry exits both ways", proves="links exits", peer=version)
def links(cleanup):
    node, ergo = pair(cleanup)
    equal(ergo("link"), "ok", node.log())
    equal(ergo("wait"), "exit bye", node.log())
    eventually(lambda: node.answer("probe", "ping") is not None, "another one has been started")
    before = node.call("probe", "self")
    equal(ergo("exit"), "ok", node.log())
    eventually(lambda: node.pid("probe") not in (None, before), "the linked one ended")
    node.said("reason_of_ergo")


@test("it spawns our actors where we allow it", proves="spawn", peer=version)
def spawns(cleanup):
    node, ergo = pair(cleanup, settings=[("distribution.allow.spawn", "[ probe ]")])
    before = node.ask("status")["processes"]
    contains(ergo("spawn"), " <nil>", node.log())
    eventually(lambda: node.ask("status")["processes"] == before + 1, "one process more")


if __name__ == "__main__":
    run()
