# SPDX-License-Identifier: MIT
"""Erlang's external term format, as far as tests need it: what encode() takes and decode() returns.

Integers, floats, lists, tuples, bytes (binaries) and dicts (maps) are themselves; atoms, pids and references are classes of this
file. A test writes malformed terms as bytes; Raw puts these bytes into a term.
"""
import dataclasses
import struct

VERSION = b"\x83"


class Atom(str):
    """An atom. A plain str is not an atom, so that the two cannot be confused."""

    def __repr__(self):
        return f"'{self}'"


@dataclasses.dataclass(frozen=True)
class Pid:
    node: str
    id: int
    serial: int = 0
    creation: int = 77


@dataclasses.dataclass(frozen=True)
class Reference:
    node: str
    words: tuple
    creation: int = 77


@dataclasses.dataclass(frozen=True)
class Raw:
    """Bytes in the place of a term."""
    bytes: bytes


def atom(name):
    text = name.encode() if isinstance(name, str) else name
    return (b"w" + bytes([len(text)]) if len(text) < 256 else b"v" + struct.pack(">H", len(text))) + text


def encode(term):
    """One term without the version byte in front."""
    if isinstance(term, Raw):
        return term.bytes
    if isinstance(term, bool):
        return atom("true" if term else "false")
    if isinstance(term, Atom):
        return atom(term)
    if isinstance(term, int):
        return _integer(term)
    if isinstance(term, float):
        return b"F" + struct.pack(">d", term)
    if isinstance(term, bytes):
        return b"m" + struct.pack(">I", len(term)) + term
    if isinstance(term, tuple):
        head = b"h" + bytes([len(term)]) if len(term) < 256 else b"i" + struct.pack(">I", len(term))
        return head + b"".join(map(encode, term))
    if isinstance(term, list):
        return (b"l" + struct.pack(">I", len(term)) + b"".join(map(encode, term)) if term else b"") + b"j"
    if isinstance(term, dict):
        return b"t" + struct.pack(">I", len(term)) + b"".join(encode(k) + encode(v) for k, v in term.items())
    if isinstance(term, Pid):
        return b"X" + atom(term.node) + struct.pack(">III", term.id, term.serial, term.creation)
    if isinstance(term, Reference):
        count = len(term.words)
        return b"Z" + struct.pack(">H", count) + atom(term.node) + struct.pack(f">I{count}I", term.creation, *term.words)
    raise TypeError(f"no term: {term!r}")


def _integer(value):
    if 0 <= value < 256:
        return b"a" + bytes([value])
    if -(1 << 31) <= value < 1 << 31:
        return b"b" + struct.pack(">i", value)
    size = (abs(value).bit_length() + 7) // 8
    digits = bytes([value < 0]) + abs(value).to_bytes(size, "little")
    return (b"n" + bytes([size]) if size < 256 else b"o" + struct.pack(">I", size)) + digits


def decode(data):
    """The first term of `data` (a version byte is skipped) and the bytes after it."""
    reader = _Reader(data[1:] if data[:1] == VERSION else data)
    return reader.term(), reader.rest()


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def rest(self):
        return self.data[self.at:]

    def take(self, count):
        part = self.data[self.at:self.at + count]
        if len(part) < count:
            raise ValueError("a term is cut short")
        self.at += count
        return part

    def numbers(self, layout):
        return struct.unpack(">" + layout, self.take(struct.calcsize(">" + layout)))

    def number(self, layout):
        return self.numbers(layout)[0]

    def term(self):
        tag = self.take(1)
        read = self.READ.get(tag)
        if read is None:
            raise ValueError(f"a term's tag is {tag[0]}")
        return read(self)

    def terms(self, count):
        return [self.term() for _ in range(count)]

    def list(self):
        items = self.terms(self.number("I"))
        tail = self.term()
        return items if tail == [] else (items, tail)

    def big(self, size):
        negative, digits = self.number("B"), int.from_bytes(self.take(size), "little")
        return -digits if negative else digits

    def bits(self):
        size, last = self.numbers("IB")
        return Raw(struct.pack(">cIB", b"M", size, last) + self.take(size))

    def pid(self):
        node = self.term()
        number, serial, creation = self.numbers("III")
        return Pid(node, number, serial, creation)

    def reference(self):
        count, node = self.number("H"), self.term()
        creation, *words = self.numbers(f"I{count}I")
        return Reference(node, tuple(words), creation)

    READ = {
        b"a": lambda r: r.number("B"),
        b"b": lambda r: r.number("i"),
        b"n": lambda r: r.big(r.number("B")),
        b"o": lambda r: r.big(r.number("I")),
        b"F": lambda r: r.number("d"),
        b"w": lambda r: Atom(r.take(r.number("B")).decode()),
        b"v": lambda r: Atom(r.take(r.number("H")).decode()),
        b"s": lambda r: Atom(r.take(r.number("B")).decode("latin1")),
        b"d": lambda r: Atom(r.take(r.number("H")).decode("latin1")),
        b"h": lambda r: tuple(r.terms(r.number("B"))),
        b"i": lambda r: tuple(r.terms(r.number("I"))),
        b"j": lambda r: [],
        b"k": lambda r: list(r.take(r.number("H"))),
        b"l": lambda r: r.list(),
        b"m": lambda r: r.take(r.number("I")),
        b"M": lambda r: r.bits(),
        b"t": lambda r: dict(r.terms(2) for _ in range(r.number("I"))),
        b"X": lambda r: r.pid(),
        b"Z": lambda r: r.reference(),
    }
