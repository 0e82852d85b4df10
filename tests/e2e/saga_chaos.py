#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Transfers of both kinds between four nodes under chaos. In the first test SIGKILL ends the coordinator or a participant at each
record of its log in turn. In the second test nodes are killed, frozen and separated, and disks are full, slow or fail, at random.
Afterwards each transaction has the same outcome everywhere, each account has the sum of the outcomes, nobody is in doubt two
minutes after the last fault, and the logs shrink to the open transactions.

COPPICE_CHAOS_SECONDS is the time (60), COPPICE_CHAOS_SEED the seed (1). A line `# left out` names the faults that this machine
cannot produce.
"""
import collections
import itertools
import json
import os
import random
import subprocess
import threading
import time

from harness.cluster import Atom, Caller, Clients, Cluster, NotSent, is_error, until
from harness.disk_faults import AFTER_SYNC, BEFORE_SYNC, IN_WRITE, MOMENTS
from harness.node import Folder, program
from harness.tap import Skip, check, equal, eventually, run, test
from harness.wire import apart, in_ring, over_bridge

SECONDS = float(os.environ.get("COPPICE_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("COPPICE_CHAOS_SEED", "1"))
NAMES = "abcd"
OWNERS = 50  # number of accounts on each node
HAS = 10_000  # initial balance of each account
CLIENTS = 4
SHORT = (1.0, 3.0) if SECONDS < 300 else (1.0, 8.0)  # how long a fault lasts
FREEZE = 4 if SECONDS < 300 else 10
KINDS = {"desk": "compensate", "safe_desk": "two_phase"}
IN_DOUBT = 120  # seconds after the heal, in which everything has to end
MOST_RECORDS = 60  # of one transaction at one node
MORE_AFTERWARDS = 20  # transfers made after the answers are forgotten, so that the logs are written on
SMALL_LOG = 256 << 10  # bytes of live records once everything is over and forgotten


class Transfer:
    """A transaction as its client knows it."""

    def __init__(self, at, desk, number, source, target, amount):
        self.at, self.desk, self.id, self.source, self.target, self.amount = at, desk, number, source, target, amount
        self.started = False
        self.outcome = None

    def value(self):
        def place(account):
            node = account[:1]
            return (b"accounts" if node == self.at else f"accounts@{node}@127.0.0.1".encode(), account.encode())
        return Atom("move"), place(self.source), place(self.target), self.amount

    def __repr__(self):
        return f"{self.id} by {self.desk}@{self.at}: {self.amount} from {self.source} to {self.target}: {self.outcome}"


class Bank:
    """The nodes, their accounts and the transfers that were asked for."""

    def __init__(self, cleanup, names, keep="1h", small_disk_on=""):
        folder = Folder()
        cleanup.callback(folder.close)
        self.names, self.folder = list(names), folder.path
        self.keep = keep
        self.cluster = Cluster(cleanup, names, self.children, small_disk_on=small_disk_on)
        self.lock = threading.Lock()
        self.transfers = []
        self.wrong = []

    def children(self, name):
        quick = f"retry: {{ first: 50ms, max: 1s }}, step_timeout: 1s, answers: {{ keep: {self.keep} }}"
        opened = ", ".join(f"{name}{number}: {HAS}" for number in range(OWNERS))
        pause = "backoff: { first: 100ms, max: 1s }"
        return [f'{{ id: accounts, actor: "transfer:accounts", name: accounts, args: {{ file: "{self.folder}/{name}", open: {{ {opened} }} }}, '
                f"saga: {{ {quick} }}, {pause} }}",
                *(f'{{ id: {desk}, actor: "transfer:desk", name: {desk}, saga: {{ commit: {kind}, lifespan: 20s, {quick} }}, {pause} }}'
                  for desk, kind in KINDS.items())]

    def transfer(self, here, number):
        """A transfer between two nodes. Some transfers cannot succeed: an account does not exist, or has too little
        money."""
        source, target = here.sample(self.names, 2)
        amount, to = here.randint(1, 20), str(here.randrange(OWNERS))
        kind = here.random()
        if kind < 0.1:
            to = "none"
        elif kind < 0.2:
            amount = 100 * HAS
        return self.note(Transfer(here.choice(self.names), here.choice(list(KINDS)), number, f"{source}{here.randrange(OWNERS)}", target + to, amount))

    def note(self, one):
        with self.lock:
            self.transfers.append(one)
        return one

    def by_node(self):
        """The transfers, ordered by node, so that a caller changes the node seldom."""
        return sorted(self.transfers, key=lambda one: one.at)

    def start(self, caller, one, seconds):
        """Asks under one id until the transaction is started. False: it was not started in time."""
        deadline = time.monotonic() + seconds
        while not one.started:
            try:
                answer = caller.call(one.at, one.desk, (Atom("start"), one.value(), {Atom("id"): one.id}), 5)
            except NotSent:
                answer = None
            if answer == (Atom("ok"), one.id):
                one.started = True
            elif answer is not None and not is_error(answer):
                self.wrong.append((one, answer))
                return False
            elif time.monotonic() > deadline:
                return False
            else:
                time.sleep(0.05)
        return True

    def look(self, caller, one):
        """The outcome, noted once. None: the transaction is open, or no answer came. An outcome that differs from an
        earlier one is a fault."""
        if not one.started:
            return None
        try:
            answer = caller.call(one.at, one.desk, (Atom("outcome"), one.id), 5)
        except NotSent:
            return None
        if answer is None or answer == Atom("open") or is_error(answer):
            return None
        if not isinstance(answer, tuple) or answer[0] not in (Atom("committed"), Atom("aborted" if one.desk == "safe_desk" else "compensated")) \
                or (one.outcome is not None and one.outcome != answer):
            self.wrong.append((one, answer))
        one.outcome = answer
        return answer

    # ---- what has to be true in the end ----

    def open(self):
        """What is not over, by node and saga. For a saga that has stopped, the value of its `stopped`."""
        found = {}
        for name in self.names:
            for saga in ("accounts", *KINDS):
                told = self.cluster.nodes[name].engine(saga)
                left = {key: told[key] for key in ("open", "steps", "in_doubt", "parked") if told[key] != 0}
                if left or told["stopped"] is not False:
                    found[f"{saga}@{name}"] = left or told["stopped"]
        return found

    def all_over(self, caller):
        """Checks that within two minutes every transaction has ended at all its participants, and that it was started
        if its client was told so."""
        deadline = time.monotonic() + IN_DOUBT
        for one in self.by_node():
            check(self.start(caller, one, max(1, deadline - time.monotonic())), "it is started", one)
            eventually(lambda one=one: one.outcome or self.look(caller, one) or self.wrong, lambda one=one: f"{one} ends: {self.open()}",
                       max(1, deadline - time.monotonic()))
        eventually(lambda: not self.open(), lambda: f"nothing is open: {self.open()}", max(1, deadline - time.monotonic()))
        equal(self.wrong, [])

    def outcomes_stay(self, caller):
        for one in self.by_node():
            before = one.outcome
            eventually(lambda one=one: self.look(caller, one), f"{one} is known", 60)
            equal(one.outcome, before, "an outcome never changes")
        equal(self.wrong, [])

    def expected(self):
        """The balance that each account must have by the outcomes."""
        balances = {f"{name}{number}": HAS for name in self.names for number in range(OWNERS)}
        for one in self.transfers:
            if one.outcome[0] == Atom("committed"):
                balances[one.source] -= one.amount
                balances[one.target] += one.amount
        return balances

    def money_is_right(self, caller):
        balances, total = self.expected(), 0
        for name in self.names:
            total += self.ask(caller, name, Atom("sum"))
            found = {account: self.ask(caller, name, (Atom("balance"), account.encode())) for account in balances if account[:1] == name}
            wrong = {account: (balances[account], balance) for account, balance in found.items() if balance != (Atom("ok"), balances[account])}
            equal(wrong, {}, f"the accounts of {name}: what the outcomes say, and what is there")
        equal(total, len(self.names) * OWNERS * HAS, "the sum of money")

    def ask(self, caller, name, request):
        def asked():
            try:
                answer = caller.call(name, "accounts", request)
            except NotSent:
                return None
            return None if answer is None or is_error(answer) else answer
        return eventually(asked, f"accounts@{name} answers", 60)

    def nothing_crashed(self):
        for name, node in self.cluster.nodes.items():
            equal(node.process.poll(), None, f"{name}: {node.log()[-3000:]}")
            for part in ("Sanitizer", "heuristic", "decided differently"):
                equal([line for line in node.log().splitlines() if part in line], [], f"the log of {name}")

    def stop_and_check(self):
        """Stops all nodes. Returns the output of `coppice log check` for each log."""
        found = {}
        for name, node in self.cluster.nodes.items():
            equal(node.stop(), 0, node.log()[-3000:])
            said = subprocess.run([program("COPPICE", "coppice"), "log", "check", str(self.cluster.data(name) / "log"), "--json"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            equal(said.returncode, 0, f"{name}: {said.stdout}{said.stderr}")
            found[name] = json.loads(said.stdout)
        return found

    def logs_shrink(self, caller, here):
        """Checks that ended transactions go from the logs when their answers are no longer kept: nothing is open, so
        hardly anything is left."""
        before = self.stop_and_check()
        for name, node in self.cluster.nodes.items():
            file = node.folder.path / "node.yaml"
            file.write_text(file.read_text().replace(f"keep: {self.keep}", "keep: 1s"))
        caller.close()
        self.cluster.start(*self.names)
        self.cluster.connected()
        self.transfers.clear()
        for number in range(MORE_AFTERWARDS):
            check(self.start(caller, self.transfer(here, b"after-%d" % number), 60), "it is started")
        eventually(lambda: not self.open(), lambda: f"nothing is open: {self.open()}", 60)
        until(5)  # an answer is forgotten a second after the end
        after = self.stop_and_check()
        sizes = {name: (before[name]["live_bytes"], after[name]["live_bytes"], after[name]["bytes"]) for name in self.names}
        print(f"# bytes that are live, live when all is forgotten, and of the log's files then: {sizes}", flush=True)
        for name, (was, live, size) in sizes.items():
            check(live <= max(SMALL_LOG // 8, min(SMALL_LOG, was // 4)), f"the log of {name} has hardly anything left", sizes)
            check(size <= 2 * live + 2 * (16 << 20), f"the log's files of {name} are at most twice that and two segments", sizes)


class AtRecords:
    """Makes one transfer after the other. During each of them one node ends at a chosen record of its log."""

    def __init__(self, cleanup):
        self.bank = Bank(cleanup, "abc")
        if why := self.bank.cluster.cannot.get("disk"):
            raise Skip(why)
        self.here = random.Random(SEED)
        self.caller = Caller(self.bank.cluster, "client@127.0.0.1")
        cleanup.callback(self.caller.close)
        self.counted = collections.Counter()

    def transfer(self, desk, fails, victim, moment, count):
        """Makes a transfer that node a coordinates, from an account of b to an account of c, which does not exist if it
        `fails`. Returns whether the node ended at its count'th record."""
        bank, disk = self.bank, self.bank.cluster.disks[victim]
        target = "cnone" if fails else f"c{self.here.randrange(OWNERS)}"
        one = bank.note(Transfer("a", desk, f"{desk}-{fails}-{victim}-{moment}-{count}".encode(), f"b{self.here.randrange(OWNERS)}", target, 1))
        disk.end_at(moment, count)
        starting = threading.Thread(target=bank.start, args=(self.caller, one, 30))
        starting.start()
        looking = Caller(bank.cluster)
        try:
            def over():
                return not bank.cluster.is_alive(victim) or (not starting.is_alive() and bank.look(looking, one) and self.nothing_open())
            eventually(over, lambda: f"{one} is over, or {victim} has ended", 60)
            ended = not bank.cluster.is_alive(victim)
            disk.heal()
            bank.cluster.start(victim)
            starting.join()
            check(one.started, "it is started", one)
            eventually(lambda: bank.look(looking, one), lambda: f"{one} ends: {bank.open()}", IN_DOUBT)
            eventually(lambda: not bank.open(), lambda: f"{one} is over for all: {bank.open()}", IN_DOUBT)
        finally:
            starting.join()
            looking.close()
        equal(bank.wrong, [])
        check(one.outcome[0] != Atom("committed") or not fails, "it cannot succeed", one)
        return ended

    def nothing_open(self):
        """Whether no transaction is open. False also if a node does not answer: nodes may end while they are asked."""
        try:
            return not self.bank.open()
        except (AssertionError, OSError):
            return False

    def each(self, desk, fails, victim, moment):
        """Makes a transfer for each record that the node writes during one, until a transfer has no record left at
        which the node could end."""
        for count in range(1, MOST_RECORDS):
            if not self.transfer(desk, fails, victim, moment, count):
                self.counted[f"{desk}{' that fails' if fails else ''}, {victim} {MOMENTS[moment]}"] = count - 1
                check(count > 1, "a transfer has records", (desk, victim, count))
                return
        raise AssertionError(f"a transfer of {desk} takes {MOST_RECORDS} records at {victim}")


@test("coordinator and participant are ended at each record of a transfer: one outcome, and the sum of money stays")
def at_each_record(cleanup):
    one = AtRecords(cleanup)
    one.bank.cluster.connected()
    if SECONDS >= 300:
        plan = itertools.product(KINDS, (False, True), "abc", (IN_WRITE, BEFORE_SYNC, AFTER_SYNC))
    else:
        plan = [("desk", True, "a", BEFORE_SYNC), ("desk", True, "b", AFTER_SYNC), ("safe_desk", False, "a", AFTER_SYNC),
                ("safe_desk", False, "b", BEFORE_SYNC)]
    for each in plan:
        one.each(*each)
    one.bank.outcomes_stay(one.caller)
    one.bank.money_is_right(one.caller)
    one.bank.nothing_crashed()
    outcomes = collections.Counter(str(each.outcome[0]) for each in one.bank.transfers)
    print(f"# {dict(outcomes)}; records of a transfer: {dict(one.counted)}", flush=True)
    check(outcomes["committed"] > 0, "some transfers succeed", outcomes)


class Chaos:
    def __init__(self, cleanup):
        self.bank = Bank(cleanup, NAMES, small_disk_on="b")
        self.cluster = self.bank.cluster
        self.here = random.Random(SEED)
        self.done = collections.Counter()
        self.began = time.monotonic()

    # ---- clients ----

    def client(self, number, over):
        here = random.Random(SEED * 1000 + number)
        caller = Caller(self.cluster, f"client{number}@127.0.0.1")
        open_ones = []
        try:
            for turn in range(1_000_000):
                if over.is_set():
                    return
                one = self.bank.transfer(here, b"%d-%d" % (number, turn))
                while not over.is_set() and not self.bank.start(caller, one, 1) and not self.bank.wrong:
                    pass
                if here.random() < 0.1:
                    self.cancel(caller, one)
                open_ones.append(one)
                for each in open_ones if here.randrange(4) == 0 else open_ones[-1:]:
                    self.bank.look(caller, each)
                open_ones = [each for each in open_ones if each.outcome is None][-20:]
                over.wait(here.uniform(0, 0.05))
        finally:
            caller.close()

    @staticmethod
    def cancel(caller, one):
        """Cancels a transaction. The cancellation counts until the transaction is decided. Whatever the answer is,
        there is one outcome."""
        try:
            caller.call(one.at, one.desk, (Atom("cancel"), one.id, Atom("changed_my_mind")), 5)
        except NotSent:
            pass

    def goes_on(self):
        """Waits until transactions end again."""
        def ended():
            with self.bank.lock:
                return sum(one.outcome is not None for one in self.bank.transfers)
        before = ended()
        eventually(lambda: ended() > before + 3 or self.clients.failed or self.bank.wrong, lambda: f"transfers end again: {self.bank.open()}", 60)

    # ---- faults; each returns how long it lasts in seconds. None: it is over ----

    def some(self, most=2):
        return self.here.sample(NAMES, self.here.randint(1, most))

    def kill_one(self):
        self.cluster.kill(self.here.choice(NAMES))
        return self.here.uniform(*SHORT)

    def kill_loop(self):
        for _ in range(self.here.randint(3, 8)):
            name = self.here.choice(NAMES)
            self.cluster.kill(name)
            until(self.here.uniform(0, 0.3))
            self.cluster.start(name)

    def kill_many(self):
        for name in self.some(len(NAMES)):
            self.cluster.kill(name)
        return self.here.uniform(0, 1)

    def end_at_record(self):
        for _ in range(self.here.randint(2, 5)):
            name = self.here.choice(NAMES)
            self.cluster.disks[name].end_at(self.here.choice((IN_WRITE, BEFORE_SYNC, AFTER_SYNC)), self.here.randint(1, 12))
            until(5, lambda name=name: not self.cluster.is_alive(name))
            self.cluster.disks[name].heal()
            self.cluster.start(name)

    def freeze(self):
        for name in self.some():
            self.cluster.freeze(name)
        return FREEZE

    def one_way(self):
        for _ in range(self.here.randint(1, 4)):
            self.cluster.mesh.hold(*self.here.sample(NAMES, 2))
        return self.here.uniform(*SHORT)

    def parted(self):
        names, mesh = self.here.sample(NAMES, len(NAMES)), self.cluster.mesh
        mesh.part(self.here.choice((in_ring(names), over_bridge(names), apart(names[:1]), apart(names[:2]))), self.here.choice((mesh.hold, mesh.cut)))
        return self.here.uniform(*SHORT)

    def cuts(self):
        for _ in range(10):
            self.cluster.mesh.cut(*self.here.sample(NAMES, 2))
            until(self.here.uniform(0, 0.2))
            self.cluster.mesh.heal()

    def slow_disk(self):
        for name in self.some():
            self.cluster.disks[name].slow(self.here.uniform(0.1, 0.5))
        return self.here.uniform(*SHORT)

    def failing_disk(self):
        """Ends the log of a node or an account. The node is started again."""
        chosen = self.some()
        for name in chosen:
            self.cluster.disks[name].fail()
        until(self.here.uniform(*SHORT))
        for name in chosen:
            self.cluster.kill(name)

    def full_disk(self):
        self.cluster.small_disk.fill()
        return self.here.uniform(*SHORT)

    def plan(self):
        """The faults that are possible here. The other faults are reported."""
        faults = [self.kill_one, self.kill_loop, self.kill_many, self.freeze, self.one_way, self.parted, self.cuts]
        for needs, more in (("full disk", [self.full_disk]), ("disk", [self.slow_disk, self.failing_disk, self.end_at_record])):
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
            while time.monotonic() - self.began < SECONDS and not self.clients.failed and not self.bank.wrong:
                deck = deck or self.here.sample(faults, len(faults))
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
        equal(self.bank.wrong, [])


@test("over kills, freezes, partitions and bad disks each transfer ends one way for all, the money stays, and the logs shrink")
def chaos(cleanup):
    one = Chaos(cleanup)
    bank = one.bank
    one.cluster.connected()
    one.rage()
    took = time.monotonic() - one.began
    # An unanswered start has to be repeated by the node that asked first.
    callers = {}
    cleanup.callback(lambda: [caller.close() for caller in callers.values()])

    def of_client(transfer):
        number = transfer.id.decode().partition("-")[0]
        return callers.setdefault(number, Caller(one.cluster, f"client{number}@127.0.0.1"))
    healed = time.monotonic()
    for transfer in bank.transfers:
        check(bank.start(of_client(transfer), transfer, IN_DOUBT), "it is started", transfer)
    caller = Caller(one.cluster)
    cleanup.callback(caller.close)
    bank.all_over(caller)
    outcomes = collections.Counter(f"{KINDS[each.desk]} {each.outcome[0]}" for each in bank.transfers)
    print(f"# {len(bank.transfers)} transfers in {took:.0f} s, over {time.monotonic() - healed:.1f} s after the last fault: {dict(outcomes)}, "
          f"seed {SEED}, {dict(one.done)}", flush=True)
    bank.money_is_right(caller)
    bank.nothing_crashed()
    for name in NAMES:
        one.cluster.kill(name)
    one.cluster.start(*NAMES)
    one.cluster.connected()
    bank.outcomes_stay(caller)
    bank.money_is_right(caller)
    print(f"# measured: {len(bank.transfers)} transfers under {sum(one.done.values())} faults ended one way", flush=True)
    check(all(outcomes[f"{kind} committed"] > 0 for kind in KINDS.values()), "transfers of both kinds succeed", outcomes)
    check(len(one.done) == len(one.plan()) or SECONDS < 300, "all of it happened", dict(one.done))
    bank.logs_shrink(caller, one.here)


run()
