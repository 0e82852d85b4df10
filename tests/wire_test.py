#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of harness/wire.py: the bytes that a wire carries, cuts and holds, and the members of a cluster that
reach each other in partitions."""
import contextlib
import random
import socket
import threading
import time

from harness.tap import check, equal, eventually, run, test
from harness.wire import Mesh, Wire, apart, in_ring, over_bridge


class Echo:
    """A server that sends back what it receives. `frozen`: it reads nothing."""

    def __init__(self, cleanup):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.threads = []
        self.accepting = threading.Thread(target=self._accept)
        self.accepting.start()
        cleanup.callback(self.close)

    def close(self):
        self.goes_on.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        self.listener.close()
        for one in self.threads:
            one.join()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self.threads[-1].start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                self.goes_on.wait()
                connection.sendall(data)


def start(cleanup):
    echo = Echo(cleanup)
    return echo, Wire(cleanup, echo.port)


def connect(cleanup, wire):
    connection = socket.create_connection(("127.0.0.1", wire.port), 10)
    cleanup.callback(connection.close)
    return connection


def take(connection, count):
    got = b""
    while len(got) < count:
        part = connection.recv(count - len(got))
        if not part:
            raise EOFError(got)
        got += part
    return got


def silent(connection, seconds=0.2):
    connection.settimeout(seconds)
    try:
        return connection.recv(1) and False
    except TimeoutError:
        return True
    finally:
        connection.settimeout(10)


@test("what goes in comes out, in order, however much it is and however late it is read")
def carries(cleanup):
    echo, wire = start(cleanup)
    connection = connect(cleanup, wire)
    data = random.Random(1).randbytes(5_000_000)
    echo.goes_on.clear()
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    echo.goes_on.set()
    equal(take(connection, len(data)) == data, True)
    sender.join()


@test("a cut ends what is connected and refuses others, until it is healed")
def cuts(cleanup):
    _, wire = start(cleanup)
    connection = connect(cleanup, wire)
    connection.sendall(b"a")
    equal(take(connection, 1), b"a")
    wire.cut()
    with contextlib.suppress(ConnectionResetError):
        equal(connection.recv(1), b"")
    refused = connect(cleanup, wire)
    with contextlib.suppress(ConnectionResetError):
        equal(refused.recv(1), b"")
    wire.heal()
    again = connect(cleanup, wire)
    again.sendall(b"b")
    equal(take(again, 1), b"b")


@test("a slow wire carries no more than its bytes a second in that direction, all of them, and at full speed once healed")
def slows(cleanup):
    _, wire = start(cleanup)
    rate = 500_000
    data = random.Random(2).randbytes(400_000)
    for there in (True, False):
        connection = connect(cleanup, wire)
        pace = wire.slow(there, rate)
        began = time.monotonic()
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        equal(take(connection, len(data)) == data, True)
        took = time.monotonic() - began
        sender.join()
        check(took > len(data) / rate - 0.2, "it is no faster", took)  # a tenth of a second is free
        equal(pace.carried, len(data))
        wire.heal()
    connection.sendall(data)
    equal(take(connection, len(data)) == data, True)
    equal(pace.carried, len(data), "nothing counts any more")


@test("what is sent while a wire is held arrives afterwards, in each direction, and nobody hears of it")
def holds(cleanup):
    _, wire = start(cleanup)
    for there in (True, False):
        connection = connect(cleanup, wire)
        connection.sendall(b"a")
        equal(take(connection, 1), b"a")
        wire.hold(there=there, back=not there)
        connection.sendall(b"bc")
        check(silent(connection), "nothing comes")
        wire.heal()
        equal(take(connection, 2), b"bc")
    connection = connect(cleanup, wire)
    connection.sendall(b"d")
    equal(take(connection, 1), b"d")  # the wire has carried it
    wire.hold()
    wire.cut()
    wire.heal()
    equal((wire.sides, wire.waiting, wire.held), ({}, [], set()))
    with contextlib.suppress(ConnectionResetError):
        equal(connection.recv(1), b"", "a cut ends what is held too")


@test("those who connect while it is held are let through afterwards")
def waits(cleanup):
    _, wire = start(cleanup)
    wire.hold(back=False)
    connection = connect(cleanup, wire)
    eventually(lambda: wire.waiting, "the wire has it")
    connection.sendall(b"a")
    check(silent(connection), "nothing comes")
    wire.heal()
    equal(take(connection, 1), b"a")


@test("one connection that is not read does not hold up another one")
def apart_from_others(cleanup):
    _, wire = start(cleanup)
    deaf, other = connect(cleanup, wire), connect(cleanup, wire)
    deaf.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while True:
            deaf.sendall(bytes(1 << 16))
    other.sendall(b"a")
    equal(take(other, 1), b"a")


@test("a cluster is parted as a ring, over a bridge, into groups and in one direction")
def parted(cleanup):
    names = "abcde"
    echoes = {name: Echo(cleanup) for name in names}
    mesh = Mesh(cleanup, {name: echo.port for name, echo in echoes.items()})

    def held():
        """The pairs (from, to) between which nothing goes by a connection that `from` makes."""
        return {pair for pair, wire in mesh.wires.items() if True in wire.held}

    def pairs(*texts):
        return {(text[0], text[1]) for one in texts for text in (one, one[::-1])}

    mesh.part(in_ring(names), mesh.hold)
    equal(held(), pairs("ac", "ad", "bd", "be", "ce"))
    check(all(wire.held in (set(), {True, False}) for wire in mesh.wires.values()), "in both directions")
    mesh.heal()
    mesh.part(over_bridge(names), mesh.hold)
    equal(held(), pairs("ad", "ae", "bd", "be"))
    mesh.heal()
    mesh.part(apart("ab"), mesh.hold)
    equal(held(), pairs("ac", "ad", "ae", "bc", "bd", "be"))
    mesh.heal()
    equal(held(), set())
    # Whichever side has connected, b gets nothing from a, and a gets everything from b.
    mesh.hold("a", "b")
    equal((mesh.wires["a", "b"].held, mesh.wires["b", "a"].held), ({True}, {False}))
    mesh.heal()
    mesh.cut("a", "b")
    equal([pair for pair, wire in sorted(mesh.wires.items()) if not wire.whole], [("a", "b"), ("b", "a")])


run()
