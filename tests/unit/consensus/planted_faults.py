#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether the simulation of tests/unit/consensus/simulation finds what it is for: sixteen faults are planted, one at a
time, in a copy of daemon/consensus, and each has to break a promise within 60 seconds, in a run that keeps every one
without the fault. The product is not touched.

    planted_faults.py [--seed N] [WORD…]    all faults, or those whose name contains one of the words; N is the first seed

A fault is a replacement of text that occurs exactly once, so a change of the core that it no longer fits is seen here.
Prints TAP. CXX is the compiler.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SECONDS = 60
# Name, file of daemon/consensus, text, replacement.
FAULTS = [
    ("two votes in a term", "election.cpp",
     "const bool free = !hard_.voted_for || hard_.voted_for == from;",
     "const bool free = true;"),
    ("an old term's entry counted for commit", "leading.cpp",
     "if (index > commit_ && log_.term_at(index) == hard_.term) {",
     "if (index > commit_) {"),
    ("acknowledged before fsync", "core.cpp",
     "if (index <= on_disk_) return 0;",
     "if (index <= log_.last()) return 0;"),
    ("an old append request truncates a longer log", "following.cpp",
     "if (skip < in.entries.size()) {",
     "if (skip == in.entries.size() && at > commit_ && at <= log_.last()) {\n"
     "    log_.truncate_from(at);\n"
     "    cut_pending_writes(at - 1);\n"
     "    next_write(out).truncate_from = at;\n"
     "  }\n"
     "  if (skip < in.entries.size()) {"),
    ("a vote for an older log", "election.cpp",
     "return in.last_index >= log_.last();",
     "return true;"),
    ("a read without read-index", "reads.cpp",
     "confirmed_ = std::max(confirmed_, agreed(round_, &progress::round));",
     "confirmed_ = round_;"),
    ("members changed before the term's no-op is committed", "membership.cpp",
     "if (!established()) return refuse(outcome::busy);",
     ""),
    ("a snapshot off by one", "following.cpp",
     "log_ = raft_log(of.index, of.term, of.members, of.index);",
     "log_ = raft_log(of.index + 1, of.term, of.members, of.index);"),
    ("a vote forgotten at restart", "core.cpp",
     "hard_ = found.hard;",
     "hard_.term = found.hard.term;"),
    ("a client's repeat applied twice", "applied_commands.cpp",
     "if (one.sequence == of.sequence && of.serial > 0) return {verdict::repeat, of.serial, of.reply};\n"
     "  if (one.sequence <= of.sequence) return {verdict::old, 0, {}};",
     "if (one.sequence < of.sequence) return {verdict::old, 0, {}};"),
    ("reads numbered from 1 again at restart", "core.cpp",
     "made->last_forwarded_ = random.next();",
     ""),
    ("a leader that removed itself stands no more", "election.cpp",
     "if (disk_full_ || (!members().votes(options_.self) && !needed)) return;",
     "if (disk_full_ || !members().votes(options_.self)) return;"),
    ("a member that joins a quiet group without a vote", "leading.cpp",
     "if (who->role == member_role::joining) promote(*who, out);",
     ""),
    ("no commit for a follower that restarts in a quiet group", "leading.cpp",
     "if (!who->transfer && who->flight.empty() && in.received < std::min(who->match, commit_))\n"
     "    who->probe_from(who->match + 1);",
     ""),
    ("a replaced snapshot is never released", "following.cpp",
     "if (snapshot_.index > 0) superseded_.push_back(std::move(snapshot_));",
     ""),
    ("a replaced snapshot is released before the new one is on disk", "following.cpp",
     "if (snapshot_.index > 0) superseded_.push_back(std::move(snapshot_));",
     "if (snapshot_.index > 0) out.released.push_back(snapshot_);"),
]


def compiled(source, daemon, target):
    flags = ["-std=c++20", "-O2", "-D_GNU_SOURCE", "-I", str(daemon), "-I", str(ROOT / "daemon"), "-I", str(ROOT),
             "-I", str(ROOT / "etf/include")]
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    subprocess.run([*compiler, *flags, "-c", str(source), "-o", str(target)], check=True)
    return target


def linked(objects, target):
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    subprocess.run([*compiler, *map(str, objects), "-luv", "-o", str(target)], check=True)
    return target


def simulated(program, arguments, first, searches=1):
    """Exit status and what was printed by the first of several searches that finds something, or by one that does not. No
    status if it runs for too long. Each search has seeds of its own."""
    running = [subprocess.Popen([str(program), *arguments, "--seed", str(first + number * 1_000_000_000)],
                                stdout=subprocess.PIPE, text=True) for number in range(searches)]
    until = time.monotonic() + SECONDS * 3
    while time.monotonic() < until:
        ended = [one for one in running if one.poll() is not None]
        found = [one for one in ended if one.returncode != 0]
        if found or len(ended) == len(running):
            break
        time.sleep(0.05)
    else:
        ended = found = []
    said = None, f"it has not ended after {SECONDS * 3} s"
    for one in found[:1] or ended[:1]:
        said = one.returncode, one.stdout.read().strip() or f"no output, status {one.returncode}"
    for one in running:
        one.kill()
        one.communicate()
    return said


def main(first, words):
    chosen = [one for one in FAULTS if not words or any(word in one[0] for word in words)]
    print(f"1..{len(chosen) + 1}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="coppice-planted-") as name:
        folder = Path(name)
        room = folder / "daemon/consensus"
        shutil.copytree(ROOT / "daemon/consensus", room)
        sources = sorted(room.glob("*.cpp")) + sorted((ROOT / "tests/unit/consensus/simulation").glob("*.cpp"))
        sources += [ROOT / "daemon/base/buffer.cpp", ROOT / "daemon/base/error.cpp"]
        with ThreadPoolExecutor(2) as pool:
            made = pool.map(lambda one: (one, compiled(one, room.parent, folder / f"{one.parent.name}-{one.stem}.o")), sources)
            objects = dict(made)
        sound_program = linked(objects.values(), folder / "simulate-sound")
        status, said = simulated(sound_program, ["--runs", "5000"], first)
        failed |= status != 0
        print(f"{'ok' if status == 0 else 'not ok'} 1 - nothing is found where nothing is planted\n# {said.splitlines()[0]}", flush=True)
        for number, (fault, file, text, planted) in enumerate(chosen, 2):
            path = room / file
            sound = path.read_text(encoding="utf-8")
            if sound.count(text) != 1:
                print(f"not ok {number} - {fault}\n# {file}: {sound.count(text)} places match", flush=True)
                failed = True
                continue
            path.write_text(sound.replace(text, planted), encoding="utf-8")
            faulty = compiled(path, room.parent, folder / "faulty.o")
            path.write_text(sound, encoding="utf-8")
            program = linked([faulty if one == path else made for one, made in objects.items()], folder / "simulate-faulty")
            began = time.monotonic()
            status, said = simulated(program, ["--seconds", str(SECONDS)], first, os.cpu_count() or 1)
            replay = re.search(r"--seed (\d+)", said)
            found = status == 1 and replay is not None
            if found and simulated(sound_program, ["--runs", "1"], int(replay[1]))[0] != 0:
                found, said = False, f"seed {replay[1]} fails without the fault too"
            failed |= not found
            print(f"{'ok' if found else 'not ok'} {number} - {fault} is found\n# {said.splitlines()[0]}"
                  f" ({time.monotonic() - began:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    reader = argparse.ArgumentParser()
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("words", nargs="*")
    given = reader.parse_args()
    sys.exit(main(given.seed, given.words))
