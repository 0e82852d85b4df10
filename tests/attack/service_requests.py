#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sends every request that a service takes from other nodes, with terms of up to 1 MB in place of the expected ones:
deep, wide, repeated, with colliding keys, improper, and some over the limits. The requests are read from the services'
own tables. The bystanders are answered meanwhile. COPPICE_ATTACK_REQUESTS is the number of requests;
COPPICE_ATTACK_SECONDS limits the time instead. COPPICE_ATTACK_SEED is the seed of the random numbers. "new" draws a
seed, and a run that fails prints it."""
import contextlib
import http.client
import os
import pathlib
import random
import re
import struct
import time

from harness.attack import ATTACKERS, Bystanders, Target, shop, unharmed
from harness.distribution import MANDATORY, Atom, Peer, Raw, Reference
from harness.tap import check, equal, eventually, run, test
from harness.term import encode

SEED = os.environ.get("COPPICE_ATTACK_SEED", "1")
SEED = int.from_bytes(os.urandom(4), "big") if SEED == "new" else int(SEED)
SECONDS = float(os.environ.get("COPPICE_ATTACK_SECONDS", "0"))
REQUESTS = int(os.environ.get("COPPICE_ATTACK_REQUESTS", "1200"))
BATCH = 20
LARGEST = 1 << 20
SPAWN, SPAWN_REQUEST = 1 << 32, 29
CONFIG = shop(distribution="services: { pg: [pg] }, connect_timeout: 1s, allow: { rpc: [ info, observer, env ] }")
SERVICES = pathlib.Path(__file__).parents[2] / "daemon/services"
PROCESSES = {"rpc/rex": "rex", "io/user": "user", "net_kernel": "net_kernel", "global/names": "global_name_server", "pg/scope": "pg",
             "events/event_service": "coppice_events", "observer/appmon_info": None}
ROW = re.compile(r'\{(?:[\w:]+::)?(call|cast|info), "(\w+)", (\d+), (\d+)')
FUNCTIONS = [("erlang", "node"), ("erlang", "memory"), ("erlang", "process_info"), ("erlang", "system_info"), ("erlang", "whereis"),
             ("erlang", "nodes"), ("erlang", "statistics"), ("pg", "get_members"), ("application", "get_env"), ("global", "resolve_it"),
             ("observer_backend", "sys_info"), ("m", "f")]


def table():
    """(process, form, name, fewest elements, most elements) of every row."""
    rows = []
    for file in sorted(SERVICES.rglob("*.cpp")):
        found = ROW.findall(file.read_text(encoding="utf-8"))
        name_of = str(file.relative_to(SERVICES).with_suffix(""))
        check(not found or name_of in PROCESSES, "it is known which process has the table", file)
        rows += [(PROCESSES[name_of], form, name, int(least), int(most)) for form, name, least, most in found if PROCESSES[name_of]]
    check(len(rows) > 40, "the tables are read", rows)
    return rows


class Terms:
    """Makes encoded terms of about a given number of bytes."""

    def __init__(self, numbers, one):
        self.numbers, self.one = numbers, one
        self.kinds = [self.deep, self.wide, self.repeated, self.colliding, self.multiples, self.improper, self.binary, self.number,
                      self.text, self.deep_maps, self.pids]

    def any(self):
        """A term of a random kind and size. Most are small."""
        return Raw(self.numbers.choice(self.kinds)(int(16 * (LARGEST / 16) ** self.numbers.random())))

    def small(self):
        return self.numbers.choice([lambda: self.numbers.randrange(300), lambda: Atom("x"), lambda: b"x", self.one.pid, self.one.reference,
                                    lambda: [], lambda: Atom(self.one.name), lambda: Atom("ghost@127.0.0.9"),
                                    lambda: (self.one.pid(), self.one.reference()), lambda: [self.one.pid()]])()

    def leaf(self):
        return encode(self.small())

    def list_of(self, items):
        return b"l" + struct.pack(">I", len(items)) + b"".join(items) + b"j"

    def deep(self, size):
        levels = min(size // 2, self.numbers.choice([1000, 9000, 500_000]))
        return b"h\1" * levels + b"j"

    def wide(self, size):
        return self.list_of([b"a" + bytes([number % 256]) for number in range(size // 2)])

    def repeated(self, size):
        item = self.leaf()
        many = [item] * (size // len(item))
        return self.list_of(many) if self.numbers.random() < 0.5 else b"i" + struct.pack(">I", len(many)) + b"".join(many)

    def map_of(self, keys):
        return b"t" + struct.pack(">I", len(keys)) + b"".join(key + b"j" for key in keys)

    def colliding(self, size):
        """A map whose keys differ only in how they are nested: {X, [], []} or [X, []], level by level."""
        levels, keys = 10, []
        for number in range(min(size // 60, 1 << levels)):
            key = b"a\1"
            for level in range(levels):
                key = b"h\3" + key + b"jj" if number >> level & 1 else b"l\0\0\0\2" + key + b"jj"
            keys.append(key)
        return self.map_of(keys)

    def multiples(self, size):
        return self.map_of([encode(number * 131_101) for number in range(size // 8)])

    def improper(self, size):
        return b"l" + struct.pack(">I", max(size // 2, 1)) + b"a\1" * max(size // 2, 1) + self.leaf()

    def binary(self, size):
        return encode(bytes(size))

    def number(self, size):
        return encode((1 << 8 * size) - 1)

    def text(self, size):
        return b"k" + struct.pack(">H", min(size, 65535)) + b"x" * min(size, 65535)

    def deep_maps(self, size):
        levels = min(size // 8, 3000)
        return b"t\0\0\0\1a\1" * levels + b"j"

    def pids(self, size):
        pid = encode(self.one.pid())
        return self.list_of([pid] * (size // len(pid)))


class Asker:
    """A peer that sends one request after the other. The random numbers `numbers` choose the requests."""

    def __init__(self, target, numbers):
        self.target, self.numbers, self.rows = target, numbers, table()
        self.one, self.connections = None, 0
        self.connect()

    def connect(self):
        if self.one:
            self.one.close()
        self.connections += 1
        name = f"mallory{self.connections}@{ATTACKERS}"
        self.one = Peer(self.target.port, name, source=ATTACKERS, flags=MANDATORY | SPAWN, seconds=30)
        self.unread = b""
        self.terms = Terms(self.numbers, self.one)

    def field(self):
        return self.terms.any() if self.numbers.random() < 0.4 else self.terms.small()

    def body(self, name, least, most):
        """The tuple of a request with its fields, or the atom if the request has no fields."""
        if most == 0:
            return Atom(name)
        fields = [self.field() for _ in range(self.numbers.randint(max(least, 1), most) - 1)]
        if name in ("call", "block_call", "cast") and self.numbers.random() < 0.8:
            module, function = self.numbers.choice(FUNCTIONS)
            fields = [Atom(module), Atom(function), self.numbers.choice([[], [self.field()], [self.field(), self.field()], self.terms.any()]), Atom("user")]
        if name == "io_request" and self.numbers.random() < 0.8:
            printed = (Atom("put_chars"), Atom("unicode"), Atom("io_lib"), Atom("format"), [self.numbers.choice([b"~p", b"~s", b"~*w"]), [self.field()]])
            asked = self.numbers.choice([printed, (Atom("put_chars"), Atom("unicode"), self.terms.any()), (Atom("requests"), self.terms.any())])
            fields = [self.one.pid(), self.field(), asked]
        if name in ("join", "leave", "discover", "init_connect", "exchange") and self.numbers.random() < 0.5:
            fields[0] = self.one.pid()
        return (Atom(name), *fields)

    def ask(self):
        if self.numbers.random() < 0.05:
            call = (Atom("erpc"), Atom("execute_call"), self.numbers.choice([3, 4]))
            one = self.one
            return one.control((SPAWN_REQUEST, one.reference(), one.pid(), one.pid(), call, self.field()), self.terms.any())
        process, form, name, least, most = self.numbers.choice(self.rows)
        body = self.body(name, least, most)
        if form == "call":
            return self.one.send(process, (Atom("$gen_call"), (self.one.pid(), self.one.reference()), body))
        if form == "cast":
            return self.one.send(process, (Atom("$gen_cast"), body))
        return self.one.send(process, (self.one.pid(), body) if process == "rex" else body)

    def frames(self, seconds):
        """The frames that have arrived, not decoded: an answer may contain any term that was asked for."""
        self.one.socket.settimeout(seconds)
        try:
            part = self.one.socket.recv(1 << 20)
            if not part:
                raise EOFError("closed")
            self.unread += part
        except (BlockingIOError, TimeoutError):
            pass
        self.one.socket.settimeout(30)
        while len(self.unread) >= 4:
            size = struct.unpack_from(">I", self.unread)[0]
            if len(self.unread) < 4 + size:
                return
            frame, self.unread = self.unread[4:4 + size], self.unread[4 + size:]
            if not size:
                self.one.send_frame(b"")
            yield frame

    def settle(self):
        """Waits until the node has read all earlier requests from the connection."""
        words = (self.numbers.randrange(1 << 18), self.numbers.getrandbits(32), self.numbers.getrandbits(32))
        tag = Reference(self.one.name, words)
        self.one.send("net_kernel", (Atom("$gen_call"), (self.one.pid(), tag), (Atom("is_auth"), Atom(self.one.name))))
        mark, deadline = struct.pack(">III", *words), time.monotonic() + 60
        while not any(mark in frame for frame in self.frames(1)):
            check(time.monotonic() < deadline, "it is answered")

    def batch(self):
        """Sends a batch of requests. A request may end the connection, for example one whose term has a key twice."""
        try:
            for _ in range(BATCH):
                self.ask()
                for _ in self.frames(0):
                    pass
            self.settle()
        except (EOFError, OSError):
            self.connect()


@test(f"no request that a service takes holds others up or ends the node, whatever is in it (seed {SEED})")
def requests(cleanup):
    target = Target(cleanup, CONFIG, settings=[("node.limits.peer_locks", 100), ("node.limits.peer_names", 100)])
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=400, lines=100_000):
        asker = Asker(target, random.Random(SEED))
        cleanup.callback(lambda: asker.one.close())
        until, sent = time.monotonic() + SECONDS, 0
        while time.monotonic() < until if SECONDS else sent < REQUESTS:
            asker.batch()
            sent += BATCH
            bystanders.served(1)
        asker.one.close()
        bystanders.served()
        eventually(lambda: all(target.info(name)["mailbox"]["length"] == 0 for name in ("rex", "user", "global_name_server", "pg")),
                   "all is worked off", 60)
        equal(bystanders.honest.call("kv", Atom("size")), 0)
    print_longest(target, bystanders, sent)


def print_longest(target, bystanders, sent):
    """Prints the longest time that anything has held a worker, a process's turn or work on connections, and how often
    that was longer than the watchdog allows."""
    client = http.client.HTTPConnection("127.0.0.1", target.http, timeout=10)
    with contextlib.closing(client):
        client.request("GET", "/metrics")
        page = client.getresponse().read().decode()
    longest = max(float(seconds) for seconds in re.findall(r"^coppice_worker_longest_seconds\{.*\} (\S+)$", page, re.M))
    slow = target.ask("status")["slow_handlers"]
    waits = ", ".join(f"{what} {seconds * 1000:.0f} ms" for what, seconds in sorted(bystanders.worst.items()))
    print(f"# measured: {sent} requests; the longest turn: {longest * 1000:.1f} ms, {slow} over 10 ms; the longest waits: {waits}", flush=True)


if __name__ == "__main__":
    run()
