#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer that makes a node keep more and more for it: locks, names, memberships, monitors, links. The node keeps a
fixed amount for it and no more, and no other client has to wait because of it."""
from harness.attack import Bystanders, Target, peer, unharmed
from harness.distribution import MANDATORY, PUBLISHED, Atom
from harness.tap import check, equal, eventually, run, test

LINK, MONITOR_P = 1, 19
SETTINGS = [("node.limits.peer_locks", 100), ("node.limits.peer_names", 100), ("node.limits.peer_groups", 1000),
            ("node.limits.peer_relations", 1000)]


def disconnected(target, one, why):
    """Waits until the node has ended the connection and has said why in one line."""
    said = f"{one.name}: disconnected: {why}"
    eventually(lambda: sum(said in line for line in target.lines()) == 1, said, 30)
    one.close()


def ask(one, name, request, answers):
    """Makes a call and counts its answer."""
    answer = one.call(name, request, 30)
    answers[str(answer)] = answers.get(str(answer), 0) + 1


@test("of locks a peer gets so many, each is free again with its holder, and others are free meanwhile")
def locks(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        one = peer(cleanup, target, "mallory")
        answers = {}
        for number in range(300):
            ask(one, "global_name_server", (Atom("set_lock"), (number, one.pid())), answers)
        equal(answers, {"true": 100, "false": 200})
        bystanders.served()
        other = peer(cleanup, target, "other")
        answers = {}
        for number in (1, 1000):
            ask(other, "global_name_server", (Atom("set_lock"), (number, other.pid())), answers)
        equal(answers, {"false": 1, "true": 1}, "one that is held, and one that is not")
        one.close()
        eventually(lambda: other.call("global_name_server", (Atom("set_lock"), (2, other.pid()))) == Atom("true"),
                   "what it held is free")
        other.close()


@test("a node that has 20,000 locks to ask for delays nobody's")
def many_locks(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        one = peer(cleanup, target, "mallory")
        for number in range(20_000):
            tag = one.reference()
            request = (Atom("set_lock"), (number, one.pid()))
            one.send("global_name_server", (Atom("$gen_call"), (one.pid(number % 500 + 1), tag), request))
        bystanders.served()
        equal(one.call("global_name_server", (Atom("set_lock"), (1, 1)), 30), Atom("false"))
        one.close()


@test("a peer whose name server answers nothing keeps the lock of global for seconds, and not as long as it is connected")
def mute(cleanup):
    target = Target(cleanup)
    one = peer(cleanup, target, "mute", flags=MANDATORY | PUBLISHED)
    locker = (Atom("locker"), Atom("no_longer_a_pid"), [], one.pid())
    one.send("global_name_server", (Atom("$gen_cast"), (Atom("init_connect"), (8, 1), Atom(one.name), locker)))
    other = peer(cleanup, target, "other")
    lock = (Atom("global"), [other.pid()])

    def is_free():
        taken = other.call("global_name_server", (Atom("set_lock"), lock)) == Atom("true")
        return taken and other.call("global_name_server", (Atom("del_lock"), lock)) == Atom("true")

    eventually(lambda: not is_free(), "the node has taken it for both partitions")
    eventually(is_free, "it is given back", 30)
    target.said("mute@127.0.0.2 does not answer")


def lock_names(one):
    """Gives the peer global's lock. Without the lock the peer may change no names."""
    taken = (Atom("set_lock"), (Atom("global"), [one.pid()]))
    eventually(lambda: one.call("global_name_server", taken) == Atom("true"), "nobody else has the lock")


@test("of names a peer gets so many")
def names(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        one = peer(cleanup, target, "mallory")
        answers = {}
        equal(one.call("global_name_server", (Atom("register"), 0, one.pid(), Atom("none"))), Atom("no"), "it has no lock")
        equal(one.call("global_name_server", Atom("registered_names")), [])
        lock_names(one)
        for number in range(300):
            ask(one, "global_name_server", (Atom("register"), number, one.pid(), Atom("none")), answers)
        equal(answers, {"yes": 100, "no": 200})
        equal(len(one.call("global_name_server", Atom("registered_names"))), 100)
        bystanders.served()
        one.close()
        other = peer(cleanup, target, "other")
        eventually(lambda: other.call("global_name_server", Atom("registered_names")) == [], "they go with it")
        other.close()


@test("a peer whose processes are in too many groups is disconnected, and its members with it")
def groups(cleanup):
    target = Target(cleanup, settings=[*SETTINGS, ("distribution.services.pg", "[pg]")])
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, lines=60):
        for name, message in (("joins", lambda one, number: (Atom("join"), one.pid(), number, one.pid(2))),
                              ("syncs", lambda one, number: (Atom("$gen_cast"), (Atom("sync"), one.pid(), [(number, [one.pid(2)] * 600), (-number, [one.pid(2)] * 600)])))):
            one = peer(cleanup, target, name)
            one.send("pg", (Atom("discover"), one.pid()))
            equal(one.receive()[1][0], Atom("$gen_cast"), "it is known")
            try:
                for number in range(1, 1200):
                    one.send("pg", message(one, number))
            except OSError:
                pass  # the node has closed the connection
            disconnected(target, one, "pg: its processes have more than 1000 memberships")
        other = peer(cleanup, target, "other")
        eventually(lambda: other.call("pg", Atom("which_groups")) == [], "no member is left")
        bystanders.served()
        other.close()


@test("names of groups and of global take so many bytes for a peer, again and again, and longer ones are refused")
def long_names(cleanup):
    target = Target(cleanup, settings=[("distribution.services.pg", "[pg]")])
    bystanders = Bystanders(cleanup, target)
    bound, size = 64 << 20, 16_000
    most = bound // size
    with unharmed(target, bystanders, megabytes=3 * bound >> 20, lines=80):
        for turn in range(3):
            one = peer(cleanup, target, f"joins{turn}")
            one.send("pg", (Atom("discover"), one.pid()))
            equal(one.receive()[1][0], Atom("$gen_cast"), "it is known")
            try:
                for number in range(most + 100):
                    one.send("pg", (Atom("join"), one.pid(), number.to_bytes(size, "big"), one.pid(2)))
                    if number % 50 == 0:  # keeps the mailboxes short
                        equal(one.call("pg", (Atom("get_members"), Atom("none"))), [])
            except (EOFError, OSError):
                pass  # the node has closed the connection
            disconnected(target, one, "pg: the name of a group has more than 16384 bytes, or all of its have more than 67108864")
        other = peer(cleanup, target, "other")
        eventually(lambda: other.call("pg", Atom("which_groups")) == [], "no member is left")
        for turn in range(2):
            one = peer(cleanup, target, f"names{turn}")
            answers = {}
            lock_names(one)
            for number in range(most + 100):
                ask(one, "global_name_server", (Atom("register"), number.to_bytes(size, "big"), one.pid(), Atom("none")), answers)
            check(most - 100 < answers["yes"] <= most and answers["no"] >= 100, "so many and no more", answers)
            one.close()
            for number in (0, most // 2):  # a list of all names would be as large as the names
                asked = (Atom("whereis_name"), number.to_bytes(size, "big"))
                eventually(lambda asked=asked: other.call("global_name_server", asked) == Atom("undefined"), "they go with it")
        lock_names(other)
        equal(other.call("global_name_server", (Atom("register"), bytes(17_000), other.pid(), Atom("none"))), Atom("no"))
        bystanders.served()
        other.close()


@test("a peer that watches or is linked too often is disconnected")
def relations(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, lines=60):
        for name, control in (("monitors", lambda one, number: (MONITOR_P, one.pid(), Atom("kv"), one.reference())),
                              ("links", lambda one, number: (LINK, one.pid(number), one.kv))):
            one = peer(cleanup, target, name)
            one.kv = one.whereis("kv")
            try:
                for number in range(1, 3000):
                    one.control(control(one, number))
            except OSError:
                pass  # the node has closed the connection
            disconnected(target, one, "there are more than 1000 links, monitors and calls with it")

        def alone():
            seen = target.reply("info", name="kv").get("result")  # none while kv is restarted: its links have ended it
            return seen is not None and not seen["monitored_by"]
        eventually(alone, "kv is back, and nobody watches it any more")
        bystanders.served()


if __name__ == "__main__":
    run()
