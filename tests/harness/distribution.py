# SPDX-License-Identifier: MIT
"""A minimal client of EPMD and the distribution protocol: it looks up a node's port, does a handshake as far as a test wants, and
then sends what the test wants. Calls block; each object is one connection. Opening.send() and Peer.send_frame() check nothing, so
that a test can send what no honest node would.
"""
import contextlib
import hashlib
import itertools
import os
import socket
import struct
import time

from harness.term import VERSION, Atom, Pid, Raw, Reference, decode, encode

# The flags that OTP 26 and later require, and the flag that says the same to OTP 25. Without the flags of the atom
# cache and of fragments every frame is a pass-through one.
MANDATORY = 0x403070F94 | 1 << 26
PUBLISHED = 1
CREATION = 77
SEND, REG_SEND = 2, 6


def connect(address, source=None, seconds=10.0):
    """A connected socket; `source` is the local address to connect from."""
    return socket.create_connection(address, timeout=seconds, source_address=(source, 0) if source else None)


def receive(connection, count):
    """Exactly `count` bytes. EOFError: the connection ended before."""
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise EOFError(f"closed after {len(received)} of {count} bytes")
        received += part
    return received


def ask_epmd(epmd_port, alive, source=None, seconds=10.0):
    """The port that an EPMD has for a name. None: it knows no such node."""
    with connect(("127.0.0.1", epmd_port), source, seconds) as epmd:
        epmd.sendall(prefixed(b"z" + alive.encode()))
        if receive(epmd, 2) != b"w\0":
            return None
        return struct.unpack(">H", receive(epmd, 2))[0]


def prefixed(body):
    return struct.pack(">H", len(body)) + body


def opening(name, flags=MANDATORY, creation=CREATION):
    """The first message of the connecting side."""
    text = name.encode() if isinstance(name, str) else name
    return prefixed(b"N" + struct.pack(">QIH", flags, creation, len(text)) + text)


class Opening:
    """A connection whose handshake has not ended: each step is a call."""

    def __init__(self, port, source=None, seconds=10.0):
        self.socket = connect(("127.0.0.1", port), source, seconds)

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """The body of the next message."""
        return receive(self.socket, struct.unpack(">H", receive(self.socket, 2))[0])

    def name_ourselves(self, name, flags=MANDATORY):
        """Sends our name and flags; returns the node's status as bytes."""
        self.send(opening(name, flags))
        return self.receive()[1:]

    def prove(self, cookie):
        """Answers the challenge; returns the name that the node gives itself. EOFError: it closed when it got our
        proof."""
        challenge = self.receive()
        _, theirs, self.creation, size = struct.unpack(">QIIH", challenge[1:19])
        ours = int.from_bytes(os.urandom(4), "big")
        self.send(prefixed(b"r" + struct.pack(">I", ours) + digest(cookie, theirs)))
        if self.receive() != b"a" + digest(cookie, ours):
            raise AssertionError("the node does not know the cookie")
        return challenge[19:19 + size].decode()


def digest(cookie, challenge):
    return hashlib.md5(f"{cookie}{challenge}".encode()).digest()


class Peer:
    """A peer whose handshake is done. It is hidden unless `flags` say otherwise."""

    connections = itertools.count()

    def __init__(self, port, name, cookie="testcookie_of_24_letters", source=None, flags=MANDATORY, seconds=10.0):
        way = Opening(port, source, seconds)
        self.socket, self.name = way.socket, name
        self.numbers = itertools.count(1)
        self.connection = next(self.connections)  # an answer may come late, to a later connection of the same name
        try:
            status = way.name_ourselves(name, flags)
            if status not in (b"ok", b"ok_simultaneous"):
                raise AssertionError(f"{name} is not let in: {status!r}")
            self.node = way.prove(cookie)
            self.theirs = way.creation
        except BaseException:
            self.close()
            raise

    def close(self):
        """Closes the connection, also while a thread waits to read: the system keeps the socket open, and the node
        stays connected, until that thread has been woken."""
        with contextlib.suppress(OSError):  # it is closed already
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def pid(self, number=1):
        return Pid(self.name, number)

    def reference(self):
        return Reference(self.name, (next(self.numbers), self.connection, 0))

    def send_frame(self, body):
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def control(self, message, payload=None):
        """Sends a control message and its payload, if there is one; both are terms."""
        self.send_frame(b"p" + VERSION + encode(message) + (b"" if payload is None else VERSION + encode(payload)))

    def send(self, name, message):
        """Sends to a registered process."""
        self.control((REG_SEND, self.pid(), Atom(""), Atom(name)), message)

    def receive(self, deadline=None):
        """The control message and the payload (or None) of the next frame; ticks are answered. TimeoutError: no frame
        by the deadline."""
        while True:
            if deadline is not None:
                self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            size = struct.unpack(">I", receive(self.socket, 4))[0]
            if size:
                control, rest = decode(receive(self.socket, size)[1:])
                return control, decode(rest)[0] if rest else None
            self.send_frame(b"")

    def call(self, name, request, seconds=10.0):
        """The reply of a gen_server:call. Other messages that come meanwhile are dropped."""
        tag = self.reference()
        self.send(name, (Atom("$gen_call"), (self.pid(), tag), request))
        deadline = time.monotonic() + seconds
        while True:
            control, payload = self.receive(deadline)
            if control[0] == SEND and isinstance(payload, tuple) and len(payload) == 2 and payload[0] == tag:
                return payload[1]

    def drain(self):
        """Reads and drops everything that has come."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1 << 16):
                pass
            raise EOFError("closed")
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(10)

    def whereis(self, name, seconds=10.0):
        """The pid of a registered process, asked through rpc; an atom if there is none."""
        return self.call("rex", (Atom("call"), Atom("erlang"), Atom("whereis"), [Atom(name)], self.pid()), seconds)

    def ping(self, seconds=10.0):
        """Asks what net_adm:ping asks."""
        return self.call("net_kernel", (Atom("is_auth"), Atom(self.name)), seconds)


__all__ = ["MANDATORY", "PUBLISHED", "Atom", "Opening", "Peer", "Pid", "Raw", "Reference", "ask_epmd", "connect", "opening", "prefixed", "receive"]
