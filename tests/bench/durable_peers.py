# SPDX-License-Identifier: MIT
"""The shared part of the rows of Raft and of sagas: nodes of ours and of Erlang with a folder on the disk of the build,
and the fsync floor, which is measured beside them."""
import contextlib
import os
import signal
import statistics
import subprocess
import time
from pathlib import Path

from peers import COOKIE, QUIET, Figure, Unavailable, child
from harness.erlang import Erl
from harness.node import Node
from harness.tap import Skip

FLOOR_BYTES = 4096
FLOOR_STEP = 1 << 20


def fsync_rate(folder, seconds):
    """The number of 4 KiB writes a second, each followed by its fdatasync: the faster one of two files. One file grows
    with each write, and the other is made longer in steps ahead, as some of the logs do."""
    return max(write_rate(folder, seconds / 2, step) for step in (0, FLOOR_STEP))


def write_rate(folder, seconds, step):
    """`step`: the number of bytes by which the file is made longer at once. 0: each write makes it longer."""
    path, count, length = Path(folder) / "floor", 0, 0
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        began = time.monotonic()
        while (took := time.monotonic() - began) < seconds:
            if step and count * FLOOR_BYTES == length:
                os.posix_fallocate(file, length, step)
                length += step
            os.pwrite(file, bytes(FLOOR_BYTES), count * FLOOR_BYTES)
            os.fdatasync(file)
            count += 1
        return count / took
    finally:
        os.close(file)
        path.unlink()


def figure_of(values, unit):
    return Figure(statistics.median(values), unit, min(values), max(values)) if values else None


def compiled(bench, name, paths=()):
    """The folder in which the module of this name, a source beside this file, is compiled."""
    source, beam = Path(__file__).with_name(f"{name}.erl"), bench.otp.folder / f"{name}.beam"
    bench.otp.erl()  # raises Unavailable if there is no Erlang
    if not beam.exists() or beam.stat().st_mtime < source.stat().st_mtime:
        bench.otp.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["erlc", *paths, "-o", str(bench.otp.folder), str(source)], check=True, timeout=QUIET)
    return bench.otp.folder


def ours(bench, stack, name, config, folder, epmd_port, environment=None):
    """A node of ours, with its data in `folder`."""
    coppiced = bench.build.parent / "bin/coppiced"
    if not coppiced.exists():
        raise Unavailable(f"{coppiced} is missing")
    plugins = f"[ {bench.build}/tests/bench/plugin, {bench.build}/plugins ]"
    try:
        return Node(stack, name=name, config=config, settings=[("plugins.path", plugins), ("node.data", str(Path(folder) / name))],
                    epmd_port=epmd_port, coppiced=coppiced, wait=False, environment=environment)
    except AssertionError as why:
        raise Unavailable(f"our node did not start: {why}") from why


def client(stack, bench, epmd_port, paths):
    """An Erlang node that evaluates expressions: the client of every side."""
    try:
        erl = Erl(stack, name=f"bench_client_{os.getpid()}@127.0.0.1", cookie=COOKIE, epmd_port=epmd_port, options=["+P", "1000000", *paths])
    except Skip as why:
        raise Unavailable(str(why)) from None
    return erl


def number(erl, expression):
    """The value of an expression that is a number."""
    said = erl(expression)
    try:
        return float(said)
    except ValueError:
        raise Unavailable(f"{expression}: {said[:500]}") from None


class OtpNode:
    """An Erlang node that a row kills and starts again: it runs `module`:`function` and says "serving"."""

    def __init__(self, stack, bench, name, epmd_port, module, function, folder, paths):
        self.name = f"{name}_{os.getpid()}@127.0.0.1"
        self.command = bench.otp.erl("-name", self.name, "-setcookie", COOKIE, "-start_epmd", "false", "-kernel", "logger_level", "error",
                                     *paths, "-s", module, function, "-extra", str(folder))
        self.environment = {**os.environ, "ERL_EPMD_PORT": str(epmd_port)}
        self.running = contextlib.ExitStack()
        stack.callback(self.running.close)
        self.start()

    def start(self):
        self.process = self.running.enter_context(child(self.command, env=self.environment, stdout=subprocess.PIPE, text=True))
        said = []  # after a kill dets also prints that it repairs a file
        for line in self.process.stdout:
            if line.startswith("serving"):
                return
            said.append(line)
        raise Unavailable(f"{self.name} did not start: {''.join(said)}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
