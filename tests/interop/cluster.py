#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nodes that come and go: the mesh of three with global, kill -9 of either side, restarts, hidden nodes."""
import time

from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, contains, equal, eventually, run, test

settings = [("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")]


def state_of(node, peer):
    peers = node.ask("nodes")
    peers = peers["nodes"] if isinstance(peers, dict) else peers
    return next((p for p in peers if p["name"] == peer), None)


@test("two OTP nodes and ours: global:sync() returns at once and the mesh stays")
def mesh(cleanup):
    node = Node(cleanup)
    a = Erl(cleanup, name="a@127.0.0.1", epmd_port=node.epmd_port)
    b = Erl(cleanup, name="b@127.0.0.1", epmd_port=node.epmd_port)
    equal(a("net_adm:ping('b@127.0.0.1')"), "pong")
    equal(a(f"net_adm:ping('{node.name}')"), "pong", node.log())
    started = time.monotonic()
    equal(a("global:sync()"), "ok", node.log())
    equal(b("global:sync()"), "ok", node.log())
    check(time.monotonic() - started < 5, "it took no time-out", time.monotonic() - started)
    everyone = ["a@127.0.0.1", "b@127.0.0.1", node.name]
    for erl, own in ((a, everyone[0]), (b, everyone[1])):
        others = ",".join(f"'{n}'" for n in sorted(everyone) if n != own)
        eventually(lambda: erl("lists:sort(nodes())") == f"[{others}]", f"{own} sees the others")
    equal(a(f"global:register_name(service, gen_server:call({{probe, '{node.name}'}}, self))"), "yes")
    equal(b("gen_server:call({global, service}, ping)"), "pong")
    # prevent_overlapping_partitions would act within this time.
    time.sleep(2)
    equal(a("length(nodes())"), "2")
    equal(b("length(nodes())"), "2")
    # One node stops in order. The other two stay connected.
    b.end()
    eventually(lambda: a("nodes()") == f"['{node.name}']", "a has only ours")
    equal(a(f"gen_server:call({{probe, '{node.name}'}}, ping)"), "pong")


@test("kill -9 of the Erlang node: our links and monitors fire, and its new life connects again", proves="links monitors exits")
def kill_erlang(cleanup):
    node = Node(cleanup)
    watcher = Erl(cleanup, name="w@127.0.0.1", epmd_port=node.epmd_port)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    watcher(f"N = '{node.name}', ok = gen_server:call({{probe, N}}, {{subscribe, self()}})")
    erl("register(s, spawn(fun() -> receive x -> ok end end)), ok")
    watcher("R = gen_server:call({probe, N}, {monitor, {s, 'me@127.0.0.1'}}), ok")
    first = erl("erlang:system_info(creation)")
    erl.kill()
    equal(watcher("receive {info, {'DOWN', R, process, W, Y}} -> {W, Y} after 20000 -> none end"),
          "{{s,'me@127.0.0.1'},noconnection}", node.log())
    eventually(lambda: state_of(node, "me@127.0.0.1")["state"] == "down", "the node is down")
    again = Erl(cleanup, epmd_port=node.epmd_port)
    equal(again(f"net_adm:ping('{node.name}')"), "pong", node.log())
    check(again("erlang:system_info(creation)") != first, "the creation is new")
    equal(again(f"gen_server:call({{probe, '{node.name}'}}, ping)"), "pong")


@test("kill -9 of our node: Erlang sees nodedown and noconnection, and our new life is another node to it")
def kill_ours(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', process_flag(trap_exit, true), P = gen_server:call({{probe, N}}, self),"
        "monitor_node(N, true), R = monitor(process, P), link(P), ok")
    node.process.kill()
    node.process.wait()
    equal(erl("lists:sort([receive {nodedown, N} -> 1; {'DOWN', R, process, P, noconnection} -> 2;"
              "{'EXIT', P, noconnection} -> 3 after 20000 -> 0 end || _ <- [1, 2, 3]])"), "[1,2,3]")
    again = Node(cleanup, epmd_port=node.epmd_port)
    eventually(lambda: erl("net_adm:ping(N)") == "pong", "connected again", 20)
    equal(erl("gen_server:call({probe, N}, ping)"), "pong", again.log())
    contains(erl("catch gen_server:call(P, ping)"), "noproc")


@test("our node stops in order: Erlang sees it go, nothing hangs")
def orderly(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', pong = net_adm:ping(N), monitor_node(N, true), ok")
    equal(node.stop(), 0, node.log())
    equal(erl("receive {nodedown, N} -> down after 10000 -> none end"), "down")


@test("a hidden Erlang node and a hidden node of ours connect without showing")
def hidden(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port, options=["-hidden"])
    equal(erl(f"net_adm:ping('{node.name}')"), "pong")
    equal(erl("{nodes(), nodes(hidden)}"), f"{{[],['{node.name}']}}")
    equal(state_of(node, "me@127.0.0.1")["hidden"], True)
    ours = Node(cleanup, name="hid", settings=[("node.visibility", "hidden"), *settings], epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{ours.name}')"), "pong", ours.log())


@test("our node connects to an Erlang node on demand, and coppice nodes shows it")
def outgoing(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl("register(echo, spawn(fun L() -> receive {'$gen_call', F, Q} -> gen_server:reply(F, Q), L() end end)), ok")
    eventually(lambda: node.call("relay", "{relay, {echo, 'me@127.0.0.1'}, hi}") == "hi", "the call goes through")
    peer = state_of(node, "me@127.0.0.1")
    equal((peer["state"], peer["direction"]), ("connected", "out"))
    equal(erl("nodes()"), f"['{node.name}']")


@test("both sides connect to each other at once: one connection is left, and no call is lost")
def simultaneous(cleanup):
    # One name sorts before ours, the other after it.
    for name in ("aa@127.0.0.1", "zz@127.0.0.1"):
        node = Node(cleanup, name=f"demo{name[0]}")
        erl = Erl(cleanup, name=name, epmd_port=node.epmd_port)
        erl("register(echo, spawn(fun L() -> receive {'$gen_call', F, Q} -> gen_server:reply(F, Q), L() end end)), ok")
        for i in range(5):
            erl(f"{{P{i}, R{i}}} = spawn_monitor(fun() ->"
                f" [pong = gen_server:call({{probe, '{node.name}'}}, ping) || _ <- lists:seq(1, 20)] end), ok")
            equal(node.call("relay", f"{{relay, {{echo, '{name}'}}, hi}}"), "hi", node.log())
            equal(erl(f"receive {{'DOWN', R{i}, process, P{i}, Y{i}}} -> Y{i} after 20000 -> none end"), "normal", node.log())
            equal(state_of(node, name)["state"], "connected", node.log())
            erl(f"erlang:disconnect_node('{node.name}')")
            # The log tells: a late signal of that node may make it connect again at once.
            eventually(lambda: node.log().count(f"{name}: disconnected") > i, "disconnected")


@test("an Erlang node without a name gets one from us")
def dynamic_name(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, name="undefined@127.0.0.1", epmd_port=node.epmd_port)
    equal(erl(f"net_kernel:connect_node('{node.name}')"), "true", node.log())
    contains(erl("node()"), "@127.0.0.1")
    equal(erl(f"gen_server:call({{probe, '{node.name}'}}, ping)"), "pong")
    name = erl("node()").strip("'")
    contains(node.coppice("nodes").stdout, name)
    erl(f"erlang:disconnect_node('{node.name}')")
    eventually(lambda: f"{name}: disconnected" in node.log(), "disconnected")
    assert name not in node.coppice("nodes").stdout, "nobody comes again by that name"


if __name__ == "__main__":
    run()
