#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A node that has the cookie, but takes part in no transaction, attacks a saga. It orders the saga to undo, commit and
forget steps of other nodes, and sends keys of every length. A step belongs to the node that asked for it, and goes
on."""
from harness.attack import attacked, peer, shop
from harness.distribution import Atom
from harness.tap import check, equal, run, test

VOLATILE = "log: volatile, lifespan: 10m, step_timeout: 1s, retry: { first: 20ms, max: 200ms }"
CONFIG = shop(f'{{ id: accounts, actor: "transfer:accounts", name: accounts, args: {{ open: {{ ann: 100 }} }}, saga: {{ {VOLATILE} }} }}')
TAKE = (Atom("take"), b"ann", 1)
LEFT = 600_000  # ms


def key_of(owner, number, path=1):
    return f"tx{number}".encode(), (5, [((b"x", owner.encode()), step) for step in range(1, path + 1)])


def do(one, key, value=TAKE):
    return one.call("accounts", (Atom("saga_do"), key, value, LEFT), 30)


def decisions(key):
    """Each request and each cast that can decide something about that step."""
    requests = [(Atom("saga_undo"), key, TAKE), (Atom("saga_commit"), key, Atom("x")), (Atom("saga_abort"), key), (Atom("saga_forget"), key),
                (Atom("saga_do"), key, (Atom("give"), b"ann", 50), LEFT), (Atom("saga_prepare"), key, TAKE, LEFT)]
    casts = [(Atom("saga_question"), key), (Atom("saga_interim"), key, Atom("x")), *requests]
    return requests, [(Atom("saga"), b"x", one) for one in casts]


def say(one, key):
    """Sends them all and waits for no answer: a request about another node's step gets none."""
    requests, casts = decisions(key)
    for request in requests:
        one.send("accounts", (Atom("$gen_call"), (one.pid(), one.reference()), request))
    for cast in casts:
        one.send("accounts", (Atom("$gen_cast"), cast))


@test("nobody but the node that asked for a step has it undone, committed or forgotten, before and after it is done")
def decided(cleanup):
    with attacked(cleanup, CONFIG, lines=60) as (target, mallory):
        owner = peer(cleanup, target, "owner")
        keys = [key_of(owner.name, number) for number in range(50)]
        for key in keys:
            say(mallory, key)
        equal(mallory.ping(30), "yes")
        first = [do(owner, key) for key in keys]
        equal({str(one[0] if isinstance(one, tuple) else one) for one in first}, {"ok"}, "each step is done")
        for key in keys:
            say(mallory, key)
        equal(mallory.ping(30), "yes")
        equal([do(owner, key) for key in keys], first, "each has its first answer still")
        for key in keys:
            equal(owner.call("accounts", (Atom("saga_forget"), key)), Atom("ok"))
        owner.close()


@test("keys and values of every length are refused or dropped, and keep no memory")
def long(cleanup):
    with attacked(cleanup, CONFIG, megabytes=48, lines=120) as (target, mallory):
        for _ in range(10):
            equal(do(mallory, key_of(mallory.name, 1), (Atom("take"), bytes(3 << 20), 1)), (Atom("error"), Atom("limit")))
            equal(do(mallory, (bytes(3 << 20), (5, [((b"x", mallory.name.encode()), 1)]))), (Atom("error"), Atom("limit")))
            # Too many sagas above the step, and a name that is too long. Each is answered with the fault.
            for key in (key_of(mallory.name, 2, path=10_000), (bytes(500_000), (5, [((b"x", mallory.name.encode()), 1)])),
                        (b"tx", (5, [((b"x" * 500_000, mallory.name.encode()), 1)])), (b"tx", (5, []))):
                answer = do(mallory, key)
                check(answer != (Atom("ok"), Atom("ok")), "it is not done", answer)
        for key in (key_of(mallory.name, 3, path=10_000), (b"x" * 500_000, (5, []))):
            say(mallory, key)
        equal(mallory.ping(30), "yes")
        owner = peer(cleanup, target, "owner")
        equal(do(owner, key_of(owner.name, 4))[0], Atom("ok"), "others' steps are done")
        owner.close()


@test("the values of undos that wait take no more than a share of the node's memory, and the node goes on")
def undone(cleanup):
    with attacked(cleanup, CONFIG + "node: { limits: { memory: 128MiB } }\n", megabytes=96, lines=120) as (target, mallory):
        keys = [key_of(mallory.name, number) for number in range(200)]
        for key in keys:
            equal(do(mallory, key, (Atom("give"), b"ann", 1))[0], Atom("ok"))
        # There is no such change, so its undo fails, and is tried again and again.
        long = (Atom("give"), b"ann", bytes(1_000_000))
        for key in keys:
            mallory.send("accounts", (Atom("$gen_call"), (mallory.pid(), mallory.reference()), (Atom("saga_undo"), key, long)))
        equal(mallory.ping(30), "yes")
        owner = peer(cleanup, target, "owner")
        equal(do(owner, key_of(owner.name, 4))[0], Atom("ok"), "others' steps are done")
        owner.close()


if __name__ == "__main__":
    run()
