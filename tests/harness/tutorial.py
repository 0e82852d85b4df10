# SPDX-License-Identifier: MIT
"""Pages whose commands are run as a reader would: their blocks, what a command should have said, and the edits that the
reader makes. packaging/doc/README.md has the rules."""
import os
import pathlib
import re
import signal
import subprocess
from collections import namedtuple

from harness.node import free_port, program
from harness.sdk import installed, needs, working_folder
from harness.tap import check, equal, eventually

Block = namedtuple("Block", "kind steps")  # kind: console, console node, console install, diff; steps: Step or lines
Step = namedtuple("Step", "command expected")


def blocks(page):
    """Each block of the page that means something to be done, in its order."""
    for kind, body in re.findall(r"^```(console(?: \w+)?|diff)\n(.*?)^```$", page, re.M | re.S):
        yield Block(kind, body.splitlines() if kind == "diff" else list(steps(body)))


def steps(body):
    command, expected = None, []
    for line in body.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield Step(command, expected)
            command, expected = line[2:], []
        elif command is None:
            raise AssertionError(f"output without a command: {line}")
        else:
            expected.append(line)
    if command is not None:
        yield Step(command, expected)


def squeezed(line):
    """Columns of a table are as wide as what differs in them."""
    return re.sub(r"[ ─]+", " ", line).strip()


def pattern(expected):
    """A regular expression for a whole output: … is any text, a line of … alone any lines."""
    out = ""
    for line in expected:
        out += r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, squeezed(line).split("…"))) + r"\n"
    return re.compile(out)


def says(expected, output):
    """Whether the output is the one expected."""
    text = "".join(squeezed(line) + "\n" for line in output.splitlines())
    return pattern(expected).fullmatch(text) is not None


def edited(lines, read):
    """{file: new text} of an edit. Each hunk's lines must stand in the file exactly once; `read` gives a file's text."""
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


def reader(cleanup, *tools):
    """(folder, environment) of somebody who has the packages: programs, headers, a home without anything in it."""
    needs("g++", *tools)
    folder = working_folder(cleanup).path
    for name in ("home", "run", "work"):
        (folder / name).mkdir(mode=0o700)
    port = free_port()
    places = [str(pathlib.Path(program(name.upper(), name)).parent) for name in ("coppiced", "coppice")]
    return folder / "work", dict(os.environ, **installed()[1], PATH=os.pathsep.join([*places, os.environ["PATH"]]), HOME=str(folder / "home"),
                                 RUNTIME_DIRECTORY=str(folder / "run"), COPPICE_SOCKET=str(folder / "run/shop@127.0.0.1.sock"),
                                 ERL_EPMD_PORT=str(port), LC_ALL="C.UTF-8")


class Terminal:
    """Runs the page's commands one after the other. A command that fails is given a while: what it asks for may be under way."""

    def __init__(self, cleanup, folder, environment):
        self.cleanup, self.folder, self.environment = cleanup, folder, environment
        self.node = None

    def does(self, step):
        if step.command.startswith("cd "):
            self.folder = self.folder / step.command[3:]
            return check(self.folder.is_dir(), step.command)
        said = []
        fine = {0, 1} if step.command.startswith("coppice diff") else {0}  # 1: there is a difference

        def once():
            done = subprocess.run(["bash", "-c", step.command], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
            said[:] = [done.stdout]
            return done.returncode in fine
        eventually(once, lambda: f"{step.command}: {said}", 30)
        return check(says(step.expected, said[0]), f"{step.command} says what the page says", said[0], "\n".join(step.expected))

    def starts(self, step):
        log = self.folder / "node.log"
        with open(log, "wb") as out:
            self.node = subprocess.Popen(step.command.split(), cwd=self.folder, env=self.environment, stdout=out, stderr=subprocess.STDOUT)
        self.cleanup.callback(self.ends)
        eventually(lambda: says(step.expected, log.read_text(encoding="utf-8")), lambda: log.read_text(encoding="utf-8"), 60)

    def ends(self):
        if self.node is not None:
            self.node.send_signal(signal.SIGINT)
            ended, self.node = self.node.wait(60), None
            equal(ended, 0, "Ctrl-C stops the node")
