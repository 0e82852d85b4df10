#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer whose signals carry a term over the node's limits. A process that waits for such a signal is still told, and a
request that needs an answer gets one."""
import struct

from harness.attack import attacked, shop
from harness.distribution import MANDATORY, Atom
from harness.tap import equal, run, test
from harness.term import Raw

MONITORS = 1 << 3 | 1 << 5  # the flags by which a node receives monitors, by pid and by name
SPAWN = 1 << 32  # the flag by which a node spawns over the distribution
LINK, MONITOR_P, PAYLOAD_EXIT, PAYLOAD_EXIT2, PAYLOAD_DOWN, SPAWN_REQUEST, SPAWN_REPLY, ALIAS_SEND = 1, 19, 24, 26, 28, 29, 31, 33
CONFIG = shop("{ id: probe, actor: probe, name: probe }", "{ id: relay, actor: relay, name: relay }")
TOO_DEEP = Raw(b"h\1" * 20_000 + b"j")


def told(one, wanted):
    """The next {info, M} of the probe in which M begins with `wanted`."""
    while True:
        control, payload = one.receive()
        if isinstance(payload, tuple) and payload[0] == Atom("info") and payload[1][0] == wanted:
            return payload[1]


@test("a link's end and an exit with a reason over the limits arrive with another reason")
def exits(cleanup):
    with attacked(cleanup, CONFIG) as (target, one):
        probe = one.whereis("probe")
        one.call("probe", (Atom("trap_exit"), True))
        equal(one.call("probe", (Atom("subscribe"), one.pid())), Atom("ok"))
        one.control((LINK, one.pid(), probe))
        one.control((PAYLOAD_EXIT, one.pid(), probe), TOO_DEEP)
        equal(told(one, Atom("EXIT"))[2], Atom("over_limit"))
        one.control((PAYLOAD_EXIT2, one.pid(), probe), TOO_DEEP)
        equal(told(one, Atom("EXIT"))[2], Atom("over_limit"))
        equal(target.info("probe")["links"], target.info("kv")["links"], "its supervisor is left")


@test("a spawn request with arguments over the limits is answered")
def spawns(cleanup):
    with attacked(cleanup, CONFIG, flags=MANDATORY | SPAWN) as (target, one):
        one.control((SPAWN_REQUEST, one.reference(), one.pid(), one.pid(), (Atom("erpc"), Atom("execute_call"), 4), []), TOO_DEEP)
        control, _ = one.receive()
        equal((control[0], control[4]), (SPAWN_REPLY, Atom("system_limit")))


@test("a call whose answer, or whose callee's end, is over the limits ends with that reason")
def calls(cleanup):
    with attacked(cleanup, CONFIG, flags=MANDATORY | MONITORS) as (target, one):
        for ends in (False, True):
            tag = one.reference()
            question = (Atom("relay"), (Atom("callee"), Atom(one.name)), Atom("question"))
            one.send("relay", (Atom("$gen_call"), (one.pid(), tag), question))
            monitor, _ = one.receive()
            while monitor[0] != MONITOR_P:
                monitor, _ = one.receive()
            _, caller, callee, reference = monitor
            if ends:
                one.control((PAYLOAD_DOWN, callee, caller, reference), TOO_DEEP)
            else:
                one.control((ALIAS_SEND, one.pid(), reference), TOO_DEEP)
            _, payload = one.receive()
            while not isinstance(payload, tuple) or payload[0] != tag:
                _, payload = one.receive()
            equal(payload[1], (Atom("error"), Atom("over_limit")))


@test("a message with an atom of 256 characters is gone, the log says so and why, and the connection goes on")
def long_atoms(cleanup):
    with attacked(cleanup, CONFIG) as (target, one):
        long = Raw(b"v" + struct.pack(">H", 256) + b"a" * 256)
        for payload in (long, (long,), {long: 1}, [long, (Atom("a"), long)]):
            one.send("probe", payload)
        target.said("a message was dropped", "the log has a line")
        target.said("an atom within the limit of characters expected")
        one.send("probe", Raw(b"v" + struct.pack(">H", 255) + b"a" * 255))
        equal(one.call("probe", Atom("ping")), Atom("pong"))


if __name__ == "__main__":
    run()
