#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of peers.py: a peer that gets stuck or fails costs the rows it has not printed, and not the run."""
import contextlib
import io
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import peers
from harness.tap import check, contains, equal, run, test

BOTH = ["row_a", "row_b"]


def peer(script):
    """The rows of a peer that runs `script`, and what was said about it."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        found = peers.peer_rows(["/bin/sh", "-c", script], BOTH, {})
    return found, said.getvalue()


@test("a peer that ends gives its rows, without a word")
def ends(_):
    equal(peer("echo row_a 1.5 us; echo row_b 2 us; echo row_c 3 us"), ({"row_a": (1.5, "us"), "row_b": (2.0, "us")}, ""))


@test("a peer that gets stuck costs the rows it has not printed, says which, and is ended")
def stuck(_):
    found, said = peer("echo row_a 1 us; exec sleep 600")
    equal(found, {"row_a": (1.0, "us")})
    contains(said, "row_b of sh, which said nothing for")
    check("row_a" not in said, "what it has printed is not missing", said)


@test("a peer that is slow but goes on is waited for")
def slow(_):
    found, said = peer("for i in 1 2 3 4; do echo \"row_$i $i us\"; sleep 1; done; echo row_a 1 us; echo row_b 1 us")
    equal((sorted(found), said), (BOTH, ""))


@test("a peer that fails costs the rows it has not printed, with its last line")
def fails(_):
    found, said = peer("echo row_b 1 us; echo oops >&2; exit 3")
    equal(found, {"row_b": (1.0, "us")})
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
