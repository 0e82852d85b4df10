# SPDX-License-Identifier: MIT
"""The cost of the node's page for the node: ten readers of a tree of 10,000 processes, and the list of a million
processes. Each is compared with its bound. The readers ask what the page's script asks: they follow a stream of
changes, and the readers whose view shows processes fetch the list again and again."""
import contextlib
import http.client
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

from peers import BenchNode, Figure, Unavailable
from harness.node import free_port

SECONDS = 20
PROCESSES, VIEWERS = 10_000, 10
LISTED = 1_000_000
VIEWED, LIST = f"page_{VIEWERS}_viewers_of_{PROCESSES}", f"page_list_of_{LISTED}"
ROWS = [VIEWED, LIST]
# 2 % of a core are 20 ms of processor time a second.
BOUNDS = {VIEWED: Figure(20.0, "ms"), LIST: Figure(1000.0, "ms")}
LIST_PATH = "/api/v1/ps?sort=mailbox&limit=500"
# Topics of a reader's stream, and the document that a reader also fetches every three seconds, or more seldom if an
# answer takes long.
VIEWS = (("status", None), ("status,tree", None), ("status", LIST_PATH), ("status,nodes", None), ("status,log", None))


class Reader:
    """A reader that has the page open. `error`: what went wrong. Empty: nothing."""

    def __init__(self, port, topics, fetched):
        self.port, self.topics, self.fetched = port, topics, fetched
        self.events, self.error, self.ends = 0, "", threading.Event()
        self.threads = [threading.Thread(target=self._guarded, args=(self._follow,), daemon=True)]
        if fetched:
            self.threads.append(threading.Thread(target=self._guarded, args=(self._fetch,), daemon=True))
        self.stream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for one in self.threads:
            one.start()

    def _guarded(self, run):
        try:
            run()
        except (OSError, http.client.HTTPException, AssertionError, ValueError, AttributeError) as why:
            if not self.ends.is_set():
                self.error = repr(why)

    def _follow(self):
        self.stream.request("GET", f"/api/v1/stream?topics={self.topics}")
        answer = self.stream.getresponse()
        assert answer.status == 200, answer.status
        while not self.ends.is_set() and (line := answer.readline()):
            self.events += line.startswith(b"event:")

    def _fetch(self):
        while not self.ends.is_set():
            began = time.monotonic()
            fetched(self.port, self.fetched)
            took = time.monotonic() - began
            self.ends.wait(max(3, 20 * took))

    def end(self):
        self.ends.set()
        with contextlib.suppress(OSError, AttributeError):
            self.stream.sock.shutdown(2)
        for one in self.threads:
            one.join(10)


def fetched(port, path):
    """The whole body of an answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        body = answer.read()
    finally:
        client.close()
    if answer.status != 200:
        raise Unavailable(f"{path}: {answer.status} {body[:200]!r}")
    return body


def used_each_second(node):
    """Milliseconds of processor time a second."""
    before, began = node.used(), time.monotonic()
    time.sleep(SECONDS)
    return (node.used() - before) / 1e6 / (time.monotonic() - began)


@contextlib.contextmanager
def node_of(bench, port, children):
    """A node whose application has these children, which are lines of YAML."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "node.yaml"
        lines = "".join(f"        - {one}\n" for one in children)
        config.write_text(f"distribution: {{ listen: [] }}\napplications:\n  - name: many\n    supervisor:\n      children:\n{lines}", encoding="utf-8")
        with BenchNode(bench.build, config, settings=[("control.http", f"{{ port: {port}, rights: [ inspect, state ] }}")]) as node:
            yield node


def viewed(bench):
    """The processor time that ten readers add to that of the node without readers."""
    port = free_port()
    with node_of(bench, port, (f'{{ id: child_{i}, actor: "bench:idler" }}' for i in range(PROCESSES))) as node:
        time.sleep(3)  # the rest of its start
        alone = used_each_second(node)
        readers = [Reader(port, *VIEWS[number % len(VIEWS)]) for number in range(VIEWERS)]
        try:
            time.sleep(3)  # their first documents, which are complete
            watched = used_each_second(node)
        finally:
            for one in readers:
                one.end()
        wrong = [one.error for one in readers if one.error] + ["a reader got no event" for one in readers if one.events == 0]
        if wrong:
            raise Unavailable(wrong[0])
        return Figure(max(0.0, watched - alone), "ms")


def listed(bench, runs):
    port = free_port()
    with node_of(bench, port, ['{ id: bench, actor: "bench:driver", name: bench }']) as node:
        node.call(f"{{idle, {LISTED}}}")

        def once():
            began = time.monotonic()
            body = fetched(port, LIST_PATH)
            took = (time.monotonic() - began) * 1000
            if json.loads(body)["total"] < LISTED:
                raise Unavailable("the list does not have them all")
            return took
        each = [once() for _ in range(max(3, runs))]
        return Figure(statistics.median(each), "ms", min(each), max(each))


def page(bench, rows, runs):
    ours = {}
    if VIEWED in rows:
        ours[VIEWED] = viewed(bench)
    if LIST in rows:
        ours[LIST] = listed(bench, runs)
    return ours, {"floor": {name: BOUNDS[name] for name in rows}}
