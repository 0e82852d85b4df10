# SPDX-License-Identifier: MIT
"""Runs `coppice dev` in a project made by `coppice init`, for tests and benchmarks."""
import contextlib
import os
import pathlib
import re
import socket
import subprocess

from harness.control import Connection
from harness.made_plugins import coppice
from harness.node import free_port, program
from harness.reports import reports
from harness.sdk import installed, needs, working_folder
from harness.tap import check, contains, equal, eventually

SLOW = 240 * reports.slower  # seconds that a compiler may take on a busy machine


class Dev:
    """`coppice dev` in a project that `coppice init` has made with these arguments, with a home and an EPMD of its
    own."""

    def __init__(self, cleanup, name, *arguments, epmd_port=None, broken=False):
        needs("g++", "meson", "ninja")
        self.where = working_folder(cleanup).path
        self.epmd_port = epmd_port or free_port()
        equal(coppice("init", name, *arguments, cwd=self.where).returncode, 0)
        self.project = self.where / name
        self.configuration = self.project / f"config/{name}.yaml"
        self.edit(self.configuration, "epmd: { ", f"epmd: {{ port: {self.epmd_port}, ")
        if broken:
            self.edit(self.configuration, "node:\n", "nonsense: 1\nnode:\n")
        self.edit("meson.build", "buildtype=release", "buildtype=debug")  # compiles in half the time
        for manifest in self.project.glob("plugins/*/Cargo.toml"):
            crate, = (file.parent for file in installed()[0].path.rglob("rust/Cargo.toml"))
            manifest.write_text(re.sub(r'path = "/.*/coppice/rust"', f'path = "{crate}"', manifest.read_text(encoding="utf-8")),
                                encoding="utf-8")
        cookie = self.where / ".erlang.cookie"
        cookie.write_text("testcookie_of_24_letters", encoding="utf-8")
        cookie.chmod(0o600)
        # If rustup provides cargo, it looks for its files in the home of the user that installed it.
        self.environment = {"RUSTUP_HOME": str(pathlib.Path.home() / ".rustup"), **os.environ, **installed()[1], "HOME": str(self.where)}
        self.log = self.where / "said"
        self.read = 0  # offset in the log up to which then_says() has read
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program("COPPICE", "coppice"), "dev"], cwd=self.project, env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cleanup.callback(self.end)

    def edit(self, file, before, after):
        """Saves the file as many editors do: a new file is renamed over it."""
        path = self.project / file
        text = path.read_text(encoding="utf-8")
        contains(text, before)
        fresh = path.with_name(path.name + ".tmp")
        fresh.write_text(text.replace(before, after), encoding="utf-8")
        fresh.rename(path)
        return text

    def then_says(self, pattern):
        """Waits for a line that matches, behind the line that the last call found."""
        def found():
            if self.process.poll() is not None:
                raise AssertionError(f"it has ended with {self.process.returncode}\n{self.text()}")
            return re.compile(pattern, re.M).search(self.text(), self.read)
        try:
            line = eventually(found, pattern, SLOW)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.text()}") from late
        self.read = line.end()
        return line

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ask(self, command, **arguments):
        connection = Connection(str(self.project / "build/dev/control.sock"))
        with contextlib.closing(connection):
            reply = connection.reply(command, **arguments)
        check("result" in reply, command, reply, self.text())
        return reply["result"]

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.project / "build/dev/control.sock")) == 0

    def call(self, name, term):
        return self.ask("call", name=name, term=term, timeout_ms=5000)["reply"]

    def stop(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
