# SPDX-License-Identifier: MIT
"""Plugins made by `coppice new`: each kind in each language, compiled by hand, and checked against their pages."""
import json
import re
import shlex
import subprocess

from harness.node import free_port, program
from harness.sdk import installed, shell

KIT = "$(pkg-config --libs coppice-testing)"
COMPILERS = {"g++": "gcc", "clang++": "clang"}
FLAGS = "-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror $(pkg-config --cflags coppice-plugin)"


def coppice(*arguments, cwd=None):
    return subprocess.run([program("COPPICE", "coppice"), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60,
                          check=False)


class Made:
    """One plugin, in a folder of its own below `where`."""

    def __init__(self, where, kind, language, *options):
        self.kind, self.language = kind, language
        self.name = f"the_{kind}_{language}".replace("-", "_")
        self.folder = where / self.name
        done = coppice("new", kind, self.name.replace("_", "-"), "--lang", language, *options, cwd=where)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        self.source = self.folder / f"{self.name}.{language}"
        self.page = (self.folder / "README.md").read_text(encoding="utf-8")
        # The children of a supervisor in its page, with free ports in place of the page's.
        self.children = re.sub(r"\bport: \d+", lambda _: f"port: {free_port()}", self.block("yaml"))

    def block(self, kind):
        """The code block of that kind in its page."""
        return re.search(rf"^```{kind}\n(.*?)^```$", self.page, re.M | re.S)[1]

    def port(self):
        """The first port that its children listen on."""
        return int(re.search(r"\bport: (\d+)", self.children)[1])

    def asked(self):
        """Each call in its page: the process, the term, and the answer. `…` in an answer stands for text that differs
        each time."""
        for line in self.block("sh").splitlines():
            if line.startswith("coppice call"):
                asking, answer = line.rsplit(" # ", 1)
                yield *shlex.split(asking)[2:4], answer

    def plugin_command(self, cpp="g++"):
        compiler, standard = (cpp, "c++20") if self.language == "cpp" else (COMPILERS[cpp], "c11")
        return (f"{compiler} -std={standard} -O0 -fPIC -shared -fvisibility=hidden {FLAGS} {self.source} -o {self.name}.so "
                "$(pkg-config --libs coppice-plugin)")

    def test_command(self, cpp="g++"):
        """Compiles NAME_test from the current source."""
        test = self.folder / f"{self.name}_test.cpp"
        if self.language == "cpp":
            return f"{cpp} -std=c++20 -O0 {FLAGS} {test} -o {self.name}_test {KIT}"
        return (f"{COMPILERS[cpp]} -std=c11 -O0 {FLAGS} -c {self.source} -o {self.name}.o && "
                f"([ -e {self.name}_test.o ] || {cpp} -std=c++20 -O0 {FLAGS} -c {test} -o {self.name}_test.o) && "
                f"{cpp} {self.name}_test.o {self.name}.o -o {self.name}_test {KIT}")


def make_all(where, languages=("c", "cpp")):
    """One plugin of each kind and language."""
    kinds = json.loads(coppice("new", "--list", "--json").stdout)["kinds"]
    return [Made(where, one["kind"], language) for one in kinds for language in one["languages"] if language in languages]


def compile_all(where, commands):
    """Runs the commands in that folder, two at a time."""
    (where / "commands").write_text("\0".join(commands), encoding="utf-8")
    shell("xargs -0 -P 2 -I LINE sh -c LINE <commands", where, **installed()[1])
