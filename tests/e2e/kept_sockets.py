#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Listening sockets that a service manager keeps over a restart, and sockets that it passes. The test plays the service
manager."""
import contextlib
import os
import socket
import threading

from harness.epmd import Epmd
from harness.control import Connection
from harness.node import Node, free_port, until_closed
from harness.systemd import ServiceManager
from harness.tap import check, contains, equal, eventually, run, test

tree = """
epmd: { mode: %s, address: 127.0.0.1 }
distribution: { listen: [ %s ] }
%s
applications: [ { name: shop, supervisor: { children: [ { id: a, actor: kv, name: a } ] } } ]
"""
anywhere = "{ address: 127.0.0.1, ports: 0-0 }"
http = "control: { http: { address: 127.0.0.1, port: %d } }"


class Clients:
    """A client that connects again and again, and takes an answer each time. `served`: how often it got one. `refused`:
    why it did not."""

    def __init__(self, cleanup, name, once):
        self.name, self.once = name, once
        self.served, self.refused, self.over = 0, [], threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        cleanup.callback(self.end)

    def work(self):
        while not self.over.is_set():
            try:
                self.once()
                self.served += 1
            except Exception as why:  # the test reports every exception
                self.refused.append(repr(why))
                self.over.wait(0.01)

    def end(self):
        self.over.set()
        self.thread.join()


def connected(port):
    return socket.create_connection(("127.0.0.1", port), 60)


def ask_http(port):
    with connected(port) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = until_closed(client)
    check(answer.startswith(b"HTTP/1.1 200") or answer.startswith(b"HTTP/1.1 503"), "an answer", answer)


def ask_epmd(port, name=b"demo"):
    """The answer to PORT_PLEASE2."""
    with connected(port) as client:
        client.sendall((len(name) + 1).to_bytes(2, "big") + b"z" + name)
        return until_closed(client)


def ask_for_names(port):
    """The port at the beginning of the answer to NAMES."""
    with connected(port) as client:
        client.sendall(b"\x00\x01n")
        equal(int.from_bytes(until_closed(client)[:4], "big"), port, "the port that the answer names")


def ask_control(path):
    with contextlib.closing(Connection(path)) as client:
        check("result" in client.reply("status"), "an answer")


def just_connect(port):
    with connected(port):
        pass


def restart(manager, node):
    manager.hear()
    equal(node.stop(), 0, node.log())
    node.begin()
    eventually(lambda: "READY=1" in manager.hear(), "ready again", 60)


def ports_of(node):
    return [one.split(":")[1].split()[0] for one in node.ask("status")["listen"]]


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@test("a restart under a stream of connecting clients refuses none, and several listeners of one name stay what they are")
def stream(cleanup):
    manager, port = ServiceManager(cleanup), free_port()
    some = "address: 127.0.0.1, ports: 20000-30000"
    listen = ", ".join([f"{{ {some} }}", f"{{ {some}, tls: on }}", "{ address: 127.0.0.2, ports: 0-0 }"])
    node = Node(cleanup, config=tree % ("serve", listen, http % port), under=manager)
    equal([name for name in manager.names() if name != "epmd"], ["control", "dist", "dist", "dist", "http"])
    before, inode = node.ask("status")["listen"], os.stat(node.socket).st_ino
    first = int(before[0].split(":")[1])
    clients = [Clients(cleanup, "dist", lambda: just_connect(first)), Clients(cleanup, "http", lambda: ask_http(port)),
               Clients(cleanup, "epmd", lambda: check(ask_epmd(node.epmd_port)[:1] == b"w", "an answer")),
               Clients(cleanup, "names", lambda: ask_for_names(node.epmd_port)),
               Clients(cleanup, "control", lambda: ask_control(node.socket))]
    for _ in range(3):
        seen = [one.served for one in clients]
        eventually(lambda: all(one.served > n + 5 for one, n in zip(clients, seen)), "each is served", 60)
        restart(manager, node)
    seen = [one.served for one in clients]
    eventually(lambda: all(one.served > n + 5 for one, n in zip(clients, seen)), "each is served", 60)
    for one in clients:
        one.end()
        equal(one.refused, [], one.name)
    equal(node.ask("status")["listen"], before)
    equal(os.stat(node.socket).st_ino, inode, "the control socket is the one it was")
    kept = manager.names()
    restart(manager, node)
    equal(manager.names(), kept, "nothing is kept twice")


@test("what is not configured any more is closed, and its port may be another's")
def closed(cleanup):
    manager, old, http_port = ServiceManager(cleanup), free_port(), free_port()
    fixed = "{ address: 127.0.0.1, ports: %d-%d }"
    listen = fixed % (old, old) + ", { address: 127.0.0.2, ports: 0-0 }"
    node = Node(cleanup, config=tree % ("off", listen, http % http_port), under=manager)
    equal(manager.names(), ["control", "dist", "dist", "http"])
    # Another listener now has the port of `http`, on all addresses.
    node.folder.write("node.yaml", tree % ("off", "{ address: 0.0.0.0, ports: %d-%d }" % (http_port, http_port), ""))
    restart(manager, node)
    eventually(lambda: manager.names() == ["control", "dist"], "only what is configured is kept")
    eventually(lambda: refused(old), "the old one is closed")
    just_connect(http_port)
    node.said("nothing is configured for it")


@test("an orderly end without a successor leaves nothing but the socket's file, which the client sees through")
def no_successor(cleanup):
    manager = ServiceManager(cleanup)
    node = Node(cleanup, config=tree % ("off", anywhere, ""), under=manager)
    port = int(ports_of(node)[0])
    equal(node.stop(), 0, node.log())
    check(not refused(port), "it is kept")
    manager.close()
    check(refused(port), "and gone with the service manager")
    done = node.coppice("status")
    equal(done.returncode, 3, done.stderr)
    node.under = None
    node.begin()
    node.wait_ready()


@test("a service manager that keeps nothing is given nothing")
def keeps_nothing(cleanup):
    manager = ServiceManager(cleanup, keeps=0)
    node = Node(cleanup, config=tree % ("off", anywhere, ""), under=manager)
    equal(node.stop(), 0, node.log())
    check("FDSTORE=1" not in manager.hear(), "nothing is given")
    check(not os.path.exists(node.socket), "and the file is gone")


@test("a control socket whose file is gone, or another's, is made anew")
def lost_file(cleanup):
    manager = ServiceManager(cleanup)
    node = Node(cleanup, config=tree % ("off", anywhere, ""), under=manager)
    for in_the_way in (False, True):
        equal(node.stop(), 0, node.log())
        os.unlink(node.socket)
        if in_the_way:
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(node.socket)
        node.begin()
        node.wait_ready()
        node.said("does not lead to the socket that was kept")
        equal(manager.names(), ["control", "dist"])


outside = """
epmd: { mode: off }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: outside
    supervisor:
      children:
        - { id: lines, tcp: { listen: [ %s ], actor: echo:lines, frame: { kind: line, max: 4KiB } } }
        - { id: datagrams, udp: { listen: [ %s ], actor: echo:datagrams } }
"""


def ask_line(where):
    with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as client:
        client.settimeout(60)
        client.connect(where)
        client.sendall(b"hello\n")
        equal(client.recv(100), b"hello\n")


def free_datagram_port():
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@test("what actors listen on refuses nobody over a restart, and is closed when it is not configured any more")
def of_actors(cleanup):
    manager, port, udp = ServiceManager(cleanup), free_port(), free_datagram_port()
    places = f"{{ address: 127.0.0.1, port: {port} }}"
    datagrams = f"{{ address: 127.0.0.1, port: {udp} }}"
    node = Node(cleanup, config=outside % (places, datagrams), under=manager)
    path = str(node.folder.path / "lines.sock")
    node.folder.write("node.yaml", outside % (places + f", {{ path: {path} }}", datagrams))
    restart(manager, node)
    equal(manager.names(), ["actors", "actors", "actors", "control", "dist"])
    clients = [Clients(cleanup, str(where), lambda where=where: ask_line(where)) for where in (("127.0.0.1", port), path)]
    for _ in range(2):
        seen = [one.served for one in clients]
        eventually(lambda: all(one.served > n + 5 for one, n in zip(clients, seen)), "each is served", 60)
        restart(manager, node)
    seen = [one.served for one in clients]
    eventually(lambda: all(one.served > n + 5 for one, n in zip(clients, seen)), "each is served", 60)
    for one in clients:
        one.end()
        # A connection that was open when its node ended may end as well.
        equal([why for why in one.refused if "Refused" in why or "FileNotFound" in why], [], one.name)

    # A datagram that comes while no node runs is read by the next one.
    equal(node.stop(), 0, node.log())
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.connect(("127.0.0.1", udp))
        client.send(b"early")
        node.begin()
        equal(client.recv(100), b"early")
    equal(manager.names(), ["actors", "actors", "actors", "control", "dist"], "nothing is kept twice")

    other = free_port()
    node.folder.write("node.yaml", outside % (f"{{ address: 127.0.0.1, port: {other} }}", f"{{ address: 0.0.0.0, port: {udp} }}"))
    restart(manager, node)
    eventually(lambda: manager.names() == ["actors", "actors", "control", "dist"], "only what is configured is kept")
    check(refused(port), "the old one is closed")
    ask_line(("127.0.0.1", other))


def listening(family=socket.AF_INET, address=("127.0.0.1", 0)):
    made = socket.socket(family)
    made.bind(address)
    made.listen(1)
    return made


@test("sockets that a socket unit opened are taken by name and address; whoever waits in them is served")
def activated(cleanup):
    manager, opened = ServiceManager(cleanup), [listening(), listening()]
    ports = [one.getsockname()[1] for one in opened]
    early = connected(ports[1])
    cleanup.callback(early.close)
    early.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    for name, one in zip(("dist", "http"), opened):
        manager.keep(name, os.dup(one.fileno()))
        manager.keep(name, os.dup(one.fileno()))  # this one comes from a unit and from the store
    node = Node(cleanup, config=tree % ("off", anywhere, http % ports[1]), under=manager)
    equal(ports_of(node), [str(ports[0])])
    contains(until_closed(early), b"HTTP/1.1 ")
    equal([line for line in manager.hear() if line.startswith("FDNAME=")], ["FDNAME=control"])


@test("whatever else is passed is closed and said, and the node starts all the same")
def odd(cleanup):
    manager = ServiceManager(cleanup)
    bound, unbound, silent, left, right = (socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM), socket.socket(),
                                           *socket.socketpair())
    bound.bind(("127.0.0.1", 0))
    place = f"dist at 127.0.0.1:{bound.getsockname()[1]} that was passed: nothing is configured for it"
    local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unnamed = listening(socket.AF_UNIX, b"\0" + os.urandom(8).hex().encode())
    both = socket.socket(socket.AF_INET6)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.bind(("::", 0))
    both.listen(1)
    passed = {"dist": [bound, unbound, local, silent, listening(address=("127.0.0.9", 0))], "http": [left, both], "control": [unnamed],
              "nobody": [listening()], "epmd-registration": [right]}
    for name, sockets in passed.items():
        for one in sockets:
            manager.keep(name, one.detach())
    manager.keep("epmd", os.open("/dev/null", os.O_RDONLY))
    node = Node(cleanup, config=tree % ("off", anywhere, http % free_port()), under=manager)
    eventually(lambda: manager.names() == ["control", "dist", "http"], "only what is in use is kept")
    for words in ("it is no socket", "it is no stream", "it is of UDP, and unbound or connected", place, "it neither listens nor is connected", "it takes IPv4 connections too",
                  "it does not listen", "nobody at 127.0.0.1:"):
        node.said(words)


@test("variables that are another process's, or wrong, take nothing")
def not_ours(cleanup):
    for wrong in ({"LISTEN_PID": "1"}, {"LISTEN_FDS": "1000"}, {"LISTEN_FDS": "none"}, {"LISTEN_FDNAMES": "a:b:c:d"}):
        manager = ServiceManager(cleanup)
        manager.environment = wrong
        manager.keep("dist", listening().detach())
        node = Node(cleanup, config=tree % ("off", anywhere, ""), under=manager)
        check("goes on with the socket" not in node.log(), wrong, node.log())
        check("LISTEN_PID" in wrong or "no socket is taken over" in node.log(), wrong, node.log())
        equal(node.stop(), 0, node.log())
        manager.close()


def port_of(epmd, name):
    """The port that the node has registered with EPMD. None: it is not registered."""
    answer = ask_epmd(epmd.port, name)
    return int.from_bytes(answer[2:4], "big") if answer[1] == 0 else None


@test("a node stays registered with the EPMD of another over its restart, and is registered anew where it is another one")
def registered(cleanup):
    manager, mapper = ServiceManager(cleanup), Epmd(cleanup)
    node = Node(cleanup, config=tree % ("auto", anywhere, ""), epmd_port=mapper.port, under=manager)
    equal(manager.names(), ["control", "dist", "epmd-registration"])
    port = int(ports_of(node)[0])
    known = Clients(cleanup, "EPMD", lambda: equal(port_of(mapper, b"demo"), port))
    before = node.ask("status")["creation"]
    restart(manager, node)
    contains(node.ask("status")["epmd"], "registered at")
    seen = known.served
    eventually(lambda: known.served > seen + 5, "it is asked for", 60)
    known.end()
    equal(known.refused, [], "the name was there all the time")
    check(node.ask("status")["creation"] != before, "it is another incarnation")
    equal(manager.names(), ["control", "dist", "epmd-registration"])

    other = free_port()
    node.folder.write("node.yaml", tree % ("auto", "{ address: 127.0.0.1, ports: %d-%d }" % (other, other), ""))
    restart(manager, node)
    equal(port_of(mapper, b"demo"), other, "another port")
    node.command = [part.replace("node.name=demo@", "node.name=renamed@") for part in node.command]
    restart(manager, node)
    equal((port_of(mapper, b"demo"), port_of(mapper, b"renamed")), (None, other), "another name")
    equal(manager.names(), ["control", "dist", "epmd-registration"])

    equal(node.stop(), 0, node.log())
    mapper.end()
    node.begin()
    node.wait_ready()
    eventually(lambda: "serving on port" in node.ask("status")["epmd"], "without an EPMD it is one itself", 30)
    eventually(lambda: manager.names().count("epmd-registration") == 0, "and no connection is kept")
    check("epmd" in manager.names(), "but its sockets", manager.names())


if __name__ == "__main__":
    run()
