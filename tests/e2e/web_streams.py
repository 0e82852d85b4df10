#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web with `body: streamed`: bodies are passed on as they arrive, in both directions and at once, by credit. If a
client or an actor fails in the middle of a body, only that request fails. The other side is told, and never takes the
body for a complete one."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

from harness.erlang import Erl
from harness.node import tree, until_closed
from harness.reports import sanitized
from harness.site import WebSite
from harness.tap import Skip, check, contains, equal, eventually, run, shared, test

CHILDREN = """
        - {{ id: streams, actor: streams, name: streams }}
        - {{ id: busy, actor: streams, name: busy, mailbox: {{ limit: 2, on_full: drop_new }} }}
        - {{ id: many, name: many, pool: {{ actor: streams, size: 2, in_flight: 4 }} }}
        - {{ id: transfers, actor: "hello_web:transfers", name: transfers }}
        - id: site
          name: site
          web:
            listen: [{{ address: 127.0.0.1, port: 0 }}]
            body: streamed
            routes:
              - {{ method: PUT, path: "/put/{{what}}", to: streams, timeout: {timeout} }}
              - {{ method: GET, path: "/get/{{what}}", to: streams, timeout: {timeout} }}
              - {{ path: "/buffered/get/{{what}}", to: streams, body: buffered }}
              - {{ path: "/busy/put/{{what}}", to: busy, timeout: {timeout} }}
              - {{ path: "/many/put/{{what}}", to: many, timeout: {timeout} }}
              - {{ method: PUT, path: /measure, to: transfers, timeout: 60s }}
              - {{ method: GET, path: "/count/{{to}}", to: transfers, timeout: 60s }}
              - {{ path: "/far/{{what}}", to: far@far@127.0.0.1, timeout: 60s }}
            limits: {{ body: 64MiB, connections: 3000, in_flight: {in_flight} }}
            timeouts: {{ body: {patience}, write: {patience} }}
            drain: 30s
"""
HEAD = b" HTTP/1.1\r\nHost: a\r\n"


class Site(WebSite):
    """A site whose bodies are streamed."""

    def __init__(self, cleanup, timeout="60s", patience="60s", dist="[]", in_flight=3000):
        children = CHILDREN.format(timeout=timeout, patience=patience, in_flight=in_flight)
        super().__init__(cleanup, tree(children, distribution=f"listen: {dist}", node="workers: 2, log: { level: info }"),
                         "streams", "hello_web")

    def ask(self, method, path, body=None, on=None):
        """The status and the body of the answer. A request body that is a list is sent in chunks."""
        client = on or self.client()
        client.request(method, path, iter(body) if isinstance(body, list) else body)
        answer = client.getresponse()
        return answer.status, answer.read()

    def aborted(self, count=1):
        """The reasons that `streams` was told, once there are this many."""
        def told():
            return re.findall(r"<<\"(\w+)\">>", self.node.call("streams", "aborted"))
        eventually(lambda: len(told()) >= count, "it is told")
        return told()

    def over(self):
        eventually(lambda: self.node.call("streams", "open") == "0", "none is left")
        eventually(lambda: self.report()["in_flight"] == 0, "none waits")


usual = shared(Site)


def counted(body):
    return f"{len(body)} {sum(body)}".encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"


@test("a body comes as it is sent, chunked or with its length, in any pieces, and the connection goes on")
def uploads(cleanup):
    site = usual()
    client = site.client()
    large = os.urandom(10 << 20)
    for body in (b"x", b"some text", large[:65536], large[:65537], large):
        equal(site.ask("PUT", "/put/count", body, on=client), (200, counted(body)))
        equal(site.ask("PUT", "/put/count", [body[:1], body[1:]] if len(body) > 1 else [body], on=client), (200, counted(body)))
    equal(site.ask("PUT", "/put/count", [], on=client), (200, b"0 0"))
    equal(site.ask("PUT", "/put/count", b"", on=client)[0], 411)
    with site.connect() as slow:
        for byte in b"PUT /put/count" + CHUNKED + b"Connection: close\r\n\r\n" + chunk(b"abc") + b"5;ext=1\r\nde fg\r\n" + b"0\r\nTrailer: ignored\r\n\r\n":
            slow.sendall(bytes([byte]))
        contains(until_closed(slow), b"\r\n\r\n" + counted(b"abcde fg"))
    many = b"".join(b"PUT /put/count" + CHUNKED + b"\r\n" + chunk(b"%d" % i) + b"0\r\n\r\n" for i in range(50))
    answers = site.raw(many + b"GET /get/exact" + HEAD + b"Connection: close\r\n\r\n")
    equal(re.findall(rb"\r\n\r\n(\d+ \d+)", answers), [counted(b"%d" % i) for i in range(50)])
    contains(answers, b"0123456789")
    for _ in range(10):
        equal(site.ask("PUT", "/many/put/count", large[:200000]), (200, counted(large[:200000])))
    site.over()


@test("an answer goes as it is made, and both bodies at once, as slowly as the client takes them")
def both_ways(cleanup):
    site = usual()
    client = site.client()
    for path, body in (("/get/fast", b"before after"), ("/get/exact", b"0123456789")):
        equal(site.ask("GET", path, on=client), (200, body))
    equal(site.ask("GET", "/get/none", on=client), (204, b""))
    client.request("GET", "/get/exact")
    equal(client.getresponse().headers["content-length"], "10")
    contains(site.raw(b"GET /get/fast HTTP/1.0\r\n\r\n"), b"\r\n\r\nbefore after")
    equal(site.ask("GET", "/buffered/get/fast"), (501, b"not here"))
    body = os.urandom(24 << 20) # more than the kernel keeps on its way
    with site.connect() as echo:
        for kept in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            echo.setsockopt(socket.SOL_SOCKET, kept, 64 << 10)
        sent = []

        def send():
            echo.sendall(b"PUT /put/echo" + HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
            for at in range(0, len(body), 100000):
                echo.sendall(body[at:at + 100000])
                sent.append(at)

        writing = threading.Thread(target=send)
        writing.start()
        answer = http.client.HTTPResponse(echo)
        answer.begin()
        time.sleep(0.5)
        check(len(sent) < len(body) // 100000, "a client that takes nothing is not read", len(sent))
        equal(answer.read(), body)
        writing.join()
    equal(site.ask("PUT", "/many/put/echo", body[:300000]), (200, body[:300000]))
    site.over()


@test("100 is said when the body is read, and not when it is not")
def expectations(cleanup):
    site = Site(cleanup, timeout="5s")
    asks = HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with site.connect() as client:
        client.sendall(b"PUT /put/count" + asks)
        equal(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"hello")
        contains(client.recv(1000), counted(b"hello"))
    for what, status in (("refuse", b"403"), ("never", b"504")):
        contains(site.raw(b"PUT /put/" + what.encode() + asks)[:15], b"HTTP/1.1 " + status)
    equal(site.raw(b"PUT /put/count" + asks.replace(b"100-continue", b"wonders"))[:12], b"HTTP/1.1 417")


@test("limits, malformed chunks, silence and clients that leave end a body, and its actor is told why")
def ends(cleanup):
    site = Site(cleanup, timeout="6s", patience="5s")
    for data, status, reason in (
            (b"Content-Length: 99999999\r\n\r\n", b"413", None),
            (b"Transfer-Encoding: chunked\r\n\r\n" + (chunk(b"x" * (1 << 20))) * 65, b"413", "too_large"),
            (b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"x") + b"zz\r\n", b"400", "malformed"),
            (b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"x") + b"1\nx\n0\n\n", b"400", "malformed"),
            (b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"x") + b"0\r\n" + b"T: %s\r\n" % (b"x" * 20000), b"431", "malformed"),
            (b"Content-Length: 10\r\n\r\nabc", b"408", "slow")):
        before = len(site.aborted(0))
        answer = site.raw(b"PUT /put/count" + HEAD + data)
        equal((answer[9:12], answer.count(b"HTTP/1.1")), (status, 1), data[:50])
        contains(answer, b"Connection: close")
        if reason:
            equal(site.aborted(before + 1)[before:], [reason])
    for data, reason in ((b"zz\r\n", "malformed"), (b"", "slow")): # once the answer has begun
        before = len(site.aborted(0))
        with site.connect() as echo:
            echo.sendall(b"PUT /put/echo" + CHUNKED + b"\r\n" + chunk(b"x"))
            equal(echo.recv(12), b"HTTP/1.1 200")
            echo.sendall(data)
            check(not until_closed(echo).endswith(b"0\r\n\r\n"), "it does not look whole")
        equal(site.aborted(before + 1)[before:], [reason])
    before = len(site.aborted(0))
    with site.connect() as leaving:
        leaving.sendall(b"PUT /put/stop" + HEAD + b"Content-Length: 10000\r\n\r\n" + b"x" * 2000)
        eventually(lambda: site.node.call("streams", "open") == "1", "it has begun")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    equal(site.aborted(before + 1)[before:], ["closed"])
    equal(site.raw(b"PUT /put/stop" + HEAD + b"Content-Length: 10000\r\n\r\n" + b"x" * 2000)[9:12], b"504")
    equal(site.aborted(before + 2)[before + 1:], ["timeout"])
    equal(site.raw(b"PUT /put/early" + HEAD + b"Content-Length: 10000\r\n\r\n" + b"x" * 2000)[9:12], b"202")
    equal(site.raw(b"PUT /put/kept" + HEAD + b"Content-Length: 10000\r\n\r\n" + b"x" * 2000)[9:12], b"202")
    equal(site.aborted(before + 3)[before + 2:], ["answered"])
    site.over()
    equal(site.ask("PUT", "/put/count", b"and on")[0], 200)


@test("an actor that ends before its answer is 500, in the middle of it cuts it off, as does what it may not write")
def cut_off(cleanup):
    site = Site(cleanup, timeout="5s")
    equal(site.ask("PUT", "/put/die", b"x" * 2000)[0], 500)
    eventually(lambda: site.ask("GET", "/get/fast") == (200, b"before after"), "it runs again")
    equal(site.ask("PUT", "/many/put/die", b"x" * 2000)[0], 500)
    close = HEAD + b"Connection: close\r\n\r\n"
    for what in (b"die", b"flood", b"hold", b"short", b"long"):
        eventually(lambda: site.ask("GET", "/get/fast") == (200, b"before after"), "it runs")
        answer = site.raw(b"GET /get/" + what + close)
        check(answer[9:12] in (b"200", b""), "what had not left yet does not leave", what, answer[:80])
        check(not answer.endswith(b"0\r\n\r\n"), "it does not look whole", what, answer[-100:])
        if b"Content-Length" in answer:
            check(len(answer.partition(b"\r\n\r\n")[2]) < 10, "nor by its length", answer)
    for line in ("it ended in the middle of its answer", "it writes more of its answer than it was asked for",
                 "no answer came in time", "its answer is longer or shorter than it said"):
        site.node.said(line)
    equal(site.aborted(2), ["overrun", "timeout"], "it is told why, if it has not ended its answer")


@test("an answer that comes too late is nobody's, and the next request on the connection is unharmed")
def late(cleanup):
    site = Site(cleanup, timeout="3s")
    client = site.client()
    for number in range(1, 4):
        equal(site.ask("PUT", "/put/late", b"x" * 100, on=client)[0], 504)
        equal(site.aborted(number), ["timeout"] * number)
        equal(site.ask("PUT", "/put/count", b"abc", on=client), (200, counted(b"abc")))
    equal(site.ask("GET", "/get/fast", on=client), (200, b"before after"))
    site.over()


@test("an actor whose mailbox is full has its bodies all the same, as it gets to them")
def busy(cleanup):
    site = usual()
    body = os.urandom(300000)
    clients = [site.connect() for _ in range(8)]
    for client in clients:
        client.sendall(b"PUT /busy/put/slow" + HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        equal(client.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
    sending = [threading.Thread(target=client.sendall, args=(body,)) for client in clients]
    for one in sending:
        one.start()
    for client in clients:
        contains(until_closed(client), counted(body))
    for one in sending:
        one.join()
    equal(site.ask("PUT", "/busy/put/count", body), (200, counted(body)))


@test("clients that send their bodies slowly keep nobody else out of the site, however many they are")
def dribbles(cleanup):
    site = Site(cleanup, in_flight=2)
    slow = [site.connect() for _ in range(5)]
    for one in slow:
        one.sendall(b"PUT /put/count" + HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 10\r\n\r\n")
        equal(one.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        one.sendall(b"12345")
    equal(site.ask("GET", "/get/fast"), (200, b"before after"))
    equal(site.report()["in_flight"], 0)
    for one in slow:
        one.sendall(b"67890")
    for one in slow:
        contains(until_closed(one), counted(b"1234567890"))
    site.over()
    unread = [site.connect() for _ in range(2)]
    for one in unread: # for these the actor shall go on
        one.sendall(b"PUT /put/never" + HEAD + b"Content-Length: 60000000\r\n\r\n")
    eventually(lambda: site.report()["in_flight"] == 2, "they wait for the actor")
    equal(site.ask("GET", "/get/fast")[0], 503)


@test("HEAD of an answer that streams has its head alone, its writer is told, and the connection goes on")
def head(cleanup):
    site = Site(cleanup)
    client = site.client()
    for _ in range(3):
        client.request("HEAD", "/get/endless")
        answer = client.getresponse()
        equal((answer.status, answer.headers["x-what"], answer.read()), (200, "endless", b""))
    equal(site.aborted(3), ["bodyless"] * 3)
    equal(site.ask("GET", "/get/fast", on=client), (200, b"before after"))
    site.over()


def resident(node, what):
    """VmRSS or VmHWM (the maximum so far), in bytes."""
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"{what}:\s+(\d+)", status)[1]) << 10


@test("a thousand bodies that nobody reads, and as many answers that no client takes, wait where they are")
def slow_thousand(cleanup):
    for what in (b"PUT /put/stop" + HEAD + b"Content-Length: 60000000\r\n\r\n", b"GET /get/endless" + HEAD + b"\r\n"):
        with contextlib.ExitStack() as inner:
            site = Site(inner)
            equal(site.ask("PUT", "/put/count", b"x" * 100000)[0], 200)
            before = resident(site.node, "VmRSS")
            clients = [inner.enter_context(socket.create_connection(site.at, 60)) for _ in range(1000)]
            for client in clients:
                client.sendall(what)
            eventually(lambda: site.node.call("streams", "open") == "1000", "all have begun", 60)
            for client in clients:
                if what.startswith(b"PUT"):
                    client.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        while client.send(b"x" * 100000) > 0:
                            pass
                else:
                    contains(client.recv(4096), b"x-what: endless")
            equal(site.ask("PUT", "/put/count", b"others go on")[0], 200)
            grown = resident(site.node, "VmHWM") - before
            check(sanitized("address", "thread") or grown < 200 << 20, "little of them is here", grown)
            print(f"# {grown >> 20} MiB")
            if what.startswith(b"GET"): # the end of a client that is not read goes unnoticed
                for client in clients:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()
                site.over()


@test("over a reload uploads and downloads of hello_web go on where they were")
def reload(cleanup):
    site = Site(cleanup)
    client = site.client()
    lines = b"".join(b"%d\n" % i for i in range(1, 300001))
    equal(site.ask("GET", "/count/300000", on=client), (200, lines))
    status, body = site.ask("PUT", "/measure", [lines[:1000000], lines[1000000:]], on=client)
    equal((status, json.loads(body)), (200, {"bytes": len(lines), "lines": 300000}))
    equal([site.ask(method, path)[0] for method, path in (("PUT", "/measure"), ("GET", "/count/x"), ("GET", "/count/-1"))], [400, 404, 404])
    with site.connect() as up, site.connect() as down:
        up.sendall(b"PUT /measure" + HEAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(lines) + lines[:500000])
        down.sendall(b"GET /count/300000" + HEAD + b"Connection: close\r\n\r\n")
        answer = http.client.HTTPResponse(down)
        answer.begin()
        first = answer.read(100000)
        site.node.ask("reload", plugin="hello_web")
        equal({one["id"]: one["generation"] for one in site.node.ask("plugins")["plugins"]}["hello_web"], 2)
        up.sendall(lines[500000:])
        contains(until_closed(up), b'{"bytes":%d,"lines":300000}' % len(lines))
        check(first + answer.read() == lines, "nothing is lost or doubled")


@test("a site that stops ends the bodies that have begun")
def drain(cleanup):
    site = Site(cleanup)
    with site.connect() as idle, site.connect() as up:
        up.sendall(b"PUT /put/count" + CHUNKED + b"\r\n" + chunk(b"some"))
        eventually(lambda: site.node.call("streams", "open") == "1", "it has begun")
        site.node.process.terminate()
        equal(idle.recv(1), b"", "who has nothing to wait for is told to go")
        up.sendall(chunk(b"more") + b"0\r\n\r\n")
        answer = until_closed(up)
        contains(answer, counted(b"somemore"))
        contains(answer, b"Connection: close")
    equal(site.node.process.wait(60), 0)


@test("curl sends what comes to its standard input, and shows what comes as it comes")
def curl(cleanup):
    if shutil.which("curl") is None:
        raise Skip("no curl on this machine")
    site = Site(cleanup)
    url = f"http://{site.at[0]}:{site.at[1]}"
    body = os.urandom(3 << 20)
    done = subprocess.run(["curl", "-sS", "-T", "-", f"{url}/put/count"], input=body, capture_output=True, timeout=120, check=False)
    equal((done.stdout, done.stderr), (counted(body), b""))
    done = subprocess.run(["curl", "-sS", "-T", "-", f"{url}/put/echo"], input=body, capture_output=True, timeout=120, check=False)
    equal((done.stdout == body, done.stderr), (True, b""))
    done = subprocess.run(["curl", "-sS", "-H", "Expect: 100-continue", "-T", "-", f"{url}/put/refuse"], input=body, capture_output=True, timeout=120, check=False)
    equal(done.stdout, b"no")
    for what in ("hold", "endless"):
        with subprocess.Popen(["curl", "-sSN", f"{url}/get/{what}"], stdout=subprocess.PIPE) as shown:
            equal(shown.stdout.read(1), b"x", "before the answer is over")
            shown.terminate()
    equal(site.aborted(), ["closed"]) # the end of the client of `hold`, which gets no bytes, is noticed later


NODE = """
const http = require("http"), crypto = require("crypto"), assert = require("assert");
const agent = new http.Agent({keepAlive: true, maxSockets: 1}), [host, port] = process.argv.slice(1), body = crypto.randomBytes(3 << 20);
const sockets = new Set();
const put = what => new Promise((done, failed) => {
  const asked = http.request({host, port, agent, method: "PUT", path: "/put/" + what, headers: {Expect: "100-continue"}}, answer => {
    const parts = [];
    answer.on("data", part => parts.push(part));
    answer.on("end", () => done([answer.statusCode, Buffer.concat(parts)]));
  });
  asked.on("error", failed);
  asked.on("socket", one => sockets.add(one));
  asked.on("continue", () => { for (let at = 0; at < body.length; at += 50000) asked.write(body.subarray(at, at + 50000)); asked.end(); });
});
(async () => {
  for (let i = 0; i < 3; i++) {
    const [status, echoed] = await put("echo");
    assert.equal(status, 200);
    assert.ok(echoed.equals(body));
    assert.equal((await put("count"))[1].toString(), body.length + " " + body.reduce((sum, byte) => sum + byte, 0));
  }
  console.log("sockets", sockets.size);
  agent.destroy();
})();
"""


@test("Node's client streams both ways, and keeps its connection")
def node(cleanup):
    if shutil.which("node") is None:
        raise Skip("no node on this machine")
    site = usual()
    done = subprocess.run(["node", "-e", NODE, site.at[0], str(site.at[1])], capture_output=True, text=True, timeout=120, check=False)
    equal((done.stdout, done.stderr), ("sockets 1\n", ""))


@test("a gen_server of Erlang on another node reads and writes bodies as they go, and is told when a client leaves")
def erlang(cleanup):
    site = Site(cleanup, dist="[{ address: 127.0.0.1, ports: 15000-65000 }]")
    erl = Erl(cleanup, name="far@127.0.0.1", epmd_port=site.node.epmd_port)
    equal(erl(f"net_kernel:connect_node('{site.node.name}')"), "true")
    source = pathlib.Path(__file__).with_name("far_bodies")
    equal(erl(f'{{ok, far_bodies, Code}} = compile:file("{source}", [binary]), {{module, far_bodies}} = '
              'code:load_binary(far_bodies, "far_bodies", Code), {ok, _} = far_bodies:start(self()), ready'), "ready")
    body = os.urandom(2 << 20)
    client = site.client()
    equal(site.ask("PUT", "/far/count", body, on=client), (200, str(len(body)).encode()))
    equal(site.ask("PUT", "/far/apart", body, on=client), (200, str(len(body)).encode()))
    equal(site.ask("PUT", "/far/echo", [body[:99999], body[99999:]], on=client), (200, body))
    equal(site.ask("GET", "/far/x", on=client), (200, b"whole: "))
    with site.connect() as leaving:
        leaving.sendall(b"PUT /far/echo" + HEAD + b"Content-Length: 100000\r\n\r\n" + body[:50000])
        check(leaving.recv(1000).startswith(b"HTTP/1.1 200"), "it has begun")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    equal(erl("receive {aborted, _} = M -> M after 30000 -> late end"), "{aborted,closed}")
    with site.connect() as cut:
        cut.sendall(b"PUT /far/echo" + HEAD + b"Content-Length: 100000\r\n\r\n" + body[:50000])
        check(cut.recv(1000).startswith(b"HTTP/1.1 200"), "it has begun")
        erl.kill()
        check(not until_closed(cut).endswith(b"0\r\n\r\n"), "a node that is lost cuts its answer off")


if __name__ == "__main__":
    run()
