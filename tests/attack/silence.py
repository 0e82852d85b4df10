#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that connect and send nothing, or half of a message, do not keep other clients out: at the ports of the
distribution, EPMD and HTTP, and at the control socket. They use more sockets than there are places, and replace each as
soon as it is closed."""
import os
import re
import resource
import socket

from harness.attack import ATTACKERS, BYSTANDERS, Bystanders, Crowd, Target, unharmed
from harness.node import Folder, program
from harness.tap import check, equal, eventually, run, test

RATE = 300  # new sockets a second, in each crowd


def limited(cleanup, soft, hard):
    """A target with these limits of descriptors."""
    folder = Folder()
    cleanup.callback(folder.close)
    wrapper = folder.write("coppiced", f'#!/bin/sh\nulimit -S -n {soft}\nulimit -H -n {hard}\n'
                           f'exec {program("COPPICED", "coppiced")} "$@"\n', 0o755)
    usual = os.environ.get("COPPICED")
    os.environ["COPPICED"] = wrapper
    try:
        return Target(cleanup)
    finally:
        if usual is None:
            del os.environ["COPPICED"]
        else:
            os.environ["COPPICED"] = usual


def withstands(cleanup, attack, source=BYSTANDERS, target=None):
    target = target or Target(cleanup)
    bystanders = Bystanders(cleanup, target, source)
    with unharmed(target, bystanders, megabytes=32):
        crowds = attack(target)
        bystanders.served()
        for crowd in crowds:
            eventually(lambda crowd=crowd: crowd.opened > crowd.size, lambda crowd=crowd: f"pressed for places: {crowd.opened}", 30)
            crowd.close()


@test("silent sockets and half openings at the distribution's port keep nobody out")
def distribution(cleanup):
    withstands(cleanup, lambda target: [Crowd(cleanup, target.port, 300, rate=RATE),
                                        Crowd(cleanup, target.port, 300, b"\0\x1aN\0", rate=RATE)])


@test("half requests at EPMD keep nobody out, and leave descriptors for everybody else")
def epmd(cleanup):
    withstands(cleanup, lambda target: [Crowd(cleanup, target.epmd_port, 600, b"\0\5z", rate=RATE)],
               target=limited(cleanup, 256, 512))


@test("half request lines keep no orchestrator from /livez")
def http(cleanup):
    withstands(cleanup, lambda target: [Crowd(cleanup, target.http, 100, b"GET /liv", rate=RATE)])


@test("who asks for much and takes no answer keeps no orchestrator from /livez")
def greedy(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=32):
        crowd = []
        for _ in range(100):
            one = socket.socket()
            cleanup.callback(one.close)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.bind((ATTACKERS, 0))
            one.connect(("127.0.0.1", target.http))
            one.setblocking(False)
            one.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
            crowd.append(one)
        bystanders.served()
        for one in crowd:
            one.close()


@test("half requests at the control socket keep no operator out")
def control(cleanup):
    withstands(cleanup, lambda target: [Crowd(cleanup, target.socket, 100, b'{"comm', rate=RATE)])


@test("all doors at once, and bystanders who share the attackers' address")
def everywhere(cleanup):
    withstands(cleanup, lambda target: [Crowd(cleanup, target.port, 300, rate=RATE),
                                        Crowd(cleanup, target.epmd_port, 1100, b"\0\5z", rate=RATE),
                                        Crowd(cleanup, target.http, 100, b"GET /liv", rate=RATE),
                                        Crowd(cleanup, target.socket, 100, rate=RATE)], source=ATTACKERS)


@test("with all others used up there are descriptors left for the operator")
def reserve(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        most = len(target.descriptors()) + 40
        resource.prlimit(target.process.pid, resource.RLIMIT_NOFILE, (most, most))
        crowd = Crowd(cleanup, target.epmd_port, 200, b"\0\5z", rate=RATE)
        bystanders.served(but=("a newcomer's connect", "/livez"))
        crowd.close()
        bystanders.served()


@test("a node has as many descriptors as it may")
def limits(cleanup):
    target = limited(cleanup, 256, 512)
    with open(target.proc("limits"), encoding="ascii") as file:
        soft, hard = re.search(r"^Max open files +(\S+) +(\S+)", file.read(), re.M).groups()
    equal((soft, hard), ("512", "512"))


if __name__ == "__main__":
    run()
