#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attacks on a web server with streamed bodies and an actor for each client: uploads that stop, end half or never,
thousands of upgrades, answers and events that no client reads. Each such connection is ended in time, other clients are
served meanwhile, and no actors, memory or descriptors are left."""
import http.client
import multiprocessing
import socket
import struct
import threading

from harness.attack import ATTACKERS, BYSTANDERS, Bystanders, Target, unharmed
from harness.node import Shelf, until_closed
from harness.site import address
from harness.tap import check, equal, eventually, run, test
from harness.websocket import BINARY, KEY, PING, TEXT, WebSocket, close_frame, frame

CONFIG = """
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    supervisor: { children: [ { id: kv, actor: kv, name: kv } ] }
  - name: web
    supervisor:
      intensity: 1000
      children:
        - { id: streams, actor: streams, name: streams }
        - { id: others, actor: streams, name: others }
        - { id: ledger, actor: "seats:ledger", name: ledger }
        - id: site
          name: site
          web:
            listen: [ { address: 127.0.0.1, port: 0 } ]
            routes:
              - { path: "/put/{what}", to: streams, body: streamed, timeout: 2s, limits: { body: 8MiB } }
              - { path: "/get/{what}", to: streams, body: streamed, timeout: 2s }
              - { path: "/others/put/{what}", to: others, body: streamed, timeout: 60s }
              - { path: "/seat/{what}", actor: "seats:seat", args: { greeting: hello }, upgrade: websocket, timeout: 2s }
              - { path: /news, actor: "seats:seat", args: { greeting: news }, upgrade: sse }
            timeouts: { header: 1s, body: 1s, idle: 5s, write: 1s }
            websocket: { ping: 300s, pong: 1s, message: 1s, max_message: 64KiB, queue: 64KiB }
            sse: { heartbeat: 300ms, queue: 64KiB }
            limits: { connections: 500 }
"""
HEAD = b" HTTP/1.1\r\nHost: a\r\n"
CHUNK = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
UPGRADE = HEAD + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "


class Site(Target):
    def __init__(self, cleanup):
        super().__init__(cleanup, config=CONFIG, settings=[Shelf(cleanup, "streams", "seats", "kv").setting])
        self.at = address(self.report()["listening"][0])

    def report(self):
        return self.ask("listener", name="site")

    def processes(self):
        return len(self.ask("ps")["processes"])

    def bystanders(self):
        found = Bystanders(self.cleanup, self)
        there = self.there = WebSocket(self.cleanup, self.at, "/seat/there")
        said = [0]

        def game():
            said[0] += 1
            there.text("here")
            while (one := there.next())[0] != TEXT:
                there.send(frame(10, one[1]))
            equal(one[1], b"hello %d here" % said[0])

        found.wants["a game of one who was there before"] = game
        found.wants["an upload"] = self.upload
        found.wants["a newcomer's game"] = self.newcomer
        return found

    def upload(self):
        client = http.client.HTTPConnection(*self.at, timeout=20, source_address=(BYSTANDERS, 0))
        try:
            client.request("PUT", "/others/put/count", bytes(200000))
            answer = client.getresponse()
            equal((answer.status, answer.read()), (200, b"200000 0"))
        finally:
            client.close()

    def newcomer(self):
        one = WebSocket(self.cleanup, self.at, "/seat/new")
        one.text("x")
        equal(one.next(), (TEXT, b"hello 1 x"))
        one.send(close_frame(1000))
        equal(one.rest(), [1000])

    def alone(self, processes):
        """Waits until no client, no actor of a client and no waiting request is left, and the processes are as
        before."""
        self.there.socket.shutdown(socket.SHUT_RDWR)
        eventually(lambda: (self.report()["open"], self.report()["client_actors"]) == (0, 0), f"nobody is left: {self.report()}", 60)
        eventually(lambda: self.report()["in_flight"] == 0, "no request waits")
        eventually(lambda: self.processes() == processes, "processes are as before")


class Attackers:
    """Starts a process with `each` threads for each of `acts`. Each thread uses one connection after the other for its
    act, until close()."""

    def __init__(self, cleanup, site, each, *acts):
        of = multiprocessing.get_context("fork")
        self.at, self.over = site.at, of.Event()
        self.done = {act: of.Value("i", 0) for act in acts}
        self.processes = [of.Process(target=self.attack, args=(act, each)) for act in acts]
        cleanup.callback(self.close)
        for one in self.processes:
            one.start()

    def attack(self, act, each):
        threads = [threading.Thread(target=self.run, args=(act,)) for _ in range(each)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def run(self, act):
        while not self.over.is_set():
            with socket.socket() as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                one.settimeout(30)
                one.bind((ATTACKERS, 0))
                try:
                    one.connect(self.at)
                    act(one)
                except OSError:
                    pass
            with self.done[act].get_lock():
                self.done[act].value += 1

    def each_has_done(self, count):
        for act, done in self.done.items():
            eventually(lambda done=done: done.value >= count, f"{act.__name__} was made {count} times", 120)

    def close(self):
        self.over.set()
        for one in self.processes:
            one.join()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_closed(one):
    one.sendall(b"PUT /put/echo" + HEAD + b"Content-Length: 1000000\r\n\r\n" + bytes(30000))
    one.shutdown(socket.SHUT_WR)
    check(b"0\r\n\r\n" not in until_closed(one)[-5:], "half a body is never echoed as a whole one")


def stopped(one):
    one.sendall(b"PUT /put/count" + HEAD + b"Content-Length: 1000000\r\n\r\n" + bytes(30000))
    check(until_closed(one)[9:12] in (b"408", b"504"), "it is told that it is slow, or its actor that it is")


def endless(one):
    one.sendall(b"PUT /put/count" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        one.sendall(CHUNK)


def endless_to_nobody(one):
    one.sendall(b"PUT /put/never" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        one.sendall(CHUNK)


def deaf(one):
    one.sendall(b"GET /get/endless" + HEAD + b"\r\n")
    until_told(one)


def deaf_to_echoes(one):
    one.sendall(b"PUT /put/echo" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        one.sendall(CHUNK)


def deaf_and_talking(one):
    one.sendall(b"GET /news" + HEAD + b"\r\n")
    for _ in range(100):
        one.sendall(bytes(1 << 16))


def until_told(one):
    """Reads nothing until the other side has gone. It sends a byte now and then, which the other side answers with a
    reset."""
    threading.Event().wait(1.5)
    one.sendall(b"x")
    threading.Event().wait(1.5)
    one.sendall(b"x")


def upgrade(one, what=b"x", key=KEY.encode()):
    one.sendall(b"GET /seat/" + what + UPGRADE + key + b"\r\n\r\n")


def upgrade_and_go(one):
    upgrade(one)


def upgrade_and_reset(one):
    upgrade(one)
    one.recv(1)
    reset(one)


def upgrade_wrongly(one):
    upgrade(one, key=b"none")
    one.shutdown(socket.SHUT_WR)
    equal(until_closed(one)[9:12], b"400")


def upgrade_and_be_refused(one):
    upgrade(one, b"refuse")
    equal(until_closed(one)[9:12], b"403")


def upgrade_to_nonsense(one):
    upgrade(one)
    one.sendall(bytes(1000))
    until_closed(one)


def upgrade_and_be_deaf(one):
    upgrade(one)
    while True:
        one.sendall(frame(TEXT, b"y" * 60000))


def ping_and_be_deaf(one):
    upgrade(one)
    many = frame(PING, bytes(125)) * 1000
    for _ in range(300):
        one.sendall(many)


def say_half(one):
    upgrade(one)
    one.sendall(frame(BINARY, bytes(60000), fin=False))
    check(struct.pack("!H", 1008) in until_closed(one), "it is told that its message is late")


def say_endlessly(one):
    upgrade(one)
    one.sendall(frame(BINARY, b"", fin=False))
    while True:
        one.sendall(frame(PING) + frame(0, b"x", fin=False))
        threading.Event().wait(0.05)


def attacked(cleanup, *acts, times, megabytes):
    """Runs each of `acts` this many times, checks that the site is unharmed and that no client is left, and returns the
    site."""
    site = Site(cleanup)
    processes = site.processes()
    bystanders = site.bystanders()
    with unharmed(site, bystanders, megabytes=megabytes):
        crowd = Attackers(cleanup, site, 4, *acts)
        bystanders.served()
        crowd.each_has_done(times)
        crowd.close()
        site.alone(processes)
    return site


@test("uploads that stop, end half, or go on for ever end in their time, and nobody else's wait for them")
def uploads(cleanup):
    site = attacked(cleanup, half_closed, stopped, endless, endless_to_nobody, times=15, megabytes=96)
    said = site.call("streams", "aborted")
    for reason in ("closed", "slow", "too_large"):
        check(reason in said, f"its actor was told {reason}")


@test("upgrades by the thousand, wrong, refused or left at once, leave no actor behind")
def upgrades(cleanup):
    attacked(cleanup, upgrade_and_go, upgrade_and_reset, upgrade_wrongly, upgrade_and_be_refused, upgrade_to_nonsense,
             times=500, megabytes=64)


@test("messages that never end, one byte after the other or none at all, end in their time")
def endless_messages(cleanup):
    attacked(cleanup, say_half, say_endlessly, times=15, megabytes=64)


@test("who takes nothing of an answer, of events or of a game loses the connection, and costs what may wait for him")
def takers_of_nothing(cleanup):
    attacked(cleanup, deaf, deaf_to_echoes, deaf_and_talking, upgrade_and_be_deaf, times=20, megabytes=96)


@test("who sends pings and does not read costs the answer to the newest, and what the kernel keeps")
def pings(cleanup):
    attacked(cleanup, ping_and_be_deaf, times=8, megabytes=64)


if __name__ == "__main__":
    run()
