#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""planted.py BUILD [WORD...]: checks that the search finds faults. Each patch in planted/ plants one fault in one
source of the daemon. With it the search of all workloads, two at a time, has to find a seed that fails within 60
seconds, and that seed has to pass without the fault. The first line of a patch describes the fault. The product is not
touched: the changed source is compiled by the command of the build folder BUILD (the program's own command, if one of
its objects is of that source), and linked in place of the object that is there. A patch that does not apply any more
fails. Prints TAP. WORD: only patches whose name contains it."""
import argparse
import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import groups

PROGRAM = "tests/simulated/coppice-simulated"
SECONDS = 60
SEARCHES = 2


def source_of(patch):
    """The one file that the patch changes."""
    found = re.findall(r"^\+\+\+ b/(\S+)", patch.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, f"{patch.name} changes {found}"
    return found[0]


def compiled_with(compiled, source, copy):
    """The text of the file that is compiled in place of the file of one of the build's commands, with the copy in place
    of the source. None: the file of the command is neither the source nor a group that includes it."""
    if compiled == source:
        return f'#include "{copy}"\n'
    if "groups" not in compiled.parts or source not in groups.members_of(compiled):
        return None

    def replaced(included):
        path = (compiled.parent / included[1]).resolve()
        return f'#include "{copy if path == source else path}"' if path.exists() else included[0]
    return re.sub(r'#include "(.*)"', replaced, compiled.read_text(encoding="utf-8"))


def own_link(build):
    """The words of the command that links the program."""
    ninja = ["ninja", "-C", str(build), "-t", "commands", PROGRAM]
    said = subprocess.run(ninja, capture_output=True, text=True, check=True).stdout
    return shlex.split(said.splitlines()[-1])


def planted_program(build, patch, folder):
    """The program, linked with an object that has the fault: in place of the program's own object, or before the
    archive that has the correct object."""
    source = source_of(patch)
    copy = folder / source
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes((ROOT / source).read_bytes())
    subprocess.run(["git", "apply", "--whitespace=nowarn", str(patch)], cwd=folder, check=True)
    link = own_link(build)
    places = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        words = shlex.split(entry["command"])
        compiled = (Path(entry["directory"]) / entry["file"]).resolve()
        made = words[words.index("-o") + 1]
        if (made in link or not made.startswith("tests/")) and (text := compiled_with(compiled, ROOT / source, copy)):
            places.setdefault(made in link, (entry["directory"], words, made, text))
    assert places, f"no command compiles {source}"
    directory, words, made, text = places.get(True) or places[False]
    target, group, program = folder / "planted.o", folder / "planted.cpp", folder / "simulated"
    group.write_text(text)
    words[words.index("-o") + 1] = str(target)
    words[words.index("-c") + 1] = str(group)
    for option in ("-MD", "-MQ", "-MF"):
        at = words.index(option)
        del words[at:at + (1 if option == "-MD" else 2)]
    subprocess.run(words, cwd=directory, check=True)
    at = link.index("-o")
    link[at + 1] = str(program)
    if True in places:
        link[link.index(made)] = str(target)
    else:
        # After the program's own objects: if both have an inline function, the linker takes the program's.
        link.insert(max(n for n, word in enumerate(link) if word.endswith(".o")) + 1, str(target))
    subprocess.run(link, cwd=build, check=True)
    return program


def search(program, first):
    """The seed that failed and the last line of the output. None: no seed failed in time."""
    running = []
    for number in range(SEARCHES):
        arguments = ["--first", str(first + number * 1_000_000), "--for", f"{SECONDS}s", "--until-failed", "--shrink", "0"]
        # A file, since the output of one seed may be more than a pipe takes before it is read.
        said = program.with_name(f"said-{number}")
        with said.open("wb") as into:
            running.append((subprocess.Popen([str(program), *arguments], stdout=into), said))
    found = None
    while found is None and running:
        time.sleep(0.1)
        for one, file in [one for one in running if one[0].poll() is not None]:
            running.remove((one, file))
            said = file.read_text(encoding="utf-8", errors="replace")
            if match := re.search(r"^seed (\d+) failed$", said, re.MULTILINE):
                reason = re.findall(r"^simulated machine: (.*)$", said, re.MULTILINE)
                found = int(match[1]), (reason or ["?"])[-1]
    for one, _ in running:
        one.kill()
        one.wait()
    return found


def passes(program, seed):
    return subprocess.run([str(program), "--seed", str(seed), "--shrink", "0"], stdout=subprocess.DEVNULL, check=False).returncode == 0


def main():
    reader = argparse.ArgumentParser()
    reader.add_argument("--first", type=int, default=1000)
    reader.add_argument("build", type=Path)
    reader.add_argument("words", nargs="*")
    given = reader.parse_args()
    patches = sorted((Path(__file__).resolve().parent / "planted").glob("*.patch"))
    patches = [one for one in patches if not given.words or any(word in one.name for word in given.words)]
    print(f"1..{len(patches)}", flush=True)
    failed = False
    for number, patch in enumerate(patches, 1):
        fault = patch.read_text(encoding="utf-8").splitlines()[0]
        began = time.monotonic()
        found, why = None, "not found"
        with tempfile.TemporaryDirectory(prefix="coppice-planted-") as name:
            try:
                program = planted_program(given.build, patch, Path(name))
                began = time.monotonic()
                found = search(program, given.first)
            except (AssertionError, subprocess.CalledProcessError) as error:
                why = str(error)
        took = time.monotonic() - began
        if found and not passes(given.build / PROGRAM, found[0]):
            found, why = None, f"seed {found[0]} fails without the fault too"
        failed |= found is None
        print(f"{'ok' if found else 'not ok'} {number} - {fault}")
        print(f"# {f'seed {found[0]}: {found[1]}' if found else why} ({took:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
