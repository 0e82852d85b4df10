#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Routes that make an actor for each client of a WebSocket or of events. Such actors are made and refused, and end by
either side, by a crash and by the site, over reloads and changes. Nothing is left of clients that have gone."""
import http.client
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import time

from harness.node import Folder, Node, plugin_folder, program, root, tree
from harness.site import WebSite
from harness.tap import check, contains, equal, eventually, run, test
from harness.websocket import CLOSE, TEXT, WebSocket, close_frame, frame

CHILDREN = """
        - {{ id: ledger, actor: "seats:ledger", name: ledger }}
        - id: site
          name: site
          web:
            listen: [{{ address: 127.0.0.1, port: {port} }}]
            routes:
              - {{ path: "/seat/{{what...}}", actor: "seats:seat", args: {{ greeting: {greeting} }}, {mailbox} upgrade: websocket, timeout: {timeout} }}
              - {{ path: "/news/{{what...}}", actor: "seats:seat", args: {{ greeting: news }}, upgrade: sse }}
              - {{ path: /no, actor: "seats:seat", args: {{ greeting: "no" }}, upgrade: websocket }}
            limits: {{ connections: {connections} }}
            drain: 3s
"""
HANDSHAKE = (b"GET /seat/slow HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
END = (CLOSE, struct.pack("!H", 1000))


class Site(WebSite):
    def __init__(self, cleanup, port=0, greeting="hello", mailbox="", timeout="20s", connections=10000):
        text = tree(CHILDREN.format(port=port, greeting=greeting, mailbox=mailbox, timeout=timeout, connections=connections), "web", name="web_sup", intensity=0)
        super().__init__(cleanup, text, "seats")
        self.pid = self.node.pid("site")

    def replace(self, name):
        self.plugins.put(name, "seats")

    def seats(self):
        return self.report()["client_actors"]

    def ask(self, what="", *headers, path=None, **options):
        return WebSocket(self.cleanup, self.at, path or f"/seat/{what}", *headers, **options)

    def open(self, what=""):
        one = self.ask(what)
        equal(one.status, 101, f"{one.headers}")
        return one

    def told(self):
        return self.node.call("ledger", "told")

    def actors(self):
        return [one["pid"] for one in self.seats_of_ps()]

    def seats_of_ps(self):
        return [one for one in self.node.ask("ps")["processes"] if one["plugin"] == "seats" and not one["name"]]

    def none_left(self):
        eventually(lambda: (self.seats(), self.report()["open"]) == (0, 0), f"none is left: {self.report()}")
        equal(self.actors(), [])


class News:
    """A client of the events at /news."""

    def __init__(self, site, what=""):
        self.connection = http.client.HTTPConnection(*site.at, timeout=60)
        site.cleanup.callback(self.connection.close)
        self.connection.request("GET", f"/news/{what}")
        self.reply = self.connection.getresponse()
        self.status = self.reply.status

    def next(self):
        """The data of the next event. None: the stream has ended correctly."""
        while (line := self.reply.readline()) != b"":
            if line.startswith(b"data: "):
                return line[6:].decode().rstrip("\n")
        return None

    def close(self):
        self.reply.close()
        self.connection.close()


def talks(one, number, text="x", greeting="hello"):
    one.text(text)
    equal(one.next(), (TEXT, f"{greeting} {number} {text}".encode()))


@test("each client has an actor of its own, which ends behind what it was told when its client has gone")
def each_its_own(cleanup):
    site = Site(cleanup)
    first, second = site.open(), site.open()
    for number in (1, 2, 3):
        talks(first, number)
    talks(second, 1)
    equal(site.seats(), 2)
    equal([one["label"] for one in site.seats_of_ps()], ["web/site"] * 2)
    workers = {pid: site.node.info(pid)["worker"] for pid in site.actors()}
    equal(workers, {pid: site.node.info(site.node.info(pid)["parent"])["worker"] for pid in workers}, "beside its client's connection")
    talks(first, 4, "last")
    first.send(close_frame(4001))
    equal(first.rest(), [4001])
    eventually(lambda: site.seats() == 1, "one has ended")
    equal(site.told(), '[<<"closed 4001">>,<<"terminate 4">>]')
    second.text("bye")
    equal(second.next(), (CLOSE, struct.pack("!H", 4000) + b"as you wish"))
    second.send(close_frame(4000))
    equal(second.next(), None)
    site.none_left()
    equal(site.told(), '[<<"closed 4000">>,<<"terminate 2">>]')
    gone = site.open()
    talks(gone, 1)
    gone.file.close()
    gone.socket.close()
    site.none_left()
    contains(site.told(), "terminate 1")
    # Frames right behind the request arrive before it is answered.
    early = site.ask("slow", behind=frame(TEXT, b"early") + frame(TEXT, b"bird"))
    equal([early.next(), early.next()], [(TEXT, b"hello 1 early"), (TEXT, b"hello 2 bird")])
    early.socket.close()
    early.file.close()
    site.none_left()
    equal(site.report()["routes"][0]["to"], "seats:seat")


@test("one that does not start, throws or refuses answers by its status, and nothing of it is left")
def refused(cleanup):
    site = Site(cleanup, timeout="200ms")
    for path, status in (("/seat/refuse", 403), ("/seat/throw", 500), ("/no", 500)):
        one = site.ask(path=path)
        equal((one.status, one.headers.get("connection")), (status, "close"), path)
        site.none_left()
    equal(News(site, "refuse").status, 403)
    site.none_left()
    # The time for accepting is over. Then a client that leaves before it is accepted.
    one = site.ask("slow")
    equal(one.status, 504)
    site.none_left()
    with socket.create_connection(site.at) as leaves:
        leaves.sendall(HANDSHAKE)
        eventually(lambda: site.seats() == 1, "it is asked")
    site.none_left()
    for origin in ("http://evil.example", "null"):
        equal(site.ask("", f"Origin: {origin}").status, 403)
    equal(site.ask(upgrade=None).status, 426)
    equal(site.seats(), 0)
    equal(site.node.pid("site"), site.pid)


@test("a crash costs its own client the connection: 1011, or the end of the events; an orderly end says 1000")
def crashes(cleanup):
    site = Site(cleanup)
    others = [site.open() for _ in range(5)]
    news = News(site)
    equal(news.next(), "news")
    before = site.report()["crashed"]
    for round_number in range(20):
        one = site.open()
        one.text("die")
        equal(one.next(), (CLOSE, struct.pack("!H", 1011)))
        one.send(close_frame(1011))
        equal(one.next(), None)
        for other in others:
            talks(other, round_number + 1)
    killed = site.open()
    talks(killed, 1)
    equal(len(site.actors()), 7)
    eventually(lambda: site.report()["crashed"] == before + 20, "they are counted")
    one = site.open()
    one.text("stop")
    equal(one.next(), END)
    one.send(close_frame(1000))
    equal(one.next(), None)
    equal(site.report()["crashed"], before + 20)
    pid = news_actor(site)
    site.node.ask("send", name=pid, term='{said, <<"one">>}')
    equal(news.next(), "one")
    site.node.ask("send", name=pid, term='{said, <<"die">>}')
    equal(news.next(), None, "the stream ends")
    news.close()
    quiet = News(site)
    equal(quiet.next(), "news")
    site.node.ask("send", name=news_actor(site), term='{said, <<"stop">>}')
    equal(quiet.next(), None)
    closing = News(site, "close")
    equal((closing.next(), closing.next()), ("news", None))
    for one in others + [killed]:
        one.send(close_frame(1000))
        equal(one.rest(), [1000])
    site.none_left()
    equal(site.node.pid("site"), site.pid)
    # An exit from outside ends the actor, and then the connection's process.
    one = site.open()
    site.node.reply("exit", name=site.actors()[0], reason="kill")
    equal(one.next(), (CLOSE, struct.pack("!H", 1011)))
    one.socket.close()
    one.file.close()
    site.none_left()
    for reason in ("kill", "boom"):
        one = site.open()
        connection = next(each["pid"] for each in site.node.ask("ps")["processes"] if each["behaviour"] == "websocket")
        site.node.reply("exit", name=connection, reason=reason)
        equal(one.next(), None)
        site.none_left()
    equal(site.node.pid("site"), site.pid)


def news_actor(site):
    """The only actor at present that has a client of events."""
    found = []
    for pid in site.actors():
        links = site.node.info(pid)["links"]
        found += [pid for other in links if site.node.info(other)["behaviour"] == "http"]
    equal(len(found), 1, f"{found}")
    return found[0]


@test("a client that leaves ends one that is held up, which is killed in the end")
def stuck(cleanup):
    site = Site(cleanup, mailbox="mailbox: { limit: 3 },")
    one = site.open()
    one.text("stuck 60000")
    one.file.close()
    one.socket.close()
    eventually(lambda: site.seats() == 0, "it is killed", 30)
    site.none_left()
    site.node.said("the actor of a client that has gone is killed, it does not end")
    # While the actor's mailbox has no room its client is not read; then everything comes in order, and the end last.
    one = site.open()
    one.text("stuck 1000")
    one.send(b"".join(frame(TEXT, b"%d" % number) for number in range(50)))
    equal([one.next() for _ in range(51)], [(TEXT, b"hello 1 stuck 1000")] + [(TEXT, b"hello %d %d" % (number + 2, number)) for number in range(50)])
    one.send(frame(TEXT, b"not answered") + close_frame(4002))
    equal(one.rest()[-1], 4002)
    site.none_left()
    contains(site.told(), '<<"closed 4002">>,<<"terminate 52">>')


@test("over a reload they go on with what they know, new ones are of the new code, and a new schema is held against the routes")
def reload(cleanup):
    site = Site(cleanup)
    clients = [site.open() for _ in range(50)]
    news = News(site)
    equal(news.next(), "news")
    failed = []

    def talk(one):
        try:
            for number in range(1, 101):
                talks(one, number, f"{number}")
        except (AssertionError, OSError) as why:
            failed.append(why)

    threads = [threading.Thread(target=talk, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for name in ("seats_2", "seats", "seats_2"):
        site.replace(name)
        done = site.node.coppice("reload", "seats")
        equal(done.returncode, 0, done.stderr)
    for thread in threads:
        thread.join()
    equal(failed, [])
    talks(site.open(), 1)
    site.node.ask("send", name=news_actor(site), term='{said, <<"after">>}')
    equal(news.next(), "after")
    site.replace("seats_strict")
    done = site.node.coppice("reload", "seats")
    check(done.returncode != 0, "it is refused", done.stdout)
    contains(done.stderr, "the new schema of seats:seat refuses what it is given")
    contains(done.stderr, "/seat/")
    talks(clients[0], 101, "still")


@test("apply gives new clients what is new, and those there are keep what they have")
def applied(cleanup):
    site = Site(cleanup)
    old = site.open()
    talks(old, 1)
    path = site.node.folder.path / "node.yaml"
    text = path.read_text()
    path.write_text(text.replace("greeting: hello", "greeting: good day"))
    done = site.node.coppice("apply")
    equal(done.returncode, 0, done.stderr)
    contains(done.stdout, "web.routes")
    talks(site.open(), 1, greeting="good day")
    talks(old, 2)
    path.write_text(text.replace("greeting: hello", "greetings: hello"))
    done = site.node.coppice("apply")
    check(done.returncode != 0, "args are checked", done.stdout)
    contains(done.stderr, "greetings")


@test("a site that stops tells clients 1001 and waits for their actors, which end behind that")
def stops(cleanup):
    site = Site(cleanup)
    clients = [site.open() for _ in range(20)]
    news = News(site)
    equal(news.next(), "news")
    silent = site.open()
    site.node.process.terminate()
    for one in clients:
        equal(one.next(), (CLOSE, struct.pack("!H", 1001)))
        one.send(close_frame(1001))
        equal(one.next(), None)
    equal(news.next(), None)
    equal(silent.next(), (CLOSE, struct.pack("!H", 1001)))
    equal(site.node.process.wait(30), 0, site.node.log()[-2000:])


@test("no more clients than there may be connections have an actor, and the next one has its turn")
def limited(cleanup):
    site = Site(cleanup, connections=3)
    clients = [site.open() for _ in range(3)]
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(site.open()))
    thread.start()
    time.sleep(0.2)
    equal((site.seats(), waiting), (3, []))
    clients[0].send(close_frame(1000))
    thread.join(30)
    talks(waiting[0], 1)
    equal(site.seats(), 3)


@test("check refuses actors that there are not, that are none for this, and args that do not fit")
def checked(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    shutil.copy(f"{os.environ['COPPICE_TEST_PLUGINS']}/seats.so", folder.path)
    for name in ("echo", "alarms"):
        shutil.copy(pathlib.Path(plugin_folder()) / f"{name}.so", folder.path)
    for route, words in (('actor: "seats:seats", upgrade: websocket', ("the plugin 'seats' has no actor 'seats'", "did you mean 'seat'?")),
                         ('actor: "seat:seat", upgrade: websocket', ("no plugin 'seat'", "did you mean 'seats'?")),
                         ('actor: "seats:seat", upgrade: websocket', ("greeting",)),
                         ('actor: "seats:seat", args: { greeting: 1 }, upgrade: sse', ("greeting",)),
                         ('actor: "seats:seat", args: { greeting: a, more: 1 }, upgrade: sse', ("more",)),
                         ("actor: echo, upgrade: websocket", ("is one for connections", "it belongs into a 'tcp' or 'port' map")),
                         ("actor: alarms, upgrade: websocket", ("is an event handler",)),
                         ('actor: "seats:seat", args: { greeting: a }', ("needs 'upgrade: websocket' or 'upgrade: sse'",))):
        path = folder.write("node.yaml", "node: { name: a@127.0.0.1 }\nplugins: { path: [ . ] }\napplications:\n  - name: web\n    supervisor:\n      children:\n"
                            "        - { id: site, web: { listen: [ { address: 127.0.0.1, port: 1 } ], routes: [ { path: /a, " + route + " } ] } }\n")
        done = subprocess.run([program("COPPICE", "coppice"), "check", str(path)], capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode != 0, route, done.stdout)
        for one in words:
            contains(done.stderr + done.stdout, one)


@test("the game of config/web.yaml is one for each player, and ends when the number is found")
def game(cleanup):
    text = (root / "config" / "web.yaml").read_text(encoding="utf-8").replace("port: 8080", "port: 0")
    node = Node(cleanup, config="node: { workers: 2 }\ndistribution: { listen: [] }\n" + text[text.index("applications:"):])
    at = ("127.0.0.1", int(node.ask("listener", name="site")["listening"][0].rpartition(":")[2]))
    one, other = (WebSocket(cleanup, at, "/game") for _ in range(2))
    equal(one.next(), (TEXT, b"I think of a number from 1 to 100. Which one?"))
    other.next()
    one.text("many")
    equal(one.next(), (TEXT, b"That is no number."))
    low, high, guesses = 1, 100, 0
    while True:
        guesses += 1
        guess = (low + high) // 2
        one.text(str(guess))
        said = one.next()[1].decode()
        if guesses == 2:
            node.ask("reload", plugin="hello_web")
        if said == f"{guess} is too small.":
            low = guess + 1
        elif said == f"{guess} is too large.":
            high = guess - 1
        else:
            equal(said, f"{guess} it is: {guesses} {'guess' if guesses == 1 else 'guesses'}.")
            break
    equal(one.next(), END)
    one.send(close_frame(1000))
    equal(one.next(), None)
    eventually(lambda: node.ask("listener", name="site")["client_actors"] == 1, "the other plays on")
    other.text("0")
    equal(other.next(), (TEXT, b"0 is too small."))


if __name__ == "__main__":
    run()
