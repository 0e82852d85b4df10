# SPDX-License-Identifier: MIT
"""The …_stage_… rows: pipelines of our stages, beside plain Erlang processes with the same batches, and beside Elixir's
library if ERL_LIBS has it compiled."""
import os
import shutil
import subprocess
from pathlib import Path

from peers import COOKIE, Figure, peer_rows, scaled

# Events in a run, as in stage_rows.erl, and the number of deliveries of each.
LOCAL = {
    "local_stage_3": (5000000, 1),
    "local_stage_3_1KiB": (1000000, 1),
    "local_stage_fan_8": (5000000, 1),
    "local_stage_broadcast_8": (1000000, 8),
}
LATENCY = {"local_stage_p99_1": 100000}
ROWS = [*LOCAL, *LATENCY]
DIST = "dist_stage_3"
DIST_EVENTS = 5000000


def erl(bench, *arguments):
    """An Erlang node that has stage_rows."""
    source = Path(__file__).with_name("stage_rows.erl")
    command = bench.otp.erl(*arguments)
    beam = bench.otp.folder / "stage_rows.beam"
    if not beam.exists() or beam.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["erlc", "-o", str(bench.otp.folder), str(source)], check=True)
    return command


def library():
    """ERL_LIBS with the library and Elixir. Empty: one of them is not there."""
    elixir = shutil.which("elixir")
    libraries = [*filter(None, os.environ.get("ERL_LIBS", "").split(":")), str(Path(os.path.realpath(elixir)).parents[1] / "lib")] if elixir else []
    return ":".join(libraries) if any(Path(one).glob("gen_stage*/ebin/Elixir.GenStage.beam") for one in map(Path, libraries)) else ""


def local(bench, rows, runs, timed_run):
    ours = {}
    with bench.node("stage.yaml") as node:
        for name in rows:
            if name in LOCAL:
                count, copies = LOCAL[name]
                each = [timed_run([node], scaled(count) * copies, lambda _, name=name, count=count: node.rate_of(name, f"{{run, {scaled(count)}}}"))
                        for _ in range(runs)]
                ours[name] = Figure.of(each, "events/s")
            else:
                # {Events, Nanoseconds}
                took = sorted(int(node.call(f"{{run, {scaled(LATENCY[name])}}}", name).strip("{}").split(",")[1]) / 1000 for _ in range(runs))
                ours[name] = Figure(took[len(took) // 2], "us")
    peers = {"otp": peer_rows(erl(bench, "-s", "stage_rows", "main", "plain"), rows, {"PEER_BENCH_ONLY": ",".join(rows)})}
    if found := library():
        peers["gen_stage"] = peer_rows(erl(bench, "-s", "stage_rows", "main", "gen_stage"), rows, {"PEER_BENCH_ONLY": ",".join(rows), "ERL_LIBS": found})
    else:
        bench.missing.setdefault(("gen_stage", "ERL_LIBS has no compiled library of that name, which is in no Debian release"), []).extend(rows)
    return ours, peers


def dist(bench, rows, runs, timed_run):
    """The rows of a pipeline whose stage in the middle is on another node."""
    with bench.node("stage.yaml", name="bench_server") as server, \
            bench.node("stage.yaml", name="bench_client", epmd_port=server.epmd_port) as client:
        server.call(f"{{follow, {DIST}, '{client.name}'}}", "dist_relay")
        client.call(f"{{follow, dist_relay, '{server.name}'}}", "dist_sink")
        each = [timed_run([client, server], scaled(DIST_EVENTS), lambda count: client.rate_of(DIST, f"{{run, {count}}}")) for _ in range(runs)]
    ours = {DIST: Figure.of(each, "events/s")}
    erl(bench)  # both nodes load it
    with bench.otp.serving() as (name, port):
        command = erl(bench, "-name", f"bench_client_{os.getpid()}@127.0.0.1", "-setcookie", COOKIE, "-start_epmd", "false",
                      "-s", "stage_rows", "main", "dist", name)
        otp = peer_rows(command, rows, {"PEER_BENCH_ONLY": ",".join(rows), "ERL_EPMD_PORT": str(port)})
    return ours, {"otp": otp}
