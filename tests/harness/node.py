# SPDX-License-Identifier: MIT
"""A coppiced under test: started on a configuration in a folder of its own, with its own EPMD port and
control socket, driven by the coppice client, ended by its pid. Nothing of it outlives the test.

The programs come from the environment, as Meson sets it: COPPICED, COPPICE, COPPICE_EPMD and
COPPICE_PLUGINS (a folder of .so files); without it from build/bin and build/plugins.
"""
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile

from harness.reports import folder_prefix, reports
from harness.tap import contains, eventually

root = pathlib.Path(__file__).resolve().parents[2]


def program(variable, name):
    return os.environ.get(variable) or str(root / "build" / "bin" / name)


def plugin_folder():
    return os.environ.get("COPPICE_PLUGINS") or str(root / "build" / "plugins")


# The plugins of tests/e2e/plugins: those that only tests have, and other versions of some.
variants = pathlib.Path(os.environ.get("COPPICE_TEST_PLUGINS") or root / "build" / "release" / "tests" / "e2e" / "plugins")


_claims = []  # held as long as the script runs


def free_port():
    """One that nobody has now, outside of those that the kernel gives to connections and above those that nodes take
    by themselves. No other script is given it meanwhile: it would find the same one free until somebody listens."""
    while True:
        port = random.randrange(20000, 32000)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0coppice-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port


def all_descriptors(cleanup):
    """As many as this process may have, for itself and what it starts; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cleanup.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    return hard


def until_closed(connection):
    """All that comes on a connected socket until the other side closes or resets it."""
    received = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            return received
        if not part:
            return received
        received += part


class Folder:
    """A temporary folder, gone at close()."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=folder_prefix()))

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, text, mode=0o644):
        target = self.path / name
        target.write_text(text)
        target.chmod(mode)
        return str(target)


class Shelf(Folder):
    """A folder of plugins, gone with the test. `setting` has a node look for its plugins there."""

    def __init__(self, cleanup, *names):
        super().__init__()
        cleanup.callback(self.close)
        self.setting = ("plugins.path", f"[ {self.path} ]")
        for name in names:
            self.put(name)

    def put(self, file, name=None):
        """One of the tests' or a bundled one, as NAME.so, at once in the place of what is there."""
        own = variants / f"{file}.so"
        fresh = self.path / f"{name or file}.so.new"
        shutil.copy(own if own.exists() else f"{plugin_folder()}/{file}.so", fresh)
        fresh.rename(fresh.with_suffix(""))


def tree(children):
    """A configuration without other nodes: one application, net, whose supervisor has these children, an indented list."""
    return f"""
node: {{ workers: 2 }}
distribution: {{ listen: [] }}
applications:
  - name: net
    type: permanent
    supervisor:
      intensity: 100
      children:
{children.strip(chr(10))}
"""


class Control:
    """The control socket spoken to directly, for tests that ask thousands of times."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def ask(self, command, **arguments):
        """The whole reply document: {"result": …} or {"error": …}."""
        self.socket.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        return json.loads(self.reader.readline())

    def call(self, name, term, timeout_ms=5000):
        reply = self.ask("call", name=name, term=term, timeout_ms=timeout_ms)
        if "result" not in reply:
            raise AssertionError(f"call {name} {term}: {reply}")
        return reply["result"]["reply"]


class Node:
    """`config` is a YAML text or None for config/demo.yaml; `settings` are --set pairs over it.

    Its name is NAME@127.0.0.1, its cookie "testcookie_of_24_letters". `coppiced` is another program than the environment's;
    `under` the ServiceManager that starts it, `within` a command that runs it in its own place, with `environment` added to
    this one's.
    """

    def __init__(self, cleanup, name="demo", config=None, settings=(), epmd_port=None, wait=True, coppiced=None,
                 under=None, within=(), environment=None):
        self.name = f"{name}@127.0.0.1"
        self.folder = Folder()
        cleanup.callback(self.folder.close)
        self.cookie = "testcookie_of_24_letters"
        self.epmd_port = epmd_port or free_port()
        self.socket = str(self.folder.path / "control.sock")
        self.log_path = self.folder.path / "log"
        self.folder.write("cookie", self.cookie, 0o600)
        file = str(root / "config" / "demo.yaml") if config is None else self.folder.write("node.yaml", config)
        pairs = [
            ("node.name", self.name),
            ("node.cookie", f"{{ file: {self.folder.path}/cookie }}"),
            ("node.data", str(self.folder.path / "data")),
            ("epmd.port", self.epmd_port),
            ("control.socket", self.socket),
            ("plugins.path", f"[ {plugin_folder()} ]"),
            *settings,
        ]
        self.command = [*within, str(coppiced or program("COPPICED", "coppiced")), "--config", file]
        for path, value in pairs:
            self.command += ["--set", f"{path}={value}"]
        self.log_file = open(self.log_path, "wb")
        cleanup.callback(self.log_file.close)
        self.cleanup = cleanup
        self.under, self.environment = under, environment
        self.process = None
        self.begin()
        cleanup.callback(self.end)
        if wait:
            self.wait_ready()

    def begin(self):
        """Starts the program, once more after it has ended."""
        start = self.under.start if self.under else subprocess.Popen
        more = {"env": {**os.environ, **self.environment}} if self.environment else {}
        self.process = start(self.command, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file, **more)

    def wait_ready(self):
        try:
            eventually(lambda: self.process.poll() is not None or self.answers(), "the control socket", 30)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log()}") from late
        done = self.coppice("wait-ready", "--timeout", "30s")
        if done.returncode != 0:
            raise AssertionError(f"not ready: {done.stderr}\n{self.log()}")

    def answers(self):
        """Whether somebody listens on the control socket; its file may be a dead node's."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket) == 0

    def proc(self, file):
        return f"/proc/{self.process.pid}/{file}"

    def kilobytes(self, what):
        """VmRSS (in memory) or VmHWM (the most that ever was)."""
        with open(self.proc("status"), encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(what + ":"))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def said(self, part, message=""):
        """Waits until the log has that part: a line is written after what it tells of."""
        try:
            eventually(lambda: part in self.log(), "")
        except AssertionError:
            contains(self.log(), part, message)

    def coppice(self, *arguments, timeout=60):
        """Runs the client; returns the finished process with text stdout and stderr."""
        return subprocess.run([program("COPPICE", "coppice"), *arguments, "--socket", self.socket],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def ask(self, *arguments):
        """The --json document of a command that must succeed."""
        done = self.coppice(*arguments, "--json")
        if done.returncode != 0:
            raise AssertionError(f"coppice {' '.join(arguments)}: {done.returncode}: {done.stderr}\n{self.log()}")
        return json.loads(done.stdout)

    def call(self, name, term):
        """The reply of gen_server:call as Erlang text."""
        return self.ask("call", name, term)["reply"]

    def info(self, process):
        """The document of one process."""
        return self.ask("info", process)

    def pid(self, process):
        """None: it is not there now."""
        done = self.coppice("info", process, "--json")
        return json.loads(done.stdout)["pid"] if done.returncode == 0 else None

    def status(self, name):
        """What a registered process does now, without asking it: info may wait for what an idle one shows."""
        return next(one["status"] for one in self.ask("ps")["processes"] if one["name"] == name)

    def control(self):
        """A connection of the test's own to the control socket."""
        connection = Control(self.socket)
        self.cleanup.callback(connection.close)
        return connection

    def stop(self, signal_number=signal.SIGTERM, seconds=20):
        """Sends the signal and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            reports.expect_signal(signal_number)
        return self.process.wait(seconds)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        reports.ended(self.name, self.process.returncode)
