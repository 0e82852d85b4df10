# SPDX-License-Identifier: MIT
"""Faults of the programs that a test starts, whatever the test itself checks: a signal that means a crash, a process or a folder
that outlives the script, and reports of sanitizers. Nobody reads a daemon's standard error while a test passes, and its exit
status may be lost. So in a sanitized build every program writes its report to a file of its own, and the report counts for the
test under which it is found. The build says which sanitizer it has (Meson's b_sanitize); the environment may contain the options
of any sanitizer.
"""
import atexit
import os
import pathlib
import secrets
import shutil
import signal
import tempfile
import time

_options = {"address": "ASAN_OPTIONS", "thread": "TSAN_OPTIONS", "undefined": "UBSAN_OPTIONS"}
_built_with = os.environ.get("COPPICE_SANITIZE", "none").split(",")
_most = 4000  # characters of a report that are shown at most
_broken = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
_mark = "COPPICE_TEST_SCRIPT"  # set in the environment of every process that this script starts
# The random part is needed: a script that was killed may have had the same pid, and its folders may still be there.
_run = f"{os.getpid()}-{secrets.token_hex(4)}"
_patience = 10.0  # seconds that a process may take to end


def sanitized(*kinds):
    """Whether the programs under test have one of these sanitizers: address, thread, undefined."""
    return any(kind in _built_with for kind in kinds)


class Reports:
    """Collects crashes of programs and, in a build with a sanitizer, its reports."""

    def __init__(self):
        self.folder = None
        self.expected = []
        self.signals, self.expected_signals = [], set()
        names = [name for kind, name in _options.items() if sanitized(kind)]
        self.slower = 4 if names else 1  # a program may take so many times longer, as packaging/dev allows a test
        if not names:
            return
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coppice-reports-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for name in names:
            given = os.environ.get(name)
            os.environ[name] = (given + ":" if given else "") + f"log_path={self.folder}/report:log_exe_name=1"

    def ended(self, program, status):
        """Notes a crash. `status`: the exit status in the form that subprocess has."""
        if status is not None and -status in _broken:
            self.signals.append((program, signal.Signals(-status).name))

    def expect_signal(self, number):
        """This signal is no fault until the next take(), because the test sends it itself."""
        self.expected_signals.add(signal.Signals(number).name)

    def expect(self, program, part):
        """Until the next take(), reports of this program that contain `part` are expected."""
        self.expected.append((program, part))

    def take(self):
        """The reports since the last call that no test expects, as text. tests/run.py knows their first words."""
        found = [f"ended by a signal: {program}: {name}" for program, name in self.signals if name not in self.expected_signals]
        self.signals.clear()
        self.expected_signals.clear()
        for file in sorted(self.folder.iterdir()) if self.folder else []:
            text = file.read_text(errors="replace")
            file.unlink()
            if text.strip() and not any(f".{program}." in file.name and part in text for program, part in self.expected):
                found.append(f"{file.name}:\n{text[:_most]}")
        self.expected.clear()
        return "\n".join(found)


reports = Reports()


def mark():
    """Called before any process is started."""
    os.environ[_mark] = _run


def environment(process):
    """The environment that a process was started with. While a process executes another program, Linux shows neither
    its environment nor its command line, and Popen() may return by then. Zombies and kernel threads have no program."""
    deadline = time.monotonic() + _patience
    while True:
        command, found = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()  # in this order
        if found or command or time.monotonic() > deadline:
            return found
        os.readlink(process / "exe")
        time.sleep(0.001)


def marked_processes():
    """The processes that this script has started, directly or not, and that still run: `process PID: COMMAND`."""
    wanted, found = f"{_mark}={_run}".encode(), []
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if wanted in environment(folder).split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                found.append(f"process {folder.name}: {command[:200]}")
        except OSError:
            continue
    return found


def left_behind():
    """A line for each process and folder that outlives the script's tests, after a wait for those that are about to
    end."""
    deadline = time.monotonic() + _patience
    while processes := marked_processes():
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    folders = sorted(pathlib.Path(tempfile.gettempdir()).glob(f"{folder_prefix()}*"))
    return [f"left behind: {what}" for what in processes] + [f"left behind: {path}" for path in folders]


def folder_prefix():
    """The prefix of the names of this script's temporary folders."""
    return f"coppice-test-{_run}-"
