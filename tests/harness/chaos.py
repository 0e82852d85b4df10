# SPDX-License-Identifier: MIT
"""What tests of connections under chaos share: a node with what was done to it, all of its clients and operators at once for
the time that was given, and what of it is left. COPPICE_CHAOS_SECONDS says for how long, COPPICE_CHAOS_SEED which chaos,
COPPICE_CHAOS_CONNECTIONS how many connections a reload is to go through."""
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
    """`done`: how often what was done; `wrong`: what should not have been. Whoever derives from it puts plugins on the
    `shelf` and starts `node`."""

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
        """None where the node has no door for them."""
        if self.metrics is None:
            return None
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.M)
        check(values, f"the metric {name} is there", text[:2000])
        return sum(float(value) for value in values)

    def descriptors(self):
        """What the node has open, by number; but for the spare one that libuv keeps in a loop from its first stream on, and
        the clocks of threads, of which there is one more for each handler that was long."""
        folder = f"/proc/{self.node.process.pid}/fd"
        found = {}
        for entry in os.listdir(folder):
            with contextlib.suppress(OSError):
                found[int(entry)] = os.readlink(f"{folder}/{entry}")
        return {number: name for number, name in found.items() if name != "/dev/null" and "/task/" not in name}

    def rage(self, clients, operators, time=seconds):
        """All of it at once: clients as act(chaos, random), operators as act(chaos, node, random), each again and again."""

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
    """One file by another, at once."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.copy(source, fresh)
    fresh.chmod(0o755)
    fresh.rename(target)


def connect(at, timeout=30):
    """What is written goes out at once."""
    connection = socket.create_connection(at, timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
