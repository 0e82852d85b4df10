# SPDX-License-Identifier: MIT
"""A wire between two nodes, which a test can cut, or hold or slow down in one direction: a TCP proxy on 127.0.0.1. A cluster has a
wire from each node to each other node that it connects to; together they make its partitions.

Each wire has one thread, which carries its bytes and never blocks on a side that does not read. Any thread may cut, hold and heal.
"""
import contextlib
import select
import socket
import threading
import time

FEW_KEPT = 1 << 16  # bytes that the kernel keeps in a slow direction
# Bytes of a segment, as on Ethernet. A segment of the loopback device is as long as FEW_KEPT: the sender would wait
# until all of that is free, and would probe ever more rarely.
SEGMENT = 1448
MOST_KEPT = 1 << 18  # bytes under way in one direction of a connection; then the sender waits


class Side:
    """One end of a connection through the wire, and the bytes that are on their way to it."""

    def __init__(self, end, from_near):
        self.socket, self.from_near = end, from_near  # from_near: this end is the connecting side's
        self.other = None
        self.kept = bytearray()
        end.setblocking(False)


class Pace:
    """The rate of a slow direction of a wire, in bytes a second, and the number of bytes carried."""

    def __init__(self, rate):
        self.rate, self.carried = rate, 0
        self.free, self.at = 0.0, time.monotonic()

    def room(self):
        """How many bytes may be carried now. An unused allowance of more than a tenth of a second is lost."""
        now = time.monotonic()
        self.free = min(self.free + (now - self.at) * self.rate, self.rate / 10)
        self.at = now
        return int(self.free)

    def took(self, count):
        self.free -= count
        self.carried += count


class Wire:
    """Forwards connections on .port to `port`. While it is cut, it breaks off every connection and refuses new ones."""

    def __init__(self, cleanup, port):
        self.target = port
        self.listener = socket.socket()
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.sides = {}  # by socket
        self.waiting = []  # connections that came while it was held
        self.whole = True
        self.held = set()  # directions in which nothing is carried, by Side.from_near
        self.paces = {}  # the pace of each slow direction, by Side.from_near
        self.wake, self.woken = socket.socketpair()
        self.wake.setblocking(False)
        self.woken.setblocking(False)
        self.ends = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        cleanup.callback(self.close)

    def cut(self):
        """Breaks off the connections. Both sides learn of it at once. Bytes on their way do not arrive."""
        with self.lock:
            self.whole = False
            self._drop_all()
        self._look_again()

    def hold(self, there=True, back=True):
        """Carries nothing more from the connecting side (`there`) or to it (`back`), and neither side learns of it.
        Bytes sent meanwhile arrive after heal(), unless a side has given up. New connections wait."""
        with self.lock:
            self.held |= {direction for direction, chosen in ((True, there), (False, back)) if chosen}

    def slow(self, there, rate):
        """From now on carries `rate` bytes a second from the connecting side (`there`) or to it, and keeps few of them.
        The result's .carried is the number of bytes so far."""
        with self.lock:
            self.paces[there] = Pace(rate)
            for side in self.sides.values():
                self._keep_few(side)
            return self.paces[there]

    def _keep_few(self, side):
        # Otherwise the kernel would keep more and more bytes for a slow reader.
        if side.from_near in self.paces:
            with contextlib.suppress(OSError):
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, FEW_KEPT)

    def heal(self):
        with self.lock:
            self.whole = True
            self.held.clear()
            self.paces.clear()
            waiting, self.waiting = self.waiting, []
            for near in waiting:
                self._join(near)
        self._look_again()

    def close(self):
        self.ends = True
        self._look_again()
        self.thread.join()
        self.cut()
        for one in (self.listener, self.wake, self.woken):
            one.close()

    def _look_again(self):
        with contextlib.suppress(BlockingIOError):  # the thread has been woken already
            self.wake.send(b"x")

    def _drop_all(self):
        for one in list(self.sides.values()):
            self._drop(one)
        for near in self.waiting:
            near.close()
        self.waiting.clear()

    def _drop(self, side):
        for one in (side, side.other):
            if self.sides.pop(one.socket, None) is not None:
                with contextlib.suppress(OSError):
                    one.socket.shutdown(socket.SHUT_RDWR)
                one.socket.close()

    def _run(self):
        while not self.ends:
            with self.lock:
                read = [self.listener, self.woken]
                full = {direction for direction, pace in self.paces.items() if pace.room() == 0}
                read += [one.socket for one in self.sides.values()
                         if one.from_near not in self.held | full and len(one.other.kept) < MOST_KEPT]
                patience = 0.01 if full else 1
                write = [one.socket for one in self.sides.values() if one.kept and one.other.from_near not in self.held]
            # A descriptor that is closed meanwhile is looked at again; -1 is the descriptor of a socket that is
            # closed already.
            with contextlib.suppress(OSError, ValueError):
                readable, writable, _ = select.select(read, write, [], patience)
                for one in readable:
                    if one is self.listener:
                        self._accept()
                    elif one is self.woken:
                        self.woken.recv(1 << 10)
                    else:
                        self._read(one)
                for one in writable:
                    self._write(one)

    def _accept(self):
        near, _ = self.listener.accept()
        with self.lock:
            if not self.whole:
                near.close()
            elif self.held:
                self.waiting.append(near)
            else:
                self._join(near)

    def _join(self, near):
        far = socket.socket()
        try:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
            far.settimeout(5)
            far.connect(("127.0.0.1", self.target))
        except OSError:
            far.close()
            near.close()
            return
        for one in (near, far):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first, second = Side(near, True), Side(far, False)
        first.other, second.other = second, first
        self.sides[near], self.sides[far] = first, second
        for side in (first, second):
            self._keep_few(side)

    def _read(self, one):
        with self.lock:
            side = self.sides.get(one)
            if side is None or side.from_near in self.held:
                return
            pace = self.paces.get(side.from_near)
            room = 1 << 16 if pace is None else min(1 << 16, pace.room())
            if room == 0:
                return
            try:
                data = one.recv(room)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if pace is not None:
                pace.took(len(data))
            side.other.kept += data
            self._flush(side.other)
            if not data:
                self._drop(side)

    def _write(self, one):
        with self.lock:
            side = self.sides.get(one)
            if side is not None and side.other.from_near not in self.held:
                self._flush(side)

    def _flush(self, side):
        while side.kept:
            try:
                del side.kept[:side.socket.send(side.kept)]
            except BlockingIOError:
                return
            except OSError:
                self._drop(side)
                return


class Mesh:
    """The wires of a cluster. `ports`: each member's listening port, by its name. For each pair of names (from, to)
    there is the wire by which `from` connects to `to`. Two nodes have one connection for distribution, whichever side
    has made it."""

    def __init__(self, cleanup, ports):
        self.ports = dict(ports)
        self.wires = {(one, other): Wire(cleanup, self.ports[other]) for one in self.ports for other in self.ports if one != other}

    def hold(self, one, other):
        """From now on nothing goes from `one` to `other`, whichever side has connected. The other direction works."""
        self.wires[one, other].hold(there=True, back=False)
        self.wires[other, one].hold(there=False, back=True)

    def slow(self, one, other, rate):
        """From now on `rate` bytes a second go from `one` to `other`. Returns a function that returns the number of
        bytes so far."""
        paces = (self.wires[one, other].slow(True, rate), self.wires[other, one].slow(False, rate))
        return lambda: sum(pace.carried for pace in paces)

    def cut(self, one, other):
        for pair in ((one, other), (other, one)):
            self.wires[pair].cut()

    def heal(self):
        for wire in self.wires.values():
            wire.heal()

    def part(self, connected, how):
        """Keeps pairs for which connected(one, other) is true, and separates all others by how(one, other): hold or
        cut."""
        for one in self.ports:
            for other in self.ports:
                if one != other and not connected(one, other):
                    how(one, other)


def in_ring(names):
    """Each member reaches only its two neighbours."""
    names = list(names)
    at = {name: number for number, name in enumerate(names)}
    return lambda one, other: (at[one] - at[other]) % len(names) in (1, len(names) - 1)


def over_bridge(names):
    """Two halves, and one member that reaches both of them."""
    names = list(names)
    middle = len(names) // 2
    side = {name: number - middle for number, name in enumerate(names)}
    return lambda one, other: side[one] * side[other] >= 0


def apart(group):
    """The members of the group reach each other, and so do the other members."""
    return lambda one, other: (one in group) == (other in group)
