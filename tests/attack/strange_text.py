#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Text from strangers is one line of harmless text in the log, and is not logged again and again."""
import unicodedata

from harness.attack import ATTACKERS, Bystanders, Target, unharmed
from harness.distribution import Opening, connect, prefixed, receive
from harness.tap import check, equal, run, test

FORGED = "2026-01-01T00:00:00.000000Z error   node: all is lost"
NAMES = [f"x@y\n{FORGED}".encode(), b"x\x1b[2J@127.0.0.1", "x\u009b2J@127.0.0.1".encode(), b"\xff\xfe@127.0.0.1",
         "x\u202e@127.0.0.1".encode(), "x\u2028y@127.0.0.1".encode(), b"x\r\ny@127.0.0.1"]


def refused(target, name):
    one = Opening(target.port, ATTACKERS)
    try:
        equal(one.name_ourselves(name), b"not_allowed", repr(name))
    finally:
        one.close()


@test("no name of a stranger's forges a line or drives a terminal")
def openings(cleanup):
    target = Target(cleanup, settings=[("node.log.level", "debug")])
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, lines=400):
        for name in NAMES:
            refused(target, name)
            with connect(("127.0.0.1", target.epmd_port), ATTACKERS) as epmd:
                epmd.sendall(prefixed(b"z" + name))
                equal(receive_all(epmd), b"")
        bystanders.served(1)
        target.said("\\x0a" + FORGED)
        wild = [repr(line) for line in target.log().split("\n")
                if line == FORGED or any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in line)]
        check(not wild, "lines that are not as they should be", *wild)


@test("a name with a line feed is not registered, so that EPMD tells nobody of it")
def registrations(cleanup):
    target = Target(cleanup)
    name = b"x\nname fake at port 1"
    with connect(("127.0.0.1", target.epmd_port)) as epmd:
        epmd.sendall(prefixed(b"x\0\1\x4d\0\0\6\0\5" + prefixed(name) + prefixed(b"")))
        equal(receive_all(epmd), b"")
    with connect(("127.0.0.1", target.epmd_port)) as epmd:
        epmd.sendall(prefixed(b"n"))
        receive(epmd, 4)
        equal(receive_all(epmd).decode(), f"name demo at port {target.port}\n")


@test("a thousand refusals are a few lines, with their number")
def repeated(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, lines=60):
        for _ in range(1000):
            refused(target, b"no name")
        bystanders.served()
    target.stop()
    target.said(" more like this within 10 s: connection from")


def receive_all(connection):
    received = b""
    while part := connection.recv(4096):
        received += part
    return received


if __name__ == "__main__":
    run()
