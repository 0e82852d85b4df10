#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A change of a running node is applied completely or not at all: children can exchange sockets or names, and a refused
change leaves every child with its sockets and names."""
import json
import shutil
import signal
import socket
import subprocess

from harness.node import Folder, Node, free_port, plugin_folder, program, tree, variants
from harness.tap import check, contains, equal, eventually, run, test

KV = "{ id: kv, actor: kv, name: kv }"


def udp(name, port):
    listen = f"listen: [ {{ address: 127.0.0.1, port: {port} }} ]"
    return f'{{ id: {name}, name: {name}, udp: {{ {listen}, actor: "echo:datagrams" }} }}'


def tcp(name, port):
    return f"{{ id: {name}, name: {name}, tcp: {{ listen: [ {{ address: 127.0.0.1, port: {port} }} ], actor: echo }} }}"


def web(name, port):
    routes = "routes: [ { path: /, to: kv } ]"
    return f"{{ id: {name}, name: {name}, web: {{ listen: [ {{ address: 127.0.0.1, port: {port} }} ], {routes} }} }}"


class Changed:
    """A node whose configuration is written anew with other children."""

    def __init__(self, cleanup, *children):
        shelf = Folder()
        cleanup.callback(shelf.close)
        shutil.copy(variants / "late.so", shelf.path / "late.so")
        self.gate = shelf.path / "gate"
        self.node = Node(cleanup, config=self.text(children), settings=[("plugins.path", f"[ {shelf.path}, {plugin_folder()} ]")])
        self.cleanup = cleanup

    def late(self, more=""):
        """A child whose start lasts until the gate file is there."""
        return f'{{ id: late, actor: late, name: late, args: {{ gate: "{self.gate}", needs: "/" }}{more} }}'

    def begin(self, *arguments):
        """Starts the client, and does not wait for its end."""
        client = subprocess.Popen([program("COPPICE", "coppice"), *arguments, "--socket", self.node.socket],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.cleanup.callback(client.kill)
        return client

    def starts_late(self):
        eventually(lambda: self.node.pid("late"), "late is being started")

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

    def changes(self):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.node.socket)
            control.sendall(b'{"command": "status", "arguments": {}}\n')
            return json.loads(control.makefile().readline())["result"]["changes"]

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
    # A restart uses the same socket.
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
        with socket.create_server(("127.0.0.1", 0)) as held:
            at.refused("already in use", make("a", second), KV, make("b", first), tcp("taken", held.getsockname()[1]))
        equal([at.sockets("a"), at.sockets("b")], [one, two], "refused")
        at.applied(make("a", second), KV, make("b", first))
        equal([at.sockets("a"), at.sockets("b")], [two, one], "exchanged")
        if kind is not None:
            check(echoes(first, kind) and echoes(second, kind), "both answer")
        # The port goes to an earlier child, and around a ring that includes a free port.
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


@test("a second change waits and its client hears for what; two SIGHUPs in line are one; the ninth in line is refused")
def in_line(cleanup):
    at = Changed(cleanup, KV)
    at.write(KV, at.late())
    first = at.begin("apply")
    at.starts_late()
    equal(at.node.coppice("diff").returncode, 1)
    equal(at.node.coppice("apply", "--dry-run").returncode, 0)
    equal(at.node.coppice("reload", "--dry-run").returncode, 0)
    second = at.begin("apply")
    contains(second.stderr.readline(), "coppice: apply: waits for the apply of uid ")
    for _ in range(3):
        at.node.process.send_signal(signal.SIGHUP)
        eventually(lambda: [one["by"] for one in at.changes()].count("SIGHUP") == 1, "one SIGHUP waits")
    waiting = [at.begin("reload") for _ in range(6)]
    eventually(lambda: len(at.changes()) == 9, "eight wait")
    refused = at.node.coppice("apply")
    equal(refused.returncode, 1, refused.stdout)
    contains(refused.stderr, "as many wait as may")
    equal([one["what"] for one in at.changes()][:3], ["apply"] * 3)
    at.gate.touch()
    for client in (first, second, *waiting):
        equal(client.wait(60), 0)
    eventually(lambda: at.changes() == [], "nothing is left")
    equal(at.node.call("late", "ping"), "pong")
    check("SIGHUP" in at.node.log(), "what came of it is logged")


@test("a supervisor that hangs in a start is named with the child, and holds up no change elsewhere nor a later one")
def stuck(cleanup):
    at = Changed(cleanup, KV)
    at.gate.touch()
    quick = "start_timeout: 300ms, shutdown: 100ms"
    slow = lambda more: f"{{ id: b, actor: kv, name: b, {quick}{more} }}"
    at.applied(at.late(), slow(""))
    at.gate.unlink()
    first = at.node.pid("late")
    at.node.coppice("exit", "late", "kill")
    eventually(lambda: at.node.pid("late") not in (None, first), "it is being started again")
    at.refused("net/late takes so long to start or to stop", at.late(), slow(", mailbox: { limit: 7 }"))
    at.gate.touch()
    eventually(lambda: at.node.coppice("call", "late", "ping").stdout == "pong\n", "it has started")
    at.applied(at.late(), slow(", mailbox: { limit: 7 }"))


@test("a supervisor that is killed while it is changed has the change done again, and the tree is what was applied")
def killed(cleanup):
    inner = "{{ id: inner, supervisor: {{ name: inner, intensity: 10, children: [ {} ] }} }}"
    c, d = "{ id: c, actor: kv, name: c }", "{ id: d, actor: kv, name: d }"
    at = Changed(cleanup, KV, inner.format(c))
    at.write(KV, inner.format(", ".join((c, d, at.late()))))
    client = at.begin("apply")
    at.starts_late()
    before = at.node.pid("inner")
    equal(at.node.coppice("exit", "inner", "kill").returncode, 0)
    eventually(lambda: at.node.pid("inner") not in (None, before), "it is another")
    at.gate.touch()
    said = client.stderr.read()
    equal(client.wait(60), 0, said)
    check(at.node.pid("d") and at.node.pid("c"), "both run")
    equal(at.node.call("late", "ping"), "pong")
    contains(at.node.log(), "trying once more")
    equal(at.node.coppice("health").stdout, "ok\n")
    equal(at.node.coppice("diff").stdout, "no changes\n")


run()
