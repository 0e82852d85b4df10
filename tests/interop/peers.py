#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A node that stays connected to an Erlang node because its configuration names it: neither node sends anything."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import equal, eventually, run, test

TREE = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ], connect: never, peers: [ me@127.0.0.1 ] }
applications: []
"""


@test("an Erlang node of distribution.peers is connected when it comes, and so is each next life of it")
def restarted(cleanup):
    node = Node(cleanup, config=TREE)  # it is ready before its peer exists
    for losses in range(3):
        erl = Erl(cleanup, epmd_port=node.epmd_port)
        eventually(lambda: erl("nodes()") == f"['{node.name}']", "our node has connected to it", 60)
        seen = next(one for one in node.ask("nodes")["nodes"] if one["name"] == "me@127.0.0.1")
        equal((seen["state"], seen["losses"], seen["kept"]), ("connected", losses, True))
        equal(node.ask("health")["warnings"], [])
        erl.kill()
        eventually(lambda: [one["name"] for one in node.ask("health")["warnings"]] == ["me@127.0.0.1"], "it is missed")


@test("a node that Erlang disconnects is connected again")
def disconnected(cleanup):
    node = Node(cleanup, config=TREE)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    eventually(lambda: erl("nodes()") == f"['{node.name}']", "our node has connected to it", 60)
    equal(erl(f"net_kernel:monitor_nodes(true), erlang:disconnect_node('{node.name}'), "
              f"receive {{nodedown, '{node.name}'}} -> receive {{nodeup, '{node.name}'}} -> again after 60000 -> late end end"), "again")


run()
