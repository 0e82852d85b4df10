# SPDX-License-Identifier: MIT
"""Checks that a simulation finds faults. They are planted, one at a time, in a copy of a room of the daemon. Each fault
has to break a promise within 60 seconds, in a run that keeps every promise without the fault. The product is not
touched. tests/unit/ROOM/planted_faults.py has the faults, tests/unit/ROOM/simulation the program.

A fault is a replacement of text that occurs exactly once, so a change of the room that the replacement no longer fits
is noticed here. Prints TAP. CXX is the compiler.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 60


def compiled(source, daemon, target):
    flags = ["-std=c++20", "-O2", "-D_GNU_SOURCE", "-I", str(daemon), "-I", str(ROOT / "daemon"), "-I", str(ROOT),
             "-I", str(ROOT / "etf/include"), "-I", str(ROOT / "tests/unit")]
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    subprocess.run([*compiler, *flags, "-c", str(source), "-o", str(target)], check=True)
    return target


def linked(objects, target):
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    subprocess.run([*compiler, *map(str, objects), "-luv", "-o", str(target)], check=True)
    return target


def simulated(program, arguments, first, searches=1):
    """The exit status and the output of several searches with seeds of their own: of the first search that finds
    something, or else of any search. No status: they ran for too long."""
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


def main(room_name, faults, arguments):
    reader = argparse.ArgumentParser()
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("words", nargs="*")
    given = reader.parse_args(arguments)
    first, words = given.seed, given.words
    chosen = [one for one in faults if not words or any(word in one[0] for word in words)]
    print(f"1..{len(chosen) + 1}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="coppice-planted-") as name:
        folder = Path(name)
        room = folder / "daemon" / room_name
        shutil.copytree(ROOT / "daemon" / room_name, room)
        sources = sorted(room.glob("*.cpp")) + sorted((ROOT / "tests/unit" / room_name / "simulation").glob("*.cpp"))
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
