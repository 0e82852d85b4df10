#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Peers that request much and do not read the answers. The actor waits for them once, and serves all other clients."""
import socket
import time

from harness.attack import ATTACKERS, Bystanders, Target, peer, shop, unharmed
from harness.distribution import Atom, Peer
from harness.tap import check, contains, equal, eventually, run, test

MEBIBYTE = 1 << 20


def deaf_peer(cleanup, target, name):
    """A peer whose socket takes only a few bytes."""
    made = Peer(target.port, f"{name}@{ATTACKERS}", source=ATTACKERS)
    cleanup.callback(made.close)
    made.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return made


def ask_for(one, key, times):
    for _ in range(times):
        one.send("kv", (Atom("$gen_call"), (one.pid(), one.reference()), (Atom("get"), key)))


def attacked(cleanup, size, times, peers):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    equal(bystanders.honest.call("kv", (Atom("put"), Atom("large"), bytes(size))), Atom("ok"))
    bystanders.wants["a call of the actor that they ask"] = lambda: equal(bystanders.honest.call("kv", Atom("size")), 1)
    began = time.monotonic()
    with unharmed(target, bystanders, megabytes=size * times * peers // MEBIBYTE + 64):
        crowd = [deaf_peer(cleanup, target, f"mallory{number}") for number in range(peers)]
        for one in crowd:
            ask_for(one, Atom("large"), times)
        bystanders.served()
        target.said("takes slowly")
        for one in crowd:
            one.close()
    said = [line for line in target.lines() if "takes slowly" in line]
    most = 1 + int(time.monotonic() - began) // 10  # lines of one kind are summed up every ten seconds
    check(1 <= len(said) <= most, "one line tells of all", said)
    contains(said[0], "mallory")


@test("a peer that asks for much and takes nothing costs the actor one wait, not one for each answer")
def one_peer(cleanup):
    attacked(cleanup, 200_000, 300, 1)


@test("several such peers cost it no more")
def several(cleanup):
    attacked(cleanup, 200_000, 80, 6)


@test("nor do answers that are very large")
def large(cleanup):
    attacked(cleanup, 3 * MEBIBYTE, 20, 2)


@test("consumers of a stage that ask for very much and take nothing are ended as overloaded, and others have events as before")
def consumers(cleanup):
    target = Target(cleanup, shop('{ id: counter, actor: "numbers:counter", name: counter }'))
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=160):  # up to 64 MiB wait at the stage
        one = deaf_peer(cleanup, target, "mallory")
        for number in range(1, 11):
            here = one.pid(number), one.reference()
            one.send("counter", (Atom("$gen_producer"), here, (Atom("subscribe"), Atom("nil"), [])))
            one.send("counter", (Atom("$gen_producer"), here, (Atom("ask"), 1 << 53)))
        said = "does not take its events"
        eventually(lambda: sum(said in line for line in target.lines()) == 10, "all of them are ended", 90)
        bystanders.served()
        engine = target.engine("counter")
        equal(engine["subscriptions"], [])
        check(0 < engine["overloaded"] < engine["delivered"], "what waited is counted", engine)
        other = peer(cleanup, target, "other")
        here = other.pid(), other.reference()
        other.send("counter", (Atom("$gen_producer"), here, (Atom("subscribe"), Atom("nil"), [])))
        other.send("counter", (Atom("$gen_producer"), here, (Atom("ask"), 1)))
        eventually(lambda: target.engine("counter")["delivered"] > engine["delivered"], "another consumer has events")
        other.close()
        one.close()


if __name__ == "__main__":
    run()
