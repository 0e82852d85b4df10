#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who connects and says nothing, or half of something, keeps nobody out."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.attack import Bystanders, Crowd, Target, unharmed
from harness.tap import run, test


@test("a few silent sockets at the distribution's port are nobody's concern")
def few(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        crowd = Crowd(cleanup, target.port, 16)
        bystanders.served()
        crowd.close()


if __name__ == "__main__":
    run()
