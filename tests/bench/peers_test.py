#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of peers.py: a peer that gets stuck or fails loses the rows that it has not printed; the run goes
on."""
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import bench
import net_rows
import peers
from harness.tap import check, contains, equal, run, test
from peers import Figure

BOTH = ["row_a", "row_b"]


def peer(script):
    """The rows of a peer that runs `script`, and the messages about it."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        found = peers.peer_rows(["/bin/sh", "-c", script], BOTH, {})
    return found, said.getvalue()


@test("a peer that ends gives its rows, without a word")
def ends(_):
    equal(peer("echo row_a 1.5 us; echo row_b 2 us; echo row_c 3 us"), ({"row_a": Figure(1.5, "us"), "row_b": Figure(2.0, "us")}, ""))


@test("a row may have the spread of its runs, the processor time of an operation, or both")
def more(_):
    found, said = peer("echo row_a 2 calls/s spread 1.5 2.5 cpu 140.5; echo row_b 2 calls/s cpu 7")
    equal(found, {"row_a": Figure(2.0, "calls/s", 1.5, 2.5, 140.5), "row_b": Figure(2.0, "calls/s", None, None, 7.0)}, said)
    equal(peer("echo row_a 2 calls/s spread 1.5; echo row_b 2 calls/s 7")[0], {}, "what is no row is none")
    equal(Figure.of([(3.0, 10.0), (1.0, 30.0), (2.0, 20.0)], "MB/s", 2), Figure(4.0, "MB/s", 2.0, 6.0, 20.0))


@test("a peer that is played by a program nobody named, or that is not there, says how to get it")
def programs(_):
    os.environ.pop("PEER_OF_TEST", None)
    contains(peers.Program.from_environment("x", "PEER_OF_TEST").missing(), "PEER_OF_TEST names no program")
    os.environ["PEER_OF_TEST"] = "/nowhere/at/all"
    contains(peers.Program.from_environment("x", "PEER_OF_TEST").missing(), "PEER_OF_TEST names no program")
    os.environ["PEER_OF_TEST"] = "/bin/sh"
    equal(peers.Program.from_environment("x", "PEER_OF_TEST").missing(), "")


@test("what rabbitmq-server has compiled is unpacked where it can be had, and else says how to get it")
def rabbitmq(_):
    with tempfile.TemporaryDirectory() as folder:
        with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": folder, "PATH": "/nowhere"}):
            absent = net_rows.RabbitmqLibraries(None, "cowboy", "ranch")
            contains(absent.missing(), "apt-get download rabbitmq-server")
            contains(absent.missing(), f"{folder}/coppice/rabbitmq-server")
            plugins = Path(folder, "coppice/rabbitmq-server/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins")
            both = [plugins / name / "ebin" for name in ("cowboy-2.8.0", "ranch-2.1.0")]
            both[0].mkdir(parents=True)
            contains(absent.missing(), "has no cowboy", "one of the two is not there")
            both[1].mkdir(parents=True)
            equal((absent.missing(), absent.compiled()), ("", both))


@test("a row that the machine cannot have is skipped with the reason, and is no failure")
def skipped(_):
    unlimited = mock.Mock(skipped={}, missing={})
    with mock.patch.object(net_rows.resource, "getrlimit", lambda _: (1024, 4096)):
        rows, missing = bench.measure(unlimited, "net_tcp_idle_bytes")
    equal((rows, missing), ([], []))
    contains(str(unlimited.skipped), "ulimit -Hn), here it is 4096")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        bench.table([], {}, unlimited.skipped)
    contains(said.getvalue(), "net_tcp_idle_bytes: skipped: 10000 connections")


@test("a peer that gets stuck costs the rows it has not printed, says which, and is ended")
def stuck(_):
    found, said = peer("echo row_a 1 us; exec sleep 600")
    equal(found, {"row_a": Figure(1.0, "us")})
    contains(said, "row_b of sh, which said nothing for")
    check("row_a" not in said, "what it has printed is not missing", said)


@test("a peer that is slow but goes on is waited for")
def slow(_):
    found, said = peer("for i in 1 2 3 4; do echo \"row_$i $i us\"; sleep 1; done; echo row_a 1 us; echo row_b 1 us")
    equal((sorted(found), said), (BOTH, ""))


@test("a peer that fails costs the rows it has not printed, with its last line")
def fails(_):
    found, said = peer("echo row_b 1 us; echo oops >&2; exit 3")
    equal(found, {"row_b": Figure(1.0, "us")})
    contains(said, "row_a of sh, which failed: oops")


@test("a program of ours that gets stuck makes its workload unavailable")
def ours(_):
    try:
        peers.run_rows(["/bin/sh", "-c", "echo row_a 1 us; exec sleep 600"], BOTH, {})
    except peers.Unavailable as why:
        contains(str(why), "sh said nothing for")
    else:
        check(False, "it was taken for whole")


for knob in ("PEER_BENCH_SCALE", "PEER_BENCH_RUNS"):
    os.environ.pop(knob, None)
peers.QUIET = 3
run()
