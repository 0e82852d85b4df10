#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attacks on listeners of actors: clients that send half of something, announce much and send little, or do not read
answers. Each such connection is ended in time. Other clients of the same listener and of other listeners are served
meanwhile, and nothing of the attack is kept."""
import os
import socket
import ssl
import struct
import threading

from harness.attack import ATTACKERS, BYSTANDERS, Bystanders, Crowd, Target, unharmed
from harness.tap import check, equal, eventually, run, test

CONFIG = """
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    supervisor: { children: [ { id: kv, actor: kv, name: kv } ] }
  - name: net
    supervisor:
      intensity: 1000
      children:
        - id: lines
          name: lines
          tcp:
            listen: [ { address: 127.0.0.1, port: 0 }, { address: 127.0.0.1, port: 0, tls: on } ]
            actor: "echo:lines"
            frame: { kind: line, max: 4KiB }
            read: { first_byte: 500ms, frame: 500ms }
            max_connections: 200
        - id: blocks
          name: blocks
          tcp:
            listen: [ { address: 127.0.0.1, port: 0 } ]
            actor: echo
            frame: { kind: length, bytes: 4, max: 16MiB }
            read: { frame: 2s }
        - id: raw
          name: raw
          tcp:
            listen: [ { address: 127.0.0.1, port: 0 } ]
            actor: echo
            write: { high: 256KiB, stall: 1s }
"""


class Served(Target):
    def __init__(self, cleanup):
        # Meson sets this variable, with which malloc fills what it returns. The room that is kept for a frame and not
        # written to would then use memory.
        os.environ["MALLOC_PERTURB_"] = "0"
        super().__init__(cleanup, config=CONFIG)
        self.cleanup = cleanup
        self.ports = {name: [int(one.removesuffix(" tls").rpartition(":")[2]) for one in self.report(name)["listening"]]
                      for name in ("lines", "blocks", "raw")}

    def report(self, name):
        return self.ask("listener", name=name)

    def open(self, name, index=0, source=BYSTANDERS):
        connection = socket.create_connection(("127.0.0.1", self.ports[name][index]), 20, source_address=(source, 0))
        self.cleanup.callback(connection.close)
        return connection

    def ended(self, name, how):
        return self.report(name)["ended"][how]


def echoes(connection, said=b"hello\n"):
    connection.sendall(said)
    got = b""
    while len(got) < len(said):
        part = connection.recv(65536)
        check(part, "it is served", got)
        got += part
    equal(got, said)


def newcomer(target, name, said=b"hello\n"):
    connection = target.open(name)
    try:
        echoes(connection, said)
    finally:
        connection.close()


def bystanders_of(cleanup, target, *listeners):
    """The bystanders of every attack test, a client that was connected before the attack, and new clients of these
    listeners."""
    found = Bystanders(cleanup, target)
    before = target.open("raw")
    found.wants["an echo of one who was there before"] = lambda: echoes(before)
    for name in listeners:
        found.wants[f"a newcomer at {name}"] = lambda name=name: newcomer(target, name)
    return found


def left(target, name, open_ones=0):
    eventually(lambda: target.report(name)["open"] == open_ones, f"of {name} {open_ones} are open: {target.report(name)}", 30)


@test("half lines and silence in more connections than there are places keep newcomers out for their times at most")
def half_lines(cleanup):
    target = Served(cleanup)
    bystanders = bystanders_of(cleanup, target, "lines", "raw")
    with unharmed(target, bystanders, megabytes=32):
        crowds = [Crowd(cleanup, target.ports["lines"][0], 150, b"half a li", rate=100),
                  Crowd(cleanup, target.ports["lines"][0], 150, rate=100)]
        bystanders.served()
        for crowd in crowds:
            crowd.close()
            check(crowd.opened > crowd.size, "the crowd was pressed for places", crowd.opened)
        left(target, "lines")
        check(target.ended("lines", "idle") >= 100, "they were ended for it", target.report("lines"))


@test("handshakes that are begun and not ended take no places for long, and others' go on")
def half_handshakes(cleanup):
    target = Served(cleanup)
    bystanders = bystanders_of(cleanup, target, "raw")
    with unharmed(target, bystanders, megabytes=48):
        crowd = Crowd(cleanup, target.ports["lines"][1], 100, b"\x16\x03\x01\x02\x00", rate=100)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(target.open("lines", 1)) as connection:
            echoes(connection)
        bystanders.served()
        crowd.close()
        noise = Crowd(cleanup, target.ports["lines"][1], 100, b"GET / HTTP/1.1\r\n\r\n", rate=100)
        bystanders.served()
        noise.close()
        left(target, "lines")
        check(target.ended("lines", "tls") >= 100, "what is no TLS is ended for it", target.report("lines"))


@test("announced gigabytes are refused, and announced megabytes that do not come take no memory")
def announced(cleanup):
    target = Served(cleanup)
    bystanders = bystanders_of(cleanup, target, "raw")
    with unharmed(target, bystanders, megabytes=64):
        beyond = Crowd(cleanup, target.ports["blocks"][0], 50, struct.pack(">I", 1 << 30) + b"and no more", rate=300)
        bystanders.served(2)
        beyond.close()
        check(target.ended("blocks", "frame_too_large") >= 50, "refused", target.report("blocks"))
        within = Crowd(cleanup, target.ports["blocks"][0], 200, struct.pack(">I", 16 << 20) + b"and no more", rate=100)
        bystanders.served()
        eventually(lambda: target.ended("blocks", "idle") >= 200, "and ended after their time", 30)
        within.close()
        left(target, "blocks")


@test("who sends and never reads is ended for it, and costs what may wait for him and no more")
def deaf(cleanup):
    target = Served(cleanup)
    bystanders = bystanders_of(cleanup, target, "raw")
    over = threading.Event()

    def flood():
        while not over.is_set():
            with socket.socket() as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                one.bind((ATTACKERS, 0))
                try:
                    one.settimeout(5)
                    one.connect(("127.0.0.1", target.ports["raw"][0]))
                    while not over.is_set():
                        one.sendall(bytes(65536))
                except OSError:
                    continue

    with unharmed(target, bystanders, megabytes=64):
        crowd = [threading.Thread(target=flood) for _ in range(40)]
        for one in crowd:
            one.start()
        try:
            bystanders.served()
            eventually(lambda: target.ended("raw", "slow") >= 40, "they are ended", 30)
        finally:
            over.set()
            for one in crowd:
                one.join()
        left(target, "raw", 1)


if __name__ == "__main__":
    run()
