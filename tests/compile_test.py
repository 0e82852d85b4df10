#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of packaging/dev.d/compile.py: its output for a build where there is no terminal."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

COMPILE = pathlib.Path(__file__).resolve().parents[1] / "packaging/dev.d/compile.py"

# A project whose build.ninja is made again, as Meson does it: the first time with much output, and then with none.
PROJECT = """\
ninja_required_version = 1.5
rule configure
  command = seq 400 && {configure}
  generator = 1
  pool = console
rule step
  command = {step}
build build.ninja: configure changed
{steps}
build all: phony {outputs}
default all
"""


def build(steps=0, step="touch $out", configure="touch build.ninja", strict=False):
    """The output and the exit status of a build whose build.ninja has to be made again first."""
    with tempfile.TemporaryDirectory(prefix="coppice-test-") as folder:
        here = pathlib.Path(folder)
        outputs = [f"out{number}" for number in range(steps)]
        (here / "build.ninja").write_text(PROJECT.format(
            configure=configure, step=step, outputs=" ".join(outputs),
            steps="\n".join(f"build {each}: step" for each in outputs)))
        (here / "changed").touch()
        os.utime(here / "build.ninja", (1, 1))
        done = subprocess.run([sys.executable, COMPILE, folder, "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False,
                              env=dict(os.environ, COPPICE_WERROR="true" if strict else "false"))
        return done.stdout.replace(str(pathlib.Path(folder)), "F"), done.returncode, here.name


def lines(output, name):
    return [line.replace(f"../{name}", "F").rpartition("F: ")[2] for line in output.splitlines()]


def main():
    if shutil.which("ninja") is None:
        print("no ninja on this machine")
        return 77
    tries = []
    output, status, name = build(steps=40)
    told = lines(output, name)
    tries.append(("the first step and each tenth are told of, and nothing else", status == 0 and told == [
        "1 of 40 steps", *[f"{done} of 40 steps" for done in range(4, 41, 4)]], told))
    output, status, name = build(steps=1, step="echo watch out; touch $out")
    told = lines(output, name)
    tries.append(("what a step says is shown", status == 0 and told == ["1 of 1 steps", "watch out"], told))
    output, status, _ = build(steps=1, step="echo no such header; false")
    tries.append(("a step that fails is shown, and fails", status != 0 and "no such header" in output, output))
    for flag, strict, fails in (("shadow", True, True), ("shadow", False, False), ("maybe-uninitialized", True, False)):
        output, status, _ = build(steps=1, step=f"echo 'a.cpp:1:2: warning: so [-W{flag}]'; touch $out", strict=strict)
        tries.append((f"a warning of -W{flag} {'fails' if fails else 'does not fail'} a build that is "
                      f"{'strict' if strict else 'as usual'}",
                      (status != 0) == fails and "warning: so" in output, output))
    kept = [lines(build(steps=1, step=f"echo kept for $$CCACHE_NAMESPACE.{flags}; touch $out")[0], "")[-1]
            for flags in ("", " -include-pch a.pch")]
    tries.append(("what ccache keeps of a build with precompiled headers is for its folder alone",
                  kept == ["kept for .", "kept for F. -include-pch a.pch"], kept))
    output, status, _ = build()
    tries.append(("what configuring says is not shown", status == 0 and output == "", output))
    output, status, _ = build(configure="echo the reason && false")
    told = output.splitlines()
    tries.append(("configuring that fails is shown by its end, and fails",
                  status != 0 and "the reason" in told and "1" not in told, told))
    for number, (what, good, got) in enumerate(tries, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}" + ("" if good else f"\n# {got}"))
    print(f"1..{len(tries)}")
    return 0 if all(good for _, good, _ in tries) else 1


if __name__ == "__main__":
    sys.exit(main())
