#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer that asks for lists of all processes, with so many requests at once that most processes in the lists serve
these requests. The node makes only a few lists at a time, and runs only so many calls of a node at once."""
import struct

from harness.attack import Bystanders, Target, peer, unharmed
from harness.distribution import MANDATORY, VERSION, Atom, encode
from harness.tap import eventually, run, test

SPAWN_REQUEST = 29
FLAGS = MANDATORY | 1 << 32  # the flag of a node that can spawn


def spawn(one, module, function, arguments):
    """A SPAWN_REQUEST of that peer, as bytes."""
    target = (Atom(module), Atom(function), len(arguments))
    control = (SPAWN_REQUEST, one.reference(), one.pid(), one.pid(), target, [])
    body = b"p" + VERSION + encode(control) + VERSION + encode(arguments)
    return struct.pack(">I", len(body)) + body


@test("20,000 requests for a list of all processes, which nobody waits for, cost little memory and delay nobody")
def lists(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=512):
        one = peer(cleanup, target, flags=FLAGS)
        request = spawn(one, "erpc", "execute_cast", [Atom("erlang"), Atom("processes"), []])
        for _ in range(100):
            one.socket.sendall(request * 200)
        bystanders.served()
        target.said("calls of rpc or erpc by mallory@127.0.0.2 are refused: 4096 of that node run already")
        eventually(lambda: not any(p["behaviour"] == "erpc" for p in target.ask("ps")["processes"]), "all are done", 120)
        one.close()


@test("a process of OTP's tools that shows the node at every interval ends when its client does, though it is not linked")
def statistics(cleanup):
    target = Target(cleanup, settings=[("distribution.allow", "{ rpc: [observer] }")])
    one = peer(cleanup, target, flags=FLAGS)
    running = lambda: sum(p["behaviour"] == "observer_backend" for p in target.ask("ps")["processes"])
    client = one.pid()
    one.socket.sendall(spawn(one, "observer_backend", "fetch_stats", [client, 100]) * 20)
    eventually(lambda: running() == 20, "they run")
    one.close()
    eventually(lambda: running() == 0, "they have ended")


if __name__ == "__main__":
    run()
