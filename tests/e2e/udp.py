#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Actors with UDP sockets in a running node: sizes, answers at once and late, mistakes of the actors, a reload, several
handlers, groups, floods, and what operators see and change."""
import contextlib
import os
import socket
import struct
import urllib.request

from harness.node import Node, Shelf, all_descriptors, free_port, tree
from harness.systemd import ServiceManager
from harness.tap import Skip, check, contains, equal, eventually, run, test

CHILD = """
        - id: pings
          name: pings
          udp: {{ listen: {listen}, actor: pings, {more} }}
"""
HERE = "[ { address: 127.0.0.1, port: 0 } ]"
INVALID, REFUSED = -1, -19  # numbers of coppice/status.h


class Place:
    """A node with one actor for datagrams, or with several."""

    def __init__(self, cleanup, listen=HERE, more="max_datagram: 65507B", settings=(), under=None):
        self.cleanup = cleanup
        self.plugins = Shelf(cleanup, "pings", "echo")
        self.config = tree(CHILD.format(listen=listen, more=more))
        self.node = Node(cleanup, config=self.config, settings=(self.plugins.setting, *settings), under=under)

    def engine(self):
        return self.node.engine("pings")

    def address(self, index=0):
        host, _, port = self.engine()["sockets"][index].rpartition(":")
        return host.strip("[]"), int(port)

    def client(self, to=None, family=socket.AF_INET):
        one = socket.socket(family, socket.SOCK_DGRAM)
        self.cleanup.callback(one.close)
        one.settimeout(20)
        one.connect(to or self.address())
        return one


def asked(client, text):
    client.send(text)
    return client.recv(65536)


@test("datagrams of every size are answered, an empty one too; a longer one is dropped and counted")
def sizes(cleanup):
    place = Place(cleanup, more="max_datagram: 1472B")
    client = place.client()
    equal(asked(client, b""), b"empty")
    for size in (1, 100, 1472):
        equal(asked(client, b"x" * size), b"%d" % size)
    client.send(b"x" * 1473)
    client.send(b"x" * 65507)
    equal(asked(client, b"echo still"), b"still")
    counted = place.engine()
    equal([counted[key] for key in ("received", "sent", "too_long")], [7, 5, 2])
    largest = Place(cleanup)
    equal(asked(largest.client(), b"x" * 65507), b"65507")


@test("answers given later reach each its own of a thousand peers")
def late(cleanup):
    all_descriptors(cleanup)
    place = Place(cleanup)
    to = place.address()
    clients = [place.client(to) for _ in range(1000)]
    for number, client in enumerate(clients):
        client.send(b"later %d to %d" % (3000 - 2 * number, number))
        if number % 100 == 99: # no more wait in the socket than it can hold
            eventually(lambda sent=number + 1: place.engine()["received"] == sent, "they have come")
    for number, client in enumerate(clients):
        equal(client.recv(100), b" to %d" % number)
        client.setblocking(False)
    place.node.call("pings", "count") # answered after everything that was sent
    for client in clients:
        try:
            check(False, "and nobody else's", client.recv(100))
        except BlockingIOError:
            pass


@test("an actor that crashes loses its batch at most: its socket stays, with what waits in it")
def crash(cleanup):
    place = Place(cleanup, more="max_datagram: 2KiB, batch: 1")
    client = place.client()
    to = place.address()
    before = place.node.info("pings")["pid"]
    client.send(b"sleep 300")
    client.send(b"crash")
    for number in range(50):
        client.send(b"echo %d" % number)
    equal(client.recv(100), b"9", "the one before the crash is answered")
    equal([client.recv(100) for _ in range(50)], [b"%d" % number for number in range(50)])
    equal(place.address(), to)
    second = place.node.info("pings")["pid"]
    check(second != before, "it was started again")
    equal(place.engine()["received"], 52, "what is counted goes on")
    place.node.said("told to")
    place.node.reply("exit", name="pings", reason="kill")
    eventually(lambda: place.node.pid("pings") not in (None, second), "it is started again")
    equal(asked(place.client(), b"echo again"), b"again")


@test("a reload under datagrams loses none, and the actor keeps its state")
def reload(cleanup):
    place = Place(cleanup)
    client = place.client()
    for number in range(100):
        equal(asked(client, b"echo %d" % number), b"%d" % number)
    place.plugins.put("pings_2", "pings")
    for number in range(100):
        client.send(b"echo a%d" % number)
    done = place.node.coppice("reload", "pings")
    equal(done.returncode, 0, done.stderr)
    for number in range(100):
        client.send(b"echo b%d" % number)
    equal([client.recv(100) for _ in range(200)], [b"%s%d" % (mark, number) for mark in (b"a", b"b") for number in range(100)])
    equal(place.node.call("pings", "count"), "300")


@test("an apply that restarts the actor binds the same port again, time after time")
def again(cleanup):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    place = Place(cleanup, listen=f"[ {{ address: 127.0.0.1, port: {port} }} ]")
    client = place.client()
    for round in range(20):
        (place.node.folder.path / "node.yaml").write_text(place.config.replace("max_datagram: 65507B", f"max_datagram: {100 + round}B"))
        done = place.node.coppice("apply")
        equal(done.returncode, 0, done.stderr)
        equal(asked(client, b"echo %d" % round), b"%d" % round)


@test("a port where nobody listens is told to the actor, and ends nothing")
def unreachable(cleanup):
    place = Place(cleanup)
    port = free_port()
    equal(place.node.call("pings", f"{{send_to,{port},3}}"), "0")
    eventually(lambda: place.node.call("pings", "error") == f"{{111,{port}}}", "ECONNREFUSED, and who")
    equal(place.engine()["errors"], 1)
    equal(asked(place.client(), b"echo on"), b"on")


@test("what can never leave is refused: port 0, more than UDP carries, a socket there is none of")
def refused(cleanup):
    place = Place(cleanup)
    for question in ("{send_to,0,3}", "{send_to,9,65508}", "no_socket"):
        check(int(place.node.call("pings", question)) < 0, question)
    equal(asked(place.client(), b"echo on"), b"on")
    raw = None
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        return
    with raw: # its source port is 0, to which nothing can be sent
        _, port = place.address()
        raw.sendto(b"\0\0" + port.to_bytes(2, "big") + b"\0\x0a\0\0hi", ("127.0.0.1", 0))
    eventually(lambda: place.engine()["received"] == 2, "it came")
    equal(asked(place.client(), b"echo on"), b"on")


@test("peers are spread over several handlers, each peer stays with its own, and a crash costs no other")
def handlers(cleanup):
    port = free_port()
    place = Place(cleanup, listen=f"[ {{ address: 127.0.0.1, port: {port} }} ]", more="handlers: 4")
    to = ("127.0.0.1", port)
    clients = [place.client(to) for _ in range(64)]
    for round_of in range(5):
        for client in clients:
            equal(asked(client, b"echo %d" % round_of), b"%d" % round_of)
    actors = [one["pid"] for one in place.node.ask("ps")["processes"] if one["behaviour"] == "udp"]
    equal(len(actors), 4)
    counts = [place.node.engine(pid)["received"] for pid in actors]
    equal(sum(counts), 320)
    check(all(count > 0 and count % 5 == 0 for count in counts), "a peer meets the same one", counts)
    clients[0].send(b"crash")
    place.node.said("told to", "before more comes, or that might be in the same batch")
    equal([asked(client, b"echo after") for client in clients], [b"after"] * 64)


@test("more than an actor takes is dropped by the kernel, which counts it; memory stays, and it recovers")
def flood(cleanup):
    place = Place(cleanup, more="receive_buffer: 64KiB")
    client = place.client()
    before = place.node.kilobytes("VmRSS")
    block = b"quiet " + b"x" * 1000
    sent = 0
    for _ in range(20): # the first round is enough, unless the sender had to wait while the actor slept
        client.send(b"sleep 1000")
        for _ in range(5000):
            client.send(block)
        equal(client.recv(100), b"10")
        sent += 5001 + probe(place)
        counted = place.engine()
        equal(counted["received"] + counted["kernel_dropped"], sent, counted)
        if counted["kernel_dropped"] > 0:
            break
    check(counted["kernel_dropped"] > 0, counted)
    check(place.node.kilobytes("VmRSS") - before < 20_000, "it grew", place.node.kilobytes("VmRSS") - before)


def probe(place):
    """Asks until an answer comes, so that everything that was sent before is known to be received or dropped. Returns
    how often it asked."""
    client = place.client()
    client.settimeout(0.5)
    for times in range(1, 60):
        client.send(b"echo recovered")
        try:
            equal(client.recv(100), b"recovered")
        except TimeoutError:
            continue
        eventually(lambda: place.node.status("pings") == "waiting", "it has nothing to do")
        equal(asked(place.client(), b"echo last"), b"last", "which tells of what was dropped before it")
        return times + 1
    raise AssertionError("no answer")


@test("IPv6, several places of one actor, and an address in use, which is said")
def places(cleanup):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
            second = '"::1"'
        except OSError:
            second = "127.0.0.2"
    place = Place(cleanup, listen=f"[ {{ address: 127.0.0.1, port: 0 }}, {{ address: {second}, port: 0 }} ]")
    equal(asked(place.client(), b"echo one"), b"one")
    family = socket.AF_INET6 if "::" in second else socket.AF_INET
    equal(asked(place.client(place.address(1), family), b"echo two"), b"two")
    _, port = place.address()
    config = tree(CHILD.format(listen=f"[ {{ address: 127.0.0.1, port: {port} }} ]", more="batch: 1"))
    other = Node(cleanup, name="other", config=config, settings=[place.plugins.setting], wait=False)
    other.said("Address already in use")
    contains(other.log(), f"127.0.0.1:{port}")


@test("an answer leaves from the address that was asked, where all of them are listened at")
def local_address(cleanup):
    place = Place(cleanup, listen="[ { address: 0.0.0.0, port: 0 } ]")
    _, port = place.address()
    for host in ("127.0.0.1", "127.0.0.5"):
        equal(asked(place.client((host, port)), b"echo " + host.encode()), host.encode(), "a connected socket takes no others'")


@test("an actor has the socket that systemd passes under its name, through crashes and applies")
def passed(cleanup):
    manager = ServiceManager(cleanup)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        at = opened.getsockname()
        manager.keep("dns", os.dup(opened.fileno()))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as early:
            early.settimeout(20)
            early.sendto(b"echo before it ran", at)
            place = Place(cleanup, listen="[ { socket: dns } ]", under=manager)
            equal(early.recv(100), b"before it ran", "what came before the node waited")
    equal(place.address(), at)
    client = place.client()
    equal(asked(client, b"echo by it"), b"by it")
    place.node.reply("exit", name="pings", reason="kill")
    equal(asked(client, b"echo again"), b"again")
    file = place.node.folder.path / "node.yaml"
    file.write_text(place.config.replace("max_datagram: 65507B", "max_datagram: 100B"))
    done = place.node.coppice("apply")
    equal(done.returncode, 0, done.stderr + done.stdout)
    equal(asked(client, b"echo changed"), b"changed")
    file.write_text(place.config.replace("socket: dns", "socket: nobody"))
    contains(place.node.coppice("apply").stderr, "FileDescriptorName=nobody")


@test("a group that is joined is heard")
def multicast(cleanup):
    place = Place(cleanup, listen="[ { address: 0.0.0.0, port: 0 } ]", more="multicast: { join: [ 239.77.1.1 ], interface: lo, loop: true }")
    _, port = place.address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(20)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sender.sendto(b"echo group", ("239.77.1.1", port))
        equal(sender.recv(100), b"group")


def inner_multicast(group):
    """An interface on which datagrams to a group of its own (ff01::/16) come back. They never leave the machine. The
    loopback interface does not take any by itself."""
    for index, name in socket.if_nameindex():
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.settimeout(5)
            probe.bind(("::", 0))
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index))
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            probe.sendto(b"", (group, probe.getsockname()[1]))
            probe.recv(1)
            return index, name
    raise Skip("no interface here takes multicast over IPv6")


@test("a group of IPv6 that is joined is heard, by the interface where it is joined, and left again")
def multicast6(cleanup):
    group = "ff01::77:1"
    index, name = inner_multicast("ff01::77:2")
    place = Place(cleanup, listen='[ { address: "::", port: 0 } ]', more=f'multicast: {{ join: [ "{group}" ], interface: {name} }}')
    _, port = place.address()
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.settimeout(20)
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        for number in range(3):
            sender.sendto(b"echo group %d" % number, (group, port))
            equal(sender.recv(100), b"group %d" % number)
        octets = ",".join(str(one) for one in socket.inet_pton(socket.AF_INET6, group))
        change = lambda what, of=octets: int(place.node.call("pings", f'{{group,{what},<<{of}>>,<<"{name}">>}}'))
        equal(change("join"), REFUSED, "it is joined already")
        equal(change("join", "239,77,1,4"), INVALID, "a group of IPv4, and a socket of IPv6")
        equal(change("leave"), 0)
        sender.sendto(b"echo left", (group, port))
        sender.sendto(b"echo unicast", ("::1", port))
        equal(sender.recv(100), b"unicast", "who has left hears no more")
        equal(change("join"), 0)
        sender.sendto(b"echo again", (group, port))
        equal(sender.recv(100), b"again")


@test("an actor joins and leaves groups, and hears what those are told that it is in")
def groups(cleanup):
    place = Place(cleanup, listen="[ { address: 0.0.0.0, port: 0 } ]")
    _, port = place.address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(20)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)

        def change(what, address, interface="lo"):
            octets = ",".join(str(one) for one in address)
            return int(place.node.call("pings", f'{{group,{what},<<{octets}>>,<<"{interface}">>}}'))

        equal(change("join", (239, 77, 1, 2)), 0)
        sender.sendto(b"echo joined", ("239.77.1.2", port))
        equal(sender.recv(100), b"joined")
        equal(change("join", (239, 77, 1, 2)), REFUSED, "joined once already")
        equal(change("leave", (239, 77, 1, 3)), REFUSED, "never joined")
        equal(change("join", (239, 77, 1, 3), "no-such-card"), REFUSED, "no such interface")
        equal(change("join", (127, 0, 0, 1)), INVALID, "no group")
        equal(change("join", (255, 2) + 13 * (0,) + (1,)), INVALID, "a group of IPv6, and a socket of IPv4")
        equal(change("leave", (239, 77, 1, 2)), 0)
        sender.sendto(b"echo left", ("239.77.1.2", port))
        sender.sendto(b"echo unicast", ("127.0.0.1", port))
        equal(sender.recv(100), b"unicast", "who has left hears no more")


@test("operators see sockets and counts, by info and as metrics, and change the actor by apply")
def operators(cleanup):
    port = free_port()
    place = Place(cleanup, settings=(("control.http", f"{{ address: 127.0.0.1, port: {port} }}"),))
    client = place.client()
    equal(asked(client, b"echo x"), b"x")
    shown = place.engine()
    equal(sorted(shown), ["errors", "kernel_dropped", "kind", "receive_buffer", "received", "refused", "sent", "sockets", "too_long"])
    check(shown["receive_buffer"] > 0, shown)
    contains(place.node.coppice("info", "pings").stdout, "\nkernel dropped  ")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    for line in ("udp_received_total", "udp_sent_total"):
        contains(text, f'coppice_{line}{{actor="net/pings"}} 1')
    place.node.ask("restart", path="net/pings")
    equal(place.engine()["received"], 0, "a restart by hand begins anew")
    equal(asked(place.client(), b"echo y"), b"y")
    before = place.node.info("pings")["pid"]
    file = place.node.folder.path / "node.yaml"
    file.write_text(place.config.replace("id: pings", "id: pings\n          start_timeout: 7s"))
    done = place.node.coppice("apply")
    contains(done.stdout, "start_timeout")
    equal(place.node.info("pings")["pid"], before, "what is not the actor's restarts nothing")
    place.node.reply("exit", name="pings", reason="kill")
    eventually(lambda: place.node.pid("pings") not in (None, before), "it is started again, by the new one")
    equal(asked(place.client(), b"echo z"), b"z")
    file.write_text(place.config.replace("max_datagram: 65507B", "max_datagram: 10B"))
    done = place.node.coppice("apply")
    contains(done.stdout, "udp.max_datagram")
    client = place.client()
    client.send(b"echo too long")
    equal(asked(client, b"echo s"), b"s")
    equal(place.engine()["too_long"], 1)


if __name__ == "__main__":
    run()
