#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs tests again and again while other processes load the processors, and prints how often each test failed.

A test that passes on a quiet machine and fails here depends on a speed or an order. No failure is forgiven because
another run passes; the exit status is 0 only if no test ever failed. The output of a failure is in
build/unsteady/NAME-ROUND.txt.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from run import Outcome, built

LOAD = "while True: pass"  # a process for each processor


@contextlib.contextmanager
def loaded():
    """Loads every processor with a process that computes."""
    busy = [subprocess.Popen([sys.executable, "-c", LOAD]) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def stopping(options):
    """Builds the library that stops threads, and preloads it into programs. False: it does not build."""
    module = (options.build / "tests/stops.so").resolve()
    if subprocess.run(["ninja", "-C", str(options.build), "tests/stops.so"], stdout=subprocess.DEVNULL, check=False).returncode != 0:
        return False
    os.environ["LD_PRELOAD"] = str(module)
    return True


def one_round(options):
    """The outcomes of all chosen tests."""
    log = options.build / "meson-logs/steady.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(options.build), "--no-rebuild", "--num-processes", options.jobs, "--logbase", "steady",
               "--timeout-multiplier", "4"]
    for suite in options.suite:
        command += ["--suite", suite]
    subprocess.run(command + options.names, stdout=subprocess.DEVNULL, check=False)
    entries = [json.loads(line) for line in log.read_text().splitlines() if line.strip()] if log.exists() else []
    return [Outcome(entry["name"].split(" / ")[-1], entry) for entry in entries]


def main():
    parser = argparse.ArgumentParser(description="Runs tests under load, and prints which failed how often.")
    parser.add_argument("build", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--stops", action="store_true", help="instead of load, each thread of a program under test stops for "
                        "300 ms every two seconds, at random")
    options = parser.parse_intermixed_args()
    options.without = []
    if not options.names and not options.suite:
        options.suite = ["unit"]
    if not built(options) or (options.stops and not stopping(options)):
        print("the tests could not be built")
        return 1
    kept = options.build.resolve().parent / "unsteady"
    kept.mkdir(exist_ok=True)
    rounds, failures = {}, {}
    with contextlib.nullcontext() if options.stops else loaded():
        for number in range(1, options.times + 1):
            outcomes = one_round(options)
            for one in outcomes:
                rounds[one.name] = rounds.get(one.name, 0) + 1
                if one.failed:
                    failures.setdefault(one.name, []).append(one.failures[0])
                    (kept / f"{one.name.replace('/', '-')}-{number}.txt").write_text(one.output)
            print(f"round {number} of {options.times}: {sum(1 for one in outcomes if one.failed)} of {len(outcomes)} failed", flush=True)
    for name, said in sorted(failures.items()):
        print(f"{name}: failed {len(said)} of {rounds[name]}: {'; '.join(sorted(set(said)))}")
    print(f"{len(rounds)} tests, {len(failures)} not steady")
    return 1 if failures or not rounds else 0


if __name__ == "__main__":
    sys.exit(main())
