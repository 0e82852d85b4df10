#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer suspends an actor, or makes it keep a log of its messages, and then sends it more messages than it takes. The
node keeps as much as the actor's mailbox would, and the peer's orders end with the peer."""
from harness.attack import Target, attacked, peer, shop
from harness.distribution import Atom
from harness.tap import check, equal, eventually, run, test

BOUNDED = shop().replace("name: kv }", "name: kv, mailbox: { limit: 10, bytes: 1MB } }")
MEGABYTE = b"x" * 1_000_000


def order(one, what):
    """The answer of `sys` in the process kv."""
    one.send("kv", (Atom("system"), (one.pid(), one.reference()), what))
    return one.receive()[1][1]


@test("what a suspended actor holds is bounded as its mailbox is, and it goes on when the node that suspended it is gone")
def suspended(cleanup):
    with attacked(cleanup, BOUNDED) as (target, one):
        equal(target.call("kv", "{put, a, 1}"), "ok")
        equal(order(one, Atom("suspend")), Atom("ok"))
        before = target.kilobytes("VmRSS")
        for _ in range(60):
            one.send("kv", (Atom("$gen_cast"), MEGABYTE))
        equal(order(one, Atom("get_status"))[0], Atom("status"), "all of them have come")
        grown = (target.kilobytes("VmRSS") - before) // 1024
        check(grown < 40, f"{grown} MiB")
        target.said("is suspended and holds")
        one.close()
        target.said("kv goes on: the node that suspended it is gone")
        eventually(lambda: target.call("kv", "{get, a}") == "{ok,1}", "it answers")


@test("an actor stays suspended when another node goes than the one that suspended it")
def other_gone(cleanup):
    with attacked(cleanup) as (target, one):
        other = peer(cleanup, target, "other")
        equal(order(one, Atom("suspend")), Atom("ok"))
        equal(order(other, Atom("get_status"))[0], Atom("status"))
        other.close()
        eventually(lambda: "other@127.0.0.2" not in target.connected(), "it is gone")
        equal(order(one, Atom("get_status"))[3][1], Atom("suspended"))
        equal(order(one, Atom("resume")), Atom("ok"))


@test("the log that a peer has an actor keep has at most a mebibyte")
def logged(cleanup):
    target = Target(cleanup, BOUNDED)
    one = peer(cleanup, target)
    equal(order(one, (Atom("debug"), (Atom("log"), (Atom("true"), 1000)))), Atom("ok"))
    before = target.kilobytes("VmRSS")
    for _ in range(100):
        one.send("kv", (Atom("$gen_cast"), b"x" * 500_000))
        one.send("kv", (Atom("$gen_cast"), MEGABYTE * 2))
    equal(order(one, Atom("get_status"))[0], Atom("status"), "all of them have come")
    grown = (target.kilobytes("VmRSS") - before) // 1024
    check(grown < 60, f"{grown} MiB")
    one.close()


if __name__ == "__main__":
    run()
