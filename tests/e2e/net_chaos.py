#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Connections under chaos: clients that send byte by byte, break off or never read, while actors are killed, plugins
replaced and listeners suspended, with many descriptors and with few. Echoed bytes are those that were sent, and in the
end nothing is left. Then a reload under many open connections, and a peer that does not read beside others that do.
harness/chaos.py has the variables for the time and for the number of connections in a reload."""
import contextlib
import pathlib
import random
import select
import shutil
import statistics
import time
import zlib

from harness import chaos as shared
from harness.chaos import connections, reset
from harness.node import all_descriptors, plugin_folder, variants
from harness.tap import check, equal, eventually, run, test

FEW = 64  # descriptors

CONFIG = """
node: {{ workers: {workers}, log: {{ level: error }} }}
{http}
distribution: {{ listen: [] }}
epmd: {{ mode: "off" }}
applications:
  - name: net
    type: permanent
    supervisor:
      intensity: 1000000
      children:
        - id: lines
          name: lines
          tcp:
            listen: [ {{ address: 127.0.0.1, port: 0 }} ]
            actor: "wires:session"
            frame: {{ kind: line, max: 64KiB }}
            write: {{ high: 256KiB, stall: 1s }}
            max_connections: 20000
        - id: raw
          name: raw
          tcp:
            listen: [ {{ address: 127.0.0.1, port: 0 }} ]
            actor: echo
            write: {{ high: 256KiB, stall: 1s }}
            max_connections: 20000
"""


class Chaos(shared.Chaos):
    """A node with a listener of lines and a listener of bytes."""

    def __init__(self, cleanup, workers=2, metrics=True, **options):
        super().__init__(cleanup, metrics)
        self.turn = 0
        shutil.copy(pathlib.Path(plugin_folder()) / "echo.so", self.shelf / "echo.so")
        self.replace()
        self.start(CONFIG.format(workers=workers, http=self.door()), **options)
        self.ports = {name: int(self.report(name)["listening"][0].rpartition(":")[2]) for name in ("lines", "raw")}

    def replace(self):
        self.turn += 1
        shared.replace(variants / ("wires.so" if self.turn % 2 else "wires_2.so"), self.shelf / "wires.so")

    def connect(self, name, timeout=30):
        return shared.connect(("127.0.0.1", self.ports[name]), timeout)


def take(connection, count):
    """Reads `count` bytes. EOFError: the connection has ended before."""
    parts, left = [], count
    while left > 0:
        part = connection.recv(min(left, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def line(connection):
    """The next line of a sender that waits for the next question: nothing follows the line."""
    got = b""
    while not got.endswith(b"\n"):
        part = connection.recv(1 << 16)
        if not part:
            raise EOFError
        got += part
    return got


def in_pieces(connection, data, here):
    """Sends the data byte by byte, or in pieces of any size. The data has to be short, because nothing is read
    meanwhile."""
    largest = here.choice([1, 7, 100, 5000])
    at = 0
    while at < len(data):
        size = here.randint(1, largest)
        connection.sendall(data[at:at + size])
        at += size


def talk_raw(chaos, here):
    """Sends and checks echoes until the actor is killed or enough has been sent. Echoes are compared by checksum."""
    with contextlib.closing(chaos.connect("raw")) as connection:
        for _ in range(here.randint(1, 10)):
            data = here.randbytes(here.choice([1, 100, 3000]) if here.randrange(8) else 100_000)
            with contextlib.suppress(BrokenPipeError):
                in_pieces(connection, data, here) if len(data) <= 3000 else connection.sendall(data)
            back = take(connection, len(data))
            if zlib.crc32(back) != zlib.crc32(data):
                chaos.wrong.append(("raw", data[:50], back[:50]))
            chaos.done["echoes"] += 1


def talk_lines(chaos, here):
    """Sends lines and checks their echoes, over any number of reloads."""
    with contextlib.closing(chaos.connect("lines")) as connection:
        line(connection)  # the actor's greeting
        for _ in range(here.randint(1, 20)):
            word = b"%030d" % here.getrandbits(90) * here.choice([1, 1, 300])
            in_pieces(connection, b"echo " + word + b"\n", here)
            back = line(connection)
            if zlib.crc32(back) != zlib.crc32(word + b"\n"):
                chaos.wrong.append(("lines", word[:50], back[:50]))
            chaos.done["lines"] += 1


def break_off(chaos, here):
    connection = chaos.connect(here.choice(["raw", "lines"]))
    if here.randrange(3):
        connection.sendall(b"echo half a line"[:here.randint(1, 16)])
    if here.randrange(2):
        reset(connection)
    else:
        connection.close()
    chaos.done["broken off"] += 1
    time.sleep(0.002)


def never_read(chaos, here):
    """Sends data and reads nothing, until it is closed for that or enough time has passed."""
    with contextlib.closing(chaos.connect("raw")) as connection:
        connection.settimeout(0.2)
        until = time.monotonic() + here.uniform(0.1, 3)
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < until and not chaos.over.is_set():
                connection.sendall(bytes(1 << 16))
        chaos.over.wait(max(0, until - time.monotonic()))
    chaos.done["deaf"] += 1


def kill(chaos, node, here):
    actors = [one["pid"] for one in node.ask("ps")["processes"] if one["behaviour"] == "tcp" and not one["name"]]
    for pid in here.sample(actors, min(len(actors), 2)):
        node.reply("exit", name=pid, reason=here.choice(["kill", "boom"]))
        chaos.done["killed"] += 1
    chaos.over.wait(0.1)


def reload(chaos, node, here):
    chaos.replace()
    reply = node.reply("reload", plugin="wires")
    chaos.done["reloads" if "result" in reply else "reloads refused"] += 1
    chaos.over.wait(here.uniform(0, 0.6))


def suspend(chaos, node, here):
    name = here.choice(["raw", "lines"])
    equal(node.ask("listener", name=name, change="suspend")["suspended"], True)
    chaos.over.wait(here.uniform(0, 0.2))
    equal(node.ask("listener", name=name, change="resume")["suspended"], False)
    chaos.done["suspended"] += 1
    chaos.over.wait(here.uniform(0, 0.4))


OPERATORS = (kill, reload, suspend)


def serves(chaos, here, few):
    """Whether the node serves. With few descriptors, the descriptors that a reload has used may be missing for a
    moment."""
    try:
        talk_raw(chaos, here)
        talk_lines(chaos, here)
    except (ConnectionResetError, EOFError):
        if not few:
            raise
        return False
    return True


def settle(chaos, before, few=False):
    """Checks that nothing is left, and that the node serves as at the beginning."""
    node = chaos.node
    equal(node.process.poll(), None, node.log()[-3000:])
    equal(chaos.wrong, [])
    for name in ("raw", "lines"):
        eventually(lambda name=name: chaos.report(name)["open"] == 0, f"{name}: none is open: {chaos.report(name)}")
    eventually(lambda: node.ask("status")["processes"] == before["processes"], "no process is left over", 10)
    eventually(lambda: len(chaos.descriptors()) <= len(before["descriptors"]),
               f"no descriptor is left over: {before['descriptors']}, {chaos.descriptors()}", 10)
    for what in ("worker_parked", "lingering_processes", "abandoned_stacks_total"):
        eventually(lambda what=what: not chaos.metric(f"coppice_{what}"), f"no {what}", 10)
    eventually(lambda: chaos.metric("coppice_worker_timers") == before["timers"], "no timer is left over", 10)
    chaos.replace()
    eventually(lambda: "result" in node.reply("reload", plugin="wires"), "a last reload goes through", 20)
    equal({one["id"]: one.get("kept", []) for one in node.ask("plugins")["plugins"]}["wires"], [], "former code is unmapped")
    here = random.Random(0)
    eventually(lambda: serves(chaos, here, few), "it serves", 10)
    equal(chaos.wrong, [])
    print(f"# {dict(chaos.done)}", flush=True)


def now(chaos):
    """The resources of the node after a first connection to each listener, which makes everything that stays."""
    here = random.Random(0)
    talk_raw(chaos, here)
    talk_lines(chaos, here)
    for name in ("raw", "lines"):
        eventually(lambda name=name: chaos.report(name)["open"] == 0, "none is open")
    chaos.done.clear()
    return {"processes": chaos.node.ask("status")["processes"], "descriptors": chaos.descriptors(),
            "timers": chaos.metric("coppice_worker_timers")}


@test("connections come through kills, reloads, suspensions and clients of every kind; nothing is left")
def many_descriptors(cleanup):
    chaos = Chaos(cleanup)
    before = now(chaos)
    chaos.rage([talk_raw] * 4 + [talk_lines] * 4 + [break_off] * 2 + [never_read] * 2, OPERATORS)
    settle(chaos, before)
    check(all(chaos.done[what] > 0 for what in ("echoes", "lines", "broken off", "deaf", "killed", "reloads", "suspended")),
          "all of it happened", chaos.done)
    equal(chaos.node.stop(), 0, chaos.node.log()[-3000:])


@test("the same with few descriptors: some of the clients are served at any time, and all in the end")
def few_descriptors(cleanup):
    chaos = Chaos(cleanup, workers=1, metrics=False, within=("prlimit", f"--nofile={FEW}:{FEW}"))
    before = now(chaos)
    chaos.rage([talk_raw] * 24 + [talk_lines] * 24 + [break_off] * 2 + [never_read] * 2, OPERATORS)
    settle(chaos, before, few=True)
    check(all(chaos.done[what] > 0 for what in ("echoes", "lines", "broken off", "deaf", "killed", "suspended")),
          "all of it happened", chaos.done)
    equal(chaos.node.stop(), 0, chaos.node.log()[-3000:])


@test("a reload under many open connections drops none, and each goes on in the middle of its line")
def many_connections(cleanup):
    count = min(connections, all_descriptors(cleanup) - 500)
    chaos = Chaos(cleanup)
    clients = []
    cleanup.callback(lambda: [client.close() for client in clients])
    for index in range(count):
        client = chaos.connect("lines")
        clients.append(client)
        line(client)
        client.sendall(b"echo half %d" % index)
    equal(chaos.report("lines")["open"], count)
    chaos.replace()
    report = chaos.node.ask("reload", plugin="wires")
    equal(next(one["generation"] for one in chaos.node.ask("plugins")["plugins"] if one["id"] == "wires"), 2)
    print(f"# a reload under {count} open connections: a pause of {report['pause_ms']:.1f} ms", flush=True)
    for index, client in enumerate(clients):
        client.sendall(b", done %d\n" % index)
    for index, client in enumerate(clients):
        equal(line(client), b"half %d, done %d\n" % (index, index))
    seen = chaos.report("lines")
    equal((seen["open"], seen["crashed"]), (count, 0))
    for client in clients:
        client.close()
    eventually(lambda: chaos.report("lines")["open"] == 0, "none is open", 60)


@test("peers that do not read slow down no other")
def slow_consumers(cleanup):
    chaos = Chaos(cleanup)

    def pings(count):
        with contextlib.closing(chaos.connect("raw")) as connection:
            took = []
            for _ in range(count):
                began = time.monotonic()
                connection.sendall(b"ping")
                equal(take(connection, 4), b"ping")
                took.append(time.monotonic() - began)
        return took

    alone = pings(500)
    deaf = []
    cleanup.callback(lambda: [one.close() for one in deaf])
    for _ in range(20):
        one = chaos.connect("lines")
        deaf.append(one)
        one.sendall(b"flood\n")
    beside = pings(500)
    ready = select.select(deaf, [], [], 0)[0]
    equal(len(ready), 20, "each has something to read, and does not")
    print(f"# a ping alone {statistics.median(alone) * 1e6:.0f} us, beside 20 that do not read {statistics.median(beside) * 1e6:.0f} us", flush=True)
    check(statistics.median(beside) < 5 * statistics.median(alone) + 0.005, "others do not wait for them", statistics.median(beside))
    eventually(lambda: chaos.report("lines")["ended"]["slow"] == 20, "they are ended for it")


if __name__ == "__main__":
    run()
