#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An actor that ends with a long reason while many processes of a peer monitor it. Its end takes one turn: the reason
is read once, not for each of them. Other clients are served meanwhile, and the actor is restarted."""
from harness.attack import attacked, shop
from harness.distribution import Atom
from harness.tap import equal, eventually, run, test

LINK, EXIT2, MONITOR_P = 1, 8, 19
WATCHERS = 4000
CONFIG = "node: { workers: 1 }\n" + shop()


def reason():
    """A term of about 900 KB, the longest reason that a control message may have."""
    return [[(number % 200, [])] for number in range(70_000)]


@test("an actor that ends with a long reason is watched by thousands of processes of a peer, and holds nobody up")
def watched(cleanup):
    # The attacker reads nothing. The node keeps at most 128 MiB for it.
    with attacked(cleanup, CONFIG, megabytes=300, lines=60) as (target, one):
        kv, before = one.whereis("kv"), target.info("kv")["pid"]
        for _ in range(WATCHERS):
            one.control((MONITOR_P, one.pid(), kv, one.reference()))
        for number in range(2, WATCHERS // 10):
            one.control((LINK, one.pid(number), kv))
        equal(one.ping(30), "yes")
        one.control((EXIT2, one.pid(), kv, reason()))
        eventually(lambda: target.reply("info", name="kv").get("result", {}).get("pid", before) != before, "it has started anew", 30)


if __name__ == "__main__":
    run()
