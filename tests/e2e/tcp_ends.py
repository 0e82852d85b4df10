#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How connections end: clients that reset at any moment, ten thousand clients that come and go, and stops while some
actors are busy or some clients do not read or are gone. Nothing of them is left."""
import contextlib
import os
import socket
import struct
import threading

from harness.certificates import Authority
from harness.node import Folder
from harness.tap import check, contains, equal, eventually, run, test
from harness.tcp_gate import Client, Gate


def descriptors(node, kind=""):
    """The number of open descriptors of the node, or of one kind of them. The first connection on a worker, and the
    first takeover of a worker, leave the node with descriptors other than sockets for good."""
    folder, found = node.proc("fd"), 0
    for entry in os.listdir(folder):
        with contextlib.suppress(OSError): # closed meanwhile
            found += os.readlink(f"{folder}/{entry}").startswith(kind)
    return found


def no_socket_beyond(gate, count):
    eventually(lambda: descriptors(gate.node, "socket:") <= count, f"no socket is left beyond {count}")


def secured(cleanup):
    """The address of a listener with TLS, and the first part of a client's first handshake message."""
    folder = Folder()
    cleanup.callback(folder.close)
    certificate, key = Authority(folder.path).issue("server")
    place = f"[{{ address: 127.0.0.1, port: 0, tls: {{ certificate: {certificate}, key: {key}, verify: none }} }}]"
    return place, b"\x16\x03\x01\x00\xf0" + bytes(40)


@test("clients that reset or vanish at any moment leave nothing behind")
def resets(cleanup):
    gate = Gate(cleanup)
    gate.open(0)
    before = descriptors(gate.node, "socket:")
    for round_of in range(100):
        client = gate.connect(hears=False)
        if round_of % 3 == 1:
            client.send(b"echo half a li")
        if round_of % 3 == 2:
            client.send(b"fill\n" + b"echo x\n" * 100)
        client.reset()
    gate.open(0)
    equal(gate.report()["accepted"], 100)
    no_socket_beyond(gate, before)
    equal(gate.actors(), [])


def come_and_go(address, count):
    """Connects this many clients, which end in turn by a reset at once, after an answer, by the end of the actor, and
    by a reset in the middle of a line."""
    for number in range(count):
        client = Client(socket.create_connection(address, 20))
        with client.socket:
            if number % 4 == 0:
                client.reset()
                continue
            contains(client.line(), b"hello")
            if number % 4 == 1:
                client.send(b"echo %d\n" % number)
                equal(client.line(), b"%d" % number)
            elif number % 4 == 2:
                client.send(b"close\n")
                equal(client.ends(), b"")
            else:
                client.send(b"echo half a li")
                client.reset()


@test("ten thousand connects and closes of several clients leave no descriptor and no actor")
def many(cleanup):
    gate = Gate(cleanup)
    address, faults = gate.address(), []

    def client(count):
        try:
            come_and_go(address, count)
        except Exception as why:
            faults.append(why)

    def clients(number, count):
        threads = [threading.Thread(target=client, args=(count,)) for _ in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(faults, [])
        gate.open(0)

    clients(4, 25)
    sockets, all_of_them = descriptors(gate.node, "socket:"), descriptors(gate.node)
    clients(4, 2500)
    report = gate.report()
    equal((report["accepted"], sum(report["ended"].values()), report["failed"], report["crashed"]), (10_100, 10_100, 0, 0))
    no_socket_beyond(gate, sockets)
    check(descriptors(gate.node) < all_of_them + 50, "nor others", all_of_them, descriptors(gate.node))
    equal(gate.actors(), [])


@test("clients that reset while a proxy's header comes, and in the handshake behind it, leave nothing behind")
def proxied(cleanup):
    line = b"PROXY TCP4 10.1.2.3 10.0.0.1 4711 443\r\n"
    binary = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11]) + struct.pack(">H", 12) + socket.inet_aton("10.9.9.9")
    place, hello = secured(cleanup)
    for listen, behind in (("[{ address: 127.0.0.1, port: 0 }]", b"echo half a li"), (place, hello)):
        gate = Gate(cleanup, listen=listen, more=["proxy_protocol: { accept: either }"])
        before = descriptors(gate.node, "socket:")
        parts = [b"", line[:1], line[:-1], binary[:5], binary[:14], binary, line, line + behind]
        for part in parts * 10:
            client = gate.connect(hears=False)
            client.send(part)
            client.reset()
        gate.open(0)
        report = gate.report()
        equal((report["accepted"], report["crashed"], report["ended"]["proxy"]), (len(parts) * 10, 0, 0))
        no_socket_beyond(gate, before)
        equal(gate.actors(), [])
    gate = Gate(cleanup, more=["proxy_protocol: { accept: either }"])
    for part in (b"", line[:9]): # a client that is still in its header delays no other
        gate.connect(hears=False).send(part)
    client = gate.connect(hears=False)
    client.send(line + b"echo here\n")
    contains(client.line(), b"hello 10.1.2.3")
    equal(client.line(), b"here")


@test("a stop lets what has come be handled, and ends within its time")
def stops(cleanup):
    gate = Gate(cleanup, more=["drain: 5s"])
    client = gate.connect()
    client.send(b"sleep 700\n" + b"echo after\n")
    pid = gate.actors()[0]
    eventually(lambda: gate.node.status(pid) == "parked", "it is in its handler")
    gate.node.process.terminate()
    equal(client.line(), b"after")
    equal(client.ends(), b"")
    equal(gate.node.process.wait(20), 0)


@test("clients that reset while their listener drains, busy or deaf, hold up no stop and cost the others nothing")
def stops_resets(cleanup):
    gate = Gate(cleanup, more=["drain: 60s"])
    address = gate.address()
    busy, stays, deaf, idle = (gate.connect() for _ in range(4))
    deaf.send(b"fill\n")
    for client in (busy, stays):
        client.send(b"sleep 2000\necho after\n")
    parked = lambda: [gate.node.status(pid) for pid in gate.actors()].count("parked")
    eventually(lambda: parked() == 2, "two are in their handlers")
    gate.node.process.terminate()
    equal(idle.ends(), b"", "it drains")
    with contextlib.suppress(ConnectionRefusedError):
        check(False, "and takes no more", socket.create_connection(address, 20))
    for client in (busy, deaf):
        client.reset()
    equal(stays.line(), b"after")
    equal(stays.ends(), b"")
    equal(gate.node.process.wait(20), 0, gate.node.log()[-3000:])


@test("a client that does not get on with TLS holds up no stop")
def stops_handshakes(cleanup):
    gate = Gate(cleanup, listen=secured(cleanup)[0], more=["drain: 60s"])
    gate.connect(hears=False)
    gate.open(1)
    equal(gate.node.stop(seconds=5), 0)


run()
