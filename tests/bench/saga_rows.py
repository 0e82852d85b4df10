# SPDX-License-Identifier: MIT
"""The saga_… rows: transactions over nodes of ours with `log: durable`, beside Mnesia with tables on the disks of the
same number of nodes, and the fsync floor of the same run and disk. The coordinator is on the first node, one
participant on each other node."""
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from durable_peers import OtpNode, client, compiled, figure_of, fsync_rate, number, ours
from peers import Figure, Unavailable, epmd, patience, scaled
from harness import disk_faults

# The kind, the number of participants and the number of callers of a row.
RATES = {
    "saga_2_steps_1": ("compensate", 2, 1),
    "saga_2pc_3_1": ("two_phase", 3, 1),
    "saga_2_steps_64": ("compensate", 2, 64),
    "saga_2pc_3_64": ("two_phase", 3, 64),
}
RECOVER = "saga_recover_100000"
ROWS = [*RATES, RECOVER]
NODES = 4
RUN_MS = 3000
OPEN, OPEN_BOUND_MS = 100_000, 5000.0
CONFIG = """
distribution:
  listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ]
applications:
  - name: bench
    supervisor:
      children:
        - {{ id: compensate, actor: "bench_saga:planner", name: compensate, saga: {{ {options} }} }}
        - {{ id: two_phase, actor: "bench_saga:planner", name: two_phase, saga: {{ commit: two_phase, {options} }} }}
        - {{ id: callers, actor: "bench_saga:callers", name: callers }}
        - {{ id: taker, actor: "bench_saga:taker", name: taker, saga: {{ {options} }} }}
"""
OPTIONS = "lifespan: 60s, max_transactions: 200000, answers: { keep: 10s, count: 1000000 }, limits: { in_doubt: 100000 }"
# Steps without an answer stay open for as long as the row takes.
PATIENT = "lifespan: 10h, step_timeout: 1h, max_transactions: 200000, answers: { keep: 10s, count: 1000000 }"


class Ours:
    """Nodes of ours. Their syncs are counted where there is a compiler."""

    def __init__(self, stack, bench, folder, epmd_port, count, options):
        self.disks = []
        library = None if disk_faults.why_not() else disk_faults.compile_library(folder)
        self.nodes = []
        for number_of in range(count):
            environment = None
            if library is not None:
                self.disks.append(disk_faults.Disk(stack, library))
                environment = self.disks[-1].environment
            name = f"saga_{number_of}_{os.getpid()}"
            self.nodes.append(ours(bench, stack, name, CONFIG.format(options=options), folder, epmd_port, environment))
        for node in self.nodes:
            node.wait_ready()

    def syncs(self):
        """The syncs of all nodes so far. None: they are not counted."""
        return sum(disk.get("syncs") for disk in self.disks) if self.disks else None

    def whom(self, participants):
        return "[" + ", ".join(f'<<"taker@{node.name}">>' for node in self.nodes[1:1 + participants]) + "]"


class Cluster:
    """Our nodes and Mnesia's nodes, and the client."""

    def __init__(self, stack, bench, rows):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=bench.build)))
        beams = compiled(bench, "saga_rows")
        paths = ["-pa", str(beams)]
        port = stack.enter_context(epmd())
        self.ours = Ours(stack, bench, self.folder, port, NODES, OPTIONS)
        self.erl = client(stack, bench, port, paths)
        self.mnesia = []
        if why := bench.otp.lacks("mnesia"):
            bench.missing.setdefault(("mnesia", why), []).extend(rows)
        else:
            self.mnesia = [OtpNode(stack, bench, f"mnesia_{n}", port, "saga_rows", "member", self.folder / f"mnesia_{n}", paths) for n in range(NODES)]
        for name in [*(node.name for node in self.ours.nodes), *(node.name for node in self.mnesia)]:
            reach(self.erl, name)
        if self.mnesia:
            number(self.erl, f"saga_rows:create([{self.names(NODES)}], [3, 4])")

    def names(self, count):
        return ", ".join(repr(node.name) for node in self.mnesia[:count])

    def of_ours(self, kind, participants, callers):
        return number(self.erl, f"saga_rows:sagas(<<\"{kind}\">>, {self.ours.nodes[0].name!r}, {self.ours.whom(participants)}, {callers}, {scaled(RUN_MS)})")

    def of_mnesia(self, participants, how, callers):
        return number(self.erl, f"saga_rows:mnesia([{self.names(participants + 1)}], {participants}, {how}, {callers}, {scaled(RUN_MS)})")


def reach(erl, name):
    deadline = time.monotonic() + 30
    while erl(f"net_adm:ping({name!r})") != "pong":
        if time.monotonic() > deadline:
            raise Unavailable(f"{name} cannot be reached")
        time.sleep(0.05)


def syncs_of_one(cluster, kind, participants):
    """The number of fsyncs that a single transaction takes, at all nodes together. None: they are not counted."""
    if cluster.ours.syncs() is None:
        return None
    cluster.of_ours(kind, participants, 1)
    time.sleep(2)  # so that nothing is forgotten later, while it is measured
    before, began = cluster.ours.syncs(), time.monotonic()
    rate = cluster.of_ours(kind, participants, 1)
    took = time.monotonic() - began
    return (cluster.ours.syncs() - before) / max(1.0, rate * min(took, scaled(RUN_MS) / 1000))


def rates(bench, rows, runs):
    """Transactions a second."""
    found = {}
    with contextlib.ExitStack() as stack:
        cluster = Cluster(stack, bench, rows)
        for row in rows:
            kind, participants, callers = RATES[row]
            each = {}
            # One caller waits for one fsync after the other. Many callers share fsyncs, so their floor is one for
            # each transaction.
            count = syncs_of_one(cluster, kind, participants) if callers == 1 else 1
            if callers == 1:
                print(f"{row}: {'fsyncs are not counted here' if count is None else f'N = {count:.1f} fsyncs of all nodes in a transaction'}", file=sys.stderr)
            for _ in range(runs):
                each.setdefault("ours", []).append(cluster.of_ours(kind, participants, callers))
                if cluster.mnesia:
                    each.setdefault("mnesia", []).append(cluster.of_mnesia(participants, "synced", callers))
                    each.setdefault("mnesia unsynced", []).append(cluster.of_mnesia(participants, "unsynced", callers))
                if count is not None:
                    floor = "fsync floor" if callers > 1 else f"{count:.1f} fsyncs"
                    each.setdefault(floor, []).append(fsync_rate(cluster.folder, scaled(1000) / 1000) / max(1.0, count))
            found[row] = {side: figure_of(values, "transactions/s") for side, values in each.items()}
    ours_of, peers = {}, {}
    for row, figures in found.items():
        for side, figure in figures.items():
            (ours_of if side == "ours" else peers.setdefault(side, {}))[row] = figure
    return ours_of, peers


def recover(bench, rows):
    """The time from the start of a coordinator, which was killed with this many open transactions, until it has
    recovered all of them."""
    count = scaled(OPEN)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=bench.build)))
        paths = ["-pa", str(compiled(bench, "saga_rows"))]
        port = stack.enter_context(epmd())
        node = Ours(stack, bench, folder, port, 1, PATIENT).nodes[0]
        erl = client(stack, bench, port, paths)
        reach(erl, node.name)
        left = count
        while left > 0:
            part = min(left, 10_000)
            number(erl, f"saga_rows:open(compensate, {node.name!r}, [<<\"nobody\">>], 256, {part})")
            left -= part
        if node.engine("compensate")["open"] != count:
            raise Unavailable(f"{count} transactions are not open: {node.engine('compensate')}")
        node.stop(9)
        began = time.monotonic()
        node.begin()
        deadline = began + patience()
        while True:
            # The coordinator is asked as soon as it listens. Its work before the answer is a part of its start.
            with contextlib.suppress(OSError, AssertionError, KeyError, TypeError):
                if node.reply("info", name="compensate", timeout_ms=60000)["result"]["engine"]["open"] == count:
                    break
            if time.monotonic() > deadline:
                raise Unavailable(f"{count} transactions are not open again after {patience():.0f} s")
            time.sleep(0.01)
        took = (time.monotonic() - began) * 1000
    return {rows[0]: Figure(took, "ms")}, {"floor": {rows[0]: Figure(OPEN_BOUND_MS * count / OPEN, "ms")}}
