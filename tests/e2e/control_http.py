#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""control.http: metrics that change with events, health as it is, and a server that no client can disturb."""
import http.client
import json
import socket
import threading

from harness.metrics import Metrics
from harness.node import Node, connectable, free_port, tree, until_closed
from harness.tap import check, contains, equal, eventually, run, shared, test

parking = tree("""
        - { id: weak, actor: probe, name: weak }
        - { id: kv, actor: kv, name: kv, mailbox: { limit: 1, on_full: drop_new } }
        - { id: full, actor: probe, name: full, mailbox: { limit: 1, on_full: drop_new } }
""", "shop", "temporary", distribution=connectable, intensity=0, on_exceeded="park")


class Page:
    """A node with control.http, and one connection at a time to it."""

    def __init__(self, cleanup, **node):
        self.port = free_port()
        settings = [("control.http", f"{{ port: {self.port} }}"), *node.pop("settings", ())]
        self.node = Node(cleanup, settings=settings, **node)
        self.cleanup = cleanup
        eventually(self._listens, "the node, which answers its operators already, listens for HTTP")

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def ask(self, path, method="GET", headers=None, body=None):
        """(status, headers, text) of a request on a connection of its own."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            client.close()

    def metrics(self):
        status, headers, text = self.ask("/metrics")
        equal(status, 200)
        equal(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return Metrics(text)

    def value(self, name, **labels):
        return self.metrics().value("coppice_" + name, **labels)

    def health(self, path):
        status, headers, text = self.ask(path)
        equal(headers["Content-Type"], "application/json")
        return status, json.loads(text)

    def raw(self, seconds=30):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        self.cleanup.callback(client.close)
        return client

    def exchange(self, text):
        """Sends these bytes. Returns everything that comes back, to the end of the stream."""
        client = self.raw()
        client.sendall(text)
        return until_closed(client)


usual = shared(Page)


@test("every metric is well formed, of its kind, and says what the status says")
def well_formed(cleanup):
    page = usual()
    seen, status = page.metrics(), page.node.ask("status")
    check(len(seen.kinds) > 40, "families", len(seen.kinds))
    page.node.said(f"http://127.0.0.1:{page.port}/", "it says where")
    for name, kind in seen.kinds.items():
        check(name.startswith(("coppice_", "process_")), name)
        equal(kind == "counter", name.endswith("_total"), name)
        check(seen.help[name], name)
    equal(seen.value("coppice_node_info", node=page.node.name, version=status["version"],
                     creation=str(status["creation"])), 1)
    equal(seen.value("coppice_node_state", state="running"), 1)
    equal(seen.value("coppice_node_state", state="stopping"), 0)
    equal(seen.value("coppice_ready"), 1)
    equal(seen.value("coppice_application_running", application="demo", type="permanent"), 1)
    equal(len(seen.all("coppice_worker_turns_total")), status["workers"])
    equal({at["plugin"] for at, _ in seen.all("coppice_loaded_plugin_generation")}, set(status["plugins"]))
    check(seen.value("coppice_processes") >= status["processes"] - 2, status)
    check(seen.value("coppice_message_memory_bytes") >= 0)
    check(seen.value("coppice_resident_memory_bytes") > 1e6)
    check(seen.value("coppice_start_time_seconds") > 1.6e9)


@test("a scraper that reads OpenMetrics gets OpenMetrics")
def openmetrics(cleanup):
    page = usual()
    accept = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5"
    status, headers, text = page.ask("/metrics", headers={"Accept": accept})
    equal(status, 200)
    equal(headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
    seen = Metrics(text, openmetrics=True)
    check(seen.value("coppice_processes_spawned_total") > 0)
    equal(seen.kinds["coppice_processes_spawned"], "counter")
    equal(set(seen.kinds), {name.removesuffix("_total") for name in page.metrics().kinds})


@test("counters move: messages to nobody, refused ones, restarts, slow handlers, requests of this page")
def counters_move(cleanup):
    page = Page(cleanup, config=parking.replace("intensity: 0", "intensity: 5"))
    node = page.node
    before = page.metrics()

    def grown(name, **labels):
        return page.value(name, **labels) - before.value("coppice_" + name, **labels)
    dead = node.call("weak", "self")
    node.answer("weak", "{exit, oops}")
    eventually(lambda: grown("child_restarts_total") == 1, "the restart")
    node.ask("send", name=dead, term="hello")
    eventually(lambda: grown("dead_letters_total") >= 1, "the message to nobody")
    check(grown("processes_spawned_total") >= 1)
    sleeper = threading.Thread(target=lambda: node.coppice("call", "full", "{sleep, 2000}"))
    sleeper.start()
    cleanup.callback(sleeper.join)
    eventually(lambda: node.status("full") == "parked", "its handler waits")
    for _ in range(3):
        node.reply("send", name="full", term="more")
    eventually(lambda: grown("mailbox_dropped_total") >= 2, "the refused messages")
    eventually(lambda: node.call("weak", "{spin, 100}") == "ok" and grown("slow_handlers_total") >= 1, "the slow handler")
    turns = sum(value for _, value in before.all("coppice_worker_turns_total"))
    check(sum(value for _, value in page.metrics().all("coppice_worker_turns_total")) > turns, "turns")
    check(page.value("http_responses_total", code="200") > 1)


@test("a worker that is taken over shows while its thread is stuck, and the node lives")
def stuck(cleanup):
    page = Page(cleanup, settings=[("node.workers", "1")])
    client = threading.Thread(target=lambda: page.node.coppice("call", "probe", "{spin, 2500}", "--timeout", "60s"))
    client.start()
    cleanup.callback(client.join)
    eventually(lambda: page.value("stuck_threads") == 1, "the stuck thread")
    equal(page.health("/livez"), (200, {"status": "ok", "state": "running", "complaints": [], "warnings": []}))
    check(page.value("workers_taken_over_total") >= 1)
    eventually(lambda: page.value("stuck_threads") == 0, "its return", 30)


@test("a parked child makes the node not ready, by its path, until it is restarted")
def parked(cleanup):
    page = Page(cleanup, config=parking)
    equal(page.health("/readyz"), (200, {"status": "ok", "state": "running", "complaints": [], "warnings": []}))
    page.node.answer("weak", "{exit, oops}")
    eventually(lambda: page.value("children_parked") == 1, "the parked child")
    status, why = page.health("/readyz")
    equal(status, 503)
    equal(why["status"], "unavailable")
    equal([(one["what"], one["name"]) for one in why["complaints"]], [("child", "shop/weak")])
    contains(why["complaints"][0]["why"], "parked")
    seen = page.metrics()
    equal(seen.value("coppice_ready"), 0)
    equal(seen.all("coppice_child_parked"), [({"child": "shop/weak"}, 1.0)])
    equal(page.health("/livez")[0], 200)
    page.node.ask("restart", path="shop/weak")
    equal(page.health("/readyz")[0], 200)
    equal(page.metrics().all("coppice_child_parked"), [])


@test("an application that was stopped makes the node not ready")
def stopped_application(cleanup):
    page = Page(cleanup, config=parking)
    page.node.ask("stop", application="shop")
    status, why = page.health("/readyz")
    equal(status, 503)
    equal([(one["what"], one["name"]) for one in why["complaints"]], [("application", "shop")])
    page.node.ask("start", application="shop")
    equal(page.health("/readyz")[0], 200)


@test("while the node stops it is alive and not ready")
def stopping(cleanup):
    slow = """
applications:
  - name: slow
    supervisor: { children: [ { id: p, actor: probe, name: p, shutdown: 20s } ] }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
"""
    page = Page(cleanup, config=slow)
    page.node.call("p", "{trap_exit, true}")
    client = threading.Thread(target=lambda: page.node.coppice("call", "p", "{sleep, 6000}", "--timeout", "60s"))
    client.start()
    cleanup.callback(client.join)
    eventually(lambda: page.node.status("p") == "parked", "its handler waits")
    page.node.process.terminate()
    eventually(lambda: page.health("/readyz")[1]["state"] == "stopping", "the stop")
    status, why = page.health("/readyz")
    equal(status, 503)
    check(("node", page.node.name) in [(one["what"], one["name"]) for one in why["complaints"]], why)
    equal(page.health("/livez")[0], 200)
    equal(page.node.stop(), 0, page.node.log())


@test("a connection to another node has its own series, and keeps what ended it")
def connections(cleanup):
    page = Page(cleanup, name="here", config=parking)
    other = Node(cleanup, name="there", config=parking, epmd_port=page.node.epmd_port)
    page.node.ask("connect", node=other.name)
    equal(page.value("connections"), 1)
    equal(page.value("connection_up", peer=other.name, direction="out"), 1)
    before = page.value("connection_sent_messages_total", peer=other.name)
    equal(page.node.call(f"kv@{other.name}", "{put, a, 1}"), "ok")
    eventually(lambda: page.value("connection_sent_messages_total", peer=other.name) > before, "the call")
    seen = page.metrics()
    check(seen.value("coppice_connection_received_messages_total", peer=other.name) > 0)
    eventually(lambda: page.value("connection_sent_bytes_total", peer=other.name) > 0, "the bytes")
    check(seen.value("coppice_connection_since_seconds", peer=other.name) > 1.6e9)
    check(seen.value("coppice_connection_queued_bytes", peer=other.name) < 65536, "nothing much waits")
    equal(seen.value("coppice_connection_silent_ticks", peer=other.name), 0)
    equal(seen.value("coppice_connection_dropped_messages_total", peer=other.name), 0)
    other.process.kill()
    eventually(lambda: page.value("connections") == 0, "its end")
    seen = page.metrics()
    equal(seen.value("coppice_connection_up", peer=other.name), 0)
    (at, value), = seen.all("coppice_connection_last_error_info", peer=other.name)
    equal(value, 1)
    check(len(at["error"]) > 5, at)


@test("what a plugin counts is shown under its name, and goes on after a restart and a reload")
def plugin_metrics(cleanup):
    page = Page(cleanup)
    node = page.node

    def gets():
        return page.value("plugin_kv_operations_total", operation="get")
    equal(gets(), 0)
    for _ in range(3):
        node.call("kv", "{get, a}")
    node.call("kv", "{put, a, 1}")
    node.ask("cast", name="kv", term="{put, b, 1}")
    equal(node.call("kv", "size"), "2")
    equal(gets(), 3)
    equal(page.value("plugin_kv_operations_total", operation="put"), 2)
    node.ask("restart", path="demo/kv")
    node.call("kv", "{get, a}")
    equal(gets(), 4)
    node.ask("reload", plugin="kv")
    node.call("kv", "{get, a}")
    equal(gets(), 5)
    equal(page.value("loaded_plugin_generation", plugin="kv"), 2)
    equal(page.metrics().kinds["coppice_plugin_kv_operations_total"], "counter")
    equal(page.value("refused_plugin_metrics_total"), 0)


@test("HEAD gets the head; an unknown path is 404, another method 405 with what is allowed")
def answers(cleanup):
    page = usual()
    for path in ("/metrics", "/livez", "/readyz"):
        status, headers, text = page.ask(path, "HEAD")
        equal((status, text), (200, ""))
        check(int(headers["Content-Length"]) > 10, path)
        equal(headers["Cache-Control"], "no-store")
        check(headers["Date"].endswith(" GMT"), path)
        equal(page.ask(path + "?verbose=1")[0], 200)
        equal(page.ask(path, "GET", body="x" * 1000)[0], 200)
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
            status, headers, _ = page.ask(path, method)
            equal((status, headers["Allow"]), (405, "GET, HEAD"), f"{method} {path}")
    for path in ("/metrics/", "/METRICS", "/livez/x", "//metrics", "/%6detrics", "*", "/../metrics"):
        equal(page.ask(path)[0], 404, path)


@test("a name that is not this machine's own is refused, so that no web page can read through a browser")
def rebinding(cleanup):
    page = usual()
    for host in ("127.0.0.1", f"127.0.0.1:{page.port}", "localhost", f"localhost:{page.port}", "[::1]:80"):
        equal(page.ask("/livez", headers={"Host": host})[0], 200, host)
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9911", ""):
        equal(page.ask("/livez", headers={"Host": host})[0], 403, host)


@test("requests on one connection are answered in order, also pipelined and byte by byte")
def pipelined(cleanup):
    page = usual()
    one = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    missing = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = page.exchange(one * 50 + missing + last)
    equal(answer.count(b"HTTP/1.1 200 OK\r\n"), 51)
    check(answer.rindex(b"HTTP/1.1 404") > answer.index(b"HTTP/1.1 200"), "in order")
    check(b"HTTP/1.1 200" in answer[answer.rindex(b"HTTP/1.1 404"):], "in order")
    client = page.raw()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in one + last:
        client.sendall(bytes([byte]))
    equal(until_closed(client).count(b"HTTP/1.1 200 OK\r\n"), 2)


@test("a client that closes its half after asking is answered")
def half_closed(cleanup):
    page = usual()
    client = page.raw()
    client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.shutdown(socket.SHUT_WR)
    contains(until_closed(client).decode(), '"status":"ok"')


@test("what is malformed or too much is refused with its status and closed, and others are served")
def refused(cleanup):
    page = usual()
    host = b"Host: localhost\r\n"
    for text, status in (
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
            (b"hello\r\n\r\n", 400),
            (b"GET /livez HTTP/1.1\r\n\r\n", 400),
            (b"GET /livez HTTP/1.1\r\n" + host + host + b"\r\n", 400),
            (b"GET /livez HTTP/1.1\r\n" + host + b"X: a\r\n b\r\n\r\n", 400),
            (b"GET /livez HTTP/1.1\r\n" + host + b"X : a\r\n\r\n", 400),
            (b"GET /livez HTTP/1.1\nHost: localhost\n\n", 400),
            (b"POST /livez HTTP/1.1\r\n" + host + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"FETCH /livez HTTP/1.1\r\n" + host + b"\r\n", 501),
            (b"GET /livez HTTP/3.0\r\n" + host + b"\r\n", 505),
            (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
            (b"GET /livez HTTP/1.1\r\n" + host + b"X: " + b"a" * 20000 + b"\r\n\r\n", 431),
            (b"GET /livez HTTP/1.1\r\n" + host + b"X: a\r\n" * 200 + b"\r\n", 431),
            (b"GET /livez HTTP/1.1\r\n" + host + b"Content-Length: 100000\r\n\r\n", 413),
            (b"GET /livez HTTP/1.1\r\n" + host + b"Expect: tea\r\n\r\n", 417)):
        answer = page.exchange(text)
        check(answer.startswith(b"HTTP/1.1 %d " % status), f"{text[:60]!r}: {status}", answer[:60])
        contains(answer, b"\r\nConnection: close\r\n")
        equal(page.ask("/livez")[0], 200)
    check(page.value("http_responses_total", code="400") >= 8)


@test("clients that only hold connections keep nobody out, and the node goes on")
def held(cleanup):
    page = Page(cleanup)
    holders = [page.raw() for _ in range(200)]
    for one in holders[:40]:
        one.sendall(b"GET /livez HT")
    for _ in range(3):
        equal(page.ask("/livez")[0], 200)
    equal(page.node.call("kv", "{put, a, 1}"), "ok")
    check(page.value("http_connections") <= 64)


@test("hundreds of scrapers at once are all served, and the node answers meanwhile")
def many(cleanup):
    page = Page(cleanup)
    failures = []

    def scrape():
        try:
            for _ in range(20):
                Metrics(page.ask("/metrics")[2])
        except Exception as why:  # the test reports it
            failures.append(why)
    scrapers = [threading.Thread(target=scrape) for _ in range(20)]
    for one in scrapers:
        one.start()
    for _ in range(20):
        equal(page.node.call("probe", "ping"), "pong")
    for one in scrapers:
        one.join()
    equal(failures, [])


@test("a port that is taken is said so, and the node does not start")
def taken(cleanup):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        node = Node(cleanup, settings=[("control.http", f"{{ port: {port} }}")], wait=False)
        equal(node.process.wait(30), 1)
    node.said(f"control.http: ")
    node.said(str(port))


if __name__ == "__main__":
    run()
