#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coppice log check: what a durable log's folder contains and what is damaged. The segments are written here after the
description of the format alone."""
import fcntl
import json
import struct
import subprocess

from harness.node import Folder, program
from harness.tap import contains, equal, run, test

IDENTITY = bytes(range(16))
CREATE, ENTRY, VALUE, CUT_AFTER, CUT_BEFORE, REMOVE, FOOTER, END = range(1, 9)


def crc32c(data, before=0):
    total = before ^ 0xFFFFFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0x82F63B78 if total & 1 else 0)
    return total ^ 0xFFFFFFFF


class Segment:
    def __init__(self, number, first_batch):
        self.seed = crc32c(IDENTITY + struct.pack(">Q", number))
        head = b"coppices" + struct.pack(">II16sQQQI", 1, 0, IDENTITY, number, first_batch, 1, 0)
        self.bytes = head + struct.pack(">I", crc32c(head))
        self.batch = first_batch
        self.counts = {}

    def add(self, kind, group=0, serial=0, index=0, term=0, body=b"", ends=True):
        where = len(self.bytes)
        rest = struct.pack(">BBHIIIQQQQQ", kind, ends, 0, len(body), crc32c(body, self.seed), 0, self.batch, group, serial,
                           index, term)
        self.bytes += b"cpRc" + struct.pack(">I", crc32c(rest, self.seed)) + rest + body
        self.batch += ends
        if kind < FOOTER:
            self.counts[group] = self.counts.get(group, 0) + 1
        return where

    def close(self):
        body = b"".join(struct.pack(">QI", *item) for item in sorted(self.counts.items()))
        where = self.add(FOOTER, index=len(self.counts), term=1, body=body, ends=False)
        self.add(END, serial=1, index=where, term=crc32c(body, self.seed) << 32 | len(body))
        return self


def make(cleanup):
    """Makes two groups in two segments. The second segment was not closed. Returns (the folder, the place of an entry
    of `two`)."""
    made = Folder()
    cleanup.callback(made.close)
    at = made.path / "log"
    at.mkdir()
    identity = b"coppicel" + struct.pack(">I", 1) + IDENTITY
    (at / "identity").write_bytes(identity + struct.pack(">I", crc32c(identity)))
    (at / "lock").write_bytes(b"")
    first = Segment(1, 1)
    first.add(CREATE, 1, 1, body=b"one", ends=False)
    first.add(ENTRY, 1, 2, 1, 7, b"entry")
    first.add(CREATE, 2, 1, body=b"two", ends=False)
    where = first.add(ENTRY, 2, 2, 1, 7, b"entry")
    (at / "0000000000000001.log").write_bytes(first.close().bytes)
    second = Segment(2, first.batch)
    second.add(ENTRY, 1, 3, 2, 8, b"another")
    second.add(VALUE, 1, 4, 4, 0, b"voteme")
    (at / "0000000000000002.log").write_bytes(second.bytes)
    return at, where


def check(*arguments):
    return subprocess.run([program("COPPICE", "coppice"), "log", "check", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def document(at, status):
    done = check(at, "--json")
    equal((done.returncode, done.stderr), (status, ""))
    return json.loads(done.stdout)


@test("a whole log: identity, segments, live bytes, groups, and nothing is changed")
def whole(cleanup):
    at, _ = make(cleanup)
    before = {path.name: path.read_bytes() for path in at.iterdir()}
    said = document(at, 0)
    equal((said["identity"], said["whole"], said["damages"], said["torn_bytes"], said["reserved_bytes"]), (IDENTITY.hex(), True, [], 0, 0))
    equal([(one["name"], one["first"], one["last"], one["damage"]) for one in said["groups"]], [("one", 1, 2, None), ("two", 1, 1, None)])
    equal(said["bytes"], sum(len(content) for name, content in before.items() if name.endswith(".log")))
    equal(said["live_bytes"], 6 * 64 + len(b"one" b"entry" b"two" b"entry" b"another" b"voteme"))
    text = check(at)
    equal((text.returncode, text.stderr), (0, ""))
    contains(text.stdout, IDENTITY.hex())
    contains(text.stdout, "0000000000000002.log")
    equal({path.name: path.read_bytes() for path in at.iterdir()}, before)


@test("damage is named with file and offset and the group it stops, and the status is 1")
def damaged(cleanup):
    at, where = make(cleanup)
    path = at / "0000000000000001.log"
    content = bytearray(path.read_bytes())
    content[where + 66] ^= 1
    path.write_bytes(content)
    said = document(at, 1)
    equal([(one["file"], one["offset"], one["groups"]) for one in said["damages"]], [(str(path), where, [2])])
    equal([one["damage"] is None for one in said["groups"]], [True, False])
    text = check(at)
    equal(text.returncode, 1)
    contains(text.stderr, f"{path}, offset {where}: the record's checksum is wrong")
    contains(text.stderr, "it stops two")


@test("a torn tail is shown and is no damage")
def torn(cleanup):
    at, _ = make(cleanup)
    with open(at / "0000000000000002.log", "ab") as newest:
        newest.write(b"cpRc" + b"\0" * 95 + b"x")
    said = document(at, 0)
    equal((said["torn_bytes"], said["reserved_bytes"]), (100, 0))
    contains(check(at).stdout, "torn tail")


@test("zeros behind the records of the newest segment are reserved room: no records, no torn tail, and no damage")
def reserved(cleanup):
    at, _ = make(cleanup)
    before = document(at, 0)
    with open(at / "0000000000000002.log", "ab") as newest:
        newest.write(b"\0" * 100)
    said = document(at, 0)
    equal(said.pop("reserved_bytes"), before.pop("reserved_bytes") + 100)
    equal(said, before)
    contains(check(at).stdout, "100 B of zeros, room for records to come")


@test("an identity that is another log's is damage")
def foreign(cleanup):
    at, _ = make(cleanup)
    identity = b"coppicel" + struct.pack(">I", 1) + bytes(16)
    (at / "identity").write_bytes(identity + struct.pack(">I", crc32c(identity)))
    said = document(at, 1)
    equal([(one["offset"], one["why"]) for one in said["damages"]], [(0, "it is of another log")] * 2)
    text = check(at)
    equal(text.returncode, 1)
    contains(text.stderr, f"{at}/0000000000000001.log, offset 0: it is of another log")
    contains(text.stderr, "the node does not open this log")


@test("a newest segment that was zeroed is damage")
def zeroed(cleanup):
    at, _ = make(cleanup)
    with open(at / "0000000000000002.log", "wb") as newest:
        newest.truncate(10 << 20)  # longer than any first batch with reserved room
    said = document(at, 1)
    equal([(one["file"], one["offset"]) for one in said["damages"]], [(str(at / "0000000000000002.log"), 0)])


@test("a log that is open elsewhere, and a folder that is none, are refused")
def refused(cleanup):
    at, _ = make(cleanup)
    with open(at / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = check(at)
        equal((done.returncode, done.stdout), (1, ""))
        contains(done.stderr, "another process has this log open")
    done = check(at.parent)
    equal((done.returncode, done.stdout), (1, ""))
    contains(done.stderr, "holds no durable log")


if __name__ == "__main__":
    run()
