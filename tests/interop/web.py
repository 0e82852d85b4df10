#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Routes of a web server that lead to another node: to a gen_server of Erlang's that knows nothing of Coppice (far_pages.erl),
which answers requests and sends events, and to an actor of a second node of ours. Wrong, late and missing answers become a status
and a line in the log.
"""
import http.client
import os
import pathlib
import re
import shutil
import socket
import struct
import time

from harness.erlang import Erl
from harness.node import Node, tree
from harness.site import WebSite
from harness.tap import check, equal, eventually, run, test

CHILDREN = """
        - id: site
          name: site
          web:
            listen: [ {{ address: 127.0.0.1, port: 0 }} ]
            routes:
              - {{ path: "/far/{{what}}", to: far@far@127.0.0.1, timeout: {timeout} }}
              - {{ path: "/events/{{what}}", to: far@far@127.0.0.1, upgrade: sse }}
              - {{ path: "/absent/{{what}}", to: nobody@far@127.0.0.1 }}
              - {{ path: "/api/notes", to: hello_web@second@127.0.0.1 }}
              - {{ path: "/api/notes/{{id}}", to: hello_web@second@127.0.0.1 }}
            sse: {{ heartbeat: 300ms, retry: 2s }}
"""
SECOND = tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: hello_web, actor: hello_web, name: hello_web }
""", "notes", "temporary", distribution="listen: [ { address: 127.0.0.1, ports: 15000-65000 } ]")


class Site(WebSite):
    """A site. With `far`, its route leads to `far_pages` of an Erlang node."""

    def __init__(self, cleanup, timeout="20s", far=True):
        super().__init__(cleanup, tree(CHILDREN.format(timeout=timeout), "net", "temporary", distribution="listen: [ { address: 127.0.0.1, ports: 15000-65000 } ]", node="workers: 2, log: { level: info }"), "hello_web", "kv")
        self.erl = None
        if far:
            self.start_far()

    def start_far(self):
        self.erl = Erl(self.cleanup, name="far@127.0.0.1", epmd_port=self.node.epmd_port)
        folder = self.node.folder.path  # an Erlang node in a chroot does not see the checkout
        shutil.copy(pathlib.Path(__file__).with_name("far_pages.erl"), folder)
        equal(self.erl(f'{{ok, far_pages, Code}} = compile:file("{folder}/far_pages", [binary]), {{module, far_pages}} = '
                       'code:load_binary(far_pages, "far_pages", Code), {ok, _} = far_pages:start(far), ready'), "ready")

    def ask(self, path, method="GET", body=None, headers=None, on=None):
        """(status, headers, body) of the answer."""
        connection = on or self.client()
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@test("a gen_server is called with every part of a request, and what it answers goes back", proves="calls web")
def call(cleanup):
    site = Site(cleanup)
    connection = site.client()
    body = os.urandom(100000)
    code, headers, got = site.ask("/far/echo?x=1&y=a+b%26&x=2", "PUT", body, {"X-One": "1", "x-one": "2"}, on=connection)
    equal((code, headers["content-type"], headers["content-length"], got == body), (200, "application/octet-stream", "100000", True))
    equal(site.erl("#{method := M, path := P, params := Q, query := S, version := V} = L = gen_server:call(far, last), {M, P, Q, S, V}"),
          '{<<"PUT">>,<<"/far/echo">>,#{<<"what">> => <<"echo">>},[{<<"x">>,<<"1">>},{<<"y">>,<<"a b&">>},{<<"x">>,<<"2">>}],<<"1.1">>}')
    equal(site.erl('[V || {<<"x-one">>, V} <- maps:get(headers, L)]'), '[<<"1">>,<<"2">>]')
    check(re.fullmatch(r'<<"127\.0\.0\.1:\d+">>', site.erl("maps:get(peer, L)")), "who asks", site.erl("L"))
    equal(site.erl(f"{{is_pid(maps:get(client, L)), node(maps:get(client, L)) =:= '{site.node.name}', byte_size(maps:get(body, L))}}"),
          "{true,true,100000}")
    code, headers, got = site.ask("/far/whole", on=connection)
    equal((code, headers["x-from"], headers["x-two"], got), (201, "erl", "abc", b"body"))
    for what, expected in (("brief", (202, b"brief")), ("iodata", (200, b"one two three four")), ("string", (200, b"text")),
                           ("large", (200, b"x" * (1 << 20))), ("later", (200, b"by another process")), ("none", (204, b""))):
        equal(site.ask(f"/far/{what}", on=connection)[::2], expected, what)
    equal(site.ask("/far/large", "HEAD", on=connection)[::2], (200, b""))
    equal(site.erl("maps:get(method, gen_server:call(far, last))"), '<<"HEAD">>')


@test("what a gen_server answers that is no answer is 502, and the log says what is wrong with it", proves="web")
def malformed(cleanup):
    site = Site(cleanup)
    connection = site.client()
    for what, said in (("atom", "neither {Status, Headers, Body} nor {Status, Body}"), ("status", "its status is 99"), ("word", "neither {Status, Headers, Body}"),
                       ("float", "neither {Status, Headers, Body}"), ("body", "its body"), ("unicode", "its body"), ("headers", "its headers are no list"),
                       ("improper", "its headers are no list"), ("triple", "a header is no {Name, Value}"), ("split", "the value of x-split cannot be sent"),
                       ("name", "a header's name cannot be sent"), ("many", "neither {Status, Headers, Body}"), ("accept", "neither {Status, Headers, Body}")):
        code, headers, _ = site.ask(f"/far/{what}", on=connection)
        equal((code, headers["set-cookie"]), (502, None), what)
        site.node.said(said, what)
    equal(site.ask("/far/brief", on=connection)[::2], (202, b"brief"), "the connection goes on")


@test("a gen_server that is slow is 504 and its late answer nobody's; one that crashes is 500, one that is not there 502", proves="web")
def failures(cleanup):
    site = Site(cleanup, timeout="1s")
    connection = site.client()
    began = time.monotonic()
    equal(site.ask("/far/slow", on=connection)[0], 504)
    check(time.monotonic() - began > 0.9, "not before the route's time")
    equal(site.erl("timer:sleep(1000), gen_server:call(far, came)"), "[]", "it is told nothing that it has not asked for")
    equal(site.ask("/far/brief", on=connection)[::2], (202, b"brief"), "the late answer is not the next one's")
    equal(site.ask("/far/crash", on=connection)[0], 500)
    equal(site.ask("/far/brief", on=connection)[0], 502)
    site.node.said("there is no such process")
    equal(site.ask("/absent/x", on=connection)[0], 502)
    equal(site.erl("{ok, _} = far_pages:start(far), ready"), "ready")
    equal(site.ask("/far/brief", on=connection)[0], 202)
    with site.connect() as leaving:
        leaving.sendall(b"GET /far/hang HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: site.report()["in_flight"] == 1, "it is asked")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: site.report()["in_flight"] == 0, "nobody waits")
    equal(site.erl("timer:sleep(200), gen_server:call(far, came)"), "[]")


@test("a gen_server that asks for it is told when nobody waits for its answer any more, which is then nobody's", proves="web")
def watched(cleanup):
    site = Site(cleanup, timeout="1s")
    connection = site.client()
    equal(site.ask("/far/brief", on=connection)[0], 202)
    equal(site.ask("/far/watch", on=connection)[0], 504)
    eventually(lambda: site.erl("gen_server:call(far, came)") == "[{http_aborted,{my,2},timeout}]", "it is told that it is late")
    with site.connect() as leaving:
        leaving.sendall(b"GET /far/watch HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: site.erl("maps:get(path, gen_server:call(far, last))") == '<<"/far/watch">>' and site.report()["in_flight"] == 1, "it is asked")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: site.erl("gen_server:call(far, came)") == "[{http_aborted,{my,2},timeout},{http_aborted,{my,1},closed}]", "its client has gone")
    equal(site.ask("/far/brief", on=connection)[::2], (202, b"brief"))


@test("a node that goes down while it is asked is 502 at once, and its next life answers", proves="web")
def lost(cleanup):
    site = Site(cleanup, far=False)
    connection = site.client()
    equal(site.ask("/far/brief", on=connection)[0], 502)
    site.start_far()
    eventually(lambda: site.ask("/far/brief", on=connection)[0] == 202, "it is there")
    connection.request("GET", "/far/hang")
    eventually(lambda: site.report()["in_flight"] == 1, "it is asked")
    began = time.monotonic()
    site.erl.kill()
    equal(connection.getresponse().status, 502)
    check(time.monotonic() - began < 15, "and not after the route's time")
    site.node.said("its node is not to be reached")
    site.start_far()
    eventually(lambda: site.ask("/far/brief", on=site.client())[0] == 202, "its next life answers")


class Events:
    """A client of events. It reads them as text."""

    def __init__(self, cleanup, site, path, **headers):
        self.client = http.client.HTTPConnection(*site.at, timeout=60)
        cleanup.callback(self.client.close)
        self.client.request("GET", path, headers=headers)
        self.socket = self.client.sock  # getresponse() takes it out of the client
        self.answer = self.client.getresponse()

    def next(self):
        """The next event, without comments. None: the stream has ended correctly."""
        lines = []
        while True:
            line = self.answer.readline()
            if not line:
                equal(lines, [])
                return None
            if line == b"\n" and lines:
                return b"\n".join(lines).decode()
            if line != b"\n" and not line.startswith(b":"):
                lines.append(line.rstrip(b"\n"))


@test("a gen_server sends events to its clients, hears who has gone, and its node's end ends them", proves="monitors web")
def events(cleanup):
    site = Site(cleanup)
    refused = Events(cleanup, site, "/events/refuse")
    equal((refused.answer.status, refused.answer.headers["retry-after"], refused.answer.read()), (429, "9", b"later"))
    clients = [Events(cleanup, site, "/events/all") for _ in range(2)]
    again = Events(cleanup, site, "/events/all", **{"Last-Event-ID": "41"})
    for one in (*clients, again):
        equal((one.answer.status, one.answer.headers["content-type"]), (200, "text/event-stream"))
    equal(sorted((again.next(), again.next())), ["event: again\ndata: behind 41", "retry: 2000"])
    equal([one.next() for one in clients], ["retry: 2000"] * 2)
    site.erl('gen_server:cast(far, {say, #{data => ["two\\n", <<"lines">>], event => <<"price">>, id => [$7], retry => 100}})')
    for one in (*clients, again):
        equal(one.next(), "event: price\nid: 7\nretry: 100\ndata: two\ndata: lines")
    site.erl("gen_server:cast(far, {say, #{event => <<\"no data\">>}}), gen_server:cast(far, {say, [nothing]})")
    site.erl('gen_server:cast(far, {say, #{data => <<"on">>}})')
    equal([one.next() for one in (*clients, again)], ["data: on"] * 3)
    site.node.said("an event: it has no data")
    clients[0].socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: site.erl("gen_server:call(far, clients)") == "2", "who has gone is known")
    site.erl("[hd([C || {_, C} <- maps:to_list(maps:get(clients, sys:get_state(far)))]) ! {http_event, close}]")
    eventually(lambda: site.erl("gen_server:call(far, clients)") == "1", "one is closed")
    equal(site.erl("gen_server:call(far, came)"), "[]")
    site.erl.kill()
    equal((clients[1].next(), again.next()), (None, None))


@test("a route leads to an actor of a second Coppice node, as it would to one of its own, and its end is 502", proves="calls web", peer=lambda: "Coppice")
def second_node(cleanup):
    site = Site(cleanup, far=False)
    connection = site.client()
    equal(site.ask("/api/notes", on=connection)[0], 502)
    second = Node(cleanup, name="second", config=SECOND, epmd_port=site.node.epmd_port)
    eventually(lambda: site.ask("/api/notes", on=connection)[::2] == (200, b"[]"), "it answers")
    code, headers, body = site.ask("/api/notes", "POST", "from afar", on=connection)
    equal((code, headers["location"], body), (201, "/api/notes/1", b'{"id":1,"text":"from afar"}'))
    equal(site.ask("/api/notes/1", on=connection)[::2], (200, b'{"id":1,"text":"from afar"}'))
    equal(site.ask("/api/notes/1", "DELETE", on=connection)[0], 204)
    equal(second.stop(), 0, second.log())
    equal(site.ask("/api/notes", on=connection)[0], 502)


run()
