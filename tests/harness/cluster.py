# SPDX-License-Identifier: MIT
"""A cluster of nodes that a test kills, freezes, partitions and deprives of their disks. The nodes connect to each other only
through wires (harness/wire.py), so every partition is possible; clients connect to the nodes' own ports.

Only the test's thread does this to the nodes. Clients in other threads know only ports, and speak distribution.
"""
import contextlib
import itertools
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from harness import disk_faults
from harness.distribution import Peer
from harness.node import Folder, Node, free_port
from harness.reports import sanitized
from harness.tap import Skip, eventually
from harness.term import Atom
from harness.wire import Mesh

CONFIG = """
node: {{ workers: 2 }}
epmd: {{ mode: "off" }}
distribution:
  listen: [ {{ address: 127.0.0.1, ports: {port}-{port} }} ]
  ticktime: 8s
  connect_timeout: 3s
  routes: [ {routes} ]
  peers: [ {peers} ]
applications:
  - name: chaos
    type: permanent
    supervisor:
      intensity: 1000000
      children:
{children}
"""
SMALL_DISK = "96m"  # room for a log's reserve and some segments


def faketime():
    """The path of the library. Skips the test if it is not there."""
    found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise Skip("libfaketime is missing")
    if sanitized("address", "thread", "undefined"):
        raise Skip("a sanitizer's library wants to be the first")
    return str(found[0])


class SmallDisk:
    """A tmpfs in a mount namespace, which a process keeps as long as the test runs. Skips the test without root."""

    def __init__(self, cleanup):
        folder = Folder()
        cleanup.callback(folder.close)
        self.where = folder.path
        if not shutil.which("nsenter") or subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            raise Skip("no mounts of its own without root")
        script = f"mount -t tmpfs -o size={SMALL_DISK},mode=0755 tmpfs {self.where} && echo there && exec cat"
        self.keeper = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cleanup.callback(self.end)
        if self.keeper.stdout.readline() != "there\n":
            raise Skip("no tmpfs can be mounted")
        self.seen = pathlib.Path(f"/proc/{self.keeper.pid}/root{self.where}")
        self.within = ["nsenter", "-t", str(self.keeper.pid), "-m"]

    def end(self):
        self.keeper.stdin.close()
        self.keeper.wait()
        self.keeper.stdout.close()

    def fill(self):
        with contextlib.suppress(OSError), open(self.seen / "filler", "wb", buffering=0) as out:
            while out.write(bytes(4096)) == 4096:
                pass

    def heal(self):
        (self.seen / "filler").unlink(missing_ok=True)


class Cluster:
    """`children(name)`: the lines of a node's children; `settings` are for every node. `cannot`: the faults that this
    machine cannot produce, {fault: reason}; the faults are "clock", "full disk" and "disk"."""

    def __init__(self, cleanup, names, children, clock_on="", small_disk_on="", settings=()):
        self.cleanup, self.names = cleanup, list(names)
        self.ports = {name: free_port() for name in self.names}
        self.mesh = Mesh(cleanup, self.ports)
        self.frozen = set()
        self.cannot, self.disks, self.small_disk, self.clock = {}, {}, None, None
        self.clock_on, self.small_disk_on = clock_on, small_disk_on
        try:
            library = disk_faults.library()
            self.disks = {name: None for name in self.names}
        except Skip as why:
            self.cannot["disk"] = str(why)
        self.nodes = {}
        for name in self.names:
            environment, within, own, preload = {}, [], [], []
            if name == clock_on:
                preload = self._with_clock(environment)
            if name in self.disks:
                self.disks[name] = disk_faults.Disk(cleanup, library, preload)
                environment.update(self.disks[name].environment)
            elif preload:
                environment["LD_PRELOAD"] = preload[0]
            if name == small_disk_on:
                within, own = self._with_small_disk()
            self.nodes[name] = Node(cleanup, name=name, config=self._config(name, children(name)), wait=False, within=within,
                                    settings=[*settings, *own], environment=environment)
        cleanup.callback(self.thaw)
        for node in self.nodes.values():
            node.wait_ready()

    def _config(self, name, children):
        others = [one for one in self.names if one != name]
        routes = ", ".join(f"{{ node: {self.node_name(one)}, address: 127.0.0.1, port: {self.mesh.wires[name, one].port} }}" for one in others)
        peers = ", ".join(self.node_name(one) for one in others)
        return CONFIG.format(port=self.ports[name], routes=routes, peers=peers, children="\n".join("        - " + line for line in children))

    def _with_clock(self, environment):
        try:
            library = faketime()
        except Skip as why:
            self.cannot["clock"] = str(why)
            return []
        folder = Folder()
        self.cleanup.callback(folder.close)
        self.clock = folder.path / "offset"
        self.set_clock("+0")
        environment.update({"FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        return [library]

    def _with_small_disk(self):
        try:
            self.small_disk = SmallDisk(self.cleanup)
        except Skip as why:
            self.cannot["full disk"] = str(why)
            return [], []
        return self.small_disk.within, [("node.data", str(self.small_disk.where / "data"))]

    @staticmethod
    def node_name(name):
        return f"{name}@127.0.0.1"

    def data(self, name):
        """The folder of the node's data, as this process sees it."""
        if self.small_disk is not None and name == self.small_disk_on:
            return self.small_disk.seen / "data"
        return self.nodes[name].folder.path / "data"

    def set_clock(self, offset):
        """Sets the clock of the node that has its own clock, for example "+3600": seconds from now."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(offset + "\n")
        fresh.rename(self.clock)

    def is_alive(self, name):
        return self.nodes[name].process.poll() is None

    def answering(self):
        """The names of the nodes that run and are not frozen."""
        return [name for name in self.names if self.is_alive(name) and name not in self.frozen]

    def kill(self, name):
        self.thaw(name)
        self.nodes[name].stop(signal.SIGKILL)

    def start(self, *names):
        """Starts those of the nodes that do not run."""
        begun = [name for name in names if not self.is_alive(name)]
        for name in begun:
            self.nodes[name].begin()
        for name in begun:
            self.nodes[name].wait_ready()

    def wipe(self, name):
        """Deletes the data of a node that does not run."""
        shutil.rmtree(self.data(name))

    def freeze(self, name):
        if self.is_alive(name):
            self.nodes[name].process.send_signal(signal.SIGSTOP)
            self.frozen.add(name)

    def thaw(self, *names):
        for name in names or list(self.frozen):
            if name in self.frozen and self.is_alive(name):
                self.nodes[name].process.send_signal(signal.SIGCONT)
            self.frozen.discard(name)

    def heal(self):
        """Undoes every fault, and starts the nodes that do not run."""
        self.mesh.heal()
        self.thaw()
        for disk in self.disks.values():
            disk.heal()
        if self.small_disk is not None:
            self.small_disk.heal()
        if self.clock is not None:
            self.set_clock("+0")
        self.start(*self.names)

    def connected(self):
        """Waits until each node is connected to every other."""
        def whole():
            return all({self.node_name(other) for other in self.names if other != name} <= set(self.peers_of(name)) for name in self.names)
        eventually(whole, lambda: f"all are connected: {[(name, self.peers_of(name)) for name in self.names]}", 60)

    def peers_of(self, name):
        return [one["name"] for one in self.nodes[name].ask("nodes")["nodes"] if one["state"] == "connected"]


class NotSent(Exception):
    """The request was not sent, so it has no effect."""


class Caller:
    """A client of the cluster, used by one thread. It is connected to one node at a time, under a name of its own.
    After a failure it connects anew."""

    numbers = itertools.count(1)

    def __init__(self, cluster, name=None):
        self.cluster, self.name = cluster, name
        self.peer = self.at = None

    def close(self):
        if self.peer is not None:
            self.peer.close()
        self.peer = None

    def call(self, at, name, request, seconds=8):
        """The answer of the process `name` at that node. None: no answer came, and it is unknown whether the request
        was done. NotSent: it was not sent."""
        if self.peer is None or self.at != at:
            self.close()
            try:
                # For a moment a node may take a broken connection for a whole one. So each connection has another
                # name, unless the name has to be the same.
                self.peer = Peer(self.cluster.ports[at], self.name or f"client{next(self.numbers)}@127.0.0.1", seconds=3)
            except (OSError, EOFError, AssertionError) as why:
                raise NotSent(repr(why)) from None
            self.at = at
        try:
            return self.peer.call(name, request, seconds)
        except (OSError, EOFError, TimeoutError):
            self.close()
            return None


class Clients:
    """Threads that call act(number) again and again until the end. An exception of act fails the test."""

    def __init__(self, count, act):
        self.over = threading.Event()
        self.failed = []
        self.act = act
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        try:
            self.act(number, self.over)
        except Exception as why:  # the test has to know of any failure
            self.failed.append(f"client {number}: {why!r}")

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def until(seconds, condition=lambda: False):
    """Lets a fault last for a time, or until the condition is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not condition():
        time.sleep(0.02)


def is_error(answer, *reasons):
    """Whether the answer is {error, Reason}, with one of the reasons if any are given."""
    return isinstance(answer, tuple) and len(answer) >= 2 and answer[0] == Atom("error") and (not reasons or answer[1] in reasons)


__all__ = ["Atom", "Caller", "Clients", "Cluster", "NotSent", "is_error", "until"]
