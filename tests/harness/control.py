# SPDX-License-Identifier: MIT
"""A connection to a node's control socket. A request is one line of JSON and so is its reply; replies come in the order of the
requests. daemon/control has the commands and their arguments. Tests of a node use Node.ask, which keeps its connections; this
class is for tests in which a client of the socket misbehaves, or is one of many.
"""
import json
import select
import socket

GRACE = 60  # seconds that a node may take beyond the time limit of the request


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(GRACE)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def is_usable(self):
        """Whether neither side has closed it, and the node has sent nothing unasked."""
        if self.socket.fileno() < 0:
            return False
        look = select.poll()
        look.register(self.socket, select.POLLIN)
        return not look.poll(0)

    def send(self, command, **arguments):
        self.socket.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")

    def reply(self, command, **arguments):
        """The whole document: {"result": …} or {"error": {"code": …, "what": …, "why": …, "hint": …}}."""
        waits = sum(max(arguments.get(which, 0), 0) for which in ("timeout_ms", "over_ms"))
        self.socket.settimeout(GRACE + waits / 1000)
        self.send(command, **arguments)
        return self.receive()

    def receive(self):
        """The reply, as a whole document, to the first request that was sent and has not been answered yet."""
        line = self.reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the node closed the connection without a reply")
        return json.loads(line)
