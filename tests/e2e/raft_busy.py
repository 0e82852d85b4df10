#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Raft group whose leader's node sends as much as slow connections take. Its heartbeats overtake waiting messages, so
the group keeps its leader."""
import time

from harness.cluster import Cluster
from harness.node import Shelf
from harness.tap import check, equal, eventually, run, test

NAMES = "abc"
HEARTBEAT, ELECTION = 200, 3000  # ms; an election begins after one to two times ELECTION without a heartbeat
RATE = 768 << 10  # bytes a second
WAITS = 4 << 20  # bytes that wait for a node; senders pause at this. The last byte takes five seconds
ENOUGH = 3 * WAITS


def children(name):
    members = ", ".join(f"ledger@{one}@127.0.0.1" for one in NAMES)
    group = f"members: [ {members} ], heartbeat: {HEARTBEAT}ms, election: {ELECTION}ms"
    return [f"{{ id: ledger, actor: ledger, name: ledger, raft: {{ {group} }} }}", "{ id: sink, actor: kv, name: sink }",
            *(f"{{ id: flood_{one}, actor: flood, name: flood_{one} }}" for one in NAMES if one != name)]


class Group:
    def __init__(self, cleanup):
        self.cluster = Cluster(cleanup, NAMES, children, settings=[Shelf(cleanup, "ledger", "kv", "flood").setting])
        self.cluster.connected()

    def seen(self):
        """{name: (term, leader)} as each member knows them; a member that misses heartbeats knows no leader."""
        engines = {name: node.engine("ledger") for name, node in self.cluster.nodes.items()}
        return {name: (one["term"], one["leader"]) for name, one in engines.items()}

    def leader(self):
        def agreed():
            seen = set(self.seen().values())
            return seen.pop()[1] if len(seen) == 1 else None
        return eventually(agreed, lambda: f"all agree on a leader: {self.seen()}", 60).split("@")[1]

    def heard(self, leader):
        """{name: ms since it has answered a heartbeat}, of the other members."""
        members = self.cluster.nodes[leader].engine("ledger")["members"]
        return {one["address"].split("@")[1]: one["heard_ms"] for one in members if f"@{leader}@" not in one["address"]}

    def waiting(self, leader):
        """{name: bytes that wait for that node}."""
        nodes = self.cluster.nodes[leader].ask("nodes")["nodes"]
        return {one["name"].split("@")[0]: one["queued"] for one in nodes if one["name"].split("@")[0] in NAMES}


@test("while a node sends as many casts as its links take, its groups' heartbeats arrive, and there is no election")
def busy(cleanup):
    group = Group(cleanup)
    leader = group.leader()
    others = [name for name in NAMES if name != leader]
    before = group.seen()
    carried = {name: group.cluster.mesh.slow(leader, name, RATE) for name in others}
    for name in others:
        cast = f'{{put, flood, <<"{"x" * 8000}">>}}'
        equal(group.cluster.nodes[leader].call(f"flood_{name}", f"{{flood, {{sink, '{name}@127.0.0.1'}}, {cast}}}"), "true")
    eventually(lambda: all(group.waiting(leader)[name] > WAITS / 2 for name in others),
               lambda: f"much waits for them: {group.waiting(leader)}", 60)
    beats, longest, at = dict.fromkeys(others, 0), 0, time.monotonic()

    def enough():
        nonlocal longest, at
        heard, last, at = group.heard(leader), at, time.monotonic()
        for name, ms in heard.items():
            beats[name] += ms < (at - last) * 1000  # there was an answer since the last look
            longest = max(longest, ms)
        equal(group.seen(), before, f"nobody misses its leader, which has waited {longest} ms for an answer")
        return min(beats.values()) >= 20 and all(carried[name]() > ENOUGH for name in others)
    eventually(enough, lambda: f"casts and heartbeats arrive: {[one() for one in carried.values()]}, {beats}", 180)
    print(f"# measured: the leader has waited {longest} ms at most for answers to heartbeats behind {WAITS >> 20} MiB at "
          f"{RATE >> 10} KiB/s", flush=True)
    check(longest < 1000 * WAITS / RATE, "no heartbeat came behind all that waited", longest)
    equal(group.seen(), before)


run()
