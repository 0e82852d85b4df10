#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random sequences of every control message, with every kind of pid, reference and term, from a peer that has the
cookie. Two honest peers watch the results. COPPICE_ATTACK_SECONDS is the time (10), COPPICE_ATTACK_SEED the seed of the
random numbers. A run that fails prints its seed."""
import os
import random
import time

from harness.attack import ATTACKERS, Bystanders, Target, unharmed
from harness.distribution import CREATION, MANDATORY, Atom, Peer, Pid, Raw, Reference
from harness.tap import check, equal, eventually, run, test

SECONDS = float(os.environ.get("COPPICE_ATTACK_SECONDS", "10"))
SEED = int(os.environ.get("COPPICE_ATTACK_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
BATCH = 200

# DIST_MONITOR, DIST_MONITOR_NAME, EXIT_PAYLOAD, UNLINK_ID, SPAWN, ALIAS, ALTACT_SIG
EXTRA = [1 << 3, 1 << 11, 1 << 22, 1 << 25, 1 << 32, 1 << 35, 1 << 37]
VICTIMS = [f"v{number}" for number in range(6)]
SERVICES = ["user", "net_kernel", "rex", "global_name_server", "pg", "init", "nobody", "application_controller", ""]
CONFIG = "\n".join([
    "distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ], services: { pg: [ pg ] }, connect_timeout: 1s }",
    "applications:",
    "  - name: shop",
    "    supervisor:",
    "      intensity: 1000000",
    "      children:",
    "        - { id: ledger, actor: kv, name: ledger }",
    *[f"        - {{ id: {name}, actor: kv, name: {name} }}" for name in VICTIMS], ""])


class Mallory:
    """The attacker, which sends one random signal after the other."""

    def __init__(self, target, numbers):
        self.target, self.numbers = target, numbers
        self.connections = 0
        self.peer = None
        self.connect()
        self.creation = self.peer.theirs
        self.ledger = self.peer.whereis("ledger")
        self.kept = []  # references that were sent

    def connect(self):
        if self.peer:
            self.peer.close()
        flags = MANDATORY
        for one in EXTRA:
            flags |= one if self.numbers.random() < 0.8 else 0
        self.connections += 1

        def let_in():
            try:
                return Peer(self.target.port, f"mallory@{ATTACKERS}", source=ATTACKERS, flags=flags)
            except (AssertionError, EOFError, OSError):
                return None  # the node has not noticed yet that the last connection has ended
        self.peer = eventually(let_in, "mallory is let in", 30)
        self.victims = {name: self.peer.whereis(name) for name in VICTIMS[:2]}

    # The addresses in a signal.

    def own(self):
        return Pid(self.peer.name, self.numbers.randrange(1, 30), 0, self.numbers.choice([CREATION, CREATION, CREATION, 5, 0]))

    def third(self):
        node = self.numbers.choice(["ghost@127.0.0.9", f"n{self.numbers.randrange(1000)}@127.0.0.1", "beside@127.0.0.1", "@", ""])
        return Pid(node, self.numbers.randrange(1, 300), 0, self.numbers.choice([0, 1, CREATION, 1 << 31]))

    def victim(self):
        known = [one for one in self.victims.values() if isinstance(one, Pid)]
        return self.numbers.choice(known) if known else self.stale()

    def stale(self):
        """A pid of an earlier life of the node."""
        return Pid(self.target.name, self.numbers.randrange(1, 300), self.numbers.randrange(3), self.creation ^ 1)

    def anybody(self):
        """A pid that a process of the node may have. The process that the witnesses look at is left out."""
        one = Pid(self.target.name, self.numbers.randrange(1, 300), self.numbers.choice([0, 0, 0, 1, 2]), self.creation)
        return self.victim() if one == self.ledger else one

    def mortal(self):
        """A process that a peer may end without ending the top of the tree."""
        return self.numbers.choice([self.victim, self.stale, self.own, self.third])()

    def pid(self):
        return self.numbers.choice([self.own, self.own, self.third, self.victim, self.anybody, self.stale])()

    def name(self):
        return Atom(self.numbers.choice(VICTIMS + SERVICES))

    def reference(self):
        if self.kept and self.numbers.random() < 0.3:
            return self.numbers.choice(self.kept)
        node, creation = self.numbers.choice([(self.peer.name, CREATION), (self.target.name, self.creation), ("ghost@127.0.0.9", 1)])
        words = tuple(self.numbers.getrandbits(32) for _ in range(self.numbers.choice([1, 2, 3, 3, 5, 5])))
        made = Reference(node, (words[0] & 0x3FFFF, *words[1:]), creation)
        self.kept = [*self.kept[-50:], made]
        return made

    # The terms in a signal.

    def term(self, depth=0):
        small = [lambda: self.numbers.randrange(-5, 300), lambda: self.numbers.getrandbits(100), lambda: 1.5, lambda: Atom("ok"),
                 lambda: Atom("true"), self.name, self.pid, self.reference, lambda: b"x" * self.numbers.randrange(100), lambda: [],
                 lambda: Raw(b"k\0\3abc"), lambda: Raw(b"M\0\0\0\1\3\xe0")]
        if depth > 3 or self.numbers.random() < 0.5:
            return self.numbers.choice(small)()
        items = [self.term(depth + 1) for _ in range(self.numbers.randrange(5))]
        if self.numbers.random() < 0.2:
            return {number: item for number, item in enumerate(items)}
        return tuple(items) if self.numbers.random() < 0.6 else items

    def request(self):
        """A request that its receiver decodes."""
        choice, tag = self.numbers.choice, [Atom("alias"), self.reference()] if self.numbers.random() < 0.3 else self.reference()
        sender = (self.pid(), tag)
        return choice([
            lambda: (Atom("$gen_call"), sender, self.term()),
            lambda: (Atom("$gen_call"), self.term(), self.term()),
            lambda: (Atom("$gen_call"), sender, (Atom(choice(["put", "get", "set_lock", "del_lock", "register", "sync", "monitor", "call",
                                                              "join_local", "start_child", "terminate_child", "may_register"])),
                                                 self.term(), self.term())),
            lambda: (Atom("$gen_cast"), self.term()),
            lambda: (Atom("$gen_cast"), (Atom(choice(["init_connect", "exchange", "resolved", "new_nodes", "lock_set", "sync"])),
                                         self.term(), self.term(), self.term())),
            lambda: (Atom("system"), sender, choice([Atom("get_state"), Atom("get_status"), self.term()])),
            lambda: (Atom("io_request"), self.pid(), self.term(), (Atom("put_chars"), Atom("unicode"), self.term())),
            lambda: (Atom(choice(["EXIT", "DOWN", "discover", "join", "leave", "lost_connection", "io_reply"])),
                     self.term(), self.term(), self.term()),
            lambda: (self.reference(), self.term()),
            lambda: (sender, (Atom("get_modules"),)),
        ])()

    def payload(self):
        return self.request() if self.numbers.random() < 0.7 else self.term()

    def control(self):
        """A control message and its payload. The payload is None where the message has none."""
        token, choice = Atom(""), self.numbers.choice
        local = choice([self.victim, self.anybody])
        return choice([
            lambda: ((1, self.pid(), local()), None),
            lambda: ((2, Atom(""), local()), self.payload()),
            lambda: ((3, self.own(), local(), self.term()), None),
            lambda: ((4, self.pid(), local()), None),
            lambda: ((5,), None),
            lambda: ((6, self.pid(), Atom(""), self.name()), self.payload()),
            lambda: ((7, self.pid(), self.mortal()), None),
            lambda: ((8, self.pid(), self.mortal(), choice([Atom("kill"), self.term()])), None),
            lambda: ((12, Atom(""), local(), token), self.payload()),
            lambda: ((13, self.own(), local(), token, self.term()), None),
            lambda: ((16, self.pid(), Atom(""), self.name(), token), self.payload()),
            lambda: ((18, self.pid(), self.mortal(), token, self.term()), None),
            lambda: ((19, self.pid(), choice([local, self.name])(), self.reference()), None),
            lambda: ((20, self.pid(), choice([local, self.name])(), self.reference()), None),
            lambda: ((21, choice([self.pid, self.name])(), local(), self.reference(), self.term()), None),
            lambda: ((22, self.pid(), local()), self.payload()),
            lambda: ((23, self.pid(), local(), token), self.payload()),
            lambda: ((24, self.own(), local()), self.term()),
            lambda: ((25, self.own(), local(), token), self.term()),
            lambda: ((26, self.pid(), self.mortal()), self.term()),
            lambda: ((27, self.pid(), self.mortal(), token), self.term()),
            lambda: ((28, choice([self.pid, self.name])(), local(), self.reference()), self.term()),
            lambda: ((29, self.reference(), self.pid(), self.pid(), (Atom("kv"), Atom("start"), self.numbers.randrange(3)),
                      choice([[], [Atom("link"), Atom("monitor")], self.term()])), [self.term()]),
            lambda: ((30, self.reference(), self.pid(), self.pid(), (Atom("kv"), Atom("start"), 0), [], token), []),
            lambda: ((31, self.reference(), local(), self.numbers.randrange(4), choice([self.pid, self.term])()), None),
            lambda: ((32, self.reference(), local(), 0, self.term(), token), None),
            lambda: ((33, self.pid(), self.reference()), self.payload()),
            lambda: ((34, self.pid(), self.reference(), token), self.payload()),
            lambda: ((35, self.numbers.randrange(5), self.pid(), local()), None),
            lambda: ((36, self.numbers.randrange(5), self.pid(), local()), None),
            lambda: ((37, choice([4, 5, 8, 9, 0, 1, 32]), self.pid(), choice([local, self.name, self.reference])()), self.payload()),
            lambda: ((37, choice([16, 17]), self.pid(), self.mortal()), self.term()),
            lambda: ((self.numbers.randrange(50, 300), self.term()), None),
        ])()

    def say(self, count):
        """Sends `count` signals. If the node ends the connection, it is opened anew."""
        try:
            self.peer.socket.settimeout(10)
            for _ in range(count):
                self.peer.control(*self.control())
            self.peer.drain()
        except (EOFError, OSError):
            self.connect()


@test("whatever a peer says in whatever order, the witnesses are answered and find what they left")
def random_signals(cleanup):
    numbers = random.Random(SEED)
    target = Target(cleanup, config=CONFIG)
    beside = Target(cleanup, name="beside", epmd_port=target.epmd_port)
    bystanders = Bystanders(cleanup, target)
    said = 0
    try:
        ledger = target.info("ledger")["pid"]
        target.call("ledger", "{put, left, <<\"here\">>}")
        found = lambda: equal(beside.coppice("call", f"ledger@{target.name}", "{get, left}").stdout.strip(), '{ok,<<"here">>}')
        found()
        with unharmed(target, bystanders, megabytes=256, lines=100 * BATCH * (1 + int(SECONDS))):
            mallory = Mallory(target, numbers)
            cleanup.callback(lambda: mallory.peer.close())
            ending = time.monotonic() + SECONDS
            while time.monotonic() < ending:
                for _ in range(10):
                    mallory.say(BATCH)
                    said += BATCH
                bystanders.served(1)
                equal(bystanders.honest.call("ledger", (Atom("get"), Atom("left"))), (Atom("ok"), b"here"))
                found()
            mallory.peer.close()
            bystanders.served()
            equal(target.info("ledger")["pid"], ledger, "it is the process it was")
            check(said > 10 * BATCH or SECONDS < 5, "something was said", said)
            eventually(lambda: all(target.info(name) for name in VICTIMS), "who was ended is back")
    finally:
        print(f"# seed {SEED}, {said} said", flush=True)


if __name__ == "__main__":
    run()
