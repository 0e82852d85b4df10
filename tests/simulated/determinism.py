#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""determinism.py SIMULATED: checks that a seed is one run, and that the hash of a run shows everything that would make
it another run.

One seed has the same trace and the same hash each time, also while the machine is busy. A single other choice of a
thread, a single reading of the real clock (most of them), and a walk in the order of addresses each lead to another
hash. Prints TAP.
"""
import hashlib
import multiprocessing
import os
import re
import subprocess
import sys

RUN = ["--seed", "5", "--only", "mixed", "--for", "2s"]
CONNECTIONS = ["--seed", "5", "--only", "streams", "--for", "5s"]  # a thread has many descriptors that are ready at once
CLOCKS = range(500, 20_000, 2_000)  # not all matter: some give a line of the log its time
CHOICES = [10, 100, 1_000]


def run(program, *more, what=None):
    """The hash of the run, and a hash of the lines of its trace."""
    child = subprocess.Popen([program, *(what or RUN), "--shrink", "0", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = hashlib.sha256()
    for part in iter(lambda: child.stderr.read(1 << 20), b""):
        lines.update(part)
    said = child.stdout.read().decode()
    child.wait()
    found = re.search(r"hash ([0-9a-f]{16})$", said.rstrip())
    return (found[1] if found else f"none: {said}"), lines.hexdigest()


def spin():
    while True:
        pass


def run_on_busy_machine(program):
    busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(2 * (os.cpu_count() or 1))]
    for one in busy:
        one.start()
    try:
        return run(program, "--trace")
    finally:
        for one in busy:
            one.kill()


def main(program):
    first = run(program, "--trace")
    plain = run(program)[0]
    checks = [
        ("a seed twice has the same trace and the same hash", run(program, "--trace") == first),
        ("so it has on a busy machine", run_on_busy_machine(program) == first),
        ("a trace that is printed changes nothing", plain == first[0] and not plain.startswith("none")),
        ("a story that is told changes nothing", run(program, "--story")[0] == plain),
        ("one other choice of a thread makes another hash",
         all(run(program, "--other-choice", str(at))[0] != plain for at in CHOICES)),
        ("one reading of the real clock makes another hash, most of the time",
         2 * sum(run(program, "--real-clock", str(at))[0] != plain for at in CLOCKS) > len(CLOCKS)),
        ("a walk in the order of addresses makes another hash",
         run(program, "--by-address", what=CONNECTIONS)[0] != run(program, what=CONNECTIONS)[0]),
    ]
    for number, (what, holds) in enumerate(checks, 1):
        print(f"{'ok' if holds else 'not ok'} {number} - {what}")
    print(f"1..{len(checks)}")
    return 0 if all(holds for _, holds in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
