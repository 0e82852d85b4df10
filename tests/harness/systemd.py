# SPDX-License-Identifier: MIT
"""A service manager that the test controls, with the protocols of systemd(1): it reads what a program says over
NOTIFY_SOCKET, keeps the descriptors that the program hands over (FDSTORE=1), and passes them to the next program that
it starts (LISTEN_FDS)."""
import os
import select
import socket
import subprocess
import sys
import threading

from harness.node import Folder

# Runs in the started process before the program: LISTEN_PID has to be the program's own pid, and the descriptors
# begin at 3.
_launcher = """
import os, sys
given, command = [int(n) for n in sys.argv[1].split(",") if n], sys.argv[2:]
high = [os.dup2(fd, 500 + i) for i, fd in enumerate(given)]
for fd in given:
    os.close(fd)
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(command[0], command)
"""


class ServiceManager:
    """`lines`: all lines so far, in order. `store`: the descriptors that it keeps, a list of (name, descriptor)."""

    def __init__(self, cleanup, watchdog=None, keeps=None):
        """`watchdog`: in seconds. `keeps`: the value of FDSTORE in the program's environment. None: it is not set, as
        before systemd 254."""
        self.folder = Folder()
        cleanup.callback(self.folder.close)
        self.path = str(self.folder.path / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.lines = []
        self.fresh = 0
        self.store = []
        self.lock = threading.Lock()
        self.watchdog = watchdog
        self.keeps = keeps
        self.environment = {}  # variables that are added to the started program's environment, or replace those
        self.ends, self.end = socket.socketpair()
        self.listens = threading.Thread(target=self._listen)
        self.listens.start()
        cleanup.callback(self.close)

    def close(self):
        """Stops reading and keeping anything."""
        if not self.listens.is_alive():
            return
        self.end.close()
        self.listens.join()
        self.ends.close()
        self.socket.close()
        os.unlink(self.path)
        for _, descriptor in self.store:
            os.close(descriptor)
        self.store = []

    def start(self, command, **how):
        """Starts a command as subprocess.Popen does, and passes the kept descriptors."""
        names, given = [name for name, _ in self.store], [descriptor for _, descriptor in self.store]
        environment = {**os.environ, "NOTIFY_SOCKET": self.path}
        if self.watchdog is not None:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog * 1e6))
        if self.keeps is not None:
            environment["FDSTORE"] = str(self.keeps)
        if given:
            environment.update(LISTEN_FDS=str(len(given)), LISTEN_FDNAMES=":".join(names))
            command = [sys.executable, "-c", _launcher, ",".join(map(str, given)), *command]
        return subprocess.Popen(command, env={**environment, **self.environment}, pass_fds=given, **how)

    def keep(self, name, descriptor):
        """Adds a descriptor that the test has opened, as a socket unit does, and takes ownership."""
        with self.lock:
            self.store.append((name, descriptor))

    def names(self):
        with self.lock:
            self._drain()
            return sorted(name for name, _ in self.store)

    def hear(self):
        """The lines since the last call."""
        with self.lock:
            self._drain()
            before, self.fresh = self.fresh, len(self.lines)
            return self.lines[before:]

    def has(self, line):
        with self.lock:
            self._drain()
            return line in self.lines

    def status(self):
        """The last status."""
        with self.lock:
            self._drain()
            said = [line for line in self.lines if line.startswith("STATUS=")]
        return said[-1].removeprefix("STATUS=") if said else ""

    def _listen(self):
        while self.ends not in select.select([self.socket, self.ends], [], [])[0]:
            with self.lock:
                self._drain()

    def _drain(self):
        while self.listens.is_alive():
            try:
                data, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 8)
            except BlockingIOError:
                return
            self._take(data.decode().splitlines(), descriptors)

    def _take(self, lines, descriptors):
        self.lines += lines
        name = next((line.removeprefix("FDNAME=") for line in lines if line.startswith("FDNAME=")), "stored")
        if "FDSTOREREMOVE=1" in lines:
            for _, descriptor in [one for one in self.store if one[0] == name]:
                os.close(descriptor)
            self.store = [one for one in self.store if one[0] != name]
        for descriptor in descriptors:
            known = {os.fstat(kept).st_ino for _, kept in self.store}
            if "FDSTORE=1" in lines and self.keeps != 0 and os.fstat(descriptor).st_ino not in known:
                self.store.insert(0, (name, descriptor))
            else:
                os.close(descriptor)  # this also answers BARRIER=1: all messages before it are handled
