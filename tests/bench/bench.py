#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures Coppice beside its peers and prints a table, or JSON with --json.

A workload knows its rows, and how to measure our side and the peer's side, both in this run. Programs print `NAME VALUE
UNIT` for each row, and may add `spread LOW HIGH` of their runs and `cpu NS`, the processor time of an operation. A
ratio above 1 means that our side is better, in whichever direction the unit counts. README.md in this folder lists the
requests that the bench node must answer.
"""
import argparse
import fnmatch
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dev_rows
import net_rows
import node_rows
import page_rows
import port_rows
import raft_rows
import saga_rows
import sdk_rows
import stage_rows
import udp_rows
import web_rows
from peers import BenchNode, Figure, Otp, Program, Skipped, Unavailable, run_rows, scaled

ETF_SHAPES = ("gen_call", "list1000_int", "list1000_float", "map100_atom_int", "list100_person", "binary_1MiB")
IDLE = 1000000
ETF_FLOORS = {f"etf_scan_{shape}": Figure(1000.0, "MB/s") for shape in ETF_SHAPES if shape != "binary_1MiB"}


def runs():
    return int(os.environ.get("PEER_BENCH_RUNS", "3"))


def lower_is_better(unit):
    return not unit.endswith("/s")


def timed_run(nodes, operations, run):
    """(the result of `run` for this many operations, the processor time of each operation in ns, summed over the
    nodes)"""
    before = sum(node.used() for node in nodes)
    rate = run(operations)
    return rate, (sum(node.used() for node in nodes) - before) / operations


def ratio(unit, ours, peer):
    better, worse = (peer, ours) if lower_is_better(unit) else (ours, peer)
    return better / worse if worse else float("inf")


class Bench:
    """The parts that workloads share: the place of the build, the OTP side, and our node, which is started on
    demand."""

    def __init__(self, build):
        self.build = build
        self.source = Path(__file__).resolve().parent
        self.otp = Otp(self.source / "peer_bench.erl", build / "bench")
        self.caf = Program("caf", build / "tests/bench/caf_rows", "install libcaf-dev and configure the build again")
        self.sobjectizer = Program.from_environment("sobjectizer", "PEER_SOBJECTIZER")
        self.ergo = Program.from_environment("ergo", "PEER_ERGO")
        self.missing = {}  # rows that lack a peer: {(name of the peer, why): [row]}
        self.skipped = {}  # rows that this machine cannot measure: {why: [row]}
        self.otp_pairs = {}

    def node(self, config="bench.yaml", **options):
        return BenchNode(self.build, self.source / config, **options)

    def otp_pair(self, rows):
        """The dist_… rows of an OTP client and an OTP server. They are measured once a run."""
        missing = [row for row in rows if row not in self.otp_pairs]
        if missing:
            with self.otp.serving() as (name, port):
                self.otp_pairs.update(self.otp.dist(name, port, missing))
        return {row: self.otp_pairs[row] for row in rows if row in self.otp_pairs}

    def actors(self, rows, arguments=()):
        """The figures of the C++ actor libraries, {peer: {row: Figure}}. A library that is not there is noted."""
        found = {}
        for peer, measured in ((self.caf, self.caf_rows), (self.sobjectizer, self.sobjectizer.rows)):
            if why := peer.missing():
                self.missing.setdefault((peer.name, why), []).extend(rows)
            else:
                found[peer.name] = measured(arguments, rows)
        return found

    def ergo_rows(self, rows):
        """The figures of a program with Ergo Framework, {"ergo": {row: Figure}}. If there is no such program, that is
        noted."""
        if why := self.ergo.missing():
            self.missing.setdefault((self.ergo.name, why), []).extend(rows)
            return {}
        return {self.ergo.name: self.ergo.rows((), rows)}

    def caf_rows(self, arguments, rows):
        """The better one of CAF's two schedulers for each row."""
        each = [self.caf.rows(arguments, rows, CAF_POLICY=policy) for policy in ("stealing", "sharing")]
        return {name: max((figures[name] for figures in each if name in figures),
                          key=lambda figure: -figure.value if lower_is_better(figure.unit) else figure.value)
                for name in set().union(*each)}

    def floors(self, rows):
        """`rows`: {row of ours: the floor that it is compared with}."""
        program = self.build / "tests/bench/floors_net"
        found = run_rows([str(program)], set(rows.values()), {"PEER_BENCH_ONLY": ",".join(sorted(set(rows.values())))})
        return {row: found[floor] for row, floor in rows.items() if floor in found}


# The operations of a run, as in peer_bench.erl, and their unit.
LOCAL = {
    "local_call_1pair": (1000000, "calls/s"),
    "local_call_pairs_2": (2000000, "calls/s"),
    "local_call_pairs_16": (2000000, "calls/s"),
    "local_call_pairs_256": (2000000, "calls/s"),
    "local_bang_1pair": (2000000, "roundtrips/s"),
    "local_fanin16_cast": (3200000, "msgs/s"),
    "local_fanin16_bang": (3200000, "msgs/s"),
    "local_fanout16_bang": (3200000, "msgs/s"),
    "local_skewed64": (3200000, "msgs/s"),
    "local_ring1000": (3000000, "hops/s"),
    "local_spawn_exit_1spawner": (1000000, "procs/s"),
    "local_spawn_exit_2spawners": (1000000, "procs/s"),
    "local_gen_server_start_stop": (200000, "procs/s"),
}


def local(bench, rows):
    """Actors within one node: `bench` answers {ROW, Operations} with {Operations, Microseconds}."""
    with bench.node() as node:
        ours = {name: Figure.of([timed_run([node], scaled(LOCAL[name][0]), lambda count: node.rate(name, count)) for _ in range(runs())],
                                LOCAL[name][1]) for name in rows}
    return ours, {"otp": bench.otp.rows(["local"], rows), **bench.actors(rows)}


POOL = {"local_pool_call_8_1": "local_call_1pair", "local_pool_call_8_16": "local_call_pairs_16",
        "local_pool_call_8_256": "local_call_pairs_256"}


def pool(bench, rows):
    """Callers of one pool of eight workers, beside poolboy's pool and beside as many pairs of our actors that call
    directly."""
    direct = {name: POOL[name] for name in rows}
    with bench.node() as node:
        def measured(name, count):
            each = [timed_run([node], scaled(count), lambda operations: node.rate(name, operations)) for _ in range(runs())]
            return Figure.of(each, "calls/s")
        ours = {name: measured(name, 500000) for name in rows}
        pairs = {name: measured(row, LOCAL[row][0]) for name, row in direct.items()}
    peers = {"direct": pairs}
    if why := bench.otp.lacks("poolboy"):
        bench.missing.setdefault(("poolboy", why), []).extend(rows)
    else:
        peers["poolboy"] = bench.otp.rows(["pool"], rows)
    return ours, peers


STATEM = {"local_statem_toggle": (1000000, "transitions/s"), "local_statem_postpone_1000": (500000, "events/s"),
          "local_statem_timeout_set_cancel": (500000, "transitions/s")}


def statem(bench, rows):
    """A state machine that gets casts. Casts that are postponed wait for another state, 1000 at a time."""
    with bench.node() as node:
        ours = {name: Figure.of([timed_run([node], scaled(STATEM[name][0]), lambda count: node.rate_of("bench_statem", f"{{{name}, {count}}}"))
                                 for _ in range(runs())], STATEM[name][1]) for name in rows}
    return ours, {"otp": bench.otp.rows(["statem"], rows)}


GEN_EVENT = {"local_gen_event_10": (200000, "events/s")}


def gen_event(bench, rows):
    """A process notifies an event manager of ten handlers, until the last of them has handled all events."""
    with bench.node() as node:
        ours = {name: Figure.of([timed_run([node], scaled(GEN_EVENT[name][0]), lambda count: node.rate_of("bench_event", f"{{{name}, {count}}}"))
                                 for _ in range(runs())], GEN_EVENT[name][1]) for name in rows}
    return ours, {"otp": bench.otp.rows(["gen_event"], rows)}


PUBLISH = {"local_event_fanout_1000": 1000, "local_event_fanout_100000": 100000}


def publish(bench, rows):
    """A process publishes a named event that this many processes have subscribed to, until the last of them has
    received all events."""
    def deliver(node, name):
        readers = PUBLISH[name]
        return timed_run([node], scaled(2000000), lambda count: node.rate_of("bench_publish", f"{{{name}, {count // readers}}}"))

    with bench.node() as node:
        ours = {name: Figure.of([deliver(node, name) for _ in range(runs())], "events/s") for name in rows}
    return ours, {"otp": bench.otp.rows(["publish"], rows)}


def publish_away(bench, rows):
    """The same as publish(), with subscribers on another node."""
    def deliver(server, client, name):
        return timed_run([server, client], scaled(2000000), lambda count: client.rate_of(
            "bench_publish", f'{{{name}, {count // 1000}, <<"{server.name}">>}}'))

    with bench.node(name="bench_server") as server:
        with bench.node(name="bench_client", epmd_port=server.epmd_port) as client:
            ours = {name: Figure.of([deliver(server, client, name) for _ in range(runs())], "events/s") for name in rows}
    return ours, {"otp": bench.otp_pair(rows)}


def publish_to_nobody(bench, rows):
    """An event without subscribers is published, beside as many messages from one of our actors to another."""
    count = 2000000

    def figure(node, what):
        return Figure.of([timed_run([node], scaled(count), lambda some: node.rate_of("bench_publish", f"{{{what}, {some}}}"))
                          for _ in range(runs())], "events/s")

    with bench.node() as node:
        ours, sends = figure(node, rows[0]), figure(node, "local_send_0")
    return {rows[0]: ours}, {"floor": {rows[0]: sends}}


APART = {"local_call_1pair_apart": "local_call_1pair", "local_bang_1pair_apart": "local_bang_1pair"}


def apart(bench, rows):
    """The worst placement: a pair of actors is kept on two workers, without plugins, beside OTP's pair at any
    placement."""
    program = bench.build / "tests/bench/runtime_local"
    runs_of = [run_rows([str(program), "_apart", "1"], rows, {}) for _ in range(runs())]
    ours = {name: Figure.of([(run[name].value, run[name].cpu) for run in runs_of], runs_of[0][name].unit) for name in rows}
    otp = bench.otp.rows(["local"], sorted({APART[name] for name in rows}))
    return ours, {"otp": {name: otp[APART[name]] for name in rows if APART[name] in otp}}


def floors(bench, rows, name="floors_runtime", peer="floor"):
    """Parts of the runtime, beside the machine's own way of doing the same. One program prints both."""
    program = bench.build / "tests/bench" / name
    if not program.exists():
        raise Unavailable(f"{name} is not built")
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=300, check=True)
    figures = {name: (Figure(float(ours), unit), Figure(float(floor), unit))
               for name, ours, unit, floor in (line.split() for line in done.stdout.splitlines())}
    return ({name: figures[name][0] for name in rows if name in figures},
            {peer: {name: figures[name][1] for name in rows if name in figures}})


def metric_floors(bench, rows):
    """The time that a plugin needs to count something, beside a relaxed addition."""
    return floors(bench, rows, "floors_metric")


def log_lines(bench, rows):
    """The time that a line of the log costs the thread that writes it, beside spdlog's asynchronous logger."""
    return floors(bench, rows, "log_rows", "spdlog")


# Callers or senders, operations in a run, and the size of a cast, as in peer_bench.erl.
DIST = {
    "dist_call_1": (1, 50000, 0),
    "dist_call_own_server_64": (64, 400000, 0),
    "dist_call_own_server_256": (256, 400000, 0),
    "dist_cast_80B_senders_1": (1, 1000000, 80),
    "dist_cast_80B_senders_16": (16, 1000000, 80),
    "dist_cast_64KiB": (1, 2048 * 16, 64 * 1024),
    "dist_cast_1024KiB": (1, 2048, 1024 * 1024),
}
DIST_TLS = [name.replace("dist_", "dist_tls_", 1) for name in DIST if name.endswith("KiB")]
FLOORS = {
    "dist_call_1": "floor_echo_1",
    "dist_call_own_server_64": "floor_echo_64",
    "dist_call_own_server_256": "floor_echo_256",
    **{name: "floor_tls_records" for name in DIST_TLS},
}


def prefixed(figures, kind):
    return {name.replace("dist_", f"dist_{kind}_", 1): figure for name, figure in figures.items()}


def plain(rows, kind):
    return [name.replace(f"dist_{kind}_", "dist_", 1) for name in rows]


def dist_run(name, server):
    """(the request to our client for a run against the node `server`, its operations)"""
    count, usual, size = DIST[name]
    operations = scaled(usual)
    if size == 0:
        return f"{{calls, {{peer_echo, '{server}'}}, {count}, {operations}}}", operations
    return f"{{casts, {{peer_sink, '{server}'}}, {count}, {operations}, {size}}}", operations


def measure_dist(client, server, name, ours=()):
    """One row of our client against the node `server`, ours or OTP's. `ours`: the other nodes of ours that take
    part."""
    size = DIST[name][2]
    term, operations = dist_run(name, server)
    each = [timed_run([client, *ours], operations, lambda _: client.rate_of("bench_dist", term)) for _ in range(runs())]
    if size < 1024:
        return Figure.of(each, "calls/s" if size == 0 else "msgs/s")
    return Figure.of(each, "MB/s", size / 1e6)


def two_of_ours(bench, rows, settings=()):
    with bench.node(name="bench_server", settings=settings) as server:
        with bench.node(name="bench_client", epmd_port=server.epmd_port, settings=settings) as client:
            return {name: measure_dist(client, server.name, name, [server]) for name in rows}


def dist(bench, rows):
    """Two nodes of ours, beside two OTP nodes and the floor of this machine."""
    ours = two_of_ours(bench, rows)
    return ours, {"otp": bench.otp_pair(rows), "floor": bench.floors({r: FLOORS[r] for r in rows if r in FLOORS})}


def dist_tls(bench, rows):
    """Two nodes of ours over TLS, beside mbedTLS's records alone."""
    secure = [("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0, tls: on } ]")]
    ours = prefixed(two_of_ours(bench, plain(rows, "tls"), secure), "tls")
    return ours, {"floor": bench.floors({r: FLOORS[r] for r in rows})}


def dist_in(bench, rows):
    """An OTP client against our node, beside the same client against an OTP node."""
    with bench.node() as node:
        ours = prefixed(bench.otp.dist(node.name, node.epmd_port, plain(rows, "in")), "in")
    return ours, {"otp": prefixed(bench.otp_pair(plain(rows, "in")), "in")}


def dist_out(bench, rows):
    """Our client against an OTP node, beside an OTP client against it."""
    with bench.otp.serving() as (name, port), bench.node(epmd_port=port) as node:
        ours = prefixed({row: measure_dist(node, name, row) for row in plain(rows, "out")}, "out")
    return ours, {"otp": prefixed(bench.otp_pair(plain(rows, "out")), "out")}


def idle(bench, rows):
    """Resident bytes for each idle server, by the growth of the process."""
    with bench.node() as node:
        before = node.resident()
        node.call(f"{{idle, {IDLE}}}")
        ours = {rows[0]: Figure((node.resident() - before) / IDLE, "bytes")}
    return ours, {"otp": bench.otp.rows(["idle", str(IDLE)], rows), **bench.actors(rows, ["idle", str(IDLE)])}


TIMERS, PARKED, WAITING, PINGS = 1000000, 25000, 100000, 500
PING_ROWS = [f"local_ping_busy1000_{share}" for share in ("p50", "p99", "p999")]
LOAD = ["local_timer_start", "local_timer_cancel", "local_timer_lateness_p99", f"idle_parked_call_rss_each_{PARKED}",
        f"idle_waiting_request_rss_each_{WAITING}", *PING_ROWS]


def load(bench, rows):
    """Many things at once: timers, parked calls, requests without an answer, pings under load. Each is measured on a
    fresh node."""
    ours = {}
    if {"local_timer_start", "local_timer_cancel"} & set(rows):
        with bench.node() as node:
            count = scaled(TIMERS)
            took = [node.load(f"{{timers, {count}}}") for _ in range(runs())]
            for name, column in (("local_timer_start", 0), ("local_timer_cancel", 1)):
                ours[name] = Figure(count * 1e6 / max(1, statistics.median(run[column] for run in took)), "timers/s")
    if "local_timer_lateness_p99" in rows:
        with bench.node() as node:
            ours["local_timer_lateness_p99"] = Figure(node.load(f"{{lateness, {scaled(TIMERS)}}}")[0], "us")
    for name, what, count in ((LOAD[3], "park", PARKED), (LOAD[4], "wait", WAITING)):
        if name in rows:
            with bench.node() as node:
                before = node.resident()
                node.call(f"{{{what}, {count}}}", "load")
                ours[name] = Figure((node.resident() - before) / count, "bytes")
    if set(PING_ROWS) & set(rows):
        with bench.node() as node:
            figures = node.load(f"{{pings, {scaled(PINGS)}}}")
            ours.update({name: Figure(figure / 1000, "us") for name, figure in zip(PING_ROWS, figures)})
    pings = [name for name in rows if name in PING_ROWS]
    return ours, {"otp": bench.otp.rows(["load"], rows), **(bench.actors(pings) if pings else {})}


def etf(bench, rows):
    """Encoding and decoding without a node. Views and dynamic terms are compared with OTP's one way of decoding."""
    theirs = {name: re.sub("_(view|term)$", "", name) for name in rows}
    otp = bench.otp.rows(["etf"], sorted(set(theirs.values())))
    return etf_rows(bench, rows), {"otp": {name: otp[peer] for name, peer in theirs.items() if peer in otp}}


def etf_rows(bench, rows, *arguments):
    program = bench.build / "tests/bench/etf_rows"
    return run_rows([str(program), *arguments], rows, {"PEER_BENCH_ONLY": ",".join(rows)})


def etf_find(bench, rows):
    """The value of a key in a dynamic map of 1,000 keys: found by its index, beside comparing the keys in turn."""
    both = etf_rows(bench, ["etf_find_map1000", "etf_walk_map1000"])
    return both, {"self": {rows[0]: both["etf_walk_map1000"]}}


def etf_floor(bench, rows):
    """Operations without a counterpart in OTP, beside the figure that they must reach. Processor time is measured,
    because the floor is absolute."""
    return etf_rows(bench, rows, "cpu"), {"floor": {name: ETF_FLOORS[name] for name in rows}}


SUPERVISION = ["supervisor_restart", "supervisor_start_100000"]


def supervision(bench, rows):
    """A supervisor and its children, no node."""
    program = bench.build / "tests/bench/supervisor_rows"
    ours = run_rows([str(program)], rows, {"PEER_BENCH_ONLY": ",".join(rows)})
    return ours, {"otp": bench.otp.rows(["supervision"], rows)}


def apply_one(bench, rows):
    """A change of one child in a hundred thousand, beside starting all of them."""
    program = bench.build / "tests/bench/supervisor_rows"
    both = run_rows([str(program)], [*rows, "supervisor_start_100000"], {"PEER_BENCH_ONLY": ",".join(rows)})
    return both, {"self": {rows[0]: both["supervisor_start_100000"]}}


def own_cost(bench, rows):
    """The resources that a node takes by itself, beside an Erlang node and the allowed amount."""
    return node_rows.node(bench, rows, runs())


def page(bench, rows):
    """The cost of the node's page, beside the allowed cost."""
    return page_rows.page(bench, rows, runs())


def net_tcp(bench, rows):
    """The bundled echo behind a listener, beside ranch's and a bare libuv echo."""
    return net_rows.tcp(bench, rows, runs())


def net_udp(bench, rows):
    """The bundled echo:datagrams, beside gen_udp and a bare loop of recvmmsg."""
    return udp_rows.echo(bench, rows, runs())


def net_web(bench, rows):
    """An actor behind a site, beside cowboy, Node and nginx."""
    return web_rows.http(bench, rows, runs())


def net_websocket(bench, rows):
    """An actor's WebSockets, beside cowboy's."""
    return web_rows.echo(bench, rows, runs())


def net_events(bench, rows):
    """A named event as server-sent events, beside cowboy's loop handlers."""
    return web_rows.fan_out(bench, rows, runs())


def net_web_idle(bench, rows):
    """The memory that a node keeps for each connection to a site."""
    return web_rows.idle(bench, rows)


def port_lines(bench, rows):
    """An actor's program that prints lines, beside an Erlang port's."""
    return port_rows.lines(bench, rows, runs())


def stages(bench, rows):
    """Pipelines of stages, beside plain Erlang processes and Elixir's library."""
    return stage_rows.local(bench, rows, runs(), timed_run)


def stages_between(bench, rows):
    """A pipeline whose stage in the middle is on another node."""
    return stage_rows.dist(bench, rows, runs(), timed_run)


def net_idle(bench, rows):
    """The memory that a node keeps for each open connection."""
    return net_rows.idle(bench, rows)


SOAK = 100000000
SOAKED = ("local_call_pairs_16", "local_fanin16_cast", "local_fanin16_bang", "local_fanout16_bang", "local_ring1000",
          "local_spawn_exit_2spawners")


def soak(bench, rows):
    """The memory that a node keeps after it has handled this many messages: the maximum after any later tenth, beside
    the first tenth."""
    after = []
    with bench.node() as node:
        for tenth in range(1, 11):
            for name in SOAKED:
                node.rate(name, scaled(SOAK) // 10 // len(SOAKED))
            time.sleep(1)  # time for memory of the burst to be given back
            after.append(node.resident())
            print(f"soak: {tenth * 10} % of {scaled(SOAK)} messages: {after[-1] >> 10} KiB resident", file=sys.stderr)
    return {rows[0]: Figure(max(after[1:]), "bytes")}, {"self": {rows[0]: Figure(after[0], "bytes")}}


def cron(bench, rows):
    """The next times of ten thousand jobs, beside those of a hundred jobs."""
    few = "cron_next_100_jobs"
    both = run_rows([str(bench.build / "tests/bench/cron_rows")], [*rows, few], {"PEER_BENCH_ONLY": ",".join([*rows, few])})
    return both, {"self": {rows[0]: both[few]}}


DURABLE = [f"durable_append_{groups}" for groups in (1, 16, 256, 1000)]


def durable(bench, rows):
    """Appends to the durable log, beside writes with an fsync each, one after another, on the same disk in the same run."""
    program = bench.build / "tests/bench/durable_rows"
    if not program.exists():
        raise Unavailable("durable_rows is not built")
    with tempfile.TemporaryDirectory(dir=bench.build) as folder:
        both = run_rows([str(program)], [*rows, *(f"{name}_floor" for name in rows)],
                        {"PEER_BENCH_ONLY": ",".join(rows), "COPPICE_BENCH_FOLDER": folder})
    return ({name: both[name] for name in rows}, {"floor": {name: both[f"{name}_floor"] for name in rows}})


def raft(bench, rows):
    """Groups of three durable members, beside ra's, etcd's and the fsync floor."""
    return raft_rows.append(bench, rows, runs())


def raft_leaderless(bench, rows):
    """How long a group has no leader after a kill -9, beside twice the time of an election, and ra's."""
    return raft_rows.leaderless(bench, rows, runs())


def raft_recover(bench, rows):
    """The time that a member takes at its start to apply a log of a million entries, beside ra's."""
    return raft_rows.recover(bench, rows)


def raft_idle(bench, rows):
    """The cost of a thousand quiescent Raft groups for a node, beside 2 % of a core."""
    return raft_rows.idle(bench, rows, runs())


def sagas(bench, rows):
    """Durable transactions over several nodes, beside Mnesia's and the fsync floor."""
    return saga_rows.rates(bench, rows, runs())


def saga_recover(bench, rows):
    """The time that a coordinator takes to recover its open transactions, beside the allowed time."""
    return saga_rows.recover(bench, rows)


RELOAD = {"reload_1": ("tally", 0), "reload_10000": ("kv", 10000)}
RAIN = 200000  # messages a second within the node, to `tally`, during the whole row


def reload(bench, rows):
    """How long the actors of a plugin stand still while it is replaced, beside the allowed time."""
    ours, bound = {}, {}
    for name in rows:
        plugin, count = RELOAD[name]
        with bench.node("reload.yaml") as node:
            node.children("crowd", count)
            node.call(f"{{rain, tally, {RAIN}}}", "rain")
            reports = [node.reload(plugin) for _ in range(5 * runs())]
        ours[name] = Figure(statistics.median(one["pause_ms"] for one in reports) * 1000, "us")
        bound[name] = Figure(statistics.median(1 + sum(one[f"{what}_ms"] for what in ("drain", "save", "restore"))
                                         for one in reports) * 1000, "us")
    return ours, {"floor": bound}


WORKLOADS = [
    (local, list(LOCAL)),
    (pool, list(POOL)),
    (statem, list(STATEM)),
    (gen_event, list(GEN_EVENT)),
    (publish, list(PUBLISH)),
    (publish_away, ["dist_event_fanout_1000"]),
    (publish_to_nobody, ["local_event_publish_0"]),
    (apart, list(APART)),
    (floors, ["floor_queue_push_pop", "floor_stack_switch", "floor_wake_up"]),
    (metric_floors, ["floor_metric_add", "floor_metric_observe"]),
    (log_lines, ["log_line_threads_1", "log_line_threads_4"]),
    (dist, list(DIST)),
    (dist_tls, DIST_TLS),
    (dist_in, list(prefixed(DIST, "in"))),
    (dist_out, list(prefixed(DIST, "out"))),
    (idle, [f"idle_gen_server_rss_each_{IDLE}"]),
    (load, LOAD),
    (etf, [f"etf_{what}_{shape}{kind}" for what, kind in (("encode", ""), ("decode", ""), ("decode", "_view"), ("decode", "_term"))
           for shape in ETF_SHAPES]),
    (etf_find, ["etf_find_map1000"]),
    (etf_floor, list(ETF_FLOORS)),
    (supervision, SUPERVISION),
    (apply_one, ["apply_one_of_100000"]),
    (cron, ["cron_next_10k_jobs"]),
    (durable, DURABLE),
    (raft, [*raft_rows.APPEND, *raft_rows.QUERY]),
    (raft_leaderless, [raft_rows.LEADERLESS]),
    (raft_recover, [raft_rows.RECOVER]),
    (raft_idle, [raft_rows.IDLE]),
    (sagas, list(saga_rows.RATES)),
    (saga_recover, [saga_rows.RECOVER]),
    (reload, list(RELOAD)),
    (own_cost, node_rows.ROWS),
    (page, page_rows.ROWS),
    (net_tcp, list(net_rows.TCP)),
    (net_idle, ["net_tcp_idle_bytes"]),
    (net_udp, ["net_udp_echo"]),
    (net_web, list(web_rows.HTTP)),
    (net_websocket, [web_rows.ECHO[0]]),
    (net_events, [web_rows.EVENTS[0]]),
    (net_web_idle, list(web_rows.KEPT)),
    (port_lines, ["port_line_1M"]),
    (stages, stage_rows.ROWS),
    (stages_between, [stage_rows.DIST]),
    (sdk_rows.sdk, list(sdk_rows.ROWS)),
    (dev_rows.saved, [dev_rows.ROW]),
    (soak, ["soak_rss"]),
]

# The workloads in which a program with Ergo Framework can be the peer: PEER_ERGO.
OF_ERGO = (local, pool, publish, publish_away, net_tcp, net_udp, net_web, net_websocket, net_events)


def selected(names, pattern):
    if not pattern:
        return names
    if not re.search(r"[*?\[]", pattern):
        pattern = f"*{pattern}*"
    return [name for name in names if fnmatch.fnmatchcase(name, pattern)]


def measure(bench, pattern):
    """The rows in the form that contract.md gives them, and the workloads that could not be measured."""
    rows, missing = [], []
    for workload, names in WORKLOADS:
        wanted = selected(names, pattern)
        if not wanted:
            continue
        try:
            ours, peers = workload(bench, wanted)
            if workload in OF_ERGO:
                peers = {**peers, **bench.ergo_rows(wanted)}
        except Skipped as why:
            bench.skipped.setdefault(str(why), []).extend(wanted)
            continue
        except (Unavailable, subprocess.SubprocessError) as why:
            missing.append(f"{', '.join(wanted)}: {why}")
            continue
        for name in wanted:
            measured = [peer for peer, figures in peers.items() if name in figures]
            if name not in ours or not measured:
                missing.append(f"{name}: not measured by {'us' if name not in ours else ' or '.join(peers)}")
                continue
            rows += [row_of(name, ours[name], peer, peers[peer][name]) for peer in measured]
    return rows, missing


def row_of(name, ours, peer_name, peer):
    """A row in the form that contract.md gives it. It has the spread of the runs and the processor time of an operation
    where they are known."""
    row = {"name": name, "unit": ours.unit, "ours": round(ours.value, 1), "peer": round(peer.value, 1), "peer_name": peer_name,
           "ratio": round(ratio(ours.unit, ours.value, peer.value), 3)}
    for side, figure in (("ours", ours), ("peer", peer)):
        if figure.low is not None:
            row[f"{side}_spread"] = [round(figure.low, 1), round(figure.high, 1)]
        if figure.cpu is not None:
            row[f"{side}_cpu_ns"] = round(figure.cpu, 1)
    return row


def cells_of(row, side):
    """The figure of a side, the spread of its runs as shares of it, and the processor time of an operation."""
    low, high = row.get(f"{side}_spread", (0, 0))
    spread = f"{low / row[side]:.2f}..{high / row[side]:.2f}" if high and row[side] else ""
    return f"{row[side]:,.0f}", spread, f"{row[f'{side}_cpu_ns']:,.0f}" if f"{side}_cpu_ns" in row else ""


def table(rows, absent, skipped):
    """Prints the rows, and a line for each peer that is not there (`absent`: {(peer, why): rows}) and for each reason
    to skip rows (`skipped`: {why: rows})."""
    lines = [("workload", "ours", "spread", "cpu ns", "peer", "its figure", "spread", "cpu ns", "unit", "ratio")]
    lines += [(row["name"], *cells_of(row, "ours"), row["peer_name"], *cells_of(row, "peer"), row["unit"], f"{row['ratio']:.2f}")
              for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) if column in (0, 4, 8) else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths))).rstrip())
    for (peer, why), names in absent.items():
        print(f"{', '.join(names)}: {peer} is not there: {why}")
    for why, names in skipped.items():
        print(f"{', '.join(names)}: skipped: {why}")


def main():
    parser = argparse.ArgumentParser(description="Measures Coppice beside its peers.")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", metavar="PATTERN")
    options = parser.parse_args()
    if not any(selected(names, options.only) for _, names in WORKLOADS):
        parser.error(f"no row matches {options.only}")
    bench = Bench(options.build.resolve())
    rows, missing = measure(bench, options.only)
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        table(rows, bench.missing, bench.skipped)
    for line in missing:
        print(f"not measured: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
