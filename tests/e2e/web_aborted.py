#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web: an actor that works on a request is told when its answer is not needed any more: the client has gone, the time
is over, or the site stops. A later answer is dropped, and no other request is disturbed."""
import contextlib
import http.client
import re
import socket
import struct
import threading

from harness.node import tree, until_closed
from harness.site import WebSite
from harness.tap import check, contains, equal, eventually, run, test

CHILDREN = """
        - {{ id: replies, actor: replies, name: replies }}
        - {{ id: one, name: one, pool: {{ actor: replies, size: 1, in_flight: 1 }} }}
        - {{ id: streams, actor: streams, name: streams }}
        - id: site
          name: site
          web:
            listen: [ {{ address: 127.0.0.1, port: 0 }} ]
            routes:
              - {{ path: "/never", to: replies, timeout: 300ms }}
              - {{ path: "/events/{{what}}", to: replies, upgrade: sse, timeout: 60s }}
              - {{ path: "/get/{{what}}", to: streams, body: streamed, timeout: 300ms }}
              - {{ path: "/hold/get/{{what}}", to: streams, body: streamed, timeout: 60s }}
              - {{ path: "/put/{{what}}", to: streams, body: streamed, timeout: 60s }}
              - {{ path: "/later", to: {later}, timeout: 60s }}
              - {{ path: "/{{what}}", to: {later}, timeout: 60s }}
            drain: {drain}
"""


class Site(WebSite):
    """A site. `later` has the requests that are answered some time later."""

    def __init__(self, cleanup, later="replies", drain="10s"):
        super().__init__(cleanup, tree(CHILDREN.format(later=later, drain=drain), "web", node="workers: 2, log: { level: info }"), "replies", "streams")
        self.later = later

    def ask(self, path, on=None):
        """The status and the body of the answer."""
        client = on or self.client()
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read()

    def begin(self, path, waiting=None):
        """A client whose request is being worked on."""
        before = self.report()["in_flight"]
        client = self.connect()
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        if waiting is None:
            eventually(lambda: self.report()["in_flight"] == before + 1, "it is asked")
        else:
            eventually(lambda: self.node.call(self.later, "waiting") == str(waiting), "it waits")
        return client

    @contextlib.contextmanager
    def held(self):
        """While this lasts, the actor works for a client that leaves at the end, and handles nothing else."""
        until = self.node.folder.path / "until"
        with self.connect() as client:
            client.sendall(f"GET /events/held HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {until}\r\n\r\n".encode())
            eventually(lambda: self.report()["in_flight"] == 1, "it is asked")
            try:
                yield
            finally:
                client.close()
                until.touch()

    def told(self, count, whom="replies"):
        """The ends of requests that the actor was told of, once there are this many."""
        def all_of():
            return re.findall(r'<<"([\w ]+)">>', self.node.call(whom, "aborted"))
        eventually(lambda: len(all_of()) >= count, f"{count} ends are told")
        return all_of()


def break_off(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@test("a client that has gone is told of once, the others wait on, over a reload of the actor's plugin too")
def gone(cleanup):
    site = Site(cleanup)
    clients = [site.begin("/later", waiting=number) for number in range(1, 6)]
    break_off(clients[0])
    equal(site.told(1), ["waiting closed"])
    equal(site.node.call("replies", "waiting"), "4")
    site.node.ask("reload", plugin="replies")
    break_off(clients[1])
    equal(site.told(2), ["waiting closed"] * 2)
    clients[2].shutdown(socket.SHUT_WR)  # a client that only has nothing more to send still waits
    site.node.ask("send", name="replies", term='{release, <<"done">>}')
    contains(until_closed(clients[2]), b"\r\n\r\ndone")
    for client in clients[3:]:
        contains(client.recv(1000), b"\r\n\r\ndone")
        break_off(client)
    equal(site.ask("/now")[0], 200)
    eventually(lambda: site.report()["in_flight"] == 0, "none is left")
    equal(site.told(2), ["waiting closed"] * 2, "of those that were answered nothing is told")


@test("one that is too late is told of, and what it answers all the same is not the next one's")
def late(cleanup):
    site = Site(cleanup)
    client = site.client()
    for number in range(1, 11):
        equal(site.ask("/never", on=client)[0], 504)
        code, body = site.ask("/now", on=client)
        equal((code, body.startswith(b"GET /now")), (200, True))
        equal(site.told(number), ["never timeout"] * number)
    equal(site.ask("/get/wait", on=client)[0], 504)
    equal(site.told(1, "streams"), ["timeout"], "one whose bodies stream, and has none")


@test("behind a pool who is at work is told, and has a place for the next one")
def pooled(cleanup):
    site = Site(cleanup, later="one")
    first = site.begin("/later")
    second = site.begin("/later")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(site.ask("/now")))
    asking.start()
    eventually(lambda: site.report()["in_flight"] == 3, "all are asked")
    equal(answers, [])
    break_off(second)  # it waits for its turn, and never gets it
    eventually(lambda: site.report()["in_flight"] == 2, "it has gone")
    break_off(first)
    asking.join(60)
    equal(answers[0][0], 200)
    equal(site.told(1, "one"), ["waiting closed"])
    eventually(lambda: site.report()["in_flight"] == 0, "none is left")


@test("one whose client left, or was too late, while the actor had not come to it yet, is told of when it begins on it")
def busy(cleanup):
    site = Site(cleanup)
    patient = site.client()
    with site.held():
        equal(site.ask("/never", on=patient)[0], 504)
        early = [site.begin("/later", waiting=None) for _ in range(3)]
        for one in early:
            break_off(one)
        eventually(lambda: site.report()["in_flight"] <= 1, "they have gone")
    equal(sorted(site.told(4)), ["never timeout"] + ["waiting closed"] * 3)
    equal(site.node.call("replies", "waiting"), "0")
    equal(site.ask("/now", on=patient)[0], 200)
    patient.close()
    eventually(lambda: site.report()["open"] == 0, "none of them is left")


@test("nothing is kept of a client that left when the actor can no longer ask for news of it")
def left(cleanup):
    site = Site(cleanup)
    with site.held():
        early = [site.begin("/now", waiting=None) for _ in range(3)]
        for one in early:
            break_off(one)
        eventually(lambda: site.report()["open"] == 1, "their connections are closed at once")
    eventually(lambda: not [one for one in site.node.ask("ps")["processes"] if one["behaviour"] == "http"],
               "their processes have ended")
    equal(site.told(0), [])


@test("when the site stops, those that are not answered within its drain are told of, and their clients have 503")
def stopping(cleanup):
    site = Site(cleanup, drain="300ms")
    client = site.begin("/later", waiting=1)
    up = site.connect()
    up.sendall(b"PUT /put/stop HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + b"x" * 2000)
    down = site.connect()
    down.sendall(b"GET /hold/get/hold HTTP/1.1\r\nHost: a\r\n\r\n")
    eventually(lambda: site.node.call("streams", "open") == "2", "they have begun")
    site.node.ask("terminate", path="web/site")
    equal(site.told(1), ["waiting stopping"])
    equal(site.told(2, "streams"), ["stopping"] * 2)
    for one in (client, up):
        answer = until_closed(one)
        contains(answer, b"HTTP/1.1 503 ")
        contains(answer, b"Retry-After: 1\r\n")
        contains(answer, b"Connection: close\r\n")
    answer = until_closed(down)
    check(answer.startswith(b"HTTP/1.1 200 ") and not answer.endswith(b"0\r\n\r\n"), "what has begun is cut off", answer)
    equal(site.node.call("replies", "waiting"), "0")


@test("of hundreds of clients that leave at any moment none is left, and none is told of twice")
def many(cleanup):
    site = Site(cleanup)
    for round_of in range(5):
        clients = []
        for _ in range(100):
            client = socket.create_connection(site.at, 60)
            cleanup.callback(client.close)
            client.sendall(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            clients.append(client)
        for client in clients[::round_of + 1] + [one for place, one in enumerate(clients) if place % (round_of + 1) != 0]:
            break_off(client)
    eventually(lambda: site.report()["in_flight"] == 0, "nobody waits")
    eventually(lambda: site.node.call("replies", "waiting") == "0", "none is worked on")
    check(len(site.told(0)) <= 500, "each was told of once at most", len(site.told(0)))
    client = http.client.HTTPConnection(*site.at, timeout=60)
    cleanup.callback(client.close)
    equal(site.ask("/now", on=client)[0], 200)


if __name__ == "__main__":
    run()
