#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""corpus.py SIMULATED: checks that no seed of corpus.txt breaks an invariant, and that each is the same run each time.

Each line of corpus.txt is a seed, its workload, and the reason why it is there. Every seed runs twice, and both runs
must have the same hash. Different lines must have different hashes. Prints TAP.
"""
import re
import subprocess
import sys
from pathlib import Path


def run(program, arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=250)
    text = done.stdout + done.stderr
    found = re.search(r"hash ([0-9a-f]{16})$", text.rstrip())
    return done.returncode, text, found.group(1) if found else ""


def main(program):
    lines = (Path(__file__).resolve().parent / "corpus.txt").read_text(encoding="utf-8").splitlines()
    seeds = [line.split()[:2] for line in lines if line.strip() and not line.startswith("#")]
    failed = 0
    hashes = []
    for number, (seed, workload) in enumerate(seeds, 1):
        status, text, value = run(program, ["--seed", seed, "--only", workload, "--twice"])
        hashes.append(value)
        if status:
            failed += 1
            print("\n".join("# " + line for line in text.splitlines()[-40:]))
        print(f"{'not ok' if status else 'ok'} {number} - seed {seed} of {workload} holds, and is the same run again")
    distinct = len(set(hashes)) == len(seeds)
    print(f"{'ok' if distinct else 'not ok'} {len(seeds) + 1} - another seed is another run")
    print(f"1..{len(seeds) + 1}")
    return 1 if failed or not distinct else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
