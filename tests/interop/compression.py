#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LZ4 between our nodes: the same message takes fewer bytes. Towards an Erlang node it is never used."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, equal, run, test

LISTEN = ("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")
MESSAGE = "<<" + ",".join(["\"all work and no play\""] * 4000) + ">>"
SIZE = 4000 * len("all work and no play")


def node(cleanup, name, level, **options):
    return Node(cleanup, name=name, settings=[LISTEN, ("distribution.compression", f"{{ level: {level}, threshold: 1KiB }}")], **options)


def bytes_out(of, to):
    return next(p for p in of.ask("nodes")["nodes"] if p["name"] == to)["bytes_out"]


def echoed(of, to):
    """The number of bytes that went out for a message that came back whole."""
    of.call(f"probe@{to}", "ping")
    before = bytes_out(of, to)
    equal(of.call(f"probe@{to}", f"{{echo, {MESSAGE}}}").count("all work"), 4000)
    of.call(f"probe@{to}", "ping")
    return bytes_out(of, to) - before


@test("a message between two of ours gets smaller at the sender's level, whatever the receiver's is",
      proves="compression", peer=lambda: "Coppice")
def ours(cleanup):
    a = node(cleanup, "a", 1)
    b = node(cleanup, "b", 0, epmd_port=a.epmd_port)
    check(echoed(a, b.name) < SIZE / 10, "a compresses")
    check(echoed(b, a.name) > SIZE, "b does not")


@test("an OTP node is never sent what it cannot read", proves="compression")
def otp(cleanup):
    a = node(cleanup, "a", 9)
    erl = Erl(cleanup, epmd_port=a.epmd_port)
    equal(erl("register(probe, spawn(fun F() -> receive {'$gen_call', {P, T}, {echo, X}} -> P ! {T, X}, F();"
              "{'$gen_call', {P, T}, ping} -> P ! {T, pong}, F() end end)), ok"), "ok")
    check(echoed(a, "me@127.0.0.1") > SIZE, "it went as it is")
    equal(erl(f"B = binary:copy(<<0>>, 100000), B =:= gen_server:call({{probe, '{a.name}'}}, {{echo, B}})"), "true", a.log())


TREE = """\
node: { name: a@127.0.0.1 }
distribution: { compression: { level: NODES, threshold: 1KiB } }
applications:
  - name: app
    supervisor:
      children:
        - { id: small, actor: probe, name: small, compression: { level: 9, threshold: 200B } }
        - { id: never, actor: probe, name: never, compression: { level: 0 } }
        - { id: as_node, actor: probe, name: as_node }
"""


def text(size):
    return "<<" + ",".join(['"all work and no play"'] * (size // 20)) + ">>"


def answered(by, name, to, size):
    """The number of bytes that a child's answer of `size` bytes takes on its way to another node. Sent bytes are
    counted when something is read, so this waits for the answer to a ping."""
    to.call(f"{name}@{by.name}", "ping")
    before = bytes_out(by, to.name)
    equal(to.call(f"{name}@{by.name}", f"{{echo, {text(size)}}}").count("all work"), size // 20)
    to.call(f"{name}@{by.name}", "ping")  # bytes that were sent before this message came are counted then
    return bytes_out(by, to.name) - before


@test("a child compresses what it sends by its own level and threshold, whatever the node's are")
def by_child(cleanup):
    for nodes in (0, 1):
        a = Node(cleanup, name="a", config=TREE.replace("NODES", str(nodes)), settings=[LISTEN])
        b = node(cleanup, "b", 0, epmd_port=a.epmd_port)
        for size in (800, 20_000, 100_000):
            # The least of three: the nodes also send other things.
            small, never, as_node = (min(answered(a, name, b, size) for _ in range(3)) for name in ("small", "never", "as_node"))
            check(never > size, "never does not compress", nodes, size, never)
            check(small < never - size / 2, "small does", nodes, size, small, never)
            equal(as_node < never - size / 2, nodes == 1 and size >= 1024, f"as_node does as the node: {nodes} {size} {as_node}")


@test("apply changes it under a running child, which keeps its pid and state, and back")
def applied(cleanup):
    tree = TREE.replace("NODES", "0")
    a = Node(cleanup, name="a", config=tree, settings=[LISTEN])
    b = node(cleanup, "b", 0, epmd_port=a.epmd_port)
    pids = {name: a.call(name, "self") for name in ("small", "never", "as_node")}
    later = tree.replace("name: never, compression: { level: 0 }", "name: never, compression: { level: 1 }").replace(
        "actor: probe, name: as_node", "actor: probe, name: as_node, compression: { level: 3, threshold: 300B }").replace(
        ", compression: { level: 9, threshold: 200B }", "")
    for text_of_file, small, never, as_node in ((later, False, True, True), (tree, True, False, False)):
        a.folder.write("node.yaml", text_of_file)
        changes = a.ask("apply")["changes"]
        equal([(c["action"], c["path"], c["keys"]) for c in changes],
              [("update", f"app/{name}", ["compression"]) for name in ("small", "never", "as_node")])
        for name, smaller in (("small", small), ("never", never), ("as_node", as_node)):
            equal(answered(a, name, b, 20_000) < 2000, smaller, name)
        equal({name: a.call(name, "self") for name in pids}, pids)


if __name__ == "__main__":
    run()
