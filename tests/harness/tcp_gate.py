# SPDX-License-Identifier: MIT
"""A node with a TCP listener that is named gate, and clients of it."""
import socket
import struct

from harness.node import Node, Shelf, tree
from harness.tap import contains, eventually

_CHILDREN = """
        - id: gate
          name: gate
          tcp:
            listen: {listen}
            actor: {actor}
            frame: {frame}
{more}
        - {{ id: dialer, actor: "wires:dialer", name: dialer }}
"""
LINES = "{ kind: line, max: 1KiB }"
HERE = "[{ address: 127.0.0.1, port: 0 }]"


def config(listen=HERE, actor='"wires:session"', frame=LINES, more=(), beside=""):
    """`more`: further lines of the listener; `beside`: further children."""
    return tree(_CHILDREN.format(listen=listen, actor=actor, frame=frame, more="\n".join("            " + line for line in more)) + beside)


def alone(gate, config):
    """The configuration in the form that `coppice check` needs: with a name of its own, and the gate's plugins."""
    return config.replace("node: { workers: 2 }", f"node: {{ name: a@127.0.0.1 }}\nplugins: {{ path: [ {gate.plugins.path} ] }}")


class Gate:
    """A node with one listener."""

    def __init__(self, cleanup, settings=(), under=None, **options):
        self.cleanup = cleanup
        self.plugins = Shelf(cleanup, "wires", "slices", "echo", "kv")
        self.node = Node(cleanup, config=config(**options), settings=(self.plugins.setting, *settings), under=under)

    def report(self):
        return self.node.ask("listener", name="gate")

    def address(self, index=0):
        host, _, port = self.report()["listening"][index].removesuffix(" tls").rpartition(":")
        return host.strip("[]"), int(port)

    def connect(self, hears=True, at=None, seconds=20):
        connection = socket.create_connection(at or self.address(), seconds)
        self.cleanup.callback(connection.close)
        client = Client(connection)
        if hears:
            contains(client.line(), b"hello 127.0.0.1")
        return client

    def actors(self):
        """The pids of the actors that have a connection."""
        return [one["pid"] for one in self.node.ask("ps")["processes"] if one["behaviour"] == "tcp" and one["name"] != "gate"]

    def open(self, count):
        """Waits until exactly that many connections are open. A node that has reached its limit of processes is asked
        again."""
        eventually(lambda: self.node.reply("listener", name="gate").get("result", {}).get("open") == count, f"{count} open")

    def ended(self, **expected):
        eventually(lambda: all(self.report()["ended"][how] == count for how, count in expected.items()),
                   f"{expected}: {self.report()['ended']}")


class Client:
    def __init__(self, connection):
        self.socket = connection
        self.kept = b""

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        while b"\n" not in self.kept:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError(self.kept)
            self.kept += part
        line, self.kept = self.kept.split(b"\n", 1)
        return line

    def take(self, count):
        while len(self.kept) < count:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError(self.kept)
            self.kept += part
        taken, self.kept = self.kept[:count], self.kept[count:]
        return taken

    def ends(self):
        """How the other side has ended the connection: b"" (closed) or "reset"."""
        try:
            return self.kept + self.socket.recv(65536)
        except ConnectionResetError:
            return "reset"

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
