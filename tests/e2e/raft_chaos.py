#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A replicated ledger under chaos: clients append and query while members are killed, frozen and replaced, the network is
partitioned in every way, clocks jump, and disks are full, slow or fail. Afterwards the history of all clients is linearizable,
no acknowledged append is lost, all members have the same state, and no member's code has crashed.

COPPICE_CHAOS_SECONDS is the time (60), COPPICE_CHAOS_SEED the seed (1), COPPICE_CHAOS_MEMBERS the number of members (3; 5 if
the time is five minutes or more). A line `# left out` names the faults that this machine cannot produce.
"""
import collections
import json
import os
import random
import subprocess
import threading
import time

from harness.cluster import Atom, Caller, Clients, Cluster, NotSent, is_error, until
from harness.linearizable import Counter, History, check as check_history
from harness.node import program
from harness.tap import check, equal, eventually, run, test
from harness.wire import apart, in_ring, over_bridge

SECONDS = float(os.environ.get("COPPICE_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("COPPICE_CHAOS_SEED", "1"))
MEMBERS = int(os.environ.get("COPPICE_CHAOS_MEMBERS", "5" if SECONDS >= 300 else "3"))
CLIENTS = 6
EPOCH = 3  # seconds; in an epoch all clients use the same accounts
ACCOUNTS = 4  # in each epoch
SHORT = (1.0, 3.0) if SECONDS < 300 else (1.0, 8.0)  # how long a fault lasts
FREEZE = 4 if SECONDS < 300 else 10
REFUSED = ("no_leader", "overloaded", "too_large", "not_allowed", "parked")  # errors that mean: not done, and will not be


class Chaos:
    def __init__(self, cleanup, names):
        self.names = names
        members = ", ".join(self.address(name) for name in names)
        group = (f"members: [ {members} ], heartbeat: 100ms, election: 1s, append_timeout: 3s, check: 100, "
                 "snapshot: { entries: 300, keep_entries: 30 }")
        self.cluster = Cluster(cleanup, names, lambda name: [f"{{ id: ledger, actor: ledger, name: ledger, raft: {{ {group} }} }}"],
                               clock_on=names[1], small_disk_on=names[2])
        self.here = random.Random(SEED)
        self.history = History()
        self.lock = threading.Lock()
        self.acknowledged = []  # (serial, account, amount, invoked, returned)
        self.unknown = collections.Counter()  # by account: amounts that may have been added
        self.wrong = []
        self.done = collections.Counter()
        self.began = time.monotonic()

    @staticmethod
    def address(name):
        return f"ledger@{name}@127.0.0.1"

    def account(self, here):
        return b"%d-%d" % ((time.monotonic() - self.began) // EPOCH, here.randrange(ACCOUNTS))

    # ---- clients ----

    def client(self, number, over):
        """Appends in a session and without one, and queries, at one member after the other."""
        here = random.Random(SEED * 1000 + number)
        caller = Caller(self.cluster)
        session = None
        try:
            while not over.is_set():
                draw = here.random()
                if draw < 0.5:
                    session = session or self.open_session(caller, here, over)
                    if session is not None and not self.append_in_session(caller, here, session, over):
                        session = None
                elif draw < 0.6:
                    self.append(caller, here, over)
                else:
                    self.query(caller, here, self.account(here), over)
                over.wait(here.uniform(0, 0.02))
                if here.random() < 0.05:
                    caller.close()
        finally:
            caller.close()

    def ask(self, caller, here, request):
        """(the answer, whether the request was sent) of a member, mostly of the member that was asked before."""
        at = caller.at if caller.peer is not None else here.choice(self.names)
        try:
            answer = caller.call(at, "ledger", request)
        except NotSent:
            return None, False
        if answer is None or is_error(answer):
            caller.close()  # the next request makes a new connection
        return answer, True

    def open_session(self, caller, here, over):
        """[client, the number of its last command]. None: no session could be opened."""
        answer, _ = self.ask(caller, here, (Atom("client"),))
        if isinstance(answer, tuple) and answer[0] == Atom("ok"):
            return [answer[1], 0]
        over.wait(0.1)
        return None

    def append_in_session(self, caller, here, session, over):
        """Asks for one command under one number until it is answered. False: the session cannot be used any more."""
        account, amount = self.account(here), here.randint(1, 3)
        session[1] += 1
        request = (Atom("append"), (Atom("deposit"), account, amount), tuple(session))
        handle, invoked = self.history.invoke(account, ("add", amount), caller.at), time.monotonic_ns()
        deadline = None
        while True:
            answer, _ = self.ask(caller, here, request)
            if self.is_done(answer):
                self.acknowledge(handle, answer, account, amount, invoked)
                return True
            if is_error(answer) and not is_error(answer, "timeout", *REFUSED):  # for example: the session is not known
                self.wrong.append(("an append in a session", answer))
                break
            deadline = deadline or (time.monotonic() + 30 if over.is_set() else None)
            if deadline is not None and time.monotonic() > deadline:
                break
            time.sleep(here.uniform(0.01, 0.1))
        self.forget(handle, account, amount)
        return False

    def append(self, caller, here, over):
        account, amount = self.account(here), here.randint(1, 3)
        handle, invoked = self.history.invoke(account, ("add", amount), caller.at), time.monotonic_ns()
        answer, sent = self.ask(caller, here, (Atom("append"), (Atom("deposit"), account, amount)))
        if self.is_done(answer):
            self.acknowledge(handle, answer, account, amount, invoked)
        elif not sent or is_error(answer, *REFUSED):
            self.history.never(handle)
            over.wait(0.05)
        else:
            if answer is not None and not is_error(answer, "timeout"):
                self.wrong.append(("an append", answer))
            self.forget(handle, account, amount)

    def query(self, caller, here, account, over):
        handle = self.history.invoke(account, ("read",), caller.at)
        answer, _ = self.ask(caller, here, (Atom("query"), (Atom("balance"), account)))
        if isinstance(answer, tuple) and answer[0] == Atom("ok"):
            self.history.returned(handle, answer[1])
            return True
        self.history.never(handle)
        if answer is not None and not is_error(answer, "timeout", *REFUSED):
            self.wrong.append(("a query", answer))
        over.wait(0.05)
        return False

    @staticmethod
    def is_done(answer):
        return isinstance(answer, tuple) and len(answer) == 3 and answer[0] == Atom("ok")

    def acknowledge(self, handle, answer, account, amount, invoked):
        _, serial, balance = answer
        self.history.returned(handle, balance)
        with self.lock:
            self.acknowledged.append((serial, account, amount, invoked, time.monotonic_ns()))

    def forget(self, handle, account, amount):
        self.history.unknown(handle)
        with self.lock:
            self.unknown[account] += amount

    # ---- what the test sees of the group ----

    def engines(self):
        return {name: self.cluster.nodes[name].engine("ledger") for name in self.cluster.answering()}

    def leads(self):
        """The member that leads. None: no member leads at this moment."""
        return max(((one["term"], name) for name, one in self.engines().items() if one["role"] == "leader"), default=(0, None))[1]

    def leader(self):
        return eventually(self.leads, lambda: f"a member leads: {self.engines()}", 60)

    def leader_for_sure(self):
        """The leader, once a member leads and all running members name it."""
        def agreed():
            seen = self.engines()
            named = {one["leader"] for one in seen.values()}
            return next((name for name in seen if named == {self.address(name)}), None)
        return eventually(agreed, lambda: f"all agree on a leader: {self.engines()}", 60)

    def goes_on(self):
        """Waits until the group takes appends again."""
        before = len(self.acknowledged)
        eventually(lambda: len(self.acknowledged) > before + 5 or self.clients.failed,
                   lambda: f"appends are answered again: {self.engines()}", 60)

    def change(self, what, name):
        """Runs coppice raft ledger add|remove at the leader. Returns "ok" or the reason why not."""
        said = self.cluster.nodes[self.leader()].reply("raft", name="ledger", change=what, member=self.address(name), timeout_ms=10000)
        return "ok" if "result" in said else json.dumps(said["error"])

    def role_of(self, name):
        """The role and id of that member, as the leader knows them. (None, None): the leader does not know it."""
        members = self.cluster.nodes[self.leader()].engine("ledger")["members"]
        return next(((one["role"], one["id"]) for one in members if one["address"] == self.address(name)), (None, None))

    # ---- faults; each returns how long it lasts in seconds. None: it is over ----

    def some(self, most=None):
        """Some members, at most `most`. By default less than half of them."""
        return self.here.sample(self.names, self.here.randint(1, most or (len(self.names) - 1) // 2))

    def kill_leader(self):
        self.cluster.kill(self.leader())
        return self.here.uniform(*SHORT)

    def kill_loop(self):
        for _ in range(self.here.randint(3, 6)):
            name = self.here.choice(self.names)
            self.cluster.kill(name)
            until(self.here.uniform(0, 0.5))
            self.cluster.start(name)

    def kill_majority(self):
        for name in self.some(len(self.names)):
            self.cluster.kill(name)
        return self.here.uniform(0, 1)

    def kill_all(self):
        for name in self.names:
            self.cluster.kill(name)
        return 0

    def freeze_leader(self):
        self.cluster.freeze(self.leader())
        return FREEZE

    def freeze_some(self):
        for name in self.some():
            self.cluster.freeze(name)
        return FREEZE

    def isolate_leader(self):
        self.cluster.mesh.part(apart([self.leader()]), self.cluster.mesh.hold)
        return self.here.uniform(*SHORT)

    def one_way(self):
        """In one direction nothing arrives: from the leader to all other members, from all other members to the leader,
        or from one member to another one."""
        mesh, leader = self.cluster.mesh, self.leader()
        others = [name for name in self.names if name != leader]
        how = self.here.randrange(3)
        for other in others if how < 2 else self.here.sample(others, 1):
            if how == 0:
                mesh.hold(leader, other)
            elif how == 1:
                mesh.hold(other, leader)
            else:
                mesh.hold(*self.here.sample(self.names, 2))
        return self.here.uniform(*SHORT)

    def ring(self):
        names = self.here.sample(self.names, len(self.names))
        mesh = self.cluster.mesh
        # Among three members in a ring, each reaches both others. One connection less makes a chain.
        mesh.part(in_ring(names) if len(names) > 3 else over_bridge(names), self.here.choice((mesh.hold, mesh.cut)))
        return self.here.uniform(*SHORT)

    def bridge(self):
        names, mesh = self.here.sample(self.names, len(self.names)), self.cluster.mesh
        mesh.part(over_bridge(names), self.here.choice((mesh.hold, mesh.cut)))
        return self.here.uniform(*SHORT)

    def halves(self):
        mesh = self.cluster.mesh
        mesh.part(apart(self.some()), self.here.choice((mesh.hold, mesh.cut)))
        return self.here.uniform(*SHORT)

    def cuts(self):
        for _ in range(10):
            self.cluster.mesh.cut(*self.here.sample(self.names, 2))
            until(self.here.uniform(0, 0.2))
            self.cluster.mesh.heal()

    def clock(self):
        for _ in range(4):
            self.cluster.set_clock(self.here.choice(("+3600", "-3600", "+5", "-5", "+86400", "+0")))
            until(self.here.uniform(0.2, 0.8))

    def full_disk(self):
        self.cluster.small_disk.fill()
        return self.here.uniform(*SHORT)

    def slow_disk(self):
        for name in self.some():
            self.cluster.disks[name].slow(self.here.uniform(0.1, 0.8))
        return self.here.uniform(*SHORT)

    def failing_disk(self):
        """Ends the log of a node, until the node is started again."""
        chosen = self.some()
        for name in chosen:
            self.cluster.disks[name].fail()
        until(self.here.uniform(*SHORT))
        for name in chosen:
            self.cluster.kill(name)

    def end_at_record(self):
        for name in self.some():
            self.cluster.disks[name].end_at(self.here.choice((1, 2, 3)), self.here.randint(1, 20))
        until(5, lambda: len(self.cluster.answering()) < len(self.names))

    def replace_all(self):
        """Each member in turn loses its disk, is removed, and is added as a new member, while the clients go on."""
        for name in self.here.sample(self.names, len(self.names)):
            _, old = self.role_of(name)
            self.cluster.kill(name)
            self.cluster.wipe(name)
            self.cluster.start(name)
            eventually(lambda name=name: self.role_of(name)[0] is None or self.change("remove", name) == "ok", f"{name} is removed", 60)
            eventually(lambda name=name: self.role_of(name)[0] is None, f"{name} is no member", 60)
            eventually(lambda name=name: self.change("add", name) == "ok" or self.role_of(name)[0] is not None, f"{name} is added", 60)
            eventually(lambda name=name: self.role_of(name)[0] == "voter", lambda name=name: f"{name} is a voter: {self.engines()}", 60)
            check(self.role_of(name)[1] not in (None, old), "it is another member", old)

    def plan(self):
        """The faults that are possible here. The other faults are reported."""
        faults = [self.kill_leader, self.kill_loop, self.kill_majority, self.kill_all, self.freeze_leader, self.freeze_some, self.isolate_leader,
                  self.one_way, self.ring, self.bridge, self.halves, self.cuts, self.replace_all]
        for needs, more in (("clock", [self.clock]), ("full disk", [self.full_disk]), ("disk", [self.slow_disk, self.failing_disk, self.end_at_record])):
            if why := self.cluster.cannot.get(needs):
                print(f"# left out: {', '.join(one.__name__ for one in more)}: {why}", flush=True)
            else:
                faults += more
        return faults

    def rage(self):
        """Makes one fault after the other until the time is over. Each fault is made once before any is repeated."""
        faults, deck = self.plan(), []
        self.clients = Clients(CLIENTS, self.client)
        try:
            self.goes_on()
            while time.monotonic() - self.began < SECONDS and not self.clients.failed:
                if not deck:
                    deck = self.here.sample(faults, len(faults))
                fault = deck.pop()
                lasts = fault()
                self.done[fault.__name__] += 1
                if lasts is not None:
                    until(lasts)
                self.cluster.heal()
                self.goes_on()
        finally:
            self.cluster.heal()
            self.clients.end()
        equal(self.clients.failed, [])
        equal(self.wrong, [])

    # ---- what has to be true in the end ----

    def accounts(self):
        return sorted({one.key for one in self.history.all()})

    def final_queries(self):
        """Queries each account once more, at one member after the other, as a part of the history: {account:
        balance}."""
        caller, never, found = Caller(self.cluster), threading.Event(), {}
        for number, account in enumerate(self.accounts()):
            def asked(account=account, at=self.names[number % len(self.names)]):
                handle = self.history.invoke(account, ("read",), "at the end")
                try:
                    answer = caller.call(at, "ledger", (Atom("query"), (Atom("balance"), account)))
                except NotSent:
                    answer = None
                if isinstance(answer, tuple) and answer[0] == Atom("ok"):
                    self.history.returned(handle, answer[1])
                    found[account] = answer[1]
                    return True
                self.history.never(handle)
                return never.wait(0.05)
            eventually(asked, f"the balance of {account}", 60)
        caller.close()
        return found

    def nothing_is_lost(self, balances):
        acknowledged = collections.Counter()
        for _, account, amount, _, _ in self.acknowledged:
            acknowledged[account] += amount
        for account, balance in balances.items():
            low, high = acknowledged[account], acknowledged[account] + self.unknown[account]
            check(low <= balance <= high, f"{account} has what was acknowledged, {low}, and at most {high}", balance)

    def serials_follow_time(self):
        """Checks that each append has a serial of its own, and that an append has a later serial than every append that
        was answered before it was asked."""
        serials = [one[0] for one in self.acknowledged]
        equal(len(set(serials)), len(serials), "no serial is given twice")
        answered = sorted(self.acknowledged, key=lambda one: one[4])
        highest = at = 0
        for serial, account, _, invoked, _ in sorted(self.acknowledged, key=lambda one: one[3]):
            while answered[at][4] < invoked:
                highest = max(highest, answered[at][0])
                at += 1
            check(serial > highest, f"serial {serial} of {account} came after {highest} was answered")

    def all_alike(self, balances):
        """Checks that every member has applied the same entries, and has the balances."""
        def level():
            seen = self.engines()
            return len({(one["serial"], one["applied"]) for one in seen.values()}) == 1 and len(seen) == len(self.names)
        eventually(level, lambda: f"all have applied the same: {self.engines()}", 60)
        caller = Caller(self.cluster)
        total = sum(balances.values())
        for name in self.names:
            def stale(what, name=name):
                return caller.call(name, "ledger", (Atom("query"), what, Atom("stale")))
            equal(stale(Atom("total")), (Atom("ok"), total), f"{name}'s total")
            equal(stale(Atom("accounts")), (Atom("ok"), sum(balance > 0 for balance in balances.values())), f"{name}'s accounts")
            different = {account: (balance, found) for account, balance in balances.items()
                         if (found := stale((Atom("balance"), account))) != (Atom("ok"), balance)}
            equal(different, {}, f"{name} has the balances")
        caller.close()
        equal({name: one["parked"] for name, one in self.engines().items()}, {name: 0 for name in self.names}, "nobody's state differed")

    def nothing_crashed(self):
        for name, node in self.cluster.nodes.items():
            for part in ("crashed", "its state differs", "applies nothing any more", "Sanitizer"):
                lines = [line for line in node.log().splitlines() if part in line]
                equal(lines, [], f"the log of {name}")
            equal(node.process.poll(), None, node.log()[-3000:])

    def logs_are_whole(self):
        for name, node in self.cluster.nodes.items():
            node.stop()
            said = subprocess.run([program("COPPICE", "coppice"), "log", "check", str(self.cluster.data(name) / "log"), "--json"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            equal(said.returncode, 0, f"{name}: {said.stdout}{said.stderr}")


@test("over kills, freezes, partitions, jumps of the clock, bad disks and new members the ledger stays linearizable and loses nothing")
def chaos(cleanup):
    names = [chr(ord("a") + number) for number in range(MEMBERS)]
    one = Chaos(cleanup, names)
    one.leader_for_sure()
    one.rage()
    took = time.monotonic() - one.began
    one.cluster.connected()
    one.leader_for_sure()
    balances = one.final_queries()
    operations = one.history.all()
    print(f"# {len(operations)} operations in {took:.0f} s, {len(one.acknowledged)} appends acknowledged, {sum(one.unknown.values())} of "
          f"unknown outcome, seed {SEED}, {dict(one.done)}", flush=True)
    one.nothing_is_lost(balances)
    one.serials_follow_time()
    steps = check_history(Counter, operations)
    print(f"# measured: {len(operations)} operations under {sum(one.done.values())} faults are linearizable ({steps} steps)", flush=True)
    one.all_alike(balances)
    one.nothing_crashed()
    one.logs_are_whole()
    check(len(one.done) == len(one.plan()) or SECONDS < 300, "all of it happened", dict(one.done))
    check(len(one.acknowledged) > 100, "there were appends", len(one.acknowledged))


run()
