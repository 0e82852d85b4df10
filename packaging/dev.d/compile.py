#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile.py FOLDER JOBS TARGET…: runs ninja and shows its progress to people. All output is on standard error.

On a terminal it shows ninja's own line of progress. Elsewhere it prints a line at the first step and at each tenth of
the steps, and the warnings and errors of the steps. If a meson.build has changed, Meson runs first; its output is shown
only if it fails.

With COPPICE_WERROR=true a build in which a step warned fails at its end. The compilers get the same options as without
it, so that this build can use the objects that ccache keeps of any other build, with their warnings.
"""
import os
import re
import subprocess
import sys

STEP = re.compile(r"^@(\d+)/(\d+)@ ")
WARNING = re.compile(r"warning: .*\[-W(?!maybe-uninitialized)")  # -Wmaybe-uninitialized is wrong too often, see meson.build
MOST_LINES = 30  # lines of Meson's output that are shown when it fails: the reason comes last


def has_precompiled_headers(folder):
    """Whether files of the build are compiled with a precompiled header. Such objects contain the absolute paths of the files
    that the header was made of. So ccache must not use them in another folder, where these files may differ or be gone."""
    try:
        with open(os.path.join(folder, "build.ninja"), encoding="utf-8", errors="replace") as rules:
            return any("-include-pch" in line for line in rules)
    except FileNotFoundError:
        return False


def configured(ninja):
    again = subprocess.run([*ninja, "build.ninja"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           errors="replace", check=False)
    if again.returncode != 0:
        print(*again.stdout.splitlines()[-MOST_LINES:], sep="\n", file=sys.stderr)
    return again.returncode == 0


def shown(lines, what):
    """The lines of ninja's output that are shown where there is no terminal."""
    tenths = None
    for line in lines:
        step = STEP.match(line)
        if step is None:
            if not line.startswith(("ninja: Entering directory", "ninja: no work to do.")):
                yield line
            continue
        done, total = int(step[1]), int(step[2])
        if done * 10 // total != tenths:
            yield f"==> {what}: {done} of {total} steps\n"
        tenths = done * 10 // total


def main():
    folder, jobs, *targets = sys.argv[1:]
    ninja = ["ninja", "-C", folder, "-j", jobs]
    if has_precompiled_headers(folder):
        os.environ["CCACHE_NAMESPACE"] = os.path.realpath(folder)
    if not configured(ninja):
        return 1
    strict = os.environ.get("COPPICE_WERROR") == "true"
    if sys.stderr.isatty() and not strict:
        return subprocess.run([*ninja, *targets], stdout=sys.stderr, check=False).returncode
    warned = False
    with subprocess.Popen([*ninja, *targets], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", env=dict(os.environ, NINJA_STATUS="@%f/%t@ ")) as running:
        for line in shown(running.stdout, os.path.relpath(folder)):
            print(line, end="", file=sys.stderr, flush=True)
            warned = warned or WARNING.search(line) is not None
    if strict and warned and running.returncode == 0:
        print("==> warnings are errors here", file=sys.stderr)
        return 1
    return running.returncode


if __name__ == "__main__":
    sys.exit(main())
