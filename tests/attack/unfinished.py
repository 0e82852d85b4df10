#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Messages that are begun and never ended, in fragments and in one frame, from one peer and from several peers. They
share a part of the node's memory. If that part is full, the connection that holds the most is ended, and no other
client notices."""
import struct
import threading
import time

from harness.attack import ATTACKERS, BYSTANDERS, Bystanders, Target, peer, unharmed
from harness.distribution import REG_SEND, Atom, Peer
from harness.tap import check, contains, equal, eventually, run, test
from harness.term import encode

MEBIBYTE = 1 << 20
MEMORY = 256  # MiB; unfinished messages may take a quarter of it
SETTINGS = [("node.limits.memory", f"{MEMORY}MiB")]
ENDLESS = 1 << 40  # number of fragments


def control(one, to):
    return encode((REG_SEND, one.pid(), Atom(""), Atom(to)))


def fragment(one, sequence, left, part, first=b""):
    """Sends a fragment. `first`: the control message, if this is the first fragment of a message."""
    head = b"\x83" + (b"E" if first else b"F") + struct.pack(">QQ", sequence, left)
    one.send_frame(head + (b"\0" + first if first else b"") + part)


def begin(one, sequence, size=MEBIBYTE // 4):
    """Sends the first `size` bytes of a binary of 60 MiB, in a message that claims an endless number of fragments. The
    node makes room for four times as much."""
    fragment(one, sequence, ENDLESS, b"m" + struct.pack(">I", 60 * MEBIBYTE) + bytes(size), control(one, "kv"))


def flood(one, most=400):
    """Begins messages until the node ends the connection. Returns how many were begun."""
    for sequence in range(most):
        try:
            begin(one, sequence)
        except OSError:
            return sequence
    return most


def is_ended(one):
    try:
        while one.socket.recv(65536):
            pass
    except OSError as why:
        return not isinstance(why, TimeoutError)
    return True


def send_large(one, sequence, size, parts=64):
    """Sends a whole message of an honest client in fragments: {put, Name, Binary} for kv."""
    message = encode((Atom("$gen_cast"), (Atom("put"), Atom(one.name), bytes(size))))
    each = len(message) // parts + 1
    cut = [message[at:at + each] for at in range(0, len(message), each)]
    for number, part in enumerate(cut):
        fragment(one, sequence, len(cut) - number, part, b"" if number else control(one, "kv"))


@test("fragments that never end cost their sender its connection, every time, and nobody else anything")
def one_peer(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=MEMORY // 4 + 48, lines=60):
        for number in range(3):
            one = peer(cleanup, target, f"mallory{number}")
            check(flood(one) < 400 or is_ended(one), "the connection is ended")
            bystanders.served(2)
            one.close()
            # The peers are measured one after the other, so the previous peer has to be gone.
            eventually(lambda: not any(name.startswith("mallory") for name in target.connected()), "it has gone")
        said = eventually(lambda: [line for line in target.lines() if "holds the most" in line], "a line tells of it")
        equal(len(said), 1, "the others are counted")
        for part in (f"mallory0@{ATTACKERS}", "fragmented message", "bytes"):
            contains(said[0], part)


@test("fragments that never end from several peers at once, who come back, let honest large messages through")
def several(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    ending = threading.Event()

    def attack(number):
        for again in range(1000):
            if ending.is_set():
                return
            try:
                one = Peer(target.port, f"mallory{number}_{again % 2}@{ATTACKERS}", source=ATTACKERS)
                flood(one)
                one.close()
            except (OSError, EOFError, AssertionError):
                continue

    with unharmed(target, bystanders, megabytes=MEMORY // 2 + 96, lines=100_000):
        honest = [peer(cleanup, target, f"large{number}", BYSTANDERS) for number in range(3)]
        attackers = [threading.Thread(target=attack, args=(number,), daemon=True) for number in range(4)]
        for one in attackers:
            one.start()
        senders = [threading.Thread(target=send_large, args=(one, 1, 6 * MEBIBYTE)) for one in honest]
        for one in senders:
            one.start()
        bystanders.served()
        for one in senders:
            one.join()
        for one in honest:
            equal(one.call("kv", (Atom("get"), Atom(one.name))), (Atom("ok"), bytes(6 * MEBIBYTE)))
            equal(one.call("kv", (Atom("delete"), Atom(one.name))), Atom("ok"))
            one.close()
        ending.set()
        for one in attackers:
            one.join()


@test("a frame that never ends is a message that never ends")
def frames(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=MEMORY // 4 + 96, lines=60):
        crowd = [peer(cleanup, target, f"mallory{number}") for number in range(4)]
        for one in crowd:
            try:
                one.socket.sendall(struct.pack(">I", 63 * MEBIBYTE) + b"p" + bytes(20 * MEBIBYTE))
            except OSError:
                pass
        bystanders.served()
        eventually(lambda: any("holds the most" in line for line in target.lines()), "the largest goes")
        for one in crowd:
            one.close()


@test("a message that does not go on ends its connection after four ticktimes, though its peer ticks")
def stale(cleanup):
    target = Target(cleanup, settings=[*SETTINGS, ("distribution.ticktime", "1s")])
    one = peer(cleanup, target, "mallory")
    begin(one, 5)
    began = time.monotonic()
    one.socket.setblocking(False)

    def ended():
        try:
            one.socket.send(bytes(4))
            return one.socket.recv(65536) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
    eventually(ended, "the connection is ended", 15)
    check(time.monotonic() - began > 3.5, "not before its time", time.monotonic() - began)
    line = eventually(lambda: [line for line in target.lines() if "mallory" in line and "disconnected" in line], "a line")[0]
    contains(line, "fragmented message 5")
    equal(target.connected(), [])


if __name__ == "__main__":
    run()
