# SPDX-License-Identifier: MIT
"""A coppiced under test. It is started on a configuration in a folder of its own, with its own EPMD port and control socket, asked
over that socket, and ended by its pid. Nothing of it outlives the test.

The environment, which Meson sets, names the programs: COPPICED, COPPICE, COPPICE_EPMD and COPPICE_PLUGINS (a folder of .so
files). Without it they are those in build/bin and build/plugins.
"""
import contextlib
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from harness.control import Connection
from harness.reports import folder_prefix, reports
from harness.tap import contains, eventually

root = pathlib.Path(__file__).resolve().parents[2]


def program(variable, name):
    return os.environ.get(variable) or str(root / "build" / "bin" / name)


def plugin_folder():
    return os.environ.get("COPPICE_PLUGINS") or str(root / "build" / "plugins")


# The plugins of tests/e2e/plugins: some are only for tests, some are other versions of bundled plugins.
variants = pathlib.Path(os.environ.get("COPPICE_TEST_PLUGINS") or root / "build" / "release" / "tests" / "e2e" / "plugins")


_claims = []  # held as long as the script runs


def free_port():
    """A port that is free, outside the ranges that the kernel gives to connections and above the ports that nodes take
    by default. No other script gets it meanwhile: it would find the port free until a program listens."""
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
    """Raises the limit of descriptors for this process and those that it starts as far as allowed; returns the
    limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cleanup.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    return hard


def until_closed(connection):
    """Everything that comes on a connected socket until the other side closes or resets it."""
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
    """A temporary folder. close() removes it."""

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
    """A folder of plugins, removed with the test. `setting` makes a node look for its plugins there."""

    def __init__(self, cleanup, *names):
        super().__init__()
        cleanup.callback(self.close)
        self.setting = ("plugins.path", f"[ {self.path} ]")
        for name in names:
            self.put(name)

    def put(self, file, name=None):
        """Puts a plugin of the tests or a bundled one there as NAME.so. A file of that name is replaced atomically."""
        own = variants / f"{file}.so"
        fresh = self.path / f"{name or file}.so.new"
        shutil.copy(own if own.exists() else f"{plugin_folder()}/{file}.so", fresh)
        fresh.rename(fresh.with_suffix(""))


connectable = "listen: [ { address: 127.0.0.1, ports: 0-0 } ]"


def tree(children, application="net", kind="permanent", distribution="listen: []", node="workers: 2", **supervisor):
    """A configuration of one application, whose supervisor has these children, an indented list. Other nodes cannot
    connect unless `distribution` is `connectable` or more. Other keywords are keys of the supervisor."""
    keys = "".join(f"      {key}: {value}\n" for key, value in {"intensity": 100, **supervisor}.items())
    return f"""
node: {{ {node} }}
distribution: {{ {distribution} }}
applications:
  - name: {application}
    type: {kind}
    supervisor:
{keys}      children:
{children.strip(chr(10))}
"""


class Node:
    """`config` is YAML text, or None for config/demo.yaml; `settings` are --set pairs over it.

    Its name is NAME@127.0.0.1, its cookie "testcookie_of_24_letters". `coppiced`: another program than the environment's.
    `under`: the ServiceManager that starts it. `within`: a command that executes it in its own place (the same pid).
    `environment` is added to this process's environment.
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
        self.asked_by = threading.local()  # each thread's connection to the control socket
        cleanup.callback(self.close_connection)
        self.under, self.environment = under, environment
        self.process = None
        self.begin()
        cleanup.callback(self.end)
        if wait:
            self.wait_ready()

    def begin(self):
        """Starts the program, also again after it has ended."""
        self.close_connection()
        start = self.under.start if self.under else subprocess.Popen
        more = {"env": {**os.environ, **self.environment}} if self.environment else {}
        self.process = start(self.command, stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file, **more)

    def wait_ready(self):
        try:
            eventually(lambda: self.process.poll() is not None or self.answers(), "the control socket", 30)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.log()}") from late
        self.ask("wait-ready", timeout_ms=30000)

    def answers(self):
        """Whether a process listens on the control socket; the file may be left by a dead node."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket) == 0

    def proc(self, file):
        return f"/proc/{self.process.pid}/{file}"

    def kilobytes(self, what):
        """VmRSS (current) or VmHWM (peak), in kB."""
        with open(self.proc("status"), encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(what + ":"))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def said(self, part, message="", seconds=30):
        """Waits until the log contains `part`: a line may be written after the event that it reports."""
        try:
            eventually(lambda: part in self.log(), "", seconds)
        except AssertionError:
            contains(self.log(), part, message)

    def coppice(self, *arguments, timeout=60):
        """Runs the client; returns the finished process with text stdout and stderr."""
        return subprocess.run([program("COPPICE", "coppice"), *arguments, "--socket", self.socket],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def reply(self, command, **arguments):
        """The whole document of the node's answer: {"result": …} or {"error": …}. Each thread that asks has one
        connection, which is kept. It is made anew if the node has closed it, or has not answered on it in time."""
        kept = getattr(self.asked_by, "connection", None)
        if kept is None or not kept.is_usable():
            self.close_connection()
            kept = self.asked_by.connection = Connection(self.socket)
        try:
            return kept.reply(command, **arguments)
        except BaseException:
            kept.close()
            raise

    def ask(self, command, **arguments):
        """The result of a command that must succeed. Arguments have the names of the protocol. A configuration that
        diff or apply finds invalid is a failure too."""
        try:
            reply = self.reply(command, **arguments)
        except OSError as why:
            raise AssertionError(f"{command} {arguments}: {why!r}\n{self.log()}") from None
        if "error" in reply or reply["result"].get("valid") is False:
            raise AssertionError(f"{command} {arguments}: {reply}\n{self.log()}")
        return reply["result"]

    def call(self, name, term, timeout_ms=5000):
        """The reply of gen_server:call as Erlang text."""
        return self.ask("call", name=name, term=term, timeout_ms=timeout_ms)["reply"]

    def refused(self, name, term, timeout_ms=5000):
        """The error of a call that no callback of the process handles."""
        reply = self.reply("call", name=name, term=term, timeout_ms=timeout_ms)
        why = reply.get("error", {}).get("why", "")
        if not why.startswith("bad_request: "):
            raise AssertionError(f"{name} took {term}: {reply}\n{self.log()}")
        return why.removeprefix("bad_request: ")

    def answer(self, name, term, timeout_ms=5000):
        """The reply to a call that may fail. None: it has failed, perhaps because the node is gone."""
        with contextlib.suppress(OSError):
            reply = self.reply("call", name=name, term=term, timeout_ms=timeout_ms)
            return reply["result"]["reply"] if "result" in reply else None

    def info(self, process):
        """The document of one process."""
        return self.ask("info", name=process)

    def engine(self, process):
        """The report of a process's engine, once it has more than its kind. A busy process may not answer in time, and
        is asked again."""
        def report():
            told = self.info(process)["engine"]
            return told if told and set(told) != {"kind"} else None
        return eventually(report, f"{process} reports")

    def pid(self, process):
        """The pid of the process. None: the process does not exist now, or the node does not run."""
        with contextlib.suppress(OSError):
            reply = self.reply("info", name=process)
            return reply["result"]["pid"] if "result" in reply else None

    def status(self, process):
        """The status of a process, given by name or pid, without a request to it (info may wait for an idle process's
        answer). None: no such process."""
        return next((one["status"] for one in self.ask("ps")["processes"] if process in (one["name"], one["pid"])), None)

    def logged(self, **wanted):
        """The lines of the node's log, with their fields: all, or those of a `module`, of a `process`, of a `level` and
        above, or the `last` N."""
        found, more = [], True
        while more:
            page = self.ask("logs", **wanted)
            found += page["lines"]
            more, wanted["after"] = page["more"], page["next"]
        return found

    def close_connection(self):
        """Closes this thread's connection. Connections of other threads are useless once the node has ended, and are
        made anew."""
        kept = self.asked_by.__dict__.pop("connection", None)
        if kept is not None:
            kept.close()

    def connection(self):
        """A separate connection to the control socket, for a request whose answer the test does not wait for."""
        connection = Connection(self.socket)
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
