#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Routers, stages and event handlers with connections of their own: incoming bytes, events that go out, how connections
end, and a reload."""
import socket

from harness.node import Node, Shelf, tree
from harness.tap import check, contains, equal, eventually, run, test
from harness.tcp_gate import Client

CHILDREN = """
        - {{ id: board, name: board, actor: "outward:switchboard", args: {{ port: {port} }} }}
        - {{ id: source, name: source, actor: "outward:source", args: {{ port: {port} }} }}
        - id: sink
          name: sink
          actor: "outward:sink"
          args: {{ port: {port} }}
          stage: {{ subscribe_to: [ {{ to: source }} ] }}
        - id: events
          name: events
          event_manager:
            handlers: [ {{ id: reporter, actor: "outward:reporter", args: {{ port: {port} }} }} ]
"""
WHO = ("switchboard", "source", "sink", "reporter")


class Outward:
    """A node, and `lines`: the connection of each of its actors, by the actor's name."""

    def __init__(self, cleanup):
        self.listening = socket.create_server(("127.0.0.1", 0))
        cleanup.callback(self.listening.close)
        self.listening.settimeout(20)
        self.cleanup = cleanup
        self.plugins = Shelf(cleanup, "outward")
        self.port = self.listening.getsockname()[1]
        self.node = Node(cleanup, config=tree(CHILDREN.format(port=self.port)), settings=[self.plugins.setting])
        self.lines = dict(self.accept() for _ in WHO)
        equal(sorted(self.lines), sorted(WHO))

    def accept(self):
        """The name of the actor that has connected, and the connection."""
        connection, _ = self.listening.accept()
        self.cleanup.callback(connection.close)
        connection.settimeout(20)
        client = Client(connection)
        return client.line().decode(), client

    def says(self, who, line, by=None, answer=None):
        self.lines[who].send(line + b"\n")
        equal(self.lines[by or who].line(), answer if answer is not None else who.encode() + b" " + line)

    def all_speak(self, word):
        self.says("switchboard", word)
        self.says("source", word, by="sink", answer=b"sink " + word)
        self.says("reporter", word)


@test("routers, stages and event handlers connect out, and hear what comes; events reach who writes them on")
def speak(cleanup):
    one = Outward(cleanup)
    for number in range(20):
        one.all_speak(b"word %d" % number)
    one.lines["source"].send(b"".join(b"many %d\n" % number for number in range(500)))
    equal([one.lines["sink"].line() for _ in range(500)], [b"sink many %d" % number for number in range(500)])
    one.node.ask("send", name="events", term="{notify, <<\"news\">>}")
    equal(one.lines["reporter"].line(), b"event news")
    equal(one.node.call("board", "heard"), "20")


@test("operators see their streams beside what each says of itself")
def shown(cleanup):
    one = Outward(cleanup)
    one.all_speak(b"seen")
    for name, own in (("board", "routes"), ("source", "subscriptions"), ("sink", "subscriptions")):
        engine = one.node.engine(name)
        check(own in engine, "what it says of itself", engine)
        equal(engine["streams"], 1)
        stream = engine["connections"][0]
        equal((stream["peer"], stream["open"], stream["tls"], stream["queued"]), (f"127.0.0.1:{one.port}", True, "", 0))
        check(stream["written"] > 0, "it has said who it is", stream)
        text = one.node.coppice("info", name).stdout
        contains(text, f"127.0.0.1:{one.port}")
    one.node.reply("exit", name="sink", reason="kill")
    one.lines["sink"].socket.close()
    one.lines.update([one.accept()])
    eventually(lambda: one.node.engine("sink")["streams"] == 1, "the new one has its own")


@test("their connections go through a reload")
def reloaded(cleanup):
    one = Outward(cleanup)
    one.lines["switchboard"].send(b"half a ")
    one.says("source", b"before", by="sink", answer=b"sink before")
    one.plugins.put("outward")
    done = one.node.coppice("reload", "outward")
    equal(done.returncode, 0, done.stderr)
    one.says("switchboard", b"line", answer=b"switchboard half a line")
    one.all_speak(b"after")
    equal(one.node.call("board", "heard"), "2")


@test("a killed one's connection is reset, and its next one connects again; others' stay")
def killed(cleanup):
    one = Outward(cleanup)
    for who, name in (("switchboard", "board"), ("sink", "sink")):
        one.node.reply("exit", name=name, reason="kill")
        equal(one.lines[who].ends(), "reset", who)
        again, one.lines[who] = one.accept()
        equal(again, who)
    eventually(lambda: one.node.engine("source")["subscriptions"], "the sink has subscribed anew")
    one.all_speak(b"still")
    handler = next(each["pid"] for each in one.node.ask("ps")["processes"] if each["behaviour"] == "event_handler")
    one.node.reply("exit", name=handler, reason="kill")
    equal(one.lines["reporter"].ends(), "reset")


@test("a handler that leaves in a callback for its connection has that closed in order, and its manager goes on")
def leaves(cleanup):
    one = Outward(cleanup)
    one.says("reporter", b"leave")
    equal(one.lines["reporter"].ends(), b"", "what it wrote has gone out")
    eventually(lambda: not any(each["behaviour"] == "event_handler" for each in one.node.ask("ps")["processes"]), "it has left")
    one.says("switchboard", b"still")
    equal(one.node.info("events")["behaviour"], "event_manager")


run()
