#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A change of a running node is whole or nothing: children that exchange sockets or names can be applied, and what is refused leaves every
child with what it had."""
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.node import Node, free_port, tree
from harness.tap import check, contains, equal, run, test

KV = "{ id: kv, actor: kv, name: kv }"
TAKEN = "{ id: taken, actor: kv, name: application_controller }"


def udp(name, port):
    listen = f"listen: [ {{ address: 127.0.0.1, port: {port} }} ]"
    return f'{{ id: {name}, name: {name}, udp: {{ {listen}, actor: "echo:datagrams" }} }}'


def tcp(name, port):
    return f"{{ id: {name}, name: {name}, tcp: {{ listen: [ {{ address: 127.0.0.1, port: {port} }} ], actor: echo }} }}"


def web(name, port):
    routes = "routes: [ { path: /, name: kv } ]"
    return f"{{ id: {name}, name: {name}, web: {{ listen: [ {{ address: 127.0.0.1, port: {port} }} ], {routes} }} }}"


class Changed:
    """A node whose children are written anew."""

    def __init__(self, cleanup, *children):
        self.node = Node(cleanup, config=self.text(children))

    @staticmethod
    def text(children):
        return tree("".join(f"        - {child}\n" for child in children))

    def write(self, *children):
        self.node.folder.write("node.yaml", self.text(children))

    def applied(self, *children):
        self.write(*children)
        done = self.node.coppice("apply")
        equal(done.returncode, 0, done.stdout + done.stderr)

    def refused(self, why, *children):
        self.write(*children)
        done = self.node.coppice("apply")
        equal(done.returncode, 1, done.stdout + done.stderr)
        contains(done.stderr, why)

    def sockets(self, name):
        engine = self.node.info(name)["engine"]
        return engine.get("sockets") or engine["listening"]


def echoes(port, kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(20)
        one.connect(("127.0.0.1", port))
        one.send(b"hello")
        return one.recv(100) == b"hello"


@test("a change that is refused as a UDP port is another program's leaves the child at its port")
def refused_udp(cleanup):
    port = free_port()
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    cleanup.callback(other.close)
    other.bind(("127.0.0.1", 0))
    taken = other.getsockname()[1]
    at = Changed(cleanup, udp("one", port), KV)
    check(echoes(port, socket.SOCK_DGRAM), "it answers")
    for _ in range(3):
        at.refused("ddress", udp("one", taken), KV)
        check(echoes(port, socket.SOCK_DGRAM), "it answers at its port")
        equal(at.sockets("one"), [f"127.0.0.1:{port}"])
    at.write(udp("one", port), KV)
    equal(at.node.coppice("diff").stdout, "no changes\n")
    # A crash starts it by the same one.
    before = at.node.pid("one")
    equal(at.node.coppice("restart", "net/one").returncode, 0)
    check(at.node.pid("one") != before, "it is another")
    check(echoes(port, socket.SOCK_DGRAM), "it answers at its port")


@test("children that exchange their ports are applied, and keep them when another part of the change is refused")
def exchanged(cleanup):
    for make, kind in ((udp, socket.SOCK_DGRAM), (tcp, socket.SOCK_STREAM), (web, None)):
        first, second, third = free_port(), free_port(), free_port()
        at = Changed(cleanup, make("a", first), KV, make("b", second))
        one, two = at.sockets("a"), at.sockets("b")
        at.refused("already_started", make("a", second), KV, make("b", first), TAKEN)
        equal([at.sockets("a"), at.sockets("b")], [one, two], "refused")
        at.applied(make("a", second), KV, make("b", first))
        equal([at.sockets("a"), at.sockets("b")], [two, one], "exchanged")
        if kind is not None:
            check(echoes(first, kind) and echoes(second, kind), "both answer")
        # To an earlier child, and in a ring with a port that is free.
        at.applied(make("a", first), KV, make("b", third))
        equal(at.sockets("a"), one)
        at.applied(make("a", third), KV, make("b", first))
        equal(at.sockets("b"), one)
        at.node.end()


@test("children that exchange their names are applied")
def exchanged_names(cleanup):
    at = Changed(cleanup, "{ id: a, actor: kv, name: x }", "{ id: b, actor: kv, name: y }")
    at.applied("{ id: a, actor: kv, name: y }", "{ id: b, actor: kv, name: x }")
    at.node.call("x", "{put, here, 1}")
    equal([at.node.call(name, "size") for name in ("x", "y")], ["1", "0"])


run()
