#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Peers that may not connect, and clients that are no peers: each is refused in time, with a log line that names the
fault, the reason and the remedy, and the node goes on."""
import re
import socket
import struct
import time

from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, equal, eventually, run, test


def port_of(node):
    """The distribution port of the node, as EPMD has it."""
    with socket.create_connection(("127.0.0.1", node.epmd_port), 10) as s:
        body = b"z" + node.name.partition("@")[0].encode()
        s.sendall(struct.pack(">H", len(body)) + body)
        answer = s.recv(100)
        equal(answer[:2], b"w\0")
        return struct.unpack(">H", answer[2:4])[0]


def closed(connection, seconds=15):
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def still_there(cleanup, node):
    erl = Erl(cleanup, name="ok@127.0.0.1", epmd_port=node.epmd_port)
    equal(erl(f"gen_server:call({{probe, '{node.name}'}}, ping)"), "pong", node.log())


@test("a wrong cookie is refused both ways, in words, and never written")
def wrong_cookie(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, cookie="sesame_open", epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pang")
    node.said("has another cookie")
    node.said("-setcookie")
    equal(node.call("relay", "{relay, {x, 'me@127.0.0.1'}, hi}"), "{error,nodedown}")
    node.said("so it has another")
    check("testcookie" not in node.log() and "sesame_open" not in node.log(), "no cookie in the log")
    still_there(cleanup, node)


@test("short names meet long ones: both names and the fix are told")
def short_names(cleanup):
    node = Node(cleanup)
    host = socket.gethostname().partition(".")[0]
    erl = Erl(cleanup, name=f"short@{host}", epmd_port=node.epmd_port)
    equal(erl(f"net_kernel:connect_node('{node.name}')"), "false")
    # An Erlang node refuses such a name before it connects, so the test sends the first message itself.
    name = b"short@somehost"
    with socket.create_connection(("127.0.0.1", port_of(node)), 10) as s:
        body = b"N" + struct.pack(">QIH", 0xd07df7fbd, 5, len(name)) + name
        s.sendall(struct.pack(">H", len(body)) + body)
        s.settimeout(10)
        equal(s.recv(100), b"\0\x0csnot_allowed")
    node.said("'short@somehost'")
    node.said(f"'{node.name}'")
    node.said("`-name`")
    still_there(cleanup, node)


@test("a peer without the mandatory flags is told which it lacks")
def missing_flags(cleanup):
    node = Node(cleanup)
    name = b"old@127.0.0.1"
    with socket.create_connection(("127.0.0.1", port_of(node)), 10) as s:
        body = b"N" + struct.pack(">QIH", 0xd07df7fbd & ~0x4020000, 5, len(name)) + name
        s.sendall(struct.pack(">H", len(body)) + body)
        s.settimeout(10)
        equal(s.recv(100), b"\0\x0csnot_allowed")
    node.said("lacks MAP_TAG")


@test("garbage on the distribution port is refused at once and hurts nobody")
def garbage(cleanup):
    node = Node(cleanup)
    port = port_of(node)
    for text in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 100000, b"\0" * 10, bytes(range(256)) * 10):
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            try:
                s.sendall(text)
            except ConnectionError:
                pass
            check(closed(s), "the connection is closed")
    node.said("no distribution handshake")
    still_there(cleanup, node)


@test("a peer that connects and says nothing is closed after the handshake's time")
def stalled(cleanup):
    node = Node(cleanup)
    with socket.create_connection(("127.0.0.1", port_of(node)), 10) as s:
        started = time.monotonic()
        check(closed(s), "closed")
        check(time.monotonic() - started < 14, "in time", time.monotonic() - started)
    eventually(lambda: re.search(r"sent no name in time", node.log()), node.log())


@test("a node frozen in the middle of a connection is down after the tick time")
def frozen(cleanup):
    import os
    import signal
    node = Node(cleanup, settings=[("distribution.ticktime", "4s")])
    erl = Erl(cleanup, epmd_port=node.epmd_port, options=["-kernel", "net_ticktime", "4"])
    equal(erl(f"net_adm:ping('{node.name}')"), "pong")
    pid = int(erl("list_to_integer(os:getpid())"))
    os.kill(pid, signal.SIGSTOP)
    try:
        node.said("net_ticktime", "the peer is down", seconds=20)
    finally:
        os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    run()
