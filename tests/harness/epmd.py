# SPDX-License-Identifier: MIT
"""A coppice-epmd under test, on a port of its own and on loopback. It is ended by its pid."""
import socket
import subprocess
import tempfile

from harness.node import free_port, program
from harness.tap import eventually


class Epmd:
    """An EPMD that has been started and listens on `port`."""

    def __init__(self, cleanup, port=None):
        self.port = port or free_port()
        said = tempfile.TemporaryFile("w+", errors="replace")
        cleanup.callback(said.close)
        self.process = subprocess.Popen([program("COPPICE_EPMD", "coppice-epmd"), "-port", str(self.port), "-address", "127.0.0.1"],
                                        stdin=subprocess.DEVNULL, stderr=said)
        cleanup.callback(self.end)
        eventually(lambda: self.process.poll() is not None or self.listens(), "EPMD listens")
        if self.process.poll() is not None:
            said.seek(0)
            raise AssertionError(f"coppice-epmd on port {self.port} ended with {self.process.returncode}: {said.read()}")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self):
        self.process.kill()
        self.process.wait()
