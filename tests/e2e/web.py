#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web: requests become calls of actors and pools, here and on another node, and the answers go back. Malformed and
unanswered requests are answered by their status, and disturb no other client."""
import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time

from harness.node import Folder, free_port, plugin_folder, program, root, tree, until_closed
from harness.reports import reports  # a sanitizer keeps freed memory for a while
from harness.site import WebSite
from harness.tap import check, contains, equal, eventually, run, shared, test

CHILDREN = """
        - {{ id: pages, actor: pages, name: pages }}
        - {{ id: many, name: many, pool: {{ actor: pages, size: 1, in_flight: 1, queue: {{ limit: 1 }} }} }}
        - id: site
          name: site
          web:
            listen: {listen}
            routes:
{routes}
{more}
"""
HERE = "[{ address: 127.0.0.1, port: 0 }]"
ROUTES = (
    '{ method: GET, path: "/users/{id}", to: pages }',
    '{ method: POST, path: "/users", to: pages, limits: { body: 1KiB } }',
    '{ path: "/slow/{what}", to: pages, timeout: 500ms }',
    '{ path: "/do/{what}", to: pages, timeout: 20s, headers: [ { name: X-Frame-Options, value: DENY } ] }',
    '{ path: "/long/{what}", to: many, timeout: 60s }',
    '{ path: "/late/{what}", to: pages, timeout: 5s }',
    '{ path: "/tail/{rest...}", to: pages }',
    '{ path: /old, redirect: { to: /new, status: 301 } }',
    '{ path: /nobody, to: nobody }',
    '{ path: /far, to: pages@nowhere@127.0.0.1 }',
)


def config(routes=ROUTES, listen=HERE, more=(), dist="[]"):
    children = CHILDREN.format(routes="\n".join("              - " + one for one in routes), listen=listen,
                               more="\n".join("            " + line for line in more))
    return tree(children, distribution=f"listen: {dist}", node="workers: 2, log: { level: info }")


class Site(WebSite):
    """A site whose actors are `pages`."""

    def __init__(self, cleanup, settings=(), **options):
        super().__init__(cleanup, config(**options), "pages", settings=settings)

    def ask(self, path, method="GET", body=None, headers=None, on=None):
        """(status, headers, body) of the answer."""
        connection = on or http.client.HTTPConnection(*self.at, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            if on is None:
                connection.close()


usual = shared(Site)


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else answer


@test("a request is a call with all its parts, and the answer goes back")
def call(cleanup):
    site = usual()
    code, headers, body = site.ask("/users/a%2Fb%20c?x=1&y=a+b%26&x=2&z", headers={"X-One": "1", "Accept": "*/*"})
    lines = body.decode().splitlines()
    equal(code, 200)
    equal(headers["content-type"], "text/plain")
    equal(int(headers["content-length"]), len(body))
    equal(lines[0], "GET /users/a/b c")
    equal([one for one in lines if one.startswith("param ")], ["param id=a/b c"])
    equal([one for one in lines if one.startswith("query ")], ["query x=1", "query y=a b&", "query x=2", "query z="])
    check("header x-one=1" in lines, "names are in lower case", lines)
    check(any(one.startswith("peer 127.0.0.1:") for one in lines), "the client's address", lines)
    check("version 1.1" in lines, lines)
    code, _, body = site.ask("/users", "POST", b"\x00binary\xff" + b"x" * 100)
    equal(code, 200)
    contains(body, b"body \x00binary\xff")
    contains(site.raw(b"POST /users HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), b"body abcde\n")
    equal(site.ask("/tail/a/b/c")[2].split(b"\n")[1], b"param rest=a/b/c")
    equal(site.ask("/tail/")[2].split(b"\n")[1], b"param rest=")


@test("answers are iodata, with or without headers; those that the server sets are its own")
def answers(cleanup):
    site = usual()
    code, headers, body = site.ask("/do/pieces")
    equal((code, headers["x-list"], body), (200, "ab", b"one two"))
    code, headers, body = site.ask("/do/brief")
    equal((code, body, headers["x-frame-options"]), (201, b"made", "DENY"))
    code, headers, body = site.ask("/do/own")
    equal((code, headers["content-length"], headers["x-frame-options"], body), (200, "1", "SAMEORIGIN", b"x"))
    code, headers, body = site.ask("/do/none")
    equal((code, headers["content-length"], body), (204, None, b""))
    equal(len(site.ask("/do/large")[2]), 3 << 20)
    code, headers, body = site.ask("/users/1", "HEAD")
    check(code == 200 and int(headers["content-length"]) > 20 and body == b"", "HEAD is GET without its body", headers)
    code, headers, _ = site.ask("/old")
    equal((code, headers["location"]), (301, "/new"))


@test("an answer that a client has already is 304 without its body, by what the answer says of itself")
def conditions(cleanup):
    site = usual()
    then, before = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT"
    connection = site.client()
    for path, headers, expected in (("tagged", {"If-None-Match": '"v0", "v1"'}, 304), ("tagged", {"If-None-Match": 'W/"v1"'}, 304), ("tagged", {"If-None-Match": "*"}, 304),
                                    ("tagged", {"If-None-Match": '"v0"'}, 200), ("tagged", {"If-Modified-Since": then}, 200), ("tagged", {}, 200),
                                    ("tagged", {"If-None-Match": '"v0"', "If-Modified-Since": then}, 200),
                                    ("dated", {"If-Modified-Since": then}, 304), ("dated", {"If-Modified-Since": before}, 200), ("dated", {"If-None-Match": "*"}, 200),
                                    ("dated", {"If-Modified-Since": "yesterday"}, 200), ("brief", {"If-None-Match": "*", "If-Modified-Since": then}, 201)):
        for method in ("GET", "HEAD"):
            code, got, body = site.ask(f"/do/{path}", method, headers=headers, on=connection)
            equal((code, body == b""), (expected, expected == 304 or method == "HEAD"), (path, headers))
            equal((got["etag"], got["cache-control"]), ('"v1"', "no-cache") if path == "tagged" else (None, None))
            equal(got["x-frame-options"], "DENY")
    equal(site.ask("/do/tagged", "POST", headers={"If-None-Match": '"v1"'})[0], 200)


@test("what has no route is 404, another method 405 with Allow, and OPTIONS is answered")
def routes(cleanup):
    site = usual()
    equal([site.ask(path)[0] for path in ("/", "/users/", "/users/1/2", "/USERS/1")], [404] * 4)
    code, headers, _ = site.ask("/users/1", "DELETE")
    equal((code, headers["allow"]), (405, "GET, HEAD, OPTIONS"))
    code, headers, _ = site.ask("/users/1", "OPTIONS")
    equal((code, headers["allow"]), (204, "GET, HEAD, OPTIONS"))
    equal(site.ask("/do/x", "PATCH")[0], 200)


@test("an actor that crashes is 500, one that is slow 504, one that is not there 502, and nonsense too")
def failures(cleanup):
    site = Site(cleanup)
    connection = site.client()
    equal(site.ask("/do/crash", on=connection)[0], 500)
    eventually(lambda: site.ask("/do/brief", on=connection)[0] == 201, "it runs again, and the connection goes on")
    began = time.monotonic()
    equal(site.ask("/slow/slow", on=connection)[0], 504)
    check(time.monotonic() - began > 0.4, "after the route's time")
    equal(site.ask("/users/1", on=connection)[0], 200)
    equal([site.ask(path, on=connection)[0] for path in ("/nobody", "/far", "/do/number", "/do/status", "/do/split", "/do/name")], [502] * 6)
    for line in ("there is no such process", "its status is 99", "the value of x-split cannot be sent", "a header's name cannot be sent"):
        site.node.said(line)
    check(b"Set-Cookie" not in site.raw(b"GET /do/split HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), "no header is smuggled in")
    counted = site.route("/do/{what}")
    check(counted["errors"] >= 5 and counted["requests"] > counted["errors"], "all is counted", counted)
    slow = site.route("/slow/{what}")
    check(slow["errors"] == slow["requests"] == 1 and slow["p99_us"] >= 400_000, "and how long it took", slow)


@test("a route's time counts from the request on, what it waits for its turn as well")
def queued(cleanup):
    site = Site(cleanup, routes=(*ROUTES, '{ path: "/queued/{what}", to: many, timeout: 1s }'))
    first = site.client()
    first.request("GET", "/long/slow")
    eventually(lambda: site.report()["in_flight"] == 1, "the worker has one")
    began = time.monotonic()
    equal(site.ask("/queued/brief")[0], 504)
    check(time.monotonic() - began > 0.9, "after the route's time")


@test("a full pool, and too many requests in flight, are 503 with Retry-After, until clients leave")
def overload(cleanup):
    bounded = (*ROUTES[:4], ROUTES[4].replace("timeout: 60s", "timeout: 60s, limits: { in_flight: 2 }"), *ROUTES[5:])
    for routes, more, path, reason in ((ROUTES, (), "/long/x", "mailbox"), (ROUTES, ["limits: { in_flight: 2 }"], "/users/1", "in_flight"),
                                       (bounded, (), "/long/x", "in_flight")):
        with contextlib.ExitStack() as inner:
            port = free_port()
            site = Site(inner, settings=[("control.http", f"{{ port: {port} }}")], more=more, routes=routes)
            waiting = [site.client() for _ in range(2)]
            for one in waiting:
                one.request("GET", "/long/slow")
            eventually(lambda site=site: site.report()["in_flight"] == 2, "one is worked on, one waits")
            code, headers, _ = site.ask(path)
            equal((code, headers["retry-after"]), (503, "1"))
            shown = metrics_at(port)
            contains(shown, f'coppice_web_overloads_total{{site="net/site",reason="{reason}"}} 1\n')
            contains(shown, 'coppice_web_in_flight{site="net/site"} 2\n')
            if routes is bounded:
                equal(site.ask("/users/1")[0], 200, "the site has room, another route's requests are answered")
            health = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            inner.callback(health.close)
            health.request("GET", "/livez")
            equal(health.getresponse().status, 200, "the node itself is well")
            for one in waiting: # a client that closed only its sending side could still get an answer
                one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()
            eventually(lambda site=site: site.report()["in_flight"] == 0, "they are given up")
            equal(site.ask("/users/1")[0], 200)


def metrics_at(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(client):
        client.request("GET", "/metrics")
        return client.getresponse().read().decode()


@test("what a site and its routes do is counted where Prometheus reads it")
def metrics(cleanup):
    port = free_port()
    site = Site(cleanup, settings=[("control.http", f"{{ port: {port} }}")], routes=(*ROUTES, "{ method: PUT, path: /whole, to: pages }"))
    for _ in range(3):
        site.ask("/users/1")
    equal((site.ask("/slow/slow")[0], site.ask("/do/crash")[0], site.ask("/nothing")[0]), (504, 500, 404))
    with socket.create_connection(site.at, 60) as half:
        half.sendall(b"PUT /whole HTTP/1.1\r\n" + HOST + b"Content-Length: 500\r\n\r\n" + bytes(200))
        eventually(lambda: 'coppice_web_unfinished_bytes{site="net/site"} 200\n' in metrics_at(port), "what has come of it is counted")
    eventually(lambda: 'coppice_web_unfinished_bytes{site="net/site"} 0\n' in metrics_at(port), "it is dropped with its client")
    shown = metrics_at(port)
    for line in ('web_answered_total{site="net/site",code="200"} 3', 'web_answered_total{site="net/site",code="404"} 1', 'web_in_flight{site="net/site"} 0',
                 'web_requests_total{site="net/site",route="GET /users/{id}",class="2xx"} 3', 'web_requests_total{site="net/site",route="/slow/{what}",class="5xx"} 1',
                 'web_request_seconds_count{site="net/site",route="GET /users/{id}"} 3', 'web_request_seconds_bucket{site="net/site",route="/slow/{what}",le="0.262144"} 0',
                 'web_request_seconds_bucket{site="net/site",route="/slow/{what}",le="+Inf"} 1', 'web_overloads_total{site="net/site",reason="unfinished"} 0',
                 'web_client_actors{site="net/site"} 0'):
        contains(shown, f"coppice_{line}\n")
    took = float(re.search(r'web_request_seconds_sum\{site="net/site",route="/slow/\{what\}"\} ([0-9.e+-]+)', shown)[1])
    check(took > 0.4, "how long it took", took)


@test("requests in a pipeline are answered in order, and a connection closes after its number of them")
def pipeline(cleanup):
    site = Site(cleanup, more=["limits: { requests_per_connection: 20 }"])
    asked = b"".join(b"GET /users/%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(30))
    answer = site.raw(asked)
    found = [int(part.split(b"\n", 1)[0]) for part in answer.split(b"param id=")[1:]]
    equal(found, list(range(20)))
    contains(answer, b"Connection: close")


HOST = b"Host: a\r\n"
BAD = (
    ("a bare LF", b"GET / HTTP/1.1\nHost: a\n\n", 400),
    ("a folded header", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    ("a blank before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("two of them", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("two lengths", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    ("a length and chunks", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunks that are not last", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", None),
    ("another coding", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    ("a coding with a character more", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", None),
    ("a length with a sign", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na", 400),
    ("a chunk of no size", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("a chunk with bare LF", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", 400),
    ("a bare CR", b"GET / HTTP/1.1\r\nX: a\rb\r\n" + HOST + b"\r\n", 400),
    ("a bare LF within the head", b"GET / HTTP/1.1\r\nX: a\nY: b\r\n" + HOST + b"\r\n", 400),
    ("a header without a colon", b"GET / HTTP/1.1\r\nnonsense\r\n" + HOST + b"\r\n", 400),
    ("a header without a name", b"GET / HTTP/1.1\r\n: x\r\n" + HOST + b"\r\n", 400),
    ("a NUL in a header", b"GET / HTTP/1.1\r\nX: a\0b\r\n" + HOST + b"\r\n", 400),
    ("a blank before the first header", b"GET / HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n", 400),
    ("two blanks in the request's line", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", None),
    ("a method nobody knows", b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    ("the same length twice", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    ("two lengths in a list", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\na", 400),
    ("a negative length", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\na", 400),
    ("a length in hexadecimal", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 0x1\r\n\r\na", 400),
    ("a length that no number holds", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999999\r\n\r\na", None),
    ("chunks twice", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunks and another coding", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", None),
    ("almost chunks", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", None),
    ("no coding at all", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: identity\r\n\r\n", 501),
    ("chunks of HTTP/1.0", b"POST /users HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("a chunk of more than it says", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400),
    ("a chunk's size with a sign", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", 400),
    ("a chunk's size in a C way", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400),
    ("a chunk's size that no number holds", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n", None),
    ("a bare LF in a chunk's extension", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n", 400),
    ("a long extension", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 20000 + b"\r\na\r\n0\r\n\r\n", 431),
    ("long trailers", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 431),
    ("an expectation nobody knows", b"GET / HTTP/1.1\r\n" + HOST + b"Expect: wonders\r\n\r\n", 417),
    ("a long target", b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    ("many headers", b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 200 + b"\r\n", 431),
    ("a long header", b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 20000 + b"\r\n\r\n", 431),
    ("a body beyond the route's", b"POST /users HTTP/1.1\r\n" + HOST + b"Content-Length: 2000\r\n\r\n", 413),
    ("chunks beyond it", b"POST /users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000, 413),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    ("HTTP/3.7", b"GET / HTTP/3.7\r\n" + HOST + b"\r\n", 505),
    ("a NUL", b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n", 400),
)
REFUSED_PATHS = (b"/users/%00", b"/users/%zz", b"/users/%2", b"/users/..", b"/users/%2e%2e", b"/tail/a/../b", b"/users/1?a=%zz")


@test("what is no request is refused and the connection closed, and the next client is served")
def bad(cleanup):
    site = usual()
    for what, data, expected in BAD:
        answer = site.raw(data, ends=True)
        got = status(answer)
        check(got == expected if expected else got in (400, 501, 505), what, got, answer[:80])
        equal(answer.count(b"HTTP/1.1 "), 1)
        contains(answer.lower(), b"connection: close")
    for path in REFUSED_PATHS:
        equal((path, status(site.raw(b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"))), (path, 400))
    contains(site.raw(b"GET http://a/users/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), b"param id=1")
    check(site.report()["answered"]["400"] >= 10, "they are counted", site.report()["answered"])
    equal(site.ask("/users/1")[0], 200)


@test("what goes to nobody is answered by its head: nobody is told to send the body, none of it is kept, and the connection closes")
def unwanted_bodies(cleanup):
    site = Site(cleanup, routes=(*ROUTES, '{ method: PUT, path: /measure, to: pages, body: streamed, limits: { body: 64GiB } }'), more=["hosts: [ a ]"])
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    for head, expected in ((b"PUT /nowhere", 404), (b"DELETE /measure", 405), (b"PUT /measure/..", 400), (b"PUT /measure?a=%zz", 400), (b"PUT /old", 301),
                           (b"OPTIONS /measure", 204), (b"OPTIONS *", 204), (b"PUT /measure", 421)):
        host = b"Host: b\r\n" if expected == 421 else HOST
        for more in (b"Expect: 100-continue\r\n", b""):
            for length in (b"Transfer-Encoding: chunked", b"Content-Length: 4000000000"):
                with socket.create_connection(site.at, 60) as one:
                    one.sendall(head + b" HTTP/1.1\r\n" + host + more + length + b"\r\n\r\n")
                    answer = until_closed(one)
                equal((status(answer), answer.count(b"HTTP/1.1 ")), (expected, 1), (head, more, length, answer))
                contains(answer, b"Connection: close")
        before = site.node.kilobytes("VmHWM")
        with socket.create_connection(site.at, 60) as one, contextlib.suppress(ConnectionError):
            one.sendall(head + b" HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(64):
                one.sendall(chunk)
        check(reports.folder or site.node.kilobytes("VmHWM") - before < 16 << 10, "what it sends is not kept", head)
    equal(site.ask("/users/1", headers={"Host": "a"})[0], 200)


@test("what the server refuses by itself has the headers of its site and route, its line in the log, and counts")
def refusals(cleanup):
    site = Site(cleanup, routes=(*ROUTES, '{ method: PUT, path: /small, to: pages, limits: { body: 1KiB }, headers: [ { name: X-Small, value: yes } ] }',
                                 '{ method: PUT, path: /streamed, to: pages, body: streamed, limits: { body: 1KiB }, headers: [ { name: X-Small, value: yes } ] }'),
                more=["headers: [ { name: Strict-Transport-Security, value: max-age=60 } ]", "access_log: combined", "timeouts: { body: 500ms, header: 500ms }",
                      'cors: { origins: [ "https://a.example" ] }'])
    mine = HOST + b"Origin: https://a.example\r\nUser-Agent: me\r\n"
    for what, sent, code in (("/small", b"Content-Length: 2000\r\n\r\n", 413), ("/small", b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000, 413),
                             ("/small", b"Content-Length: 10\r\n\r\nabc", 408), ("/small", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
                             ("/small", b"Expect: wonders\r\n\r\n", 417), ("/small", b"Transfer-Encoding: gzip\r\n\r\n", 501),
                             ("/streamed", b"Content-Length: 2000\r\n\r\n", 413)):
        said = site.raw(f"PUT {what}?{code} HTTP/1.1\r\n".encode() + mine + sent)
        equal(status(said), code)
        for header in (b"Strict-Transport-Security: max-age=60", b"X-Small: yes", b"Access-Control-Allow-Origin: https://a.example", b"Vary: Origin", b"Connection: close"):
            contains(said, header + b"\r\n")
        body = len(said.partition(b"\r\n\r\n")[2])
        site.node.said(f'"PUT {what}?{code} HTTP/1.1" {code} {body} "-" "me"', f"{what} {code}")
    equal(site.route("PUT /small")["requests"], 6)
    equal(site.route("PUT /small")["errors"], 1)
    equal(site.route("PUT /streamed")["requests"], 1)
    for sent, code in ((b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414), (b"GET / HTTP/1.1\r\nX: " + b"y" * 20000, 431), (b"GET / HTTP/3.7\r\n\r\n", 505), (b"GET / HT", 408),
                       (b"nonsense\r\n\r\n", 400)):
        said = site.raw(sent)
        equal(status(said), code)
        contains(said, b"Strict-Transport-Security: max-age=60\r\n")
        site.node.said(f'"-" {code} ', f"a line of {code}")
    equal({code: count for code, count in site.report()["answered"].items()}, {"400": 2, "408": 2, "413": 3, "414": 1, "417": 1, "431": 1, "501": 1, "505": 1})


@test("a client that is closed and has not taken its answer counts as a connection until it has gone")
def closing(cleanup):
    site = Site(cleanup, more=["limits: { connections: 3 }"])
    deaf = []
    for _ in range(3):
        one = socket.socket()
        cleanup.callback(one.close)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(site.at)
        one.sendall(b"GET /do/large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        deaf.append(one)
    eventually(lambda: (site.report()["accepted"], site.report()["open"]) == (3, 0), "their processes have ended")
    with site.connect() as waits:
        waits.sendall(b"GET /users/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        eventually(lambda: "the bound of 3 connections" in site.node.log(), "no more are accepted")
        equal(site.report()["accepted"], 3)
        deaf[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        deaf[0].close()
        equal(status(until_closed(waits)), 200)


@test("slow clients lose their connection, and only that")
def slow_clients(cleanup):
    site = Site(cleanup, more=["timeouts: { header: 700ms, body: 700ms, idle: 700ms }"])
    equal(status(site.raw(b"GET / HT")), 408)
    equal(status(site.raw(b"POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")), 408)
    for head, byte in ((b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"y"), (b"POST /users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x")):
        with socket.create_connection(site.at, 20) as drip: # a byte now and then does not extend the time
            began = time.monotonic()
            drip.sendall(head)
            drip.settimeout(0.1)
            answer = None
            while answer is None and time.monotonic() - began < 15:
                with contextlib.suppress(socket.timeout):
                    answer = drip.recv(1000)
                with contextlib.suppress(ConnectionError):
                    drip.sendall(byte)
            equal(status(answer), 408, head)
    equal(site.raw(b""), b"")
    equal(site.raw(b"\r\n" * 10), b"", "empty lines ask for nothing")
    answer = site.raw(b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n")
    equal(answer.count(b"HTTP/1.1 "), 1)


@test("bodies of a thousand slow clients cost what the site may keep; who comes beyond is told 503, and then there is room")
def slow_bodies(cleanup):
    site = Site(cleanup, routes=(*ROUTES, "{ method: PUT, path: /whole, to: pages, timeout: 20s }"), more=["limits: { unfinished: 4MiB }", "timeouts: { body: 60s }"])
    equal(site.ask("/whole", "PUT", bytes(500000))[0], 200)
    before = site.node.kilobytes("VmRSS")
    clients = []
    for _ in range(1000):
        one = socket.create_connection(site.at, 60)
        cleanup.callback(one.close)
        with contextlib.suppress(ConnectionError):
            one.sendall(b"PUT /whole HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n" + bytes(100000))
        clients.append(one)
    eventually(lambda: site.report()["answered"].get("503", 0) >= 950, f"most are refused: {site.report()['answered']}", 60)
    check(reports.folder or site.node.kilobytes("VmRSS") - before < 48 << 10, "memory is bounded", before, site.node.kilobytes("VmRSS"))
    said = until_closed(clients[-1])
    equal(status(said), 503)
    contains(said, b"Retry-After: 1\r\n")
    equal(site.ask("/whole", "PUT", b"it came whole")[0], 200, "what comes at once is never among them")
    for one in clients:
        one.close()
    eventually(lambda: site.report()["open"] <= 3, "they have left")
    equal(site.ask("/whole", "PUT", bytes(1000000))[0], 200)


@test("hosts that are not served are 421, and headers of the site are on every answer")
def hosts(cleanup):
    site = Site(cleanup, more=["hosts: [ Shop.example ]", "headers: [ { name: Strict-Transport-Security, value: max-age=60 } ]"])
    code, headers, _ = site.ask("/users/1", headers={"Host": "shop.EXAMPLE:80"})
    equal((code, headers["strict-transport-security"]), (200, "max-age=60"))
    code, headers, _ = site.ask("/users/1", headers={"Host": "other.example"})
    equal((code, headers["strict-transport-security"]), (421, "max-age=60"))


@test("the access log has a line for each request, with what a client sent escaped")
def access_log(cleanup):
    for form, wanted in (("common", '"GET /users/1 HTTP/1.1" 200'), ("combined", '"a\\"b" "curl'), ("json", '"target":"/users/1"')):
        with contextlib.ExitStack() as inner:
            site = Site(inner, more=[f"access_log: {form}"])
            site.ask("/users/1", headers={"User-Agent": "curl", "Referer": 'a"b'})
            site.raw(b"nonsense\r\n\r\n")
            site.node.said(wanted, f"{form}: {wanted}")
            if form == "json":
                lines = [line[line.index("{"):] for line in site.node.log().splitlines() if '"target":"/users/1"' in line]
                equal(json.loads(lines[0])["status"], 200)
                equal(json.loads(lines[0])["referer"], 'a"b')


@test("what coppice(1) shows of a site in JSON is what there is")
def shown(cleanup):
    site = Site(cleanup)
    equal((site.ask("/users/1")[0], site.ask("/nothing")[0]), (200, 404))
    page = (root / "packaging" / "man" / "coppice.1.in").read_text(encoding="utf-8")
    example = json.loads(page[page.index('{ "kind": "web"'):page.index("\n.fi", page.index('{ "kind": "web"'))].replace(", ...", ""))
    engine = site.node.engine("site")

    def kinds(of):
        return {key: type(value) for key, value in of.items()}

    equal(kinds(engine), kinds(example))
    equal(kinds(engine["routes"][0]), kinds(example["routes"][0]))
    equal(engine["answered"], {"200": 1, "404": 1})
    check(set(example["ended"]) < set(engine["ended"]), "how connections end", engine["ended"])
    equal(kinds(site.report()), kinds(example))


@test("the sites that config/README.md shows are ones that a node would start with")
def page_examples(cleanup):
    page = (root / "config" / "README.md").read_text(encoding="utf-8")
    examples = [part.split("  ```", 1)[0] for part in page.split("  ```yaml\n")[1:] if "\n    web:\n" in part.split("  ```", 1)[0]]
    equal(len(examples), 2)
    folder = Folder()
    cleanup.callback(folder.close)
    for text in examples:
        children = "".join(f"      {line[2:]}\n" for line in text.splitlines()).replace("actor: game", "actor: \"hello_web:game\"")
        file = folder.write("node.yaml", f"node: {{ name: a@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\napplications:\n"
                                         f"  - name: shop\n    supervisor:\n      children:\n{children}")
        done = subprocess.run([program("COPPICE", "coppice"), "check", file], capture_output=True, text=True, check=False)
        equal(done.returncode, 0, done.stdout + done.stderr)
        # The page does not show the children that its routes name.
        said = [line for line in done.stderr.splitlines() if ": warning: " in line or ": error: " in line]
        equal([line for line in said if "which no child of this configuration registers" not in line], [], done.stderr)


@test("a reload changes routes under a connection that stays")
def reload(cleanup):
    site = Site(cleanup)
    connection = site.client()
    equal(site.ask("/fresh", on=connection)[0], 404)
    site.node.folder.write("node.yaml", config(routes=(*ROUTES, "{ path: /fresh, to: pages }")))
    site.node.ask("apply")
    equal(site.ask("/fresh", on=connection)[0], 200)


@test("a server that stops ends what has begun, and closes what has not")
def drain(cleanup):
    site = Site(cleanup, more=["drain: 30s"])
    idle, busy = site.client(), site.client()
    site.ask("/users/1", on=idle)
    busy.request("GET", "/late/slow")
    eventually(lambda: site.report()["in_flight"] == 1, "it has begun")
    site.node.process.terminate()
    equal(idle.sock.recv(10), b"")
    answer = busy.getresponse()
    equal(answer.status, 504)
    equal(answer.headers["connection"], "close")
    equal(site.node.process.wait(30), 0)


@test("clients that leave at any moment leave nothing behind")
def leaving(cleanup):
    site = Site(cleanup)
    for cut in (b"", b"GET", b"GET /users/1 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /slow/slow HTTP/1.1\r\nHost: a\r\n\r\n", b"POST /users HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"):
        for _ in range(5):
            with socket.create_connection(site.at, 20) as connection:
                connection.sendall(cut)
    eventually(lambda: (site.report()["open"], site.report()["in_flight"]) == (0, 0), "none is left")
    equal(site.ask("/users/1")[0], 200)


@test("with TLS it speaks http/1.1 by ALPN")
def tls(cleanup):
    site = Site(cleanup, listen="[{ address: 127.0.0.1, port: 0, tls: on }]")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(socket.create_connection(site.at, 20), server_hostname="a") as secured:
        equal(secured.selected_alpn_protocol(), "http/1.1")
        secured.sendall(b"GET /users/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        contains(until_closed(secured), b"param id=7")


@test("pages of other origins may do what is configured, by themselves or after asking leave")
def cross_origin(cleanup):
    site = Site(cleanup, more=["cors: { origins: [ \"https://a.example\" ], methods: [ GET, POST ], headers: [ X-One ], credentials: true, max_age: 1m }"])
    code, headers, _ = site.ask("/users/1", headers={"Origin": "https://a.example"})
    equal((code, headers["access-control-allow-origin"], headers["access-control-allow-credentials"], headers["vary"]), (200, "https://a.example", "true", "Origin"))
    code, headers, _ = site.ask("/users/1", headers={"Origin": "https://b.example"})
    equal((code, headers["access-control-allow-origin"], headers["vary"]), (200, None, "Origin"))
    code, headers, body = site.ask("/users", "OPTIONS", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"})
    equal((code, body, headers["access-control-allow-methods"], headers["access-control-allow-headers"], headers["access-control-max-age"]),
          (204, b"", "GET, POST", "X-One", "60"))
    code, headers, _ = site.ask("/nothing", headers={"Origin": "https://a.example"})
    equal((code, headers["access-control-allow-origin"]), (404, "https://a.example"))


@test("answers of text are compressed for who takes it, and whose a proxy says that a request is, it is")
def compressed(cleanup):
    site = Site(cleanup, more=["compress_from: 1KiB", "proxies: [ 127.0.0.0/8 ]", "access_log: common"])
    plain = site.ask("/tail/" + "x" * 3000)[2]
    code, headers, body = site.ask("/tail/" + "x" * 3000, headers={"Accept-Encoding": "gzip"})
    equal((code, headers["content-encoding"], headers["vary"]), (200, "gzip", "Accept-Encoding"))
    check(len(body) == int(headers["content-length"]) < 1000, "it is smaller", len(body))
    contains(gzip.decompress(body), b"x" * 3000)
    check(len(plain) > 3000, "others get it whole", len(plain))
    equal(site.ask("/do/brief", headers={"Accept-Encoding": "gzip"})[1]["content-encoding"], None)
    # A 304 has the same headers as the whole answer.
    for accepts in ({"Accept-Encoding": "gzip"}, {}):
        code, whole, _ = site.ask("/do/long", headers=accepts)
        equal((code, whole["content-encoding"], whole["etag"]), (200, *(("gzip", 'W/"v1"') if accepts else (None, '"v1"'))))
        code, known, body = site.ask("/do/long", headers={**accepts, "If-None-Match": whole["etag"]})
        equal((code, known["etag"], known["vary"], body), (304, whole["etag"], whole["vary"], b""))
        equal((known["content-encoding"], known["vary"]), (None, "Accept-Encoding"))
    body = site.ask("/users/1", headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})[2]
    check(b"peer 198.51.100.7" in body.splitlines(), "the client's address", body)
    site.node.said('198.51.100.7 - - [')


@test("how connections ended is counted, with their bytes")
def ends(cleanup):
    site = Site(cleanup, more=["timeouts: { header: 500ms, idle: 500ms }"])
    asked = b"GET /users/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    got = site.raw(asked) + site.raw(b"GET / HT") + site.raw(b"")
    eventually(lambda: sum(site.report()["ended"].values()) == 3, "three have ended")
    report = site.report()
    equal({how: count for how, count in report["ended"].items() if count}, {"normal": 1, "idle": 2})
    equal((report["bytes_read"], report["bytes_written"]), (len(asked) + len(b"GET / HT"), len(got)))


class Files(Site):
    """A node that sends the files of a folder."""

    def __init__(self, cleanup, **options):
        shelf = Folder()
        cleanup.callback(shelf.close)
        self.root = shelf.path / "public"
        self.root.mkdir()
        (shelf.path / "secret").write_text("secret")
        (self.root / "index.html").write_text("<p>top</p>")
        (self.root / "sub").mkdir()
        (self.root / "sub" / "a b.txt").write_text("below")
        (self.root / "out").symlink_to("..")
        (self.root / ".hidden").write_text("secret")
        self.large = os.urandom(1 << 20) * 24 + b"end"  # larger than socket buffers
        (self.root / "large.bin").write_bytes(self.large)
        routes = (f'{{ path: "/{{rest...}}", files: {self.root}, headers: [ {{ name: Cache-Control, value: no-cache }} ] }}',)
        super().__init__(cleanup, routes=routes, **options)


usual_files = shared(Files)


@test("files of a folder: whole, in part, not again, by HEAD, in a pipeline; a folder by its index")
def files(cleanup):
    site = usual_files()
    connection = site.client()
    code, headers, body = site.ask("/", on=connection)
    equal((code, headers["content-type"], headers["cache-control"], body), (200, "text/html; charset=utf-8", "no-cache", b"<p>top</p>"))
    equal(site.ask("/", headers={"If-None-Match": headers["etag"]}, on=connection)[::2], (304, b""))
    equal(site.ask("/", headers={"If-Modified-Since": headers["last-modified"]}, on=connection)[0], 304)
    equal(site.ask("/sub/a%20b.txt", on=connection)[2], b"below")
    code, headers, _ = site.ask("/sub?x=1", on=connection)
    equal((code, headers["location"]), (308, "/sub/?x=1"))
    check(site.ask("/large.bin", on=connection)[2] == site.large, "a large one is whole")
    code, headers, body = site.ask("/large.bin", headers={"Range": "bytes=-5"}, on=connection)
    equal((code, headers["content-range"], body), (206, f"bytes {len(site.large) - 5}-{len(site.large) - 1}/{len(site.large)}", site.large[-5:]))
    equal(site.ask("/large.bin", headers={"Range": "bytes=99999999-"}, on=connection)[0], 416)
    code, headers, body = site.ask("/large.bin", "HEAD", on=connection)
    equal((code, int(headers["content-length"]), body), (200, len(site.large), b""))
    code, headers, _ = site.ask("/index.html", "POST", b"x", on=connection)
    equal((code, headers["allow"]), (405, "GET, HEAD, OPTIONS"))
    answer = site.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + b"GET /sub/a%20b.txt HTTP/1.0\r\n\r\n")
    equal((answer.count(b"<p>top</p>"), answer.endswith(b"below")), (3, True))
    counted = site.route("GET /{rest...}")
    check(counted["requests"] >= 10 and counted["errors"] == 0 and counted["to"] == str(site.root), "they are counted", counted)


@test("no path leaves the folder, and nothing hidden is sent")
def no_way_out(cleanup):
    site = usual_files()
    paths = (b"/../secret", b"/%2e%2e/secret", b"/sub/../../secret", b"/sub/%2e%2e%2f%2e%2e%2fsecret", b"/..%2fsecret", b"/out/secret", b"/out",
             b"/.hidden", b"/sub/..%5csecret", b"//secret", b"/%00", b"/" + str(site.root.parent).encode() + b"/secret", b"/sub//a%20b.txt")
    for path in paths:
        answer = site.raw(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        check(status(answer) in (400, 404) and b"secret" not in answer.split(b"\r\n\r\n", 1)[1], path, answer[:200])


@test("a client that does not take its file stops only itself, and loses its connection; a file cut short ends in a broken answer")
def slow_file(cleanup):
    site = Files(cleanup, more=["timeouts: { write: 2s }"])
    other = site.client()
    equal(site.ask("/", on=other)[0], 200)
    with socket.create_connection(site.at, 20) as lazy:
        lazy.sendall(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(lambda: site.report()["open"] == 2, "it is served")
        for _ in range(20):
            equal(site.ask("/", on=other)[0], 200)
        eventually(lambda: site.report()["open"] == 1, "it is closed", 30)
    with socket.create_connection(site.at, 20) as cut:
        cut.sendall(b"GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n")
        head = cut.recv(1000)
        equal(status(head), 200)
        os.truncate(site.root / "large.bin", 10)
        got = len(head) + len(until_closed(cut))
        check(got < len(site.large), "it is not whole, and does not look it", got)
    equal(site.ask("/large.bin")[2], site.large[:10])


@test("curl: keep-alive, an upload from stdin that waits for 100, HEAD")
def curl(cleanup):
    if not shutil.which("curl"):
        return
    site = usual()
    base = f"http://{site.at[0]}:{site.at[1]}"
    def run_curl(*arguments, data=None):
        return subprocess.run(["curl", "-sS", "--http1.1", "--max-time", "20", *arguments], input=data, capture_output=True, check=True).stdout
    equal(run_curl("-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n", f"{base}/users/1", f"{base}/users/2"), b"200 1\n200 0\n")
    contains(run_curl("-T", "-", "-X", "POST", "-H", "Expect: 100-continue", f"{base}/users", data=b"from stdin"), b"body from stdin")
    contains(run_curl("-I", f"{base}/users/1"), b"HTTP/1.1 200 OK")


ANSWERED = """
        - {{ id: replies, actor: replies, name: replies }}
        - {{ id: many, name: many, pool: {{ actor: replies, size: 2 }} }}
        - {{ id: kv, actor: kv, name: kv }}
        - {{ id: hello_web, actor: hello_web, name: hello_web }}
        - id: site
          name: site
          web:
            listen: {listen}
            routes:
              - {{ path: "/many/{{what}}", to: many }}
              - {{ path: "/api/notes", to: hello_web }}
              - {{ path: "/api/notes/{{id}}", to: hello_web }}
              - {{ path: "/never", to: replies, timeout: 300ms }}
              - {{ path: /events, to: replies, upgrade: sse }}
              - {{ path: "/events/{{what}}", to: replies, upgrade: sse }}
              - {{ path: /pooled, to: many, upgrade: sse }}
              - {{ path: /clock, to: hello_web, upgrade: sse }}
              - {{ method: GET, path: "/{{what}}", to: replies, timeout: 30s }}
              - {{ method: PUT, path: /now, to: replies }}
            sse: {{ heartbeat: {heartbeat}, queue: 16KiB, retry: 2s }}
"""


class Answered(WebSite):
    """A site with actors of coppice/web.hpp behind its routes."""

    def __init__(self, cleanup, heartbeat="300ms"):
        super().__init__(cleanup, tree(ANSWERED.format(listen=HERE, heartbeat=heartbeat), "web"), "replies", "kv", "hello_web")

    def ask(self, method, path, body=None, **headers):
        """The status, the headers and the body of the answer."""
        client = http.client.HTTPConnection(*self.at, timeout=60)
        with contextlib.closing(client):
            client.request(method, path, body, headers)
            answer = client.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()


@test("an actor of coppice/web.hpp answers at once, in a pool too; what it fails at is a status, and costs the next request nothing")
def class_answers(cleanup):
    site = Answered(cleanup)
    status, headers, body = site.ask("PUT", "/now?q=a%20b&q=c", "some text", **{"X-Asked": "yes"})
    equal((status, headers["content-type"], body), (200, "text/plain", b"PUT /now  q=a b h=yes b=some text v=1.1"))
    for _ in range(10):
        equal(site.ask("GET", "/many/x")[2], b"GET /many/x x q=- h=- b= v=1.1")
    for path, expected in (("/throw", 500), ("/bad", 502), ("/split", 502), ("/never", 504)):
        equal(site.ask("GET", path)[0], expected, path)
        eventually(lambda: site.ask("GET", "/now")[0] == 200, "it answers again")
    equal(site.ask("GET", "/twice")[2], b"first")
    equal(site.ask("GET", "/now")[0], 200)


@test("what waits for an answer has it after a reload of its plugin, and who has gone is missed by nobody")
def answered_later(cleanup):
    site = Answered(cleanup)
    clients = [http.client.HTTPConnection(*site.at, timeout=60) for _ in range(20)]
    for client in clients:
        cleanup.callback(client.close)
        client.request("GET", "/later")
    eventually(lambda: site.node.call("replies", "waiting") == "20", "all wait")
    for client in clients[:5]:
        client.close()
    site.node.ask("reload", plugin="replies")
    equal({one["id"]: one["generation"] for one in site.node.ask("plugins")["plugins"]}["replies"], 2)
    site.node.ask("send", name="replies", term='{release, <<"done">>}')
    for client in clients[5:]:
        answer = client.getresponse()
        equal((answer.status, answer.read()), (200, b"done"))
    equal(site.node.call("replies", "waiting"), "0")
    equal(site.ask("GET", "/now")[0], 200)


@test("hello_web's notes outlive its crash, and without kv it says so")
def hello_web(cleanup):
    site = Answered(cleanup)
    equal(site.ask("GET", "/api/notes")[2], b"[]")
    status, headers, body = site.ask("POST", "/api/notes", "first")
    equal((status, headers["location"], json.loads(body)), (201, "/api/notes/1", {"id": 1, "text": "first"}))
    before = site.node.pid("hello_web")
    site.node.reply("exit", name="hello_web", reason="kill")
    eventually(lambda: site.node.pid("hello_web") not in (None, before), "it is started anew")
    equal(json.loads(site.ask("GET", "/api/notes/1")[2]), {"id": 1, "text": "first"})
    equal(site.ask("DELETE", "/api/notes/1")[0], 204)
    equal(site.ask("GET", "/api/notes/1")[0], 404)
    site.node.ask("terminate", path="web/kv")
    equal(site.ask("GET", "/api/notes")[0], 503)


class Events:
    """A client of events. It reads the head of its answer, and then the events as text, without comments."""

    def __init__(self, cleanup, site, path="/events", *headers, version="1.1"):
        self.socket = socket.create_connection(site.at, 60)
        cleanup.callback(self.socket.close)
        lines = [f"GET {path} HTTP/{version}", f"Host: {site.at[0]}:{site.at[1]}", *headers, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, _, value = line.decode().strip().partition(": ")
            self.headers[name.lower()] = value
        self.text, self.comments = b"", 0

    def more(self):
        """Reads more of the stream. False: it has ended."""
        if self.headers.get("transfer-encoding") != "chunked":
            part = self.file.read1(65536)
            self.text += part
            return part != b""
        size = int(self.file.readline() or b"0", 16)
        self.text += self.file.read(size)
        return self.file.readline() == b"\r\n" and size != 0

    def next(self):
        """The next event. None: the stream has ended correctly."""
        while True:
            one, found, rest = self.text.partition(b"\n\n")
            if found:
                self.text = rest
                if one != b":":
                    return one.decode()
                self.comments += 1
            elif not self.more():
                equal(self.text, b"")
                return None


def say(site, term):
    site.node.ask("send", name="replies", term=term)


@test("events go to each client as they are sent, over a reload; a client that goes is gone, a sender that goes ends them")
def events(cleanup):
    site = Answered(cleanup)
    clients = [Events(cleanup, site, version=one) for one in ("1.1", "1.1", "1.0")]
    for one in clients:
        equal((one.status, one.headers["content-type"], one.headers["cache-control"]), (200, "text/event-stream", "no-store"))
        equal(one.next(), "retry: 2000")
    eventually(lambda: site.node.call("replies", "clients") == "3", "all are known")
    say(site, '{say, <<"two\\nlines\\r\\nand three">>}')
    say(site, '{say, <<"x">>, <<"price">>, <<"7">>}')
    for one in clients:
        equal(one.next(), "data: two\ndata: lines\ndata: and three")
        equal(one.next(), "event: price\nid: 7\nretry: 1500\ndata: x")
    site.node.ask("reload", plugin="replies")
    say(site, '{say, <<"after">>}')
    equal([one.next() for one in clients], ["data: after"] * 3)
    time.sleep(0.7)
    say(site, '{say, <<"later">>}')
    equal(clients[0].next(), "data: later")
    check(clients[0].comments > 0, "comments keep it up meanwhile")
    clients[1].socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: site.node.call("replies", "clients") == "2", "who has gone is known")
    equal(Events(cleanup, site, "/events", "Last-Event-ID: 41").next(), "retry: 2000")
    say(site, "leave")
    equal((clients[0].next(), clients[2].next()), (None, "data: later"))
    equal(clients[2].next(), None)
    eventually(lambda: site.node.call("replies", "clients") == "0", "none is left")
    again = Events(cleanup, site, "/events", "Last-Event-ID: 41")
    equal((again.next(), again.next()), ("retry: 2000", "event: last\ndata: 41"))
    site.node.reply("exit", name="replies", reason="kill")
    equal(again.next(), None)
    equal(site.route("GET /events")["requests"], 5)


@test("a client of events is known to be gone at once, though nothing is written to it and whatever it said behind its request")
def gone_from_events(cleanup):
    site = Answered(cleanup, heartbeat="1h")
    clients = [Events(cleanup, site, "/events", version=one) for one in ("1.1", "1.0", "1.1", "1.1", "1.1")]
    for one in clients:
        equal(one.next(), "retry: 2000")
    closed, half, reset, talks, stays = (one.socket for one in clients)
    eventually(lambda: site.node.call("replies", "clients") == "5", "all are known")
    closed.shutdown(socket.SHUT_RDWR)
    half.shutdown(socket.SHUT_WR)
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    clients[2].file.close()
    reset.close()
    for _ in range(64):
        talks.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2000)
    talks.shutdown(socket.SHUT_WR)
    eventually(lambda: site.node.call("replies", "clients") == "1", "who has gone is known")
    equal((clients[1].next(), clients[3].next()), (None, None), "the stream of who has said all ends as it should")
    say(site, '{say, <<"still">>}')
    equal(clients[4].next(), "data: still")
    stays.close()
    with socket.create_connection(site.at, 60) as early:
        early.sendall(b"GET /events/slow HTTP/1.1\r\nHost: a\r\n\r\n")
        early.shutdown(socket.SHUT_WR)
        check(early.makefile("rb").read().endswith(b"retry: 2000\n\n\r\n0\r\n\r\n"), "as does that of who had before it began")


@test("behind a pool events and monitors reach the client, not who passed its request on")
def pooled_events(cleanup):
    site = Answered(cleanup, heartbeat="1h")
    clients = [Events(cleanup, site, "/pooled", f"Last-Event-ID: {number}") for number in range(4)]
    for number, one in enumerate(clients):
        equal(sorted((one.next(), one.next())), [f"event: last\ndata: {number}", "retry: 2000"])
        one.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: [site.node.call("many", "clients") for _ in range(4)] == ["0"] * 4, "each worker hears of its clients' ends")


@test("who may have no events is told by a status, and a sender's mistakes are the log's")
def no_events(cleanup):
    site = Answered(cleanup)
    here = f"{site.at[0]}:{site.at[1]}"
    for path, headers, status in (("/events", ["Accept: application/json"], 406), ("/events", ["Accept: text/event-stream"], 200),
                                  ("/events", ["Origin: https://evil.example"], 403), ("/events", ["Origin: null"], 403),
                                  ("/events", [f"Origin: http://{here}"], 200), ("/events/refuse", [], 204), ("/events/throw", [], 500)):
        equal(Events(cleanup, site, path, *headers).status, status, (path, headers))
    eventually(lambda: site.ask("GET", "/now")[0] == 200, "it answers again")
    equal((site.ask("POST", "/events/x")[0], site.ask("HEAD", "/events/x")[0]), (405, 405))
    one = Events(cleanup, site)
    equal(one.next(), "retry: 2000")
    eventually(lambda: site.node.call("replies", "clients") == "1", "it is known")
    say(site, '{say, <<"x">>, <<"two\\nlines">>, <<>>}')
    site.node.said("its name or id has a line's end")
    say(site, '{say, <<"fine">>}')
    equal(one.next(), "data: fine")


@test("a client that takes no events is dropped, the others and requests go on; draining ends the streams")
def slow_events(cleanup):
    site = Answered(cleanup)
    slow, quick = Events(cleanup, site), Events(cleanup, site)
    equal(quick.next(), "retry: 2000")
    eventually(lambda: site.node.call("replies", "clients") == "2", "both are known")
    sent = 0
    while site.node.call("replies", "clients") == "2":
        say(site, f'{{say, <<"{"x" * 60000}">>}}')
        sent += 1
        equal(quick.next(), "data: " + "x" * 60000)
        check(sent < 1000, "the slow one is dropped some time")
    site.node.said("a client is dropped, which does not take its events")
    say(site, '{say, <<"on">>}')
    equal(quick.next(), "data: on")
    clock = Events(cleanup, site, "/clock")
    clock.next()
    times = [clock.next(), clock.next()]
    check(all(re.fullmatch(r"data: \d\d:\d\d:\d\d", one) for one in times), "the clock's time", times)
    # A stream that is opened while the site stops is ended at once.
    seen = []

    def ask_late():
        one = Events(cleanup, site, "/events/slow")
        seen.extend((one.next(), one.next()))

    late = threading.Thread(target=ask_late)
    late.start()
    eventually(lambda: site.report()["open"] == 3, "it is asked for")
    site.node.process.terminate()
    late.join(60)
    equal(seen, ["retry: 2000", None])
    while quick.next() is not None:
        pass
    while clock.next() is not None:
        pass
    equal(site.node.process.wait(30), 0)


if __name__ == "__main__":
    run()
