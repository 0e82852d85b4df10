#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Made-up names of nodes, more than a node remembers, do not push out real ones."""
from harness.attack import ATTACKERS, Bystanders, Target, unharmed
from harness.distribution import Atom, Peer
from harness.tap import check, equal, eventually, run, test
from harness.term import Pid, Reference

REMEMBERED = 8192  # besides as many as there may be connections
SETTINGS = [("node.limits.connections", 64)]


@test("answers that go to nodes which nobody has heard of leave room for those that are there")
def made_up(cleanup):
    target = Target(cleanup, settings=SETTINGS)
    bystanders = Bystanders(cleanup, target)
    beside = Target(cleanup, name="beside", epmd_port=target.epmd_port)
    equal(target.coppice("call", f"kv@{beside.name}", "size").stdout.strip(), "0")
    # Each name has a record of 6 KiB, with the answer that waits. The speed of the machine decides how many answers
    # wait at once.
    with unharmed(target, bystanders, megabytes=96, lines=80):
        one = Peer(target.port, f"mallory@{ATTACKERS}", source=ATTACKERS)
        cleanup.callback(one.close)
        for number in range(REMEMBERED + 3000):
            node = f"n{number}@127.0.0.1"
            one.send("kv", (Atom("$gen_call"), (Pid(node, 1), Reference(node, (1, 2, 3))), Atom("size")))
            if number % 2000 == 0:
                bystanders.served(1)
        equal(one.call("kv", Atom("size"), 30), 0, "all are answered")
        eventually(lambda: sum("not connected: " in line for line in target.lines()), "the log tells of them")
        bystanders.served()
        known = target.ask("nodes")["nodes"]
        check(len(known) <= REMEMBERED + 64, "no more are remembered", len(known))
        equal([node["state"] for node in known if node["name"] == beside.name], ["connected"])
        equal(target.coppice("call", f"kv@{beside.name}", "size").stdout.strip(), "0", "who was connected is, by its old name")
        later = Target(cleanup, name="later", epmd_port=target.epmd_port)
        equal(target.coppice("call", f"kv@{later.name}", "size").stdout.strip(), "0", "and who comes later connects")
        later.stop()
        one.close()


if __name__ == "__main__":
    run()
