#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Origins and destinations of connections: sockets that a service manager passes, certificates by name, more clients
than are allowed, connections that are kept up, that actors hand over, and that a pool's workers have."""
import contextlib
import ctypes
import errno
import os
import socket
import ssl
import stat
import threading

from harness.certificates import Authority
from harness.node import Folder, Node, free_port, tree
from harness.systemd import ServiceManager
from harness.tap import Skip, check, contains, equal, eventually, run, test
from harness.tcp_gate import LINES, Client, Gate, alone, config

PIDFD_GETFD = 438 # number in <sys/syscall.h>, the same on every machine


@test("a listener has the socket that systemd passes under its name, and again when it starts again")
def passed(cleanup):
    manager = ServiceManager(cleanup)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as opened:
        port = opened.getsockname()[1]
        manager.keep("front", os.dup(opened.fileno()))
    gate = Gate(cleanup, listen="[{ socket: front }]", under=manager)
    contains(gate.report()["listening"][0], f"front 127.0.0.1:{port}")
    client = gate.connect(at=("127.0.0.1", port))
    client.send(b"echo by it\n")
    equal(client.line(), b"by it")
    before = gate.node.pid("gate")
    gate.node.reply("exit", name="gate", reason="kill")
    eventually(lambda: gate.node.pid("gate") not in (None, before), "it starts again") # the former takes no more
    again = gate.connect(at=("127.0.0.1", port))
    again.send(b"echo and again\n")
    equal(again.line(), b"and again")
    missing = Node(cleanup, name="second", config=config(listen="[{ socket: nobody }]"),
                   settings=[gate.plugins.setting], wait=False)
    check(missing.process.wait(20) != 0, "it does not start")
    contains(missing.log(), "FileDescriptorName=nobody")


@test("by SNI each name has its certificate")
def named(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("server")
    other, other_key = authority.issue("other", "DNS:shop.example")
    sni = f"{{ shop.example: {{ certificate: {other}, key: {other_key} }} }}"
    gate = Gate(cleanup, listen=f"[{{ address: 127.0.0.1, port: 0, tls: {{ certificate: {certificate}, key: {key} }}, sni: {sni} }}]")

    def subject(name):
        context = ssl.create_default_context(cafile=authority.path)
        context.check_hostname = False
        with context.wrap_socket(socket.create_connection(gate.address(), 20), server_hostname=name) as secured:
            return dict(part[0] for part in secured.getpeercert()["subject"])["commonName"]

    equal([subject("shop.example"), subject("127.0.0.1"), subject("elsewhere.example")], ["other", "server", "server"])


@test("who comes when there are too many is closed at once where connections are shed, and counted")
def shed(cleanup):
    gate = Gate(cleanup, more=["max_connections: 2", "shed: true"])
    taken = [gate.connect(), gate.connect()]
    beyond = socket.create_connection(gate.address(), 20)
    cleanup.callback(beyond.close)
    check(Client(beyond).ends() in (b"", "reset"), "it is closed")
    eventually(lambda: gate.report()["shed"] == 1, "it is counted")
    taken[0].send(b"close\n")
    equal(taken[0].ends(), b"")
    taken[0].socket.close()
    gate.open(1)

    def let_in():
        with contextlib.suppress(EOFError, ConnectionError):
            return gate.connect()

    eventually(let_in, "its place is free once its socket is closed")


def link(to, actor="dialer", more=""):
    """The configuration of a node with an actor that is kept connected to `to`."""
    return tree(f"""
        - id: link
          name: link
          tcp: {{ connect: {{ {to}, backoff: {{ first: 50ms, max: 200ms }} }}, actor: "wires:{actor}", frame: {{ kind: line }}{more} }}
""")


class Server:
    """A server that waits for a connection."""

    def __init__(self, cleanup, port=0):
        self.listens = socket.create_server(("127.0.0.1", port))
        self.listens.settimeout(20)
        self.port = self.listens.getsockname()[1]
        cleanup.callback(self.listens.close)
        self.cleanup = cleanup

    def accept(self):
        connection, _ = self.listens.accept()
        connection.settimeout(20)
        self.cleanup.callback(connection.close)
        return Client(connection)


@test("connections that no actor can be made for are closed and counted, with a line of the log and not one for each")
def no_actors(cleanup):
    there = len(Gate(cleanup).node.ask("ps")["processes"])
    gate = Gate(cleanup, settings=[("node.limits.processes", str(there + 10))])
    at = gate.address()
    clients = [gate.connect(hears=False, at=at) for _ in range(40)]
    for client in clients:
        check(client.ends() is not None, "it is greeted or closed")
    refused = gate.node.reply("listener", name="gate")["error"]
    equal(refused["code"], "limit", "a request of an operator has no process either, and says so")
    contains(refused["why"], "processes already (limits.processes)")
    contains(gate.node.reply("apply")["error"]["why"], "processes already (limits.processes)")
    contains(gate.node.reply("call", name="dialer", term="events")["error"]["why"], "system_limit")
    for client in clients:
        client.socket.close()
    gate.open(0)
    check(gate.report()["failed"] >= 25, "most of them", gate.report())
    gate.node.said("no actor for a connection")
    check(sum("no actor for a connection" in line for line in gate.node.log().splitlines()) < 4, "few lines", gate.node.log())


@test("an actor that is to be connected is so again whenever the connection has ended, and answers meanwhile")
def kept(cleanup):
    gate = Gate(cleanup)
    port = free_port()
    node = Node(cleanup, name="kept", config=link(f"address: localhost, port: {port}"), settings=[gate.plugins.setting])
    events = lambda: node.call("link", "events")
    eventually(lambda: events().count("closed") >= 3, "it tries again and again, and answers")
    fails, works = f"link cannot connect to localhost port {port}, and tries again", f"link is connected to localhost port {port}"
    node.said(fails)
    shown = node.engine("link")["connect"]
    equal((shown["to"], shown["up"]), (f"localhost port {port}", False))
    check(shown["failed"] >= 3 and shown["tries"] - shown["failed"] <= 1, "all have failed", shown)
    server = Server(cleanup, port)
    node.said(works)
    for number in range(3):
        client = server.accept()
        client.send(b"hello %d\nwho\n" % number)
        equal(client.line(), b"dialer")
        contains(events(), f"line hello {number}")
        engine = node.engine("link")
        equal((engine["streams"], engine["connect"]["up"]), (1, True))
        one = engine["connections"][0]
        equal((one["open"], one["tls"], one["read"], one["written"], one["queued"]), (True, "", 12, 7, 0))
        check(one["peer"].endswith(f":{port}"), one)
        equal((node.log().count(fails), node.log().count(works)), (1, 1), "each is said once")
        if number == 0:
            client.reset()
        elif number == 1:
            client.socket.close()
    gate.plugins.put("wires_2", "wires")
    node.ask("reload", plugin="wires")
    client.send(b"who\n")
    equal(client.line(), b"dialer", "over a reload")
    node.reply("exit", name="link", reason="kill")
    client = server.accept()
    client.send(b"who\n")
    equal(client.line(), b"dialer", "its successor connects")
    for wrong, part in (("address: localhost", "port"), ("path: /x, port: 1", "one of"), ("address: a, port: 1, tls: off, alpn: [ x ]", "there is TLS")):
        config_file = node.folder.write("wrong.yaml", alone(gate, link(wrong)))
        done = node.coppice("check", config_file)
        check(done.returncode != 0, "it is refused", wrong)
        contains(done.stdout + done.stderr, part)


@test("a certificate that a connection shows stands among the node's, and its end is a warning, as long as there is its child")
def shown_certificate(cleanup):
    gate = Gate(cleanup)
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("link", days=5)
    tls = f"tls: {{ certificate: {certificate}, key: {key}, ca: {authority.path}, verify: peer }}"
    node = Node(cleanup, name="kept", config=link(f"address: localhost, port: {Server(cleanup).port}, {tls}"), settings=[gate.plugins.setting])
    shown, = node.ask("status")["certificates"]
    equal((shown["file"], shown["soon"]), (certificate, True))
    equal([one["name"] for one in node.ask("health")["warnings"] if one["what"] == "certificate"], [certificate])
    node.ask("terminate", path="net/link")
    eventually(lambda: node.ask("status")["certificates"] == [], "it is forgotten with the child")


def of_node(node, here, there):
    """A copy of the socket by which the node has a connection from `here` to `there`."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(node.process.pid)
    try:
        for entry in os.listdir(node.proc("fd")):
            copied = libc.syscall(PIDFD_GETFD, process, int(entry), 0)
            if copied < 0 and ctypes.get_errno() != errno.EBADF: # closed meanwhile
                raise Skip(f"a node's sockets are not to be seen here: {os.strerror(ctypes.get_errno())}")
            if copied < 0:
                continue
            if not stat.S_ISSOCK(os.fstat(copied).st_mode):
                os.close(copied)
                continue
            one = socket.socket(fileno=copied)
            with contextlib.suppress(OSError): # it is not connected
                if (one.getsockname(), one.getpeername()) == (here, there):
                    return one
            one.close()
    finally:
        os.close(process)
    raise AssertionError(f"no connection from {here} to {there}")


def leaves_at_once(node, client):
    """Whether the bytes that the node writes to this client leave at once."""
    with of_node(node, client.socket.getpeername(), client.socket.getsockname()) as copied:
        return copied.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@test("small writes leave at once, and are gathered by the kernel where nodelay is false, of who listens and who connects")
def gathered(cleanup):
    gate = Gate(cleanup)
    check(leaves_at_once(gate.node, gate.connect()), "by itself")
    gate.node.folder.write("node.yaml", config(more=["nodelay: false"]))
    gate.node.ask("apply")
    client = gate.connect()
    check(not leaves_at_once(gate.node, client), "who comes after the change")
    client.send(b"echo one\necho two\n")
    equal([client.line(), client.line()], [b"one", b"two"])
    client.send(b"hand dialer\nwho\n")
    equal(client.line(), b"dialer")
    check(not leaves_at_once(gate.node, client), "with its next owner, too")
    for more, at_once in (("", True), (", nodelay: false", False)):
        server = Server(cleanup)
        there = link(f"address: 127.0.0.1, port: {server.port}", more=more)
        node = Node(cleanup, name="kept", config=there, settings=[gate.plugins.setting])
        client = server.accept()
        client.send(b"who\n")
        equal(client.line(), b"dialer")
        equal(leaves_at_once(node, client), at_once)


@test("a state machine has streams, too")
def machine(cleanup):
    gate = Gate(cleanup)
    server = Server(cleanup)
    node = Node(cleanup, name="kept", config=link(f"address: 127.0.0.1, port: {server.port}", actor="machine"),
                settings=[gate.plugins.setting])
    for number in range(2):
        client = server.accept()
        client.send(b"%d\n" % number)
        equal(client.line(), b"machine %d" % number)
        eventually(lambda: node.call("link", "state") == "up", "it is told")
        engine = node.engine("link")
        equal((engine["state"], engine["streams"], engine["connect"]["up"]), ("up", 1, True))
        equal(engine["connections"][0]["peer"], f"127.0.0.1:{server.port}")
        client.socket.close()
    server.listens.close()
    eventually(lambda: node.call("link", "state") == "down", "and of the end")


@test("a connection that is handed over goes on with its new owner, with what has come and is not used")
def handed(cleanup):
    gate = Gate(cleanup)
    clients = [gate.connect() for _ in range(20)]
    for client in clients:
        client.send(b"hand dialer\nwho\nwh")
        equal(client.line(), b"dialer")
    gate.open(0)
    for client in clients:
        client.send(b"o\n")
        equal(client.line(), b"dialer", "half a line went along")
    nobody = gate.connect()
    nobody.send(b"hand no_such_process\n")
    equal(nobody.ends(), b"", "there is nobody to take it")
    without = gate.connect()
    without.send(b"hand gate\n")
    equal(without.ends(), b"", "or somebody who takes none")
    gate.node.reply("exit", name="dialer", reason="kill")
    for client in clients:
        equal(client.ends(), "reset", "they end with their owner")


@test("TLS goes along with a connection that is handed over")
def handed_tls(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("server")
    gate = Gate(cleanup, listen=f"[{{ address: 127.0.0.1, port: 0, tls: {{ certificate: {certificate}, key: {key} }} }}]")
    context = ssl.create_default_context(cafile=authority.path)
    client = Client(context.wrap_socket(socket.create_connection(gate.address(), 20), server_hostname="127.0.0.1"))
    cleanup.callback(client.socket.close)
    contains(client.line(), b"tls=1.3")
    client.send(b"hand dialer\nwho\n")
    equal(client.line(), b"dialer")
    contains(gate.node.call("dialer", "events"), "tls=1.3")


def still_there(client):
    try:
        client.send(b"echo still\n")
        return client.line() == b"still"
    except (EOFError, OSError):
        return False


POOL = """
        - id: workers
          name: workers
          pool: { actor: "wires:session", size: 3 }
        - id: shared
          name: shared
          tcp: { listen: [{ address: 127.0.0.1, port: 0 }], handlers: { pool: workers }, frame: %s, max_connections: 30 }
        - id: few
          name: few
          tcp: { listen: [{ address: 127.0.0.1, port: 0 }], handlers: { pool: workers }, max_connections: 1, shed: true }
""" % LINES


@test("the workers of a pool have the connections, each many; one that fails costs its own")
def pooled(cleanup):
    gate = Gate(cleanup, beside=POOL)
    report = lambda: gate.node.ask("listener", name="shared")
    host, port = report()["listening"][0].rsplit(":", 1)
    clients = [gate.connect(at=(host, int(port))) for _ in range(30)]
    for number, client in enumerate(clients):
        client.send(b"echo %d\n" % number)
        equal(client.line(), b"%d" % number)
    equal(report()["open"], 30)
    beyond = socket.create_connection((host, int(port)), 20)
    cleanup.callback(beyond.close)
    waits = Client(beyond)
    beyond.settimeout(0.5)
    try:
        check(False, "it waits", waits.line())
    except TimeoutError:
        beyond.settimeout(20)
    clients[0].send(b"crash\n")
    equal(clients[0].ends(), "reset")
    equal(sum(not still_there(client) for client in clients[1:]), 9, "a third of them, with it ten")
    contains(waits.line(), b"hello", "there is room")
    eventually(lambda: report()["open"] == 21, f"{report()}")
    gate.plugins.put("wires_2", "wires")
    gate.node.ask("reload", plugin="wires")
    waits.send(b"echo reloaded\n")
    equal(waits.line(), b"reloaded")
    host, port = gate.node.ask("listener", name="few")["listening"][0].rsplit(":", 1)
    gate.connect(at=(host, int(port)))
    beyond = socket.create_connection((host, int(port)), 20)
    cleanup.callback(beyond.close)
    check(Client(beyond).ends() in (b"", "reset"), "it is closed")
    eventually(lambda: gate.node.ask("listener", name="few")["shed"] == 1, "and counted")
    for yaml, part in ((POOL.replace("pool: workers", "pool: nobody"), "no pool"),
                       (POOL.replace('"wires:session", size', "kv, size"), "take no connections"),
                       (POOL.replace("handlers:", "actor: echo, handlers:"), "one of 'actor' and 'handlers'")):
        done = gate.node.coppice("check", gate.node.folder.write("other.yaml", alone(gate, config(beside=yaml))))
        check(done.returncode != 0, "it is refused", yaml)
        contains(done.stdout + done.stderr, part)


@test("a proxy of a few lines: bytes both ways, slow readers at either end, half closes, a server that is not there")
def proxy(cleanup):
    sent, answer = os.urandom(6 << 20), os.urandom(6 << 20)
    got = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        gate = Gate(cleanup, actor="echo")
        gate.plugins.put("proxy")
        nobody = free_port()
        child = """
        - id: to{name}
          name: to{name}
          tcp:
            listen: [{{ address: 127.0.0.1, port: 0 }}]
            actor: proxy
            half_close: true
            write: {{ high: 64KiB, low: 16KiB }}
            args: {{ host: 127.0.0.1, port: {port} }}
"""
        here = server.getsockname()[1]
        gate.node.folder.write("node.yaml", config(actor="echo", beside=child.format(name="server", port=here) + child.format(name="nobody", port=nobody)))
        gate.node.ask("apply")

        def place(name):
            host, _, port = gate.node.ask("listener", name=name)["listening"][0].rpartition(":")
            return host, int(port)

        def serve():
            with contextlib.closing(server.accept()[0]) as connection:
                parts = []
                while part := connection.recv(10_000): # reads little by little, so that the client has to wait
                    parts.append(part)
                got.append(b"".join(parts))
                connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        with socket.create_connection(place("toserver"), 60) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            parts = []
            while part := client.recv(5_000):
                parts.append(part)
        serving.join()
        check(got == [sent], "the server has what was sent")
        check(b"".join(parts) == answer, "the client has what was answered")
        with socket.create_connection(place("tonobody"), 60) as client:
            equal(client.recv(1), b"", "it ends where there is no server")
        eventually(lambda: gate.node.ask("listener", name="toserver")["open"] == 0, "nothing is left")


run()
