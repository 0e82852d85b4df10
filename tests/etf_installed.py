#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ETF library as another project would use it: installed into an empty folder and found by pkg-config; the example
of its README is compiled with each compiler of this machine and run. Arguments: meson, the build folder, the README.
Prints TAP."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMPILERS = ("g++", "clang++", "clang++-14")


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)


def installed(meson, build, folder):
    """Installs headers, library and .pc file under `folder`; returns the path of the .pc file."""
    done = run([meson, "install", "--no-rebuild", "--tags", "devel", "--destdir", str(folder)], cwd=build)
    if done.returncode != 0:
        raise AssertionError(f"meson install: {done.stdout}{done.stderr}")
    found = list(folder.rglob("coppice-etf.pc"))
    if len(found) != 1:
        raise AssertionError(f"{len(found)} files coppice-etf.pc")
    return found[0]


def flags(folder, pc):
    """pkg-config's flags, with the prefix replaced by the place where the files are now."""
    environment = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}
    prefix = run(["pkg-config", "--variable=prefix", "coppice-etf"], env=environment).stdout.strip()
    done = run(["pkg-config", f"--define-variable=prefix={folder}{prefix}", "--static", "--cflags", "--libs", "coppice-etf"],
               env=environment)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return shlex.split(done.stdout)


def example(readme):
    """The program in the README, and the lines that it prints according to its comments."""
    source = re.search(r"```cpp\n(.*?)```", readme.read_text(encoding="utf-8"), re.S).group(1)
    return source, [line.split("// ")[1] for line in source.splitlines() if "std::puts" in line and "// " in line]


def compiled(compiler, source, arguments, folder):
    program = folder / f"example-{Path(compiler).name}"
    (folder / "example.cpp").write_text(source, encoding="utf-8")
    done = run([compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", str(folder / "example.cpp"), "-o", str(program), *arguments])
    if done.returncode != 0:
        raise AssertionError(f"{compiler}: {done.stderr}")
    return program


def main():
    meson, build, readme = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    compilers = [path for path in map(shutil.which, COMPILERS) if path]
    compilers = list({os.path.realpath(path): path for path in compilers}.values())
    source, expected = example(readme)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="coppice-etf-") as name:
        folder = Path(name)
        arguments = flags(folder / "root", installed(meson, build, folder / "root"))
        print(f"1..{len(compilers) + 1}")
        short = len(source.splitlines()) <= 10 and expected
        failed += not short
        print(f"{'ok' if short else 'not ok'} 1 - the example has ten lines and says what it prints")
        for number, compiler in enumerate(compilers, 2):
            said = []
            try:
                said = run([str(compiled(compiler, source, arguments, folder))]).stdout.splitlines()
            except AssertionError as why:
                print(f"# {why}")
            good = said == expected
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {Path(compiler).name} compiles it and it prints {expected}")
            if not good:
                print(f"# it printed {said}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
