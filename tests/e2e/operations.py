#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The operations on a running tree: start, stop, restart and terminate, with the client and over the control socket."""
from harness.erlang import Erl
from harness.node import Node, connectable, tree
from harness.tap import contains, equal, eventually, run, test

config = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: base
    type: permanent
    supervisor:
      children:
        - { id: one, actor: probe, name: one }
        - { id: 'odd id', actor: probe, name: odd }
        - { id: once, actor: probe, name: once, restart: temporary }
        - id: inner
          supervisor:
            children: [ { id: two, actor: probe, name: two }, { id: three, actor: probe, name: three } ]
        - id: crowd
          supervisor:
            name: crowd
            strategy: simple_one_for_one
            children: [ { id: worker, actor: kv, restart: temporary } ]
  - name: above
    depends_on: [ base ]
    supervisor: { children: [ { id: four, actor: probe, name: four, shutdown: 200ms } ] }
"""


def states(node):
    return {one["name"]: one["state"] for one in node.ask("status")["applications"]}


def pids(node, *names):
    return [node.call(name, "self") for name in names]


def refused(node, *command):
    done = node.coppice(*command)
    equal(done.returncode, 1, " ".join(command))
    equal(done.stdout, "")
    contains(done.stderr, f"coppice: {' '.join(command[:2])}: ")
    return done.stderr


@test("stop and start take one application down and up and return when it is done")
def stop_and_start(cleanup):
    node = Node(cleanup, config=config)
    equal(node.ask("stop", application="above"), {"application": "above"})
    equal(states(node), {"base": "running", "above": "stopped"})
    contains(refused(node, "stop", "above"), "not_started")
    equal(node.ask("start", application="above"), {"application": "above"})
    equal(node.call("four", "ping"), "pong")
    contains(refused(node, "start", "above"), "already_started")
    contains(refused(node, "start", "nothing"), "unknown_application")


@test("a permanent application that is stopped on request leaves the node up")
def stop_permanent(cleanup):
    node = Node(cleanup, config=config)
    node.ask("stop", application="base")
    equal(states(node), {"base": "stopped", "above": "running"})
    node.ask("stop", application="above")
    contains(refused(node, "start", "above"), "{not_started,base}")
    node.ask("start", application="base")
    node.ask("start", application="above")
    equal(states(node), {"base": "running", "above": "running"})
    equal(node.stop(), 0, node.log())


@test("restart changes one child's pid and leaves its siblings alone")
def restart_one(cleanup):
    node = Node(cleanup, config=config)
    names = ("one", "odd", "once", "two", "three")
    for path, changed in [("base/one", {"one"}), ("base/odd id", {"odd"}), ("base/once", {"once"}),
                          ("base/inner/two", {"two"}), ("base/inner", {"two", "three"}), ("base", set(names))]:
        before = pids(node, *names)
        equal(node.ask("restart", path=path), {"path": path})
        after = pids(node, *names)
        equal({n for n, b, a in zip(names, before, after) if b != a}, changed, path)


@test("terminate stops a child until it is restarted")
def terminate_one(cleanup):
    node = Node(cleanup, config=config)
    equal(node.ask("terminate", path="base/inner/two"), {"path": "base/inner/two"})
    contains(node.coppice("call", "two", "ping").stderr, "noproc")
    inner = [c for c in node.ask("tree", application="base")["applications"][0]["supervisor"]["children"] if c["id"] == "inner"][0]
    equal([c["state"] for c in inner["children"]], ["stopped", "running"])
    node.ask("restart", path="base/inner/two")
    equal(node.call("two", "ping"), "pong")
    node.ask("terminate", path="base/once")
    contains(refused(node, "restart", "base/once"), "there is no once in base")


@test("children of a template go by their pid")
def by_pid(cleanup):
    node = Node(cleanup, config=config)
    first, second = (node.call("crowd", "{start_child, []}")[4:-1] for _ in range(2))
    node.ask("restart", path=f"base/crowd/{first}")
    contains(refused(node, "restart", f"base/crowd/{first}"), "there is no")
    node.ask("terminate", path=f"base/crowd/{second}")
    contains(node.call("crowd", "count_children"), "{active,1}")


@test("what is not there, or not running, is refused in words")
def refusals(cleanup):
    node = Node(cleanup, config=config)
    for path, why in [("nothing/x", "there is no nothing"), ("base/nothing", "there is no nothing in base"),
                      ("base/one/two", "one is no running supervisor"), ("base/inner/nothing", "in base/inner"),
                      ("base//one", "there is no"), ("/", "there is no"), ("base/", "there is no")]:
        for command in ("restart", "terminate"):
            contains(refused(node, command, path), why, path)
    node.ask("stop", application="above")
    contains(refused(node, "restart", "above/four"), "above does not run")
    contains(refused(node, "restart", "above"), "not_started")


@test("a stop that takes longer than its timeout ends with status 4 and goes on")
def timeouts(cleanup):
    node = Node(cleanup, config=config)
    equal(node.call("four", "{trap_exit, true}"), "false")
    node.connection().send("call", name="four", term="{sleep, 60000}")
    eventually(lambda: node.status("four") == "parked", "the handler waits")
    late = node.coppice("terminate", "above/four", "--timeout", "20ms")
    equal(late.returncode, 4, late.stderr)
    eventually(lambda: node.answer("four", "ping") is None, "it was killed in the end")


@test("an Erlang node may not start or stop applications by asking the controller")
def not_from_elsewhere(cleanup):
    node = Node(cleanup, config=config)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    for request in ("{stop_application, base}", "{start_application, base}"):
        equal(erl(f"gen_server:call({{application_controller, '{node.name}'}}, {request})"), "{error,bad_request}")
    equal(states(node)["base"], "running")


NESTED = tree("""
        - id: inner
          supervisor: { name: inner_sup, children: [ { id: probe, actor: probe }, { id: other, actor: probe, name: demo/inner/b } ] }
""", "demo", "temporary", distribution=connectable)


@test("a child's path does where a name does, a registered name goes before it, and the tree names nested supervisors")
def by_path(cleanup):
    node = Node(cleanup, config=NESTED)
    equal(node.call("demo/inner/probe", "ping"), "pong")
    found = node.info("demo/inner/probe")
    equal((found["label"], found["actor"], found["name"]), ("demo/inner/probe", "probe", None))
    contains(node.coppice("info", "demo/inner/probe").stdout, "demo/inner/probe")
    equal(node.info("demo/inner")["name"], "inner_sup")
    equal(node.call("demo/inner/probe", "self"), found["pid"])
    equal(node.call("demo/inner/b", "self"), node.call("demo/inner/other", "self"), "a registered name goes before a path")
    top = node.ask("tree")["applications"][0]["supervisor"]
    equal(top["children"][0]["name"], "inner_sup")
    for path in ("demo/inner/none", "demo/none/x", "none/x", "demo/", "/"):
        for command in (("info", path), ("call", path, "ping")):
            refused = node.coppice(*command)
            equal(refused.returncode, 1, refused.stdout)
            contains(refused.stderr, f"coppice: {' '.join(command[:2])}: ")


UNHANDLED = tree("""
        - { id: store, actor: kv, name: store%s }
""", "shop", "temporary", distribution=connectable)


@test("a child's `unhandled` says what a request does that its actor does not take, and apply changes it")
def unhandled(cleanup):
    node = Node(cleanup, config=UNHANDLED % ", unhandled: reply_error")
    node.call("store", "{put, kept, 1}")
    contains(refused(node, "call", "store", "{take, q, 1.5}"), "bad_request: ")
    node.ask("cast", name="store", term="{take, q, 1.5}")
    equal(node.call("store", "{get, kept}"), "{ok,1}")
    node.folder.write("node.yaml", UNHANDLED % ", unhandled: exit")
    equal([f"{c['action']} {c['path']} {','.join(c['keys'])}" for c in node.ask("apply")["changes"]],
          ["restart shop/store unhandled"])
    contains(node.coppice("call", "store", "{take, q, 1.5}").stderr, "{bad_call,{take,q,1.5}}")


run()
