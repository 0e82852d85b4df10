#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that announce long frames and send almost nothing of them. The node keeps only what they have sent, and the
mailboxes of other actors do not run short of memory because of it."""
import socket
import struct
import urllib.request

from harness.node import free_port
from harness.tap import check, equal, eventually, run, test
from harness.tcp_gate import Gate

ANNOUNCED, CLIENTS = 15 << 20, 300
ESTABLISHED = "01"


@test("300 clients that announce 15 MiB each have next to nothing kept for them, and others' messages find room")
def announced(cleanup):
    http = free_port()
    gate = Gate(cleanup, actor="slices", frame="{ kind: length, bytes: 4 }", more=["read: { frame: 10m }"],
                beside='        - { id: kv, actor: kv, name: kv }\n',
                settings=(("control.http", f"{{ port: {http} }}"), ("node.limits.memory", "256MiB")))

    def memory():
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=10) as answer:
            return next(int(float(line.split()[1])) for line in answer.read().decode().splitlines()
                        if line.startswith("coppice_message_memory_bytes "))

    before = memory()
    clients = [gate.connect(hears=False) for _ in range(CLIENTS)]
    for part in (struct.pack(">I", ANNOUNCED), b"x", b"y"):
        for one in clients:
            one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.send(part)
        eventually(lambda: gate.report()["waiting"] == 0 and unread(gate.node) == 0, "all has been read", 30)
    check(memory() - before < 32 << 20, "what was announced is not kept", memory() - before)
    for number in range(50):
        equal(gate.node.call("kv", f"{{put, {number}, {number}}}"), "ok")
    honest = gate.connect(hears=False)
    whole = b"w" * ANNOUNCED
    honest.socket.settimeout(60)
    honest.send(struct.pack(">I", len(whole)) + whole)
    check(honest.take(len(whole)) == whole, "who sends it all is answered")
    for one in clients:
        one.reset()
    gate.open(1)
    eventually(lambda: memory() - before < 64 << 20, "it is free again")


def unread(node):
    """The number of bytes that wait in the node's sockets."""
    with open(f"/proc/{node.process.pid}/net/tcp", encoding="ascii") as table:
        return sum(int(line.split()[4].partition(":")[2], 16) for line in table.read().splitlines()[1:]
                   if line.split()[3] == ESTABLISHED)


run()
