#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Uninvited input on the node's sockets: nonsense, too much, too slow, half-closed. The node refuses it, forgets it,
and goes on serving."""
import contextlib
import socket

from harness.node import Node, until_closed
from harness.tap import contains, equal, eventually, run, shared, test


demo = shared(Node)


def unix_connection(cleanup, path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(path)
    cleanup.callback(connection.close)
    return connection


@test("garbage on the control socket is answered with an error and closed")
def control_garbage(cleanup):
    node = demo()
    for garbage in (b"hello\n", b"\x00\xff\xfe\n", b"[]\n", b'{"command":1}\n'):
        connection = unix_connection(cleanup, node.socket)
        connection.sendall(garbage)
        contains(until_closed(connection).decode(), '"error"')
    equal(node.call("kv", "size"), "0")


@test("an endless request is cut off at the bound")
def control_too_much(cleanup):
    node = demo()
    connection = unix_connection(cleanup, node.socket)
    chunk = b"x" * (1 << 20)
    try:
        for _ in range(64):
            connection.sendall(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    until_closed(connection)
    equal(node.call("kv", "size"), "0")


@test("an unknown command is refused and the connection goes on")
def unknown_command(cleanup):
    connection = demo().connection()
    contains(connection.reply("frobnicate")["error"]["why"], "no such command")
    equal(connection.reply("call", name="kv", term="size")["result"]["reply"], "0")


@test("a client that leaves before its answer leaves nothing behind")
def half_closed(cleanup):
    node = demo()
    before = node.ask("status")["processes"]
    for _ in range(20):
        connection = unix_connection(cleanup, node.socket)
        connection.sendall(b'{"command":"call","arguments":{"name":"probe","term":"{sleep, 100}","timeout_ms":5000}}\n')
        connection.close()
    eventually(lambda: node.ask("status")["processes"] == before, "the callers are gone")


@test("garbage on the distribution port is refused with a line in the log")
def distribution_garbage(cleanup):
    node = demo()
    address = node.ask("status")["listen"][0]
    host, port = address.rsplit(":", 1)
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00", b"\xff" * 4096, b"\x00\x07N\x00\x00\x00\x00\x00\x00"):
        connection = socket.create_connection((host, int(port)), 20)
        cleanup.callback(connection.close)
        with contextlib.suppress(OSError):  # it may have refused the first bytes already
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
        until_closed(connection)
    node.said("handshake")
    equal(node.call("kv", "size"), "0")


@test("garbage on the EPMD port is refused and the names stay")
def epmd_garbage(cleanup):
    node = demo()
    for garbage in (b"\x00\x00", b"\xff\xff" + b"x" * 70000, b"\x00\x01\xff", b"\x00\x01"):
        connection = socket.create_connection(("127.0.0.1", node.epmd_port), 20)
        cleanup.callback(connection.close)
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        until_closed(connection)
    connection = socket.create_connection(("127.0.0.1", node.epmd_port), 20)
    cleanup.callback(connection.close)
    connection.sendall(b"\x00\x01n")
    contains(until_closed(connection).decode("latin1"), "name demo at port")


run()
