#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""EPMD with Erlang's own: a stock erl registers with ours and finds us, ours registers with a stock epmd."""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.erlang import Erl
from harness.node import Node, free_port
from harness.tap import Skip, contains, equal, eventually, run, test


def names(port):
    environment = dict(os.environ, ERL_EPMD_PORT=str(port))
    done = subprocess.run(["epmd", "-names"], env=environment, capture_output=True, text=True, timeout=20)
    return done.stdout


def stock_epmd(cleanup):
    if shutil.which("epmd") is None:
        raise Skip("no epmd on this machine")
    port = free_port()
    process = subprocess.Popen(["epmd", "-port", str(port), "-address", "127.0.0.1"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cleanup.callback(process.wait)
    cleanup.callback(process.kill)
    eventually(lambda: "up and running" in names(port), "the stock epmd")
    return port, process


@test("a stock erl registers with our EPMD, finds us, and epmd -names shows both")
def ours(cleanup):
    if shutil.which("epmd") is None:
        raise Skip("no epmd on this machine")
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    listed = names(node.epmd_port)
    contains(listed, "name demo at port")
    contains(listed, "name me at port")
    erl.end()
    eventually(lambda: "name me at port" not in names(node.epmd_port), "me is gone from EPMD")


@test("our node registers with a stock epmd and is found there; two nodes of ours find each other")
def stock(cleanup):
    port, _ = stock_epmd(cleanup)
    node = Node(cleanup, epmd_port=port)
    eventually(lambda: "name demo at port" in names(port), node.log())
    erl = Erl(cleanup, epmd_port=port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    other = Node(cleanup, name="other", epmd_port=port,
                 settings=[("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")])
    equal(other.call("relay", f"{{relay, {{kv, '{node.name}'}}, size}}"), "0", other.log())


@test("when the stock epmd dies ours takes over, and everyone is found again")
def takeover(cleanup):
    port, process = stock_epmd(cleanup)
    node = Node(cleanup, epmd_port=port)
    eventually(lambda: "name demo at port" in names(port), node.log())
    process.kill()
    process.wait()
    eventually(lambda: "name demo at port" in names(port), node.log(), 20)
    erl = Erl(cleanup, epmd_port=port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())


if __name__ == "__main__":
    run()
