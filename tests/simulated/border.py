#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""border.py SIMULATED PROGRAM…: checks that every function of libc that programs and libraries import is simulated, or
known to be harmless.

The machine defines the functions by which the product and libuv reach the kernel. A function that is imported and
neither defined there nor on the list (harmless.txt, beside this file) would reach the real kernel, and a run would no
longer depend on its seed alone. libuv is checked by itself: the library that SIMULATED is linked with. Prints TAP, a
line for each file and one for the list.
"""
import re
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).resolve().parent / "harmless.txt"


def names(arguments):
    listed = subprocess.run(["nm", "-D", *arguments], capture_output=True, text=True, check=True).stdout
    return [line.split()[-1] for line in listed.splitlines() if line.strip()]


def imports(file):
    return {name.split("@")[0] for name in names(["--undefined-only", file]) if "@GLIBC_" in name}


def libuv_of(program):
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"libuv\S* => (\S+)", linked)


def harmless():
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def main(simulated, programs):
    defined = {name.split("@")[0] for name in names(["--defined-only", simulated])}
    known = harmless()
    files = programs + libuv_of(simulated)
    failed = len(files) == len(programs)
    for number, file in enumerate(files, 1):
        unknown = sorted(imports(file) - defined - known)
        for name in unknown:
            print(f"# {name}: not in tests/simulated/machine, nor in harmless.txt")
        print(f"{'not ok' if unknown else 'ok'} {number} - what {Path(file).name} imports of libc is simulated or harmless")
        failed = failed or bool(unknown)
    both = sorted(defined & known)
    for name in both:
        print(f"# {name}: in harmless.txt, and simulated")
    print(f"{'not ok' if both else 'ok'} {len(files) + 1} - no function is listed as harmless that is simulated")
    print(f"1..{len(files) + 1}")
    return 1 if failed or both else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
