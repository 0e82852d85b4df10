#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client that connects under another node's name, and cannot prove that it is that node, does not disturb the
connection of the two real nodes."""
import contextlib
import threading
import time

from harness.attack import ATTACKERS, SOON, Bystanders, Target, unharmed
from harness.distribution import Opening
from harness.tap import check, contains, equal, eventually, run, test

TIMEOUT = 3  # seconds: distribution.connect_timeout
SETTINGS = [("distribution.connect_timeout", f"{TIMEOUT}s")]


class Impostor:
    """Opens connections under one name until close(). There are two at any time; each is given up after a while, and
    the next one is opened."""

    def __init__(self, cleanup, target, name):
        self.target, self.name = target, name
        self.begun = 0
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(offset,), daemon=True) for offset in (0, 0.25)]
        cleanup.callback(self.close)
        for one in self.threads:
            one.start()
        eventually(lambda: self.begun >= 2, "the impostor is at it")

    def run(self, offset):
        self.ending.wait(offset)
        while not self.ending.is_set():
            try:
                with contextlib.closing(Opening(self.target.port, ATTACKERS)) as one:
                    one.name_ourselves(self.name)
                    self.begun += 1
                    self.ending.wait(0.5)
            except (EOFError, OSError):
                self.ending.wait(0.05)

    def close(self):
        self.ending.set()
        for one in self.threads:
            one.join()


def timed_call(target, name):
    began = time.monotonic()
    return target.coppice("call", f"kv@{name}", "{get, a}", "--timeout", "20s"), time.monotonic() - began


@test("a node is reached while somebody else claims to be it")
def reached(cleanup):
    real = Target(cleanup, name="real")
    target = Target(cleanup, name="target", settings=SETTINGS, epmd_port=real.epmd_port)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, lines=60):
        impostor = Impostor(cleanup, target, real.name)
        done, taken = timed_call(target, real.name)
        equal(done.returncode, 0, done.stderr + target.log())
        check(taken < 1 + 2 * SOON, "after the moment that is left to an opening", taken)
        bystanders.served()
        impostor.close()
        target.call(f"net_kernel@{real.name}", "{is_auth, x}")
        target.ask("disconnect", node=real.name)


@test("what is sent to a node that is not there fails in time, whoever claims to be it")
def not_there(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, lines=60):
        impostor = Impostor(cleanup, target, "nobody@127.0.0.1")
        done, taken = timed_call(target, "nobody@127.0.0.1")
        check(done.returncode != 0, "nobody answers", done.stdout)
        contains(done.stderr, "nodedown", target.log())
        check(taken < TIMEOUT + SOON, "connect_timeout over all", taken)
        bystanders.served()
        impostor.close()


if __name__ == "__main__":
    run()
