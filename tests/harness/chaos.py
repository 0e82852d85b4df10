# SPDX-License-Identifier: MIT
"""The shared part of the tests of connections under chaos: a node with counts of all actions, clients and operators
that act all at once for a given time, and a check of what is left. COPPICE_CHAOS_SECONDS is the time,
COPPICE_CHAOS_SEED the seed of the chaos, COPPICE_CHAOS_CONNECTIONS the number of connections that a reload has to
keep."""
import collections
import contextlib
import os
import random
import re
import shutil
import socket
import ssl
import struct
import threading
import urllib.request

from harness.node import Folder, Node, free_port
from harness.tap import check

seconds = float(os.environ.get("COPPICE_CHAOS_SECONDS", "5"))
connections = int(os.environ.get("COPPICE_CHAOS_CONNECTIONS", "1000"))
seed = int(os.environ.get("COPPICE_CHAOS_SEED", "1"))
BROKEN = (ConnectionResetError, BrokenPipeError, EOFError, ssl.SSLEOFError)  # the last one: in a handshake


class Chaos:
    """`done`: how often each action was done; `wrong`: results that should not have been. A derived class puts plugins
    on the `shelf` and starts `node`."""

    def __init__(self, cleanup, metrics=True):
        self.cleanup = cleanup
        self.metrics = free_port() if metrics else None
        folder = Folder()
        cleanup.callback(folder.close)
        self.shelf = folder.path
        self.node = None
        self.done = collections.Counter()
        self.wrong = []
        self.over = threading.Event()

    def start(self, config, **options):
        self.node = Node(self.cleanup, config=config, settings=[("plugins.path", f"[ {self.shelf} ]")], **options)

    def door(self):
        """The configuration's key for metrics, if there are any."""
        return f"control: {{ http: {{ address: 127.0.0.1, port: {self.metrics} }} }}" if self.metrics else ""

    def report(self, name):
        return self.node.ask("listener", name=name)

    def metric(self, name):
        """None: the node serves no metrics."""
        if self.metrics is None:
            return None
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.M)
        check(values, f"the metric {name} is there", text[:2000])
        return sum(float(value) for value in values)

    def descriptors(self):
        """The open files of the node, by number. Two kinds are left out: the spare descriptor that libuv keeps in a
        loop from its first stream on, and the clocks of threads, because each handler that took long has added a
        thread."""
        folder = f"/proc/{self.node.process.pid}/fd"
        found = {}
        for entry in os.listdir(folder):
            with contextlib.suppress(OSError):
                found[int(entry)] = os.readlink(f"{folder}/{entry}")
        return {number: name for number, name in found.items() if name != "/dev/null" and "/task/" not in name}

    def rage(self, clients, operators, time=seconds):
        """Runs all of it at once until the time is over: clients as act(chaos, random), operators as act(chaos, node,
        random), each again and again."""

        def of_client(act, here):
            while not self.over.is_set():
                try:
                    act(self, here)
                except BROKEN:
                    self.done["ended by the node"] += 1
                except TimeoutError:
                    self.wrong.append((act.__name__, "nothing came for too long"))
                except (AssertionError, OSError, ValueError) as why:
                    self.wrong.append((act.__name__, repr(why)))
                    self.over.wait(0.05)

        def of_operator(act, here):
            try:
                while not self.over.is_set():
                    act(self, self.node, here)
            except (AssertionError, KeyError, ValueError) as why:
                self.wrong.append((act.__name__, repr(why)))

        threads = [threading.Thread(target=of_client, args=(act, random.Random(seed + number))) for number, act in enumerate(clients)]
        threads += [threading.Thread(target=of_operator, args=(act, random.Random(seed - number)))
                    for number, act in enumerate(operators)]
        for thread in threads:
            thread.start()
        self.over.wait(time)
        self.over.set()
        for thread in threads:
            thread.join()
        self.over.clear()


def replace(source, target):
    """Replaces one file by another atomically."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.copy(source, fresh)
    fresh.chmod(0o755)
    fresh.rename(target)


def connect(at, timeout=30):
    """A connection without Nagle's algorithm: written bytes go out at once."""
    connection = socket.create_connection(at, timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
