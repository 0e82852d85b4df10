# SPDX-License-Identifier: MIT
"""The raft_… rows: groups of three durable members on one disk, ours, ra's and etcd's. They are measured in turns, with
the same number of callers at each leader, and beside the fsync floor. ra and etcd come from Debian packages that are
unpacked, not installed."""
import base64
import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from durable_peers import OtpNode, client, compiled, figure_of, fsync_rate, number, ours
from peers import Figure, Unavailable, child, epmd, patience, processor_time, scaled, unpacked
from harness.node import free_port
from harness.tap import eventually

APPEND = {"raft_append_1": 1, "raft_append_16": 16, "raft_append_256": 256}
QUERY = {"raft_query_64": 64}
LEADERLESS, RECOVER = "raft_leaderless", "raft_recover_1M"
IDLE_GROUPS, IDLE_SECONDS = 1000, 10
IDLE = f"raft_idle_{IDLE_GROUPS}"
IDLE_MS = 20.0  # ms of processor time a second: 2 % of a core
ROWS = [*APPEND, *QUERY, LEADERLESS, RECOVER, IDLE]
ELECTION_MS = 1000
ENTRIES = 1_000_000
FILLERS = 4096  # commands under way at once while a log is filled; 256 would take most of six minutes
FILL_PART = 50_000  # commands in one call of the client, so that it is answered in time
MEMBERS = 3
RUN_MS = 3000
CONFIG = """
distribution:
  listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ]
  peers: [ {peers} ]
applications:
  - name: bench
    supervisor:
      children:
{children}
"""
CHILD = """        - id: {name}
          actor: ledger
          name: {name}
          raft: {{ members: [ {members} ]{options} }}"""
LOAD = "        - { id: callers, actor: bench_ask:callers, name: callers }"
PUT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, bodies[n % #bodies + 1])
end
"""


class OurGroup:
    """Three nodes of ours. Each of them has a member of these groups."""

    kind = "ours"

    def __init__(self, stack, bench, folder, epmd_port, groups=("ledger",), options=""):
        names = [f"raft_{letter}_{os.getpid()}" for letter in "abc"]
        nodes = [f"{name}@127.0.0.1" for name in names]
        children = [CHILD.format(name=name, members=", ".join(f"{name}@{node}" for node in nodes), options=options) for name in groups]
        config = CONFIG.format(peers=", ".join(nodes), children="\n".join(children))
        self.nodes = {node: ours(bench, stack, name, config, folder, epmd_port) for name, node in zip(names, nodes)}
        for node in self.nodes.values():
            node.wait_ready()

    def kill(self, name):
        self.nodes[name].stop(9)

    def start(self, name):
        self.nodes[name].begin()


class RaGroup:
    """Three Erlang nodes with ra."""

    kind = "ra"

    def __init__(self, stack, bench, folder, epmd_port, paths):
        made = [OtpNode(stack, bench, f"ra_{letter}", epmd_port, "raft_rows", "member", Path(folder) / f"ra_{letter}", paths) for letter in "abc"]
        self.nodes = {node.name: node for node in made}

    def kill(self, name):
        self.nodes[name].kill()

    def start(self, name):
        self.nodes[name].start()


def target(group, names=None):
    return f"{{{group.kind}, [{', '.join(repr(name) for name in names or group.nodes)}]}}"


def ra_paths():
    """(the name with its release, the arguments with which an Erlang node finds it), or the reason why it is not
    there."""
    folder, why = unpacked("rabbitmq-server")
    found = [sorted(folder.glob(f"usr/lib/rabbitmq/lib/*/plugins/{name}-[0-9]*/ebin")) for name in ("ra", "aten", "gen_batch_server", "seshat")]
    if why or not found[0]:
        return None, [], why or f"there is no ra in {folder}"
    return found[0][-1].parent.name, [word for each in found if each for word in ("-pa", str(each[-1]))], ""


class Etcd:
    """A cluster of three etcd members, which is asked through its JSON gateway."""

    def __init__(self, stack, folder, program):
        ports = [(free_port(), free_port()) for _ in range(MEMBERS)]
        cluster = ",".join(f"m{n}=http://127.0.0.1:{peer}" for n, (_, peer) in enumerate(ports))
        self.urls = [f"http://127.0.0.1:{port}" for port, _ in ports]
        for n, (port, peer) in enumerate(ports):
            log = stack.enter_context(open(Path(folder) / f"etcd{n}.log", "wb"))
            stack.enter_context(child([str(program), "--name", f"m{n}", "--data-dir", f"{folder}/etcd{n}", "--listen-client-urls", self.urls[n],
                                       "--advertise-client-urls", self.urls[n], "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                                       "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", cluster], stdout=log, stderr=log))
        self.script = Path(folder) / "etcd.lua"

    def ask(self, url, path, body):
        asked = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def leader(self):
        deadline = time.monotonic() + 30
        while True:
            for url in self.urls:
                with contextlib.suppress(OSError):
                    said = self.ask(url, "/v3/maintenance/status", {})
                    if said.get("leader") and said["leader"] == said["header"]["member_id"]:
                        return url
            if time.monotonic() > deadline:
                raise Unavailable("etcd has no leader")
            time.sleep(0.1)

    def rate(self, connections, path, bodies):
        """Requests a second to the leader, measured by wrk. All of them have to succeed."""
        lines = "bodies = {" + ", ".join(f"'{json.dumps(body)}'" for body in bodies) + "}\n"
        self.script.write_text(lines + PUT, encoding="utf-8")
        done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{max(1, scaled(RUN_MS) // 1000)}s", "-s", str(self.script), self.leader() + path],
                              capture_output=True, text=True, timeout=patience(), check=True)
        if "Non-2xx" in done.stdout:
            raise Unavailable(f"etcd: {done.stdout}")
        return float(re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)[1])

    @staticmethod
    def key(n):
        return base64.b64encode(f"account{n}".encode()).decode()

    def put(self, connections):
        return self.rate(connections, "/v3/kv/put", [{"key": self.key(n), "value": self.key(n)} for n in range(100)])

    def read(self, connections, serializable):
        """Reads of one key a second. `serializable`: the member answers from its own state, so this is the cost of the
        gateway itself."""
        return self.rate(connections, "/v3/kv/range", [{"key": self.key(0), **({"serializable": True} if serializable else {})}])


class Groups:
    """The groups of all sides that are there. A side that is not there is noted."""

    def __init__(self, stack, bench, rows, etcd_too):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=bench.build)))
        self.release, paths, why = ra_paths()
        if why:
            bench.missing.setdefault(("ra", why), []).extend(rows)
        beams = compiled(bench, "raft_rows", paths)
        paths = [*paths, "-pa", str(beams)]
        port = stack.enter_context(epmd())
        options = f", election: {ELECTION_MS}ms, snapshot: {{ entries: 1000000000, bytes: 100GiB }}"
        self.all = {"ours": OurGroup(stack, bench, self.folder, port, options=options)}
        if not why:
            self.all["ra"] = RaGroup(stack, bench, self.folder, port, paths)
        self.erl = client(stack, bench, port, paths)
        for group in self.all.values():
            for name in group.nodes:
                self.wait_for(name)
        if "ra" in self.all:
            number(self.erl, f"raft_rows:create([{', '.join(repr(name) for name in self.all['ra'].nodes)}])")
        self.etcd = self.load = None
        if etcd_too:
            node = ours(bench, stack, f"raft_load_{os.getpid()}", CONFIG.format(peers="", children=LOAD) + "node: { workers: 1 }\n", self.folder, port)
            node.wait_ready()
            self.load = node.name
            folder, why = unpacked("etcd-server")
            if why:
                bench.missing.setdefault(("etcd", why), []).extend(rows)
            else:
                self.etcd = Etcd(stack, self.folder, folder / "usr/bin/etcd")
                self.etcd.leader()

    def name_of(self, kind):
        return self.release if kind == "ra" else kind

    def wait_for(self, name):
        deadline = time.monotonic() + 30
        while self.erl(f"net_adm:ping({name!r})") != "pong":
            if time.monotonic() > deadline:
                raise Unavailable(f"{name} cannot be reached")
            time.sleep(0.05)

    def leader(self, group):
        found = self.erl(f"raft_rows:leader({target(group)})").strip("'")
        if found not in group.nodes:
            raise Unavailable(f"{group.kind} has no leader: {found}")
        return found

    def rate(self, group, what, callers):
        return number(self.erl, f"raft_rows:{what}({self.load!r}, {target(group)}, {callers}, {scaled(RUN_MS)})")


def append(bench, rows, runs):
    """Appends and linearizable queries a second."""
    found = {}
    with contextlib.ExitStack() as stack:
        groups = Groups(stack, bench, rows, etcd_too=True)
        for row in rows:
            callers = {**APPEND, **QUERY}[row]
            what = "append" if row in APPEND else "query"
            each = {}
            for _ in range(runs):
                for kind, group in groups.all.items():
                    each.setdefault(groups.name_of(kind), []).append(groups.rate(group, what, callers))
                if groups.etcd is not None:
                    each.setdefault("etcd", []).append(groups.etcd.put(callers) if what == "append" else groups.etcd.read(callers, False))
                    each.setdefault("etcd's gateway", []).append(groups.etcd.read(callers, True))
                if what == "append":
                    each.setdefault("fsync floor", []).append(fsync_rate(groups.folder, scaled(1000) / 1000))
            found[row] = {name: figure_of(rates, "appends/s" if what == "append" else "queries/s") for name, rates in each.items()}
    return sides(found)


def sides(found):
    """{row: {side: Figure}}, in the form in which a workload returns it."""
    peers = {}
    for row, figures in found.items():
        for side, figure in figures.items():
            if side != "ours" and figure is not None:
                peers.setdefault(side, {})[row] = figure
    return {row: figures["ours"] for row, figures in found.items() if figures.get("ours") is not None}, peers


def leaderless(bench, rows, runs):
    """The time from the leader's kill -9 until another member has answered an append, beside twice the time of an
    election, and ra."""
    each = {}
    with contextlib.ExitStack() as stack:
        groups = Groups(stack, bench, rows, etcd_too=False)
        for _ in range(runs):
            for kind, group in groups.all.items():
                victim = groups.leader(group)
                others = [name for name in group.nodes if name != victim]
                began = time.monotonic()
                group.kill(victim)
                if groups.erl(f"raft_rows:first({target(group, others)})") == "none":
                    raise Unavailable(f"{kind} has no leader a minute after a kill")
                each.setdefault(groups.name_of(kind), []).append((time.monotonic() - began) * 1000)
                group.start(victim)
                groups.wait_for(victim)
                groups.leader(group)
    figures = {side: figure_of(times, "ms") for side, times in each.items()}
    return sides({rows[0]: {**figures, "twice the election": Figure(2.0 * ELECTION_MS, "ms")}})


def recover(bench, rows):
    """The time from the start of a member, which was killed with a million entries in its log, until it has applied
    them."""
    found = {}
    count = scaled(ENTRIES)
    with contextlib.ExitStack() as stack:
        groups = Groups(stack, bench, rows, etcd_too=False)
        for kind, group in groups.all.items():
            left = count
            while left > 0:
                left -= int(number(groups.erl, f"raft_rows:fill({target(group)}, {FILLERS}, {min(left, FILL_PART)})"))
            victim = next(name for name in group.nodes if name != groups.leader(group))

            def applied(victim=victim, kind=kind):
                said = groups.erl(f"raft_rows:applied({{{kind}, {victim!r}}}, {count}, {int(patience() * 5000)})")
                if said != "ok":
                    raise Unavailable(f"a member of {kind} has not applied {count} entries: {said}")
            applied()
            group.kill(victim)
            began = time.monotonic()
            group.start(victim)
            groups.wait_for(victim)
            applied()
            found[groups.name_of(kind)] = Figure((time.monotonic() - began) * 1000, "ms")
    return sides({rows[0]: found})


def idle(bench, rows, runs):
    """Processor time a second of the busiest of three nodes with a thousand quiescent groups, beside 2 % of a core."""
    names = [f"idle_{number}" for number in range(scaled(IDLE_GROUPS))]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=bench.build)))
        group = OurGroup(stack, bench, folder, stack.enter_context(epmd()), names)
        for node in group.nodes.values():
            for name in names:
                eventually(lambda node=node, name=name: node.engine(name)["leader"], lambda name=name: f"{name} has a leader", 60)
        pids = [node.process.pid for node in group.nodes.values()]
        each = []
        for _ in range(runs):
            began, before = time.monotonic(), [processor_time(pid) for pid in pids]
            time.sleep(IDLE_SECONDS)
            used = max(processor_time(pid) - at_first for pid, at_first in zip(pids, before))
            each.append(used / 1e6 / (time.monotonic() - began))
    return sides({rows[0]: {"ours": figure_of(each, "ms"), "2 % of a core": Figure(IDLE_MS * len(names) / IDLE_GROUPS, "ms")}})
