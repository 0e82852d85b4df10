# SPDX-License-Identifier: MIT
"""Starts and stops the processes of a benchmark: Erlang nodes, an EPMD for them, our node on bench.yaml.

All of them are children of this process, on loopback, on ports that were free a moment before. Each ends with its
`with` block.
"""
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness.node import Node, free_port

COOKIE = "testcookie_of_24_letters"  # the cookie of the harness
ROW = re.compile(r"^([a-z]\w*) ([0-9.]+) (\S+)(?: spread ([0-9.]+) ([0-9.]+))?(?: cpu ([0-9.]+))?$", re.M)
TICK_NS = 1e9 / os.sysconf("SC_CLK_TCK")
QUIET = 120  # seconds that a program may take for its next row, at the usual scale


class Figure(NamedTuple):
    """The result of one side of a row: the median of its runs and, where they are known, the least and the greatest run
    and the processor time of an operation in ns, of all threads and nodes of that side."""
    value: float
    unit: str
    low: Optional[float] = None
    high: Optional[float] = None
    cpu: Optional[float] = None

    @classmethod
    def of(cls, runs, unit, factor=1):
        """Makes a figure of runs, given as (operations a second, ns of processor time each). `factor`: the number of
        operations in a unit."""
        rates = [rate * factor for rate, _ in runs]
        return cls(statistics.median(rates), unit, min(rates), max(rates), statistics.median(cpu for _, cpu in runs))

    @classmethod
    def printed(cls, value, unit, *more):
        return cls(float(value), unit, *(float(word) if word else None for word in more))


class Unavailable(Exception):
    """A side of a workload that cannot be measured, and the reason."""


class Skipped(Exception):
    """A workload that this machine cannot run, and the reason. It is no failure."""


def scaled(count):
    return max(1, count * int(os.environ.get("PEER_BENCH_SCALE", "100")) // 100)


def processor_time(pid):
    """The processor time so far, in ns, of all threads of a process of ours."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_NS


def resident(pid):
    """The resident memory of a process, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(re.search(r"^VmRSS:\s*(\d+)", status, re.M).group(1)) * 1024


def patience():
    """The seconds after which a run of one row that has not ended is stuck."""
    usual = int(os.environ.get("PEER_BENCH_SCALE", "100")) / 100 * int(os.environ.get("PEER_BENCH_RUNS", "3")) / 3
    return QUIET * max(1, usual)


def printed_rows(command, rows, environment):
    """Runs a program that prints `NAME VALUE UNIT [spread LOW HIGH] [cpu NS]`. Returns the requested rows as {name:
    Figure}, and what went wrong.

    A program that prints nothing for too long is stuck and is ended. The rows that it has printed count.
    """
    if not shutil.which(command[0]):
        return {}, "is not built"
    wrong = ""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(command, env={**os.environ, "PEER_BENCH_RUNS": os.environ.get("PEER_BENCH_RUNS", "3"), **environment},
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        size = 0
        try:
            while not wrong and process.poll() is None:
                try:
                    process.wait(patience())
                except subprocess.TimeoutExpired:
                    before, size = size, os.fstat(said.fileno()).st_size
                    if size == before:
                        wrong = f"said nothing for {patience():.0f} s"
        finally:
            process.kill()
            status = process.wait()
        said.seek(0)
        text = said.read()
    found = {name: Figure.printed(*rest) for name, *rest in ROW.findall(text) if name in rows}
    if not wrong and status != 0:
        wrong = f"failed: {(text.strip().splitlines() or [f'exit status {status}'])[-1]}"
    return found, wrong


def run_rows(command, rows, environment):
    """The rows of a program on our side. All of them have to be there."""
    found, wrong = printed_rows(command, rows, environment)
    if wrong:
        raise Unavailable(f"{Path(command[0]).name} {wrong}")
    return found


def peer_rows(command, rows, environment):
    """The rows of a peer. If the peer gets stuck or fails, the rows that it has not printed are missing, and a message
    is printed."""
    found, wrong = printed_rows(command, rows, environment)
    if wrong:
        missing = ", ".join(name for name in rows if name not in found)
        print(f"left out: {missing or 'nothing'} of {Path(command[0]).name}, which {wrong}", file=sys.stderr)
    return found


@contextlib.contextmanager
def child(command, **options):
    """Runs a process that ends with the block. It is asked to end first, and killed after 10 s."""
    process = subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, **options})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def epmd():
    """Runs an EPMD that belongs to this run. Yields its port."""
    port = free_port()
    with child(["epmd", "-port", str(port), "-address", "127.0.0.1"], stdout=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("epmd did not start")
            time.sleep(0.02)
        yield port


def cache(package):
    """The place of the files of a Debian package that is unpacked and not installed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "coppice" / package


def unpacked(package):
    """The folder of a Debian package's files, once they are there, and the reason why they are not, or nothing."""
    folder = cache(package)
    if not (folder / "usr").exists():
        script = f'mkdir -p "$0" && cd "$0" && apt-get -qq -o APT::Sandbox::User=root download {package} && dpkg -x {package}_*.deb .'
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            subprocess.run(["sh", "-c", script, str(folder)], stdin=subprocess.DEVNULL, capture_output=True, timeout=QUIET, check=True)
    there = (folder / "usr").exists()
    return folder, "" if there else f"apt-get download {package}, and dpkg -x what has come into {folder} (or XDG_CACHE_HOME's coppice/{package})"


class Otp:
    """The Erlang side, peer_bench.erl compiled once."""

    def __init__(self, source, folder):
        self.source, self.folder = source, folder

    def erl(self, *arguments):
        if not shutil.which("erl"):
            raise Unavailable("erl is not installed")
        beam = self.folder / "peer_bench.beam"
        if not beam.exists() or beam.stat().st_mtime < self.source.stat().st_mtime:
            self.folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["erlc", "-o", str(self.folder), str(self.source)], check=True)
        return ["erl", "+P", "4000000", "-noshell", "-pa", str(self.folder), *arguments]

    def lacks(self, library):
        """How to get an Erlang library that is not there. Empty: it is there."""
        asked = self.erl("-eval", f"io:put_chars(atom_to_list(is_list(code:which({library})))), halt().")
        there = subprocess.run(asked, capture_output=True, text=True, timeout=QUIET, check=True).stdout == "true"
        return "" if there else f"install erlang-{library}"

    def rows(self, mode, rows):
        return peer_rows(self.erl("-s", "peer_bench", "main", *mode), rows, {"PEER_BENCH_ONLY": ",".join(rows)})

    def dist(self, peer, epmd_port, rows):
        """The rows of a client node against `peer`."""
        name = f"bench_client_{os.getpid()}@127.0.0.1"
        return peer_rows(self.erl("-name", name, "-setcookie", COOKIE, "-start_epmd", "false", "-s", "peer_bench", "main", "dist", peer), rows,
                         {"PEER_BENCH_ONLY": ",".join(rows), "ERL_EPMD_PORT": str(epmd_port)})

    @contextlib.contextmanager
    def serving(self):
        """An OTP node that serves; yields its name and EPMD's port."""
        name = f"bench_server_{os.getpid()}@127.0.0.1"
        with epmd() as port:
            command = self.erl("-name", name, "-setcookie", COOKIE, "-start_epmd", "false", "-s", "peer_bench", "main", "serve")
            with child(command, env={**os.environ, "ERL_EPMD_PORT": str(port)}, stdout=subprocess.PIPE, text=True) as process:
                stuck = threading.Timer(QUIET, process.kill)
                stuck.start()
                started = process.stdout.readline().startswith("serving")
                stuck.cancel()
                if not started:
                    raise Unavailable("the OTP server did not start")
                yield name, port


class Program:
    """A peer that is a program: a variable of the environment names it, or it is built if its library is there."""

    def __init__(self, name, path, how):
        self.name, self.path, self.how = name, path, how

    @classmethod
    def from_environment(cls, name, variable):
        return cls(name, os.environ.get(variable), f"{variable} names no program that prints its rows (README.md of tests/bench)")

    def missing(self):
        """The reason why it takes no part in this run. Empty: it takes part."""
        return "" if self.path and shutil.which(str(self.path)) else self.how

    def rows(self, arguments, rows, **environment):
        return peer_rows([str(self.path), *arguments], rows, {"PEER_BENCH_ONLY": ",".join(rows), **environment})


class BenchNode:
    """Our node on bench.yaml, with an EPMD of this run or the given one. Its cookie is COOKIE."""

    def __init__(self, build, config, name="bench", epmd_port=None, settings=()):
        self.build, self.config, self.alive, self.settings = build, config, f"{name}_{os.getpid()}", list(settings)
        self.stack = contextlib.ExitStack()
        self.node, self.epmd_port = None, epmd_port

    def __enter__(self):
        coppiced = self.build.parent / "bin/coppiced"
        for needed in (coppiced, self.config):
            if not needed.exists():
                raise Unavailable(f"{needed.name} is missing")
        with contextlib.ExitStack() as stack:
            if self.epmd_port is None:
                self.epmd_port = stack.enter_context(epmd())
            plugins = f"[ {self.build}/tests/bench/plugin, {self.build}/plugins, {self.build}/tests/e2e/plugins ]"
            try:
                self.node = Node(stack, name=self.alive, config=self.config.read_text(encoding="utf-8"),
                                 settings=[("plugins.path", plugins), *self.settings], epmd_port=self.epmd_port,
                                 coppiced=coppiced)
            except AssertionError as why:
                raise Unavailable(f"our node did not start: {why}") from why
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    @property
    def name(self):
        return self.node.name

    def call(self, term, actor="bench"):
        reply = self.node.reply("call", name=actor, term=term, timeout_ms=int(patience() * 1000))
        if "result" not in reply:
            raise Unavailable(f"the actor {actor} was asked {term}: {reply}")
        return reply["result"]["reply"]

    def rate(self, row, operations):
        """Operations a second, as the actor `bench` measures them."""
        return self.rate_of("bench", f"{{{row}, {operations}}}")

    def rate_of(self, actor, term):
        answer = re.fullmatch(r"\{(\d+),\s*(\d+)\}", self.call(term, actor))
        if not answer:
            raise Unavailable(f"the actor {actor} does not know {term}")
        return int(answer.group(1)) * 1e6 / max(1, int(answer.group(2)))

    def load(self, term):
        """The integers that the actor `load` answers."""
        return [int(number) for number in re.findall(r"-?\d+", self.call(term, "load"))]

    def children(self, supervisor, count):
        """Starts this many children of a simple_one_for_one supervisor."""
        for _ in range(count):
            self.node.call(supervisor, "{start_child, []}")

    def reload(self, plugin):
        """The duration of a reload in ms, as the node reports it."""
        reply = self.node.reply("reload", plugin=plugin)
        if "result" not in reply:
            raise Unavailable(f"{plugin} could not be reloaded: {reply}")
        return reply["result"]

    def used(self):
        """The processor time of the node so far, in ns."""
        return processor_time(self.node.process.pid)

    def resident(self):
        return resident(self.node.process.pid)
