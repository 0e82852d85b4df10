# SPDX-License-Identifier: MIT
"""Plugins that `coppice new` has made: each kind in each language, compiled by hand, and what their pages say."""
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
        # Its children of a supervisor, as its page has them but for the ports, which are free ones.
        self.children = re.sub(r"\bport: \d+", lambda _: f"port: {free_port()}", self.block("yaml"))

    def block(self, kind):
        """A code block of its page."""
        return re.search(rf"^```{kind}\n(.*?)^```$", self.page, re.M | re.S)[1]

    def port(self):
        """The first one that its children listen at."""
        return int(re.search(r"\bport: (\d+)", self.children)[1])

    def asked(self):
        """A process, a term, and the answer, as its page has them; `…` in an answer stands for what differs each time."""
        for line in self.block("sh").splitlines():
            if line.startswith("coppice call"):
                asking, answer = line.rsplit(" # ", 1)
                yield *shlex.split(asking)[2:4], answer

    def plugin_command(self, cpp="g++"):
        compiler, standard = (cpp, "c++20") if self.language == "cpp" else (COMPILERS[cpp], "c11")
        return (f"{compiler} -std={standard} -O0 -fPIC -shared -fvisibility=hidden {FLAGS} {self.source} -o {self.name}.so "
                "$(pkg-config --libs coppice-plugin)")

    def test_command(self, cpp="g++"):
        """Makes NAME_test, from the source as it stands now."""
        test = self.folder / f"{self.name}_test.cpp"
        if self.language == "cpp":
            return f"{cpp} -std=c++20 -O0 {FLAGS} {test} -o {self.name}_test {KIT}"
        return (f"{COMPILERS[cpp]} -std=c11 -O0 {FLAGS} -c {self.source} -o {self.name}.o && "
                f"([ -e {self.name}_test.o ] || {cpp} -std=c++20 -O0 {FLAGS} -c {test} -o {self.name}_test.o) && "
                f"{cpp} {self.name}_test.o {self.name}.o -o {self.name}_test {KIT}")


def make_all(where, languages=("c", "cpp")):
    """One of each kind and language."""
    kinds = json.loads(coppice("new", "--list", "--json").stdout)["kinds"]
    return [Made(where, one["kind"], language) for one in kinds for language in one["languages"] if language in languages]


def compile_all(where, commands):
    """Two at a time, in that folder."""
    (where / "commands").write_text("\0".join(commands), encoding="utf-8")
    shell("xargs -0 -P 2 -I LINE sh -c LINE <commands", where, **installed()[1])
