# SPDX-License-Identifier: MIT
"""Runs the commands in pages as a reader would: the blocks of a page, the expected output of its commands, and the
edits that the reader makes. packaging/doc/README.md has the rules. As a program it follows a page, or parts of it, in
the current folder and environment: `python3 -m harness.page PAGE [--kind KIND]… [--until HEADING] [--part HEADING]`."""
import argparse
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections import namedtuple

from harness.tap import check, equal, eventually

Block = namedtuple("Block", "kind steps")  # kind: console, console node, console install, console service, diff; steps: Step or lines
Step = namedtuple("Step", "command expected")
# Commands whose exit status is part of their answer.
TELLING = {"coppice diff": {0, 1}, "coppice health": {0, 1}, "coppice check": {0, 1, 78}, "systemctl status": {0, 3}}
# Commands that change nothing and whose output may be late. They are repeated until it is the page's.
LOOKING = (*(f"coppice {word}" for word in ("diff", "health", "info", "listener", "logs", "nodes", "ps", "status", "top", "tree")), "journalctl ", "systemctl status")


def part(page, heading):
    """The part of a page below a heading, up to the next heading of its level or above."""
    out, level, in_code = [], 0, False
    for line in page.splitlines(keepends=True):
        in_code ^= line.startswith("```")
        found = None if in_code else re.match(r"(#+) (.*)", line)
        if found and level and len(found[1]) <= level:
            break
        if level:
            out.append(line)
        elif found and found[2] == heading:
            level = len(found[1])
    check(level, f"the page has no heading {heading}")
    return "".join(out)


def blocks(page):
    """Each block of the page that tells the reader to do something, in order."""
    for kind, body in re.findall(r"^```(console(?: \w+)?|diff)\n(.*?)^```$", page, re.M | re.S):
        yield Block(kind, body.splitlines() if kind == "diff" else list(steps(body)))


def steps(body):
    command, expected = None, []
    for line in body.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield Step(command, expected)
            command, expected = line[2:], []
        elif line.startswith("> ") and command is not None and not expected:
            command += "\n" + line[2:]
        elif command is None:
            raise AssertionError(f"output without a command: {line}")
        else:
            expected.append(line)
    if command is not None:
        yield Step(command, expected)


def squeezed(line):
    """The line with single blanks: columns of a table are as wide as their values, which differ between machines."""
    return re.sub(r"[ ─]+", " ", line).strip()


def pattern(expected):
    """A regular expression for a whole output: … is any text, a line that is only … any lines."""
    out = ""
    for line in expected:
        out += r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, squeezed(line).split("…"))) + r"\n"
    return re.compile(out)


def says(expected, output):
    """Whether the output is the expected one."""
    text = "".join(squeezed(line) + "\n" for line in output.splitlines())
    return pattern(expected).fullmatch(text) is not None


def edited(lines, read):
    """{file: new text} of an edit. The lines of each hunk must be in the file exactly once; `read` gives a file's
    text."""
    out, name, hunk = {}, None, []

    def apply():
        if name is None or not hunk:
            return
        before = "".join(line[1:] + "\n" for line in hunk if line[0] in " -")
        after = "".join(line[1:] + "\n" for line in hunk if line[0] in " +")
        text = out.get(name) or read(name)
        if text.count(before) != 1:
            raise AssertionError(f"{name}: {text.count(before)} places for the edit\n{before}")
        out[name] = text.replace(before, after)
    for line in lines:
        if line.startswith(("+++ ", "--- ", "@@")):
            apply()
            hunk = []
            name = line[4:].split("/", 1)[1] if line.startswith("+++ ") else name
        else:
            hunk.append(line or " ")
    apply()
    return out


class Reader:
    """Follows a page, command by command, in a folder and an environment. A command that fails is retried for a while,
    because something that it depends on may not have ended yet."""

    def __init__(self, folder, environment):
        self.folder, self.environment = pathlib.Path(folder), environment
        self.node = None

    def does(self, step):
        said = []
        fine = next((statuses for words, statuses in TELLING.items() if step.command.startswith(words)), {0})

        def once():
            status, output = self.runs(step.command)
            said[:] = [output]
            return status in fine and (not step.command.startswith(LOOKING) or says(step.expected, output))
        eventually(once, lambda: "\n".join([step.command, *said, "but the page says", *step.expected]), 30)
        return check(says(step.expected, said[0]), f"{step.command} says what the page says", said[0], "\n".join(step.expected))

    def runs(self, command):
        """(status, output). The next command begins in the folder in which this one's shell ends."""
        theirs, ours = os.pipe()
        with os.fdopen(theirs, encoding="utf-8") as ended_in:
            with os.fdopen(ours, "w"):
                done = subprocess.run(["bash", "-c", f"trap 'pwd >&{ours}' EXIT\n{command}"], cwd=self.folder, env=self.environment,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False, pass_fds=[ours])
            self.folder = pathlib.Path(ended_in.read().rstrip("\n") or self.folder)
        return done.returncode, done.stdout

    def edits(self, lines):
        for name, text in edited(lines, lambda file: (self.folder / file).read_text(encoding="utf-8")).items():
            (self.folder / name).write_text(text, encoding="utf-8")

    def starts(self, step):
        log = self.folder / "node.log"
        with open(log, "wb") as out:
            self.node = subprocess.Popen(step.command.split(), cwd=self.folder, env=self.environment, stdout=out, stderr=subprocess.STDOUT)
        eventually(lambda: says(step.expected, log.read_text(encoding="utf-8")), lambda: log.read_text(encoding="utf-8"), 60)

    def ends(self):
        if self.node is not None:
            self.node.send_signal(signal.SIGINT)
            ended, self.node = self.node.wait(60), None
            equal(ended, 0, "Ctrl-C stops the node")

    def follows(self, page, kinds=("console", "console node", "diff"), before=lambda step: None):
        """Runs the blocks of these kinds in order; returns the number of commands. `before` is called with each
        block."""
        seen = 0
        for block in blocks(page):
            if block.kind not in kinds:
                continue
            if block.kind == "diff":
                self.edits(block.steps)
                continue
            for step in block.steps:
                seen += 1
                before(step)
                if block.kind == "console node":
                    self.starts(step)
                else:
                    self.does(step)
        return seen


def main(arguments):
    takes = argparse.ArgumentParser(prog="harness.page", description="follows the commands of a page")
    takes.add_argument("page")
    takes.add_argument("--kind", action="append", help="of blocks; without it those that need no more than the programs")
    takes.add_argument("--part", help="only what stands below this heading")
    takes.add_argument("--until", help="only what stands before this heading")
    asked = takes.parse_args(arguments)
    text = pathlib.Path(asked.page).read_text(encoding="utf-8")
    if asked.part:
        text = part(text, asked.part)
    if asked.until:
        text, heading, _ = text.partition(f"\n## {asked.until}\n")
        check(heading, f"the page has no heading {asked.until}")
    reader, began = Reader(pathlib.Path.cwd(), dict(os.environ)), time.monotonic()
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(reader.ends)
        seen = reader.follows(text, *([tuple(asked.kind)] if asked.kind else []),
                              before=lambda step: print(f"{time.monotonic() - began:5.0f} s  $ {step.command}", flush=True))
    check(seen, "there are commands")
    print(f"{seen} commands, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AssertionError as wrong:
        sys.exit(str(wrong))
