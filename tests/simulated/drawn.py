#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""drawn.py SIMULATED: checks that 200 seeds, which follow from the id of the commit, break no invariant.

Outside of a git checkout the seeds are always the same. A seed that fails is reported with the shortest run that fails
in the same way. If the parent commit fails in the same way, with that seed or with a seed that a search of a minute
finds, then this commit has not made the fault: the seed is skipped, and the line that it needs in known.txt is printed.
A failure that already has its line there is skipped at once. The parent is built in build/parent, which happens only if
a seed fails. Prints TAP.

drawn.py SIMULATED --seeds N does the same with N seeds.
"""
import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).resolve().parent / "known.txt"
PARENT = ROOT / "build/parent"
AT_ONCE = 2
LENGTH = "5s"  # simulated, in which faults happen
SEARCH = "60s"  # for the same failure on the parent
FAILED = re.compile(r"^seed (\d+) failed\n(.*?)(?=^seed \d+ failed$|\Z)", re.MULTILINE | re.DOTALL)


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def failure_of(reason):
    """The broken invariant without numbers and without what follows it, as failure_of() in apart.cpp has it."""
    begin = len("invariant: ") if reason.startswith("invariant: ") else 0
    end = reason.find(": ", begin)
    return re.sub(r"\d+", "#", reason if end < 0 else reason[:end]).split(" at #x")[0]


def failures(said):
    """(seed, workload, failure, the output) of each seed that failed."""
    out = []
    for seed, text in FAILED.findall(said):
        workload = re.search(r"^workload: (\w+)$", text, re.MULTILINE)
        reasons = re.findall(r"^simulated machine: (.*)$", text, re.MULTILINE)
        out.append((int(seed), workload[1] if workload else "", failure_of(reasons[-1]) if reasons else "?", text))
    return out


def known():
    """(workload, failure) of each line of known.txt: SEED WORKLOAD FAILURE."""
    if not KNOWN.exists():
        return set()
    lines = [line for line in KNOWN.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    return {tuple(line.split(None, 2)[1:]) for line in lines}


def parent_is_there():
    """Whether the tree of the parent commit is in build/parent."""
    of = "HEAD" if git("diff", "HEAD", "--name-only") else "HEAD^"
    if not git("rev-parse", "--verify", of):
        return False
    shutil.rmtree(PARENT, ignore_errors=True)
    PARENT.mkdir(parents=True)
    tree = subprocess.Popen(["git", "-C", str(ROOT), "archive", of], stdout=subprocess.PIPE)
    return subprocess.run(["tar", "-xmC", str(PARENT)], stdin=tree.stdout, check=False).returncode == 0 and tree.wait() == 0


def parent_fails(seed, workload, failure):
    for arguments in (["--seed", str(seed), "--only", workload, "--for", LENGTH],
                      ["--first", str(seed), "--only", workload, "--for", SEARCH, "--until-failed"]):
        done = subprocess.run(["packaging/dev", "simulate", *arguments], cwd=PARENT, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if any(one[2] == failure for one in failures(done.stdout)):
            return True
    return False


def search(program, seeds):
    parts = [seeds[at::AT_ONCE] for at in range(AT_ONCE)]
    running = [subprocess.Popen([program, "--for", LENGTH, "--seed", *map(str, part)], stdout=subprocess.PIPE, text=True)
               for part in parts if part]
    said = [one.communicate()[0] for one in running]
    return said, all(one.returncode in (0, 1) for one in running)


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("program")
    reader.add_argument("--seeds", type=int, default=200)
    given = reader.parse_args()
    first = int(hashlib.sha256(git("rev-parse", "HEAD").encode()).hexdigest()[:10], 16)
    said, ended = search(given.program, list(range(first, first + given.seeds)))
    bad = [one for text in said for one in failures(text)]
    for text in said:
        print("# " + (text.rstrip().splitlines() or ["nothing was said"])[-1])
    print(f"{'ok' if ended else 'not ok'} 1 - {given.seeds} seeds from {first} on were run")
    lines, has_parent, counts = known(), None, 0
    for number, (seed, workload, failure, text) in enumerate(bad, 2):
        print("\n".join("# " + line for line in text.splitlines()[-60:]))
        excuse = "it is in known.txt" if (workload, failure) in lines else ""
        if not excuse:
            has_parent = parent_is_there() if has_parent is None else has_parent
            if has_parent and parent_fails(seed, workload, failure):
                excuse = f"the parent commit fails too, and known.txt wants the line: {seed} {workload} {failure}"
        counts += not excuse
        print(f"{'ok' if excuse else 'not ok'} {number} - seed {seed} of {workload}{' # SKIP ' + excuse if excuse else ''}")
    if has_parent:
        shutil.rmtree(PARENT, ignore_errors=True)
    print(f"1..{len(bad) + 1}")
    return 0 if ended and counts == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
