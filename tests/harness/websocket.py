# SPDX-License-Identifier: MIT
"""A WebSocket client that can break the protocol in ways that a test chooses."""
import base64
import hashlib
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x12\x34\x56\x78", length=None):
    """A client's frame. mask=None: it is not masked. `length`: the length that it claims, in the form "B", "H" or
    "Q"."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    masked = 0x80 if mask else 0
    if length is not None:
        form, size = length
        head = struct.pack("!BB", first, masked | (size if form == "B" else 126 if form == "H" else 127))
        head += b"" if form == "B" else struct.pack("!" + form, size)
    elif len(payload) < 126:
        head = struct.pack("!BB", first, masked | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, masked | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, masked | 127, len(payload))
    if mask:
        key = int.from_bytes((mask * (len(payload) // 4 + 1))[:len(payload)], "big")
        payload = (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big") if payload else b""
        head += mask
    return head + payload


def close_frame(code=None, reason=b""):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class WebSocket:
    """A connection that is open after construction, unless its `status` says otherwise."""

    def __init__(self, cleanup, at, path, *headers, version="13", key=KEY, upgrade="websocket", connection="Upgrade", method="GET", behind=b"", tls=None):
        self.socket = socket.create_connection(at, 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=at[0])
        cleanup.callback(self.socket.close)
        self.file = self.socket.makefile("rb")
        cleanup.callback(self.file.close)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {at[0]}:{at[1]}", *headers]
        for name, value in (("Upgrade", upgrade), ("Connection", connection), ("Sec-WebSocket-Version", version), ("Sec-WebSocket-Key", key)):
            if value is not None:
                lines.append(f"{name}: {value}")
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode() + b"\r\n" + behind)
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, _, value = line.decode().strip().partition(": ")
            self.headers[name.lower()] = value
        self.accept = base64.b64encode(hashlib.sha1((key or "").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()

    def send(self, *frames, step=None):
        data = b"".join(frames)
        for at in range(0, len(data), step or max(len(data), 1)):
            self.socket.sendall(data[at:at + (step or len(data))])

    def text(self, said):
        self.send(frame(TEXT, said.encode()))

    def next(self):
        """(opcode, payload) of the server's next frame, which has to be whole and not masked. None: the end of the
        connection."""
        head = self.file.read(2)
        if head == b"":
            return None
        first, size = head
        assert first & 0x70 == 0 and first & 0x80 and size < 128, head
        if size == 126:
            size = struct.unpack("!H", self.file.read(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.file.read(8))[0]
        payload = self.file.read(size)
        assert len(payload) == size, "the connection's end in a frame"
        return first & 15, payload

    def rest(self):
        """Everything up to the end of the connection: texts and binaries as they are, a close as its code, and None for
        a close without code."""
        out = []
        while (one := self.next()) is not None:
            opcode, payload = one
            out.append((opcode, payload) if opcode != CLOSE else struct.unpack("!H", payload[:2])[0] if payload else None)
        return out
