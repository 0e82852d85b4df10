#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LZ4 between our nodes: fewer bytes for the same message, and never towards a node of Erlang's."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, equal, run, test

LISTEN = ("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")
MESSAGE = "<<" + ",".join(["\"all work and no play\""] * 4000) + ">>"
SIZE = 4000 * len("all work and no play")


def node(cleanup, name, level, **options):
    return Node(cleanup, name=name, settings=[LISTEN, ("distribution.compression", f"{{ level: {level}, threshold: 1KiB }}")], **options)


def bytes_out(of, to):
    return next(p for p in of.ask("nodes")["nodes"] if p["name"] == to)["bytes_out"]


def echoed(of, to):
    """How many bytes went out for a message that came back whole."""
    of.call(f"probe@{to}", "ping")
    before = bytes_out(of, to)
    equal(of.call(f"probe@{to}", f"{{echo, {MESSAGE}}}").count("all work"), 4000)
    return bytes_out(of, to) - before


@test("a message between two of ours gets smaller at the sender's level, whatever the receiver's is")
def ours(cleanup):
    a = node(cleanup, "a", 1)
    b = node(cleanup, "b", 0, epmd_port=a.epmd_port)
    check(echoed(a, b.name) < SIZE / 10, "a compresses")
    check(echoed(b, a.name) > SIZE, "b does not")


@test("an OTP node is never sent what it cannot read")
def otp(cleanup):
    a = node(cleanup, "a", 9)
    erl = Erl(cleanup, epmd_port=a.epmd_port)
    equal(erl("register(probe, spawn(fun F() -> receive {'$gen_call', {P, T}, {echo, X}} -> P ! {T, X}, F();"
              "{'$gen_call', {P, T}, ping} -> P ! {T, pong}, F() end end)), ok"), "ok")
    check(echoed(a, "me@127.0.0.1") > SIZE, "it went as it is")
    equal(erl(f"B = binary:copy(<<0>>, 100000), B =:= gen_server:call({{probe, '{a.name}'}}, {{echo, B}})"), "true", a.log())


if __name__ == "__main__":
    run()
