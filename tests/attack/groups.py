#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A node that has the cookie, but is a member of no Raft group, attacks a group of three nodes. It knows everything
that a control socket shows: the ids of the members, the term and the leader. It claims in every form that it leads,
votes, is alive or is quiescent. The group keeps its leader and its term, takes commands and becomes quiescent, and
keeps nothing of the attack."""
import contextlib
import itertools
import os

from harness.attack import Bystanders, Target, peer, unharmed
from harness.distribution import Atom, Raw
from harness.node import free_port
from harness.tap import check, equal, eventually, run, shared, test

NAMES = "abc"
CONFIG = """
node: {{ workers: 1 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ], peers: [ {peers} ] }}
applications:
  - name: bank
    supervisor:
      children:
        - {{ id: kv, actor: kv, name: kv }}
        - {{ id: ledger, actor: ledger, name: ledger, raft: {{ members: [ {members} ], heartbeat: 50ms, election: 1s }} }}
"""
LIVENESS, BEATS, LEDGER = "coppice_raft_liveness", "coppice_raft_beats", "ledger"
CLUSTER = os.urandom(16)
FAR = 1 << 40  # a term, an index or a number that the group has not reached
MEGABYTES = 64


class Group:
    """`targets`: the nodes by their letters. `mallory`: the present test's attacker at one of these nodes. The
    bystanders ask that node."""

    def __init__(self, cleanup):
        epmd_port = free_port()
        members = ", ".join(f"ledger@{one}@127.0.0.1" for one in NAMES)
        self.targets = {}
        for one in NAMES:
            peers = ", ".join(f"{each}@127.0.0.1" for each in NAMES if each != one)
            config = CONFIG.format(peers=peers, members=members)
            self.targets[one] = Target(cleanup, name=one, config=config, epmd_port=epmd_port)
        self.target = self.targets["a"]
        eventually(lambda: self.seen() is not None, "the group has a leader", 60)
        eventually(lambda: self.quiet(), "the group becomes quiescent", 60)
        self.before, self.mallory, self.numbers = None, None, itertools.count()
        self.ids = {one["address"].split("@")[1]: bytes.fromhex(one["id"]) for one in self.engine("a")["members"]}
        self.bystanders = Bystanders(cleanup, self.target)
        self.bystanders.wants["a member's answer"] = self.ask

    @contextlib.contextmanager
    def attacked(self, cleanup):
        """Runs an attack. Afterwards the group is as before, and the node is unharmed()."""
        eventually(lambda: self.seen() is not None and self.quiet(), "the group is quiescent", 60)
        self.before = self.seen()
        self.mallory = peer(cleanup, self.target, f"mallory{next(self.numbers)}")
        with unharmed(self.target, self.bystanders, megabytes=MEGABYTES, lines=80):
            yield
            equal(self.mallory.ping(60), "yes", "all of it is handled")
            self.bystanders.served()
            equal(self.seen(), self.before, "the leader and the term are as before")
            eventually(self.quiet, "and the group is quiescent", 60)
        self.mallory.close()
        eventually(lambda: self.mallory.name not in self.target.connected(), "it has gone")

    def engine(self, name):
        return self.targets[name].engine(LEDGER)

    def seen(self):
        """(leader, term), once all members agree on them. None: they do not agree."""
        found = {(one["leader"], one["term"]) for one in map(self.engine, NAMES)}
        return found.pop() if len(found) == 1 and next(iter(found))[0] else None

    def quiet(self):
        return all(self.engine(one)["quiescent"] for one in NAMES)

    def ask(self):
        """The answer of a member from its own state. It wakes no other member."""
        answer = self.bystanders.honest.call(LEDGER, Atom("leader"))
        check(isinstance(answer, tuple) and answer[0] == Atom("ok"), "it names a leader", answer)

    def leader_id(self):
        return self.ids[self.before[0].split("@")[1]]

    def others(self):
        """The ids of the members that do not lead."""
        return [one for one in self.ids.values() if one != self.leader_id()]


usual = shared(Group)


def attack(name, messages):
    """Registers the test in which the attacker sends the messages of `messages(group)`, each as (registered name,
    message)."""
    def held(cleanup):
        group = usual()
        with group.attacked(cleanup):
            for to, message in messages(group):
                group.mallory.send(to, message)
    test(name)(held)


def lives(number, source=1, to=0, applied=0, asks=True, floor=0, base=0, upto=None, changes=(), awake=()):
    upto = base if upto is None else upto
    return LIVENESS, (Atom("raft_liveness"), source, to, number, applied, asks, floor, base, upto, list(changes), list(awake))


def offers(group):
    """Offers to members that do not exist and to those of the group, as if the leader were on the attacker's node. They
    are taken back again."""
    for number in range(1, 420):
        row = (number - 1) * 256
        invented = [(os.urandom(16), group.leader_id(), group.before[1], 5) for _ in range(250)]
        known = [(one, group.leader_id(), group.before[1], 5) for one in group.others()]
        back = [(one,) for one in group.others()]
        yield lives(number, base=row, upto=row + 256, changes=[*invented, *known, *back], awake=list(group.ids.values()))


attack("offers of quiescence of a node that is no member keep no memory and put no member to rest", offers)


def runs(group):
    """Messages that belong to another run, are old, or claim to know this node."""
    for number in range(1, 5000):
        yield lives(number % 7 + 1, source=number, to=number % 3, applied=number % 5 * FAR, floor=number % 2, base=number % 2 + 1,
                    awake=list(group.ids.values()))


attack("a node that is no member and begins anew with every message wakes nobody up", runs)


def malformed(_):
    word = Atom("raft_liveness")
    good = lives(1)[1]
    for place in range(1, len(good)):
        for wrong in (-1, 1 << 64, 1.5, b"", Atom("x"), {}, [1], (1,), Raw(b"l\0\0\0\1a\1a\1")):
            yield LIVENESS, (*good[:place], wrong, *good[place + 1:])
            yield LIVENESS, (word, wrong)
    long = [(os.urandom(16),)] * 40_000
    for changes, awake in ((long, []), ([], [one[0] for one in long]), ([(b"x" * 1_000_000,)], []), ([], [b"x" * 1_000_000])):
        for number in range(1, 4):
            yield lives(number, changes=changes, awake=awake)
    for to in (LIVENESS, BEATS, LEDGER):
        for head in (word, Atom("raft_beats"), Atom("raft"), Atom("raft_hello"), Atom("raft_met"), Atom("raft_check"), Atom("raft_ask")):
            yield to, (head, [[1] * 1000] * 100, 3, 4, 5, 6, 7)
            yield to, (head, b"x" * 900_000)
            yield to, (head, Raw(b"l\0\0\0\1" * 900 + b"j" * 901), 3)


attack("messages of every kind that are malformed or too long are dropped, and the log is not filled with them", malformed)


def forged(group):
    """The messages of a member's core, under every member's id."""
    term = group.before[1]
    chunk = (FAR, FAR, 1 << 20, 7, b"", 0)
    bodies = [(Atom("vote_request"), FAR, FAR, pre, transfer) for pre in (True, False) for transfer in (True, False)]
    bodies += [(Atom("vote_answer"), True, True), (Atom("append_request"), 0, 0, FAR, []), (Atom("append_answer"), True, FAR, FAR, FAR),
               (Atom("heartbeat"), FAR, 1), (Atom("heartbeat_answer"), FAR, FAR, FAR, 0, FAR), (Atom("read_answer"), 1, FAR),
               (Atom("snapshot_chunk"), chunk, 0, bytes(1000)), (Atom("snapshot_answer"), FAR, 7, FAR, True), (Atom("elect_now"),)]
    for source in (*group.ids.values(), os.urandom(16)):
        for to in group.ids.values():
            for at in (term, term + 1, FAR):
                for body in bodies:
                    yield Atom("raft"), CLUSTER, source, to, at, body


def direct(group):
    for message in forged(group):
        yield LEDGER, message


def in_beats(group):
    """The heartbeats of forged(), sent to the process that takes heartbeats for all groups: alone, and 256 of them
    together."""
    beats = [one for one in forged(group) if one[-1][0] in ("heartbeat", "heartbeat_answer")]
    for one in beats:
        yield BEATS, (Atom("raft_beats"), [one])
    for _ in range(200):
        yield BEATS, (Atom("raft_beats"), (beats * 256)[:256])
    for one in itertools.islice(forged(group), 200):
        yield BEATS, (Atom("raft_beats"), [one])


attack("votes, entries, snapshots and calls for an election by a node that is no member change no term", direct)
attack("heartbeats by a node that is no member change no leader, alone and in thousands", in_beats)


def hellos(group):
    """Messages that claim to be a new member, to have a member's id, or to know other members."""
    for number in range(3000):
        ids = (os.urandom(16), *group.ids.values())
        for of in (Atom("undefined"), (CLUSTER, 1000, b"")):
            yield LEDGER, (Atom("raft_hello"), Atom(f"x{number}"), number, ids[number % len(ids)], number % 2 == 0, of)
        yield LEDGER, (Atom("raft_met"), Atom(f"other{number}@127.0.0.9"), (Atom("raft_hello"), Atom("x"), number, ids[0], True, Atom("undefined")))
        yield LEDGER, (Atom("raft_ask"), Atom("x"), number, Atom("y@127.0.0.9"), (Atom("append"), bytes(100)))
        yield LEDGER, (Atom("raft_answer"), number, (Atom("ok"), 1, Atom("x")))
        yield LEDGER, (Atom("raft_where"), Atom("x"), number)
        yield LEDGER, (Atom("raft_here"), Atom("ledger"), number, 1)
        yield LEDGER, (Atom("raft_check"), CLUSTER, ids[number % len(ids)], 1, 1, number, True)


attack("hellos, requests that were passed on and hashes of a state by a node that is no member change nothing", hellos)


@test("a session of another node is of no use under any number, and its owner goes on with it")
def sessions(cleanup):
    group = usual()
    with group.attacked(cleanup):
        owner = group.bystanders.honest
        ok, client = owner.call(LEDGER, (Atom("client"),), 60)
        equal(ok, Atom("ok"))
        deposit = (Atom("append"), (Atom("deposit"), b"session", 1))
        refused = (Atom("error"), (Atom("discarded"), Atom("unknown_client")))
        for number in (1, 2, FAR):
            for session in (client, client + 1, FAR):
                equal(group.mallory.call(LEDGER, (*deposit, (session, number)), 60), refused)
        for number in (1, 2):
            equal(owner.call(LEDGER, (*deposit, (client, number)), 60)[0], Atom("ok"))


@test("a long query that a member is to answer from its own state is refused, and a short one is answered")
def stale(cleanup):
    group = usual()
    with group.attacked(cleanup):
        long = [(number, [number]) for number in range(200_000)]
        equal(group.mallory.call(LEDGER, (Atom("query"), long, Atom("stale")), 60), (Atom("error"), Atom("too_large")))
        answer = group.mallory.call(LEDGER, (Atom("query"), Atom("total"), Atom("stale")), 60)
        check(answer != (Atom("error"), Atom("too_large")), "it is answered", answer)


if __name__ == "__main__":
    run()
