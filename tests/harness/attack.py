# SPDX-License-Identifier: MIT
"""The shared part of the attack tests: a node to attack, bystanders that use it meanwhile, a crowd of sockets that attack, and the
comparison afterwards. Attackers come from 127.0.0.2, bystanders from 127.0.0.3, unless a test lets them come from one address.
"""
import contextlib
import http.client
import itertools
import os
import selectors
import socket
import statistics
import threading
import time

from harness.control import Connection
from harness.distribution import MANDATORY, Peer, ask_epmd
from harness.node import Node, free_port
from harness.reports import reports
from harness.tap import check, equal, eventually

ATTACKERS, BYSTANDERS = "127.0.0.2", "127.0.0.3"
SOON = 2.0 * reports.slower

def shop(*children, distribution=""):
    """A configuration in which the supervisor `shop_sup` has the child `kv` and the given children."""
    return "\n".join([
        f"distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ]{distribution and ', ' + distribution} }}",
        "applications:",
        "  - name: shop",
        "    supervisor:",
        "      name: shop_sup",
        "      children:",
        *[f"        - {child}" for child in ("{ id: kv, actor: kv, name: kv }", *children)], ""])


@contextlib.contextmanager
def attacked(cleanup, config=None, name="mallory", flags=None, **bounds):
    """A node, and an attacker that has the cookie. At the end the bystanders are served, and the node is unharmed()."""
    target = Target(cleanup, config or shop())
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, **bounds):
        one = peer(cleanup, target, name, flags=flags)
        yield target, one
        bystanders.served()
        one.close()


class Target(Node):
    """A node with control.http. `port` is its port for distribution, `http` the port of /livez."""

    def __init__(self, cleanup, config=None, settings=(), **node):
        self.http = free_port()
        super().__init__(cleanup, config=config or shop(), settings=[("control.http", f"{{ port: {self.http} }}"), *settings], **node)
        self.port = ask_epmd(self.epmd_port, self.name.partition("@")[0])

    def forget_peak(self):
        """Starts the measurement of VmHWM anew."""
        with open(self.proc("clear_refs"), "w", encoding="ascii") as file:
            file.write("5")

    def descriptors(self):
        """The open files, without the descriptor through which the node reads its threads' clocks: while a handler
        holds a worker up, the node starts another thread, and keeps it."""
        opened = (self.opened(one) for one in os.listdir(self.proc("fd")))
        return sorted(one for one in opened if not one.startswith("/proc/"))

    def opened(self, descriptor):
        try:
            return os.readlink(f"{self.proc('fd')}/{descriptor}")
        except FileNotFoundError:  # closed meanwhile
            return "/proc/"

    def lines(self):
        return self.log().splitlines()

    def connected(self):
        """The names of the nodes connected to it."""
        return sorted(one["name"] for one in self.ask("nodes")["nodes"] if one["state"] == "connected")


def peer(cleanup, target, name="mallory", source=ATTACKERS, flags=None):
    """An attacker that has the cookie."""
    made = Peer(target.port, f"{name}@{source}", source=source, flags=flags or MANDATORY)
    cleanup.callback(made.close)
    return made


class Bystanders:
    """Clients that have nothing to do with the attack: an honest peer that was there before it, newcomers, a client
    that asks EPMD, an orchestrator that asks for /livez, and an operator."""

    def __init__(self, cleanup, target, source=BYSTANDERS):
        self.target, self.source = target, source
        self.numbers = itertools.count(1)
        self.worst = {}  # by request: the longest time that it took, in seconds
        self.honest = Peer(target.port, f"honest@{source}", source=source)
        cleanup.callback(self.honest.close)
        self.wants = {
            "an honest peer's call": self.call,
            "a newcomer's connect": self.connect,
            "a look-up at EPMD": self.look_up,
            "/livez": self.lives,
            "an operator's question": self.ask,
        }

    def call(self):
        equal(self.honest.ping(), "yes")

    def connect(self):
        newcomer = Peer(self.target.port, f"newcomer{next(self.numbers)}@{self.source}", source=self.source)
        try:
            equal(newcomer.ping(), "yes")
        finally:
            newcomer.close()

    def look_up(self):
        equal(ask_epmd(self.target.epmd_port, self.target.name.partition("@")[0], self.source), self.target.port)

    def lives(self):
        client = http.client.HTTPConnection("127.0.0.1", self.target.http, timeout=10, source_address=(self.source, 0))
        try:
            client.request("GET", "/livez")
            equal(client.getresponse().status, 200)
        finally:
            client.close()

    def ask(self):
        """Uses a connection of its own, as each run of the client does."""
        with contextlib.closing(Connection(self.target.socket)) as operator:
            check("result" in operator.reply("status"), "it is answered")

    def served(self, rounds=5, but=()):
        """Each bystander gets an answer every time, and at least half of the times soon (the machine may be busy with
        something else). A bystander that had to wait is asked for five rounds in any case."""
        taken = {what: [] for what in self.wants if what not in but}
        late = {}
        while rounds > 0 or late:
            for what in taken if rounds > 0 else late:
                taken[what].append(self.seconds(what))
            rounds -= 1
            late = {what: [round(one, 2) for one in seconds] for what, seconds in taken.items()
                    if statistics.median(seconds) > SOON}
            check(all(len(seconds) < 5 for seconds in late.values()), f"within {SOON} s", late)

    def seconds(self, what):
        """How long an answer to `what` takes, in seconds."""
        began = time.monotonic()
        try:
            self.wants[what]()
        except Exception as why:
            raise AssertionError(f"{what}: {why!r} after {time.monotonic() - began:.1f} s\n{self.target.log()[-4000:]}") from why
        taken = time.monotonic() - began
        self.worst[what] = max(taken, self.worst.get(what, 0))
        return taken


class Crowd:
    """Opens `size` sockets from one address to a port of 127.0.0.1 (or a path), until close(). Each of them sends
    `said` and then nothing more. A socket that is closed at the other end is replaced, at most `rate` a second."""

    def __init__(self, cleanup, to, size, said=b"", source=ATTACKERS, rate=2000):
        self.to, self.size, self.said, self.source, self.rate = to, size, said, source, rate
        self.opened = 0
        self.ending = False
        self.selector = selectors.DefaultSelector()
        self.thread = threading.Thread(target=self.run, daemon=True)
        cleanup.callback(self.close)
        self.thread.start()
        eventually(lambda: self.opened >= size, "the crowd is there", 30)

    def close(self):
        self.ending = True
        self.thread.join()

    def run(self):
        began, count = time.monotonic(), 0
        while not self.ending:
            allowed = self.size + int((time.monotonic() - began) * self.rate)
            while count < self.size and self.opened < allowed and not self.ending:
                count += self.open()
            for key, _ in self.selector.select(0.01):
                count -= self.look_at(key.fileobj)
        for key in list(self.selector.get_map().values()):
            self.leave(key.fileobj)
        self.selector.close()

    def open(self):
        if isinstance(self.to, str):
            one, address = socket.socket(socket.AF_UNIX), self.to
        else:
            one, address = socket.socket(), ("127.0.0.1", self.to)
            one.bind((self.source, 0))
        one.setblocking(False)
        self.opened += 1
        try:
            one.connect(address)
        except BlockingIOError:
            pass
        except OSError:
            one.close()
            return 0
        self.selector.register(one, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.said else 0))
        return 1

    def look_at(self, one):
        """1: the other end has closed it. 0: it stays."""
        try:
            if self.said and self.selector.get_key(one).events & selectors.EVENT_WRITE:
                one.send(self.said)
                self.selector.modify(one, selectors.EVENT_READ)
                return 0
            if one.recv(4096):
                return 0
        except BlockingIOError:
            return 0
        except OSError:
            pass
        self.leave(one)
        return 1

    def leave(self, one):
        self.selector.unregister(one)
        one.close()


@contextlib.contextmanager
def unharmed(target, bystanders, megabytes=16, lines=40):
    """The attack runs inside. Afterwards the node is as before, without additional descriptors or connections.
    Meanwhile it took at most `megabytes` more memory, and wrote at most `lines` lines to its log. Each newcomer causes
    two of these lines."""
    bystanders.served(1)  # what is made once is made now
    eventually(lambda: not any(name.startswith("newcomer") for name in target.connected()), "who came for that has gone")
    connected, descriptors, said = target.connected(), target.descriptors(), len(target.lines())
    target.forget_peak()
    resident = target.kilobytes("VmRSS")
    yield
    check(target.process.poll() is None, "it ended", target.process.returncode, target.log()[-4000:])
    with contextlib.suppress(AssertionError):
        eventually(lambda: len(target.descriptors()) <= len(descriptors), "")
    left = target.descriptors()
    check(len(left) <= len(descriptors), "its descriptors are as before", descriptors, left)
    eventually(lambda: target.connected() == connected, "its connections are as before", 30)
    more = (target.kilobytes("VmHWM") - resident) / 1024
    # A sanitizer keeps freed memory for a while.
    check(more <= megabytes or reports.folder, f"at most {megabytes} MiB more", more)
    logged = target.lines()[said:]
    check(len(logged) <= lines, f"at most {lines} lines", len(logged), *logged[:5], *logged[-5:])
