#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tutorial, as a reader follows it: each command in its order, each output as the page has it, each edit made."""
import os
import pathlib
import signal
import subprocess

from harness.node import free_port, program, root
from harness.sdk import installed, needs, working_folder
from harness.tap import check, equal, eventually, run, test
from harness.tutorial import blocks, edited, says

PAGE = (root / "packaging/doc/tutorial.md").read_text(encoding="utf-8")


def reader(cleanup):
    """(folder, environment) of somebody who has the packages: programs, headers, a home without anything in it."""
    needs("g++", "meson", "erl")
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

        def once():
            done = subprocess.run(["bash", "-c", step.command], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
            said[:] = [done.stdout]
            return done.returncode == 0
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


def with_its_own_epmd(folder, port):
    """Beside other tests the node has an EPMD of its own."""
    for file in folder.glob("config/*.yaml"):
        text = file.read_text(encoding="utf-8")
        check("epmd: {" in text, "the configuration has a line for EPMD")
        file.write_text(text.replace("epmd: {", f"epmd: {{ port: {port},", 1), encoding="utf-8")


@test("every command of the tutorial does what the page says, and every edit fits")
def follows(cleanup):
    folder, environment = reader(cleanup)
    terminal, seen = Terminal(cleanup, folder, environment), 0
    for block in blocks(PAGE):
        if block.kind == "diff":
            for name, text in edited(block.steps, lambda file: (terminal.folder / file).read_text(encoding="utf-8")).items():
                (terminal.folder / name).write_text(text, encoding="utf-8")
        elif block.kind == "console node":
            terminal.starts(*block.steps)
        elif block.kind == "console":
            for step in block.steps:
                seen += 1
                terminal.does(step)
                if step.command.startswith("cd "):
                    with_its_own_epmd(terminal.folder, environment["ERL_EPMD_PORT"])
    check(seen >= 15, "the page has commands", seen)
    terminal.ends()


@test("an output that differs is found, and so is an edit that does not fit")
def differs(_):
    check(says(["a … c", "…", "end"], "a  b c\nx\ny\nend\n"), "text and lines may differ where … stands")
    check(not says(["a … c"], "a b d\n"), "other text is found")
    check(not says(["a"], "a\nb\n"), "a line too many is found")
    check(not says(["…", "end"], "x\n"), "a line too few is found")
    equal(edited(["+++ b/f", "@@", " one", "-two", "+2"], lambda _: "one\ntwo\nthree\n"), {"f": "one\n2\nthree\n"})
    try:
        edited(["+++ b/f", "@@", "-four"], lambda _: "one\n")
    except AssertionError:
        return
    raise AssertionError("an edit that does not fit was made")



run()
