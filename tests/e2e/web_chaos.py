#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A web server under chaos: clients that are slow, break off, never read, send no HTTP, no TLS and no frames, or too
many, while actors, workers and connections are killed, plugins reloaded, certificates and routes replaced. Good clients
beside them get right answers and nothing else, and in the end nothing is left. Then a reload under many open
connections, half of them WebSockets. harness/chaos.py has the variables for the time and for the number of connections
in a reload."""
import contextlib
import os
import pathlib
import random
import shutil
import socket
import ssl
import struct
import time

from harness import chaos as shared
from harness.certificates import Authority
from harness.chaos import connections, replace, reset, seconds
from harness.node import all_descriptors, variants
from harness.reports import sanitized
from harness.tap import Skip, check, equal, eventually, run, test
from harness.websocket import BINARY, CLOSE, PING, PONG, TEXT, WebSocket, close_frame, frame

FAILED = (500, 502, 503, 504)  # correct answers while the answering actor is killed

CONFIG = """
node: {{ workers: 2, log: {{ level: error }} }}
{http}
distribution: {{ listen: [] }}
epmd: {{ mode: "off" }}
applications:
  - name: web
    type: permanent
    supervisor:
      intensity: 1000000
      children:
        - {{ id: replies, actor: replies, name: replies }}
        - {{ id: ledger, actor: "seats:ledger", name: ledger }}
        - {{ id: bodies, name: bodies, pool: {{ actor: streams, size: 2, in_flight: 8, intensity: 1000000 }} }}
        - id: site
          name: site
          web:
            listen:
              - {{ address: 127.0.0.1, port: 0 }}
              - {{ address: 127.0.0.1, port: 0, tls: {{ certificate: {folder}/server.pem, key: {folder}/server-key.pem }} }}
            routes:
              - {{ path: "/talk/{{what}}", to: replies, upgrade: websocket }}
              - {{ path: "/seat/{{what}}", actor: "seats:seat", args: {{ greeting: hello }}, upgrade: websocket }}
              - {{ path: /news, actor: "seats:seat", args: {{ greeting: news }}, upgrade: sse }}
              - {{ path: /events, to: replies, upgrade: sse }}
              - {{ path: "/files/{{rest...}}", files: "{folder}/files" }}
              - {{ path: "/put/{{what}}", to: bodies, body: streamed, limits: {{ body: {largest} }} }}
              - {{ path: "/{{what}}", to: replies, limits: {{ body: 64KiB }} }}
            timeouts: {{ header: {patience}, body: {patience}, idle: {patience}, write: 1s }}
            websocket: {{ ping: {patience}, pong: 1s, queue: 64KiB, max_message: 64KiB }}
            sse: {{ heartbeat: 500ms, queue: 64KiB }}
            limits: {{ connections: 20000, in_flight: 20000 }}
            drain: 2s
"""
LARGE = os.urandom(1 << 20) * 4
LARGEST = ("8MiB", "9MiB")  # limit of a body, in turn


class Chaos(shared.Chaos):
    """A node with a site, without and with TLS. Certificates and plugins are in `shelf`."""

    def __init__(self, cleanup, patience="1s"):
        super().__init__(cleanup)
        self.turn = 0
        authority = Authority(self.shelf)
        self.pairs = [authority.issue(name) for name in ("first", "second")]
        self.issued = {ssl.PEM_cert_to_DER_cert(pathlib.Path(certificate).read_text(encoding="ascii")): pathlib.Path(certificate).stem
                       for certificate, _ in self.pairs}
        self.trust = ssl.create_default_context(cafile=authority.path)
        (self.shelf / "files").mkdir()
        (self.shelf / "files" / "large").write_bytes(LARGE)
        self.replace_certificate()
        self.replace_plugin("seats")
        for name in ("replies", "streams"):
            shutil.copy(variants / f"{name}.so", self.shelf / f"{name}.so")
        # Two configurations, which differ only in the route for bodies.
        text = {largest: CONFIG.format(http=self.door(), folder=self.shelf, patience=patience, largest=largest) for largest in LARGEST}
        self.configs = [self.shelf / f"{largest}.yaml" for largest in LARGEST]
        for file, largest in zip(self.configs, LARGEST):
            file.write_text(text[largest])
        self.start(text[LARGEST[0]])
        plain, secured = (one.removesuffix(" tls").rpartition(":")[2] for one in self.report("site")["listening"])
        self.at, self.secured = ("127.0.0.1", int(plain)), ("127.0.0.1", int(secured))

    def replace_certificate(self):
        self.turn += 1
        for source, name in zip(self.pairs[self.turn % 2], ("server.pem", "server-key.pem")):
            replace(source, self.shelf / name)

    def replace_plugin(self, name):
        self.turn += 1
        replace(variants / (f"{name}_2.so" if name == "seats" and self.turn % 2 else f"{name}.so"), self.shelf / f"{name}.so")

    def connect(self, timeout=30):
        return shared.connect(self.at, timeout)

    def secure(self, timeout=30):
        return self.trust.wrap_socket(socket.create_connection(self.secured, timeout), server_hostname="127.0.0.1")

    def websocket(self, cleanup, path):
        """A WebSocket. None: its actor is being killed."""
        one = WebSocket(cleanup, self.at, path)
        if one.status != 101:
            check(one.status in FAILED, "a right refusal", one.status)
            self.done["refused"] += 1
            return None
        return one


def answer(file):
    """(status, headers, body) of the next answer."""
    first = file.readline()
    if not first:
        raise EOFError
    headers = {}
    for one in iter(file.readline, b"\r\n"):
        if not one:
            raise EOFError
        name, _, value = one.decode().strip().partition(": ")
        headers[name.lower()] = value
    body = file.read(int(headers["content-length"]))
    if len(body) < int(headers["content-length"]):
        raise EOFError
    return int(first.split()[1]), headers, body


# Good clients ---------------------------------------------------------------------------------------------


def ask(chaos, here, connection):
    """Sends requests on one connection, some at once. Each gets its own answer, in their order."""
    with contextlib.closing(connection), connection.makefile("rb") as file:
        for _ in range(here.randint(1, 10)):
            words = [f"{here.getrandbits(64):x}" for _ in range(here.choice([1, 1, 5]))]
            body = bytes(here.choice(b"abc") for _ in range(here.choice([0, 1, 3000])))
            connection.sendall(b"".join(f"POST /now?q={word} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for word in words))
            for word in words:
                status, headers, got = answer(file)
                right = f"POST /now now q={word} h=- b={body.decode()} v=1.1".encode()
                if not (status == 200 and got == right or status in FAILED and word.encode() not in got):
                    chaos.wrong.append(("ask", status, got[:100], right[:100]))
                chaos.done["answers" if status == 200 else "failures"] += 1
                if headers.get("connection") == "close":
                    return


def ask_plainly(chaos, here):
    ask(chaos, here, chaos.connect())


def ask_secretly(chaos, here):
    connection = chaos.secure()
    shown = chaos.issued.get(connection.getpeercert(True))
    if shown is None:
        chaos.wrong.append(("ask_secretly", "another certificate"))
    ask(chaos, here, connection)
    chaos.done[f"by TLS, {shown}"] += 1


def fetch(chaos, here):
    """Gets a file, whole or a part of it."""
    with contextlib.closing(chaos.connect()) as connection, connection.makefile("rb") as file:
        begin = here.randrange(len(LARGE))
        connection.sendall(f"GET /files/large HTTP/1.1\r\nHost: a\r\nRange: bytes={begin}-\r\n\r\n".encode())
        status, _, got = answer(file)
        if status != 206 or got != LARGE[begin:]:
            chaos.wrong.append(("fetch", status, begin, len(got)))
        chaos.done["files"] += 1


def put(connection, what, *parts):
    """Sends the head of a request whose body comes in chunks, and these parts of the body, but not its end."""
    connection.sendall(f"PUT /put/{what} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for part in parts:
        connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))


def upload(chaos, here):
    """Sends a body in pieces. It is counted whole, or its worker has ended."""
    parts = [here.randbytes(here.choice([1, 1000, 300_000])) for _ in range(here.randint(1, 10))]
    with contextlib.closing(chaos.connect()) as connection, connection.makefile("rb") as file:
        put(connection, "count", *parts)
        connection.sendall(b"0\r\n\r\n")
        status, _, got = answer(file)
        right = f"{sum(map(len, parts))} {sum(map(sum, parts))}".encode()
        if not (status == 200 and got == right or status in FAILED):
            chaos.wrong.append(("upload", status, got[:100], right))
        elif status == 200:
            chaos.done["bodies"] += 1


def until_closed(chaos, one, answers):
    """Waits for the frame `answers`, and answers pings. True: the WebSocket was closed instead, as happens when its
    actor is killed."""
    while (got := one.next()) != answers:
        if got is None:
            raise EOFError
        if got == (PING, b""):
            one.send(frame(PONG))
        elif got == (CLOSE, struct.pack("!H", 1011)):
            one.send(close_frame(1011))
            chaos.done["told 1011"] += 1
            return True
        else:
            chaos.wrong.append(("websocket", str(got)[:100], str(answers)[:100]))
            return True
    return False


def talk(chaos, here):
    """A WebSocket of an actor with many clients: each message comes back unchanged."""
    with contextlib.ExitStack() as cleanup:
        one = chaos.websocket(cleanup, "/talk/echo")
        if one is None:
            return
        for _ in range(here.randint(1, 20)):
            kind, data = here.choice([TEXT, BINARY]), b"%x" % here.getrandbits(90) * here.choice([1, 1, 1000])
            sent = frame(kind, data)
            one.send(sent, step=here.choice([None, None, 1000, 7 if len(sent) < 3000 else None]))
            if until_closed(chaos, one, (kind, data)):
                return
            chaos.done["talks"] += 1
        one.send(close_frame(1000))
        until_closed(chaos, one, (CLOSE, struct.pack("!H", 1000)))


def sit(chaos, here):
    """A WebSocket with an actor of its own, which counts the messages of this client alone."""
    with contextlib.ExitStack() as cleanup:
        one = chaos.websocket(cleanup, "/seat/x")
        if one is None:
            return
        for number in range(1, here.randint(2, 20)):
            one.text("x")
            if until_closed(chaos, one, (TEXT, b"hello %d x" % number)):
                return
            chaos.done["seats"] += 1
        if here.randrange(3):
            one.send(close_frame(1000))
            until_closed(chaos, one, (CLOSE, struct.pack("!H", 1000)))


def follow(chaos, here):
    """Events of an actor of its own: the first one, and heartbeats."""
    with contextlib.closing(chaos.connect()) as connection, connection.makefile("rb") as file:
        connection.sendall(b"GET /news HTTP/1.1\r\nHost: a\r\n\r\n")
        status = int((file.readline() or b"x 0").split()[1])
        if status == 0:
            raise EOFError
        for line in iter(file.readline, b""):
            if status == 200 and line == b"data: news\n":
                chaos.done["events"] += 1
                break
        if status != 200 and status not in FAILED:
            chaos.wrong.append(("follow", status))
        time.sleep(here.uniform(0, 0.6))


# Bad clients ----------------------------------------------------------------------------------------------


def slow_head(chaos, here):
    """Sends a byte now and then. The client gets a 408, or loses its connection."""
    with contextlib.closing(chaos.connect()) as connection:
        connection.settimeout(0.05)
        until = time.monotonic() + 15
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while not chaos.over.is_set():
                connection.sendall(b"G" if here.randrange(2) else b"\r\nX: y")
                with contextlib.suppress(TimeoutError):
                    got = connection.recv(1000)
                    if got and not got.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 501", b"HTTP/1.1 505")):
                        chaos.wrong.append(("slow_head", got[:100]))
                    break
                if time.monotonic() > until:
                    return chaos.wrong.append(("slow_head", "it was borne too long"))
    chaos.done["slow"] += 1


def break_off(chaos, here):
    """Breaks off in the middle of a request, a TLS handshake or an answer."""
    requests = (b"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345", b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /files/large HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET /seat/slow HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
    if here.randrange(4) == 0:
        connection = socket.create_connection(chaos.secured, 30)
        connection.sendall(bytes.fromhex("16030100c8010000c40303") + here.randbytes(here.randint(0, 100)))
    else:
        connection = chaos.connect()
        whole = here.choice(requests)
        connection.sendall(whole[:here.randint(1, len(whole))] if here.randrange(2) else whole)
        if here.randrange(3) == 0:
            connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                connection.recv(1000)
    reset(connection) if here.randrange(2) else connection.close()
    chaos.done["broken off"] += 1
    time.sleep(0.002)


def never_read(chaos, here):
    """Asks for much, or is sent much, and reads nothing."""
    with contextlib.closing(chaos.connect()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if here.randrange(2):
            connection.sendall(b"GET /files/large HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        else:
            connection.sendall(b"GET /talk/echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            connection.settimeout(0.2)
            until = time.monotonic() + 3
            with contextlib.suppress(TimeoutError):
                while time.monotonic() < until and not chaos.over.is_set():
                    connection.sendall(frame(BINARY, bytes(60000)))
        chaos.over.wait(here.uniform(0.1, 3))
    chaos.done["deaf"] += 1


def bad_body(chaos, here):
    """Sends a body that breaks off, goes on for ever at an actor that takes none, or is longer than allowed."""
    what = here.choice(["count", "echo", "never", "slow", "stop", "too long"])
    with contextlib.closing(chaos.connect()) as connection:
        connection.settimeout(1)
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            if what == "too long":
                connection.sendall(b"PUT /put/count HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
                got = connection.recv(1000)
                if not got.startswith((b"HTTP/1.1 413", *(b"HTTP/1.1 %d" % status for status in FAILED))):
                    chaos.wrong.append(("bad_body", got[:100]))
            else:
                put(connection, what, *[here.randbytes(60_000)] * here.randint(1, 20))
                connection.sendall(b"ffff\r\n" + here.randbytes(here.randint(0, 60_000)))
        if here.randrange(2):
            return reset(connection)
    chaos.done["bad bodies"] += 1


def bad_frames(chaos, here):
    """Sends something that is no frame, or a frame that is too large, on either kind of WebSocket. The node closes
    it."""
    with contextlib.ExitStack() as cleanup:
        one = chaos.websocket(cleanup, here.choice(["/talk/echo", "/seat/x"]))
        if one is None:
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            one.send(here.choice([b"\xff" * 20, frame(TEXT, b"\xff"), frame(3, b""), frame(TEXT, b"x", mask=None), frame(BINARY, b"", length=("Q", 1 << 40)),
                                  frame(0, b"x"), b"\x00" + here.randbytes(200)]))
            for _ in range(100):
                got = one.next()
                if got is None or got[0] == CLOSE:
                    break
            else:
                chaos.wrong.append(("bad_frames", "it is not closed"))
    chaos.done["bad frames"] += 1


def flood(chaos, here):
    """Sends pings, empty messages and fragments, or requests, as fast as possible."""
    with contextlib.ExitStack() as cleanup:
        what = here.choice(["ping", "empty", "fragments", "requests", "no HTTP"])
        until = time.monotonic() + here.uniform(0.1, 1)
        if what in ("requests", "no HTTP"):
            connection = cleanup.enter_context(contextlib.closing(chaos.connect()))
            data = b"GET /now HTTP/1.1\r\nHost: a\r\n\r\n" * 100 if what == "requests" else here.randbytes(3000)
        else:
            one = chaos.websocket(cleanup, here.choice(["/talk/echo", "/seat/x"]))
            if one is None:
                return
            connection = one.socket
            data = {"ping": frame(PING, b"x"), "empty": frame(TEXT), "fragments": frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 50 + frame(0)}[what] * 100
        connection.settimeout(0.05)
        while time.monotonic() < until and not chaos.over.is_set():
            with contextlib.suppress(TimeoutError):
                connection.sendall(data)
            with contextlib.suppress(TimeoutError):
                if not connection.recv(1 << 16):
                    break
    chaos.done["floods"] += 1


# Operators ------------------------------------------------------------------------------------------------


def kill(chaos, node, here):
    """Kills the actor with many clients, actors of single clients, and the connections' own processes."""
    there = node.ask("ps")["processes"]
    seats = [one["pid"] for one in there if one["plugin"] == "seats" and not one["name"]]
    bare = [one["pid"] for one in there if one["behaviour"] in ("http", "websocket") and here.randrange(10) == 0]
    for pid in here.sample(seats, min(len(seats), 2)):
        node.reply("exit", name=pid, reason=here.choice(["kill", "boom"]))
        chaos.done["killed"] += 1
    for pid in bare[:1]:
        node.reply("exit", name=pid, reason="kill")
        chaos.done["connections killed"] += 1
    if here.randrange(4) == 0:
        node.reply("exit", name="replies", reason="kill")
        chaos.done["killed"] += 1
    if here.randrange(4) == 0:
        worker = here.choice([one["pid"] for one in there if one["plugin"] == "streams"] or [None])
        if worker is not None:
            node.reply("exit", name=worker, reason=here.choice(["kill", "boom"]))
            chaos.done["workers killed"] += 1
    chaos.over.wait(0.2)


def reload(chaos, node, here):
    name = here.choice(["seats", "replies", "streams"])
    chaos.replace_plugin(name)
    reply = node.reply("reload", plugin=name)
    chaos.done["reloads" if "result" in reply else "reloads refused"] += 1
    chaos.over.wait(here.uniform(0, 0.6))


def certify(chaos, node, here):
    chaos.replace_certificate()
    chaos.done["certificates"] += 1
    equal(node.ask("listener", name="site")["suspended"], False)
    chaos.over.wait(here.uniform(0, 0.4))


def change(chaos, node, here):
    """Replaces the route for bodies, and then restores it. The site goes on."""
    for file in reversed(chaos.configs):
        while "error" in (reply := node.reply("apply", file=str(file))):
            check("under way" in reply["error"]["why"], "it is applied, or a reload comes first", reply)
            chaos.over.wait(0.01)
        chaos.done["applied"] += 1
        chaos.over.wait(here.uniform(0, 0.5))


GOOD = [ask_plainly] * 3 + [ask_secretly] * 2 + [fetch] + [upload] * 2 + [talk] * 3 + [sit] * 3 + [follow]
BAD = [slow_head, break_off, break_off, never_read, never_read, bad_body, bad_frames, flood]


def serves(chaos):
    here = random.Random(0)
    for act in (ask_plainly, ask_secretly, fetch, upload, talk, sit, follow):
        act(chaos, here)


def at_rest(chaos):
    """Whether everything that belonged to clients has gone."""
    report = chaos.report("site")
    return (report["open"], report["client_actors"], report["in_flight"]) == (0, 0, 0)


def now(chaos):
    """The resources of the node after a first round, which makes everything that stays."""
    serves(chaos)
    eventually(lambda: at_rest(chaos), f"none is open: {chaos.report('site')}", 20)
    return {"site": chaos.node.pid("site"), "processes": chaos.node.ask("status")["processes"], "descriptors": chaos.descriptors(), "timers": chaos.metric("coppice_worker_timers")}


def resident(chaos):
    """The resident memory of the node in MiB."""
    with open(f"/proc/{chaos.node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def settle(chaos, before):
    """Checks that nothing is left, and that the node serves as at the beginning."""
    node = chaos.node
    equal(node.process.poll(), None, node.log()[-3000:])
    equal(chaos.wrong[:20], [])
    eventually(lambda: at_rest(chaos), f"none is open: {chaos.report('site')}", 30)
    eventually(lambda: node.ask("status")["processes"] == before["processes"], "no process is left over", 10)
    eventually(lambda: len(chaos.descriptors()) <= len(before["descriptors"]),
               f"no descriptor is left over: {before['descriptors']}, {chaos.descriptors()}", 10)
    for what in ("worker_parked", "lingering_processes", "abandoned_stacks_total"):
        eventually(lambda what=what: not chaos.metric(f"coppice_{what}"), f"no {what}", 10)
    eventually(lambda: chaos.metric("coppice_worker_timers") == before["timers"], "no timer is left over", 10)
    for name in ("seats", "replies", "streams"):
        chaos.replace_plugin(name)
        eventually(lambda name=name: "result" in node.reply("reload", plugin=name), "a last reload goes through", 20)
    # A handler that waits goes on in the code in which it began.
    def kept():
        return [one["id"] for one in node.ask("plugins")["plugins"] if one.get("kept")]
    eventually(lambda: not kept(), f"former code is unmapped: {node.ask('plugins')}", 20)
    serves(chaos)
    equal(chaos.wrong, [])
    equal(node.pid("site"), before["site"], "nothing of it was the server's own failure")


@test("good clients get right answers beside bad ones, over kills, reloads and new certificates; nothing is left")
def many_kinds(cleanup):
    chaos = Chaos(cleanup)
    before = now(chaos)
    operators = (kill, reload, certify, change)
    # The second round uses the memory that the first one needed.
    chaos.rage(GOOD + BAD, operators, seconds / 2)
    eventually(lambda: at_rest(chaos), f"none is open: {chaos.report('site')}", 30)
    first = resident(chaos)
    chaos.rage(GOOD + BAD, operators, seconds)
    settle(chaos, before)
    second = resident(chaos)
    print(f"# {dict(chaos.done)}, {first:.0f} MiB and {second:.0f} MiB", flush=True)
    check(second < 1.5 * first + 16 or sanitized("address", "thread"), "no memory is left over", first, second)
    for what in ("answers", "by TLS, first", "by TLS, second", "files", "talks", "seats", "events", "slow", "broken off", "deaf", "bad bodies", "bad frames", "floods", "killed", "connections killed",
                 "workers killed", "bodies", "applied", "reloads", "certificates", "told 1011"):
        check(chaos.done[what] > 0, f"it happened: {what}", chaos.done)
    equal(chaos.node.stop(), 0, chaos.node.log()[-3000:])


@test("a reload under many open connections, half of them WebSockets, drops none, and none of their actors")
def many_connections(cleanup):
    allowed, wanted = all_descriptors(cleanup), connections
    if allowed < wanted + 500:
        raise Skip(f"{allowed} descriptors are allowed here, {wanted + 500} are needed")
    chaos = Chaos(cleanup, patience="10m")
    asking, shared_talks, own_talks = [], [], []
    for index in range(wanted // 2):
        one = chaos.connect(timeout=120)
        cleanup.callback(one.close)
        one.sendall(f"POST /now?q={index} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab".encode())
        asking.append(one)
    for index in range(wanted // 4):
        shared_talks.append(chaos.websocket(cleanup, "/talk/echo"))
        one = chaos.websocket(cleanup, "/seat/x")
        one.text("before")
        equal(one.next(), (TEXT, b"hello 1 before"))
        own_talks.append(one)
    everyone = len(asking) + len(shared_talks) + len(own_talks)
    seen = chaos.report("site")
    equal((seen["open"], seen["client_actors"]), (everyone, len(own_talks)))
    pauses = []
    for name in ("seats", "replies"):
        chaos.replace_plugin(name)
        pauses.append(chaos.node.ask("reload", plugin=name)["pause_ms"])
    print(f"# a reload under {everyone} open connections, {len(shared_talks) + len(own_talks)} WebSockets among them: a pause of {pauses[0]:.1f} ms for "
          f"{len(own_talks)} actors of clients, of {pauses[1]:.1f} ms for one", flush=True)
    for one in asking:
        one.sendall(b"cd")
    for index, one in enumerate(shared_talks):
        one.text(f"said {index}")
    for one in own_talks:
        one.text("after")
    for index, one in enumerate(asking):
        with one.makefile("rb") as file:
            equal((answer(file)[0::2]), (200, f"POST /now now q={index} h=- b=abcd v=1.1".encode()))
    equal([one.next() for one in shared_talks], [(TEXT, b"said %d" % index) for index in range(len(shared_talks))])
    equal([one.next() for one in own_talks], [(TEXT, b"hello 2 after")] * len(own_talks))
    seen = chaos.report("site")
    equal((seen["open"], seen["client_actors"], seen["crashed"]), (everyone, len(own_talks), 0))
    for one in asking:
        one.close()
    for one in shared_talks + own_talks:
        one.file.close()
        one.socket.close()
    eventually(lambda: at_rest(chaos), "none is open", 120)


if __name__ == "__main__":
    run()
