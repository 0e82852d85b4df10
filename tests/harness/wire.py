# SPDX-License-Identifier: MIT
"""A wire between two nodes that a test can cut: a TCP proxy on 127.0.0.1."""
import contextlib
import select
import socket
import threading


class Wire:
    """Leads those who connect to .port to `port`; cut, it breaks off every connection and refuses others."""

    def __init__(self, cleanup, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.peers = {}  # both directions
        self.whole = True
        self.wake, self.woken = socket.socketpair()
        self.ends = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        cleanup.callback(self.close)

    def cut(self):
        """Both sides hear of it at once; nothing that is on its way arrives."""
        with self.lock:
            self.whole = False
            for one in list(self.peers):
                self._drop(one)

    def heal(self):
        with self.lock:
            self.whole = True

    def close(self):
        self.ends = True
        self.wake.send(b"x")
        self.thread.join()
        self.cut()
        for one in (self.listener, self.wake, self.woken):
            one.close()

    def _drop(self, one):
        other = self.peers.pop(one, None)
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
        if other is not None:
            self._drop(other)

    def _run(self):
        while not self.ends:
            with self.lock:
                watched = [self.listener, self.woken, *self.peers]
            # A descriptor that is closed meanwhile is looked at again; -1 is one that was before.
            with contextlib.suppress(OSError, ValueError):
                for one in select.select(watched, [], [], 0.05)[0]:
                    if one is self.listener:
                        self._accept()
                    elif one is not self.woken:
                        self._carry(one)

    def _accept(self):
        near, _ = self.listener.accept()
        with self.lock:
            if not self.whole:
                near.close()
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                return
            self.peers[near], self.peers[far] = far, near

    def _carry(self, one):
        with self.lock:
            other = self.peers.get(one)
            if other is None:
                return
            try:
                data = one.recv(1 << 16)
                if data:
                    other.settimeout(10)
                    other.sendall(data)
                    return
            except OSError:
                pass
            self._drop(one)
