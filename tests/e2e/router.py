#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A router in a running node: calls of Erlang processes through it to processes here and on another node, routes that
are gone, calls that wait during a reload, and what operators see of it."""
import pathlib
import re
import shutil
import signal
import subprocess
import urllib.request

from harness.erlang import Erl
from harness.node import Folder, Node, free_port, plugin_folder, program
from harness.tap import check, contains, equal, eventually, run, test

CONFIG = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
applications:
  - name: main
    type: permanent
    supervisor:
      intensity: 1000
      children:
{children}
"""


def store(name):
    return f"{{ id: {name}, actor: kv, name: {name}, restart: temporary }}"


def shard(east="east", west="west", more="", on_failed="callback"):
    return (f"{{ id: shard, actor: shard, name: shard, args: {{ among: [east, west] }}, router: {{ routes: [ {{ name: east, to: {east} }}, "
            f"{{ name: west, to: {west} }} ], on_failed: {on_failed}{more} }} }}")


def node_with(cleanup, *children, **options):
    return Node(cleanup, config=CONFIG.format(children="\n".join("        - " + one for one in children)), **options)


def with_erl(cleanup, node):
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    return erl


def passed(node):
    engine = node.engine("shard")
    return {one["name"]: one["passed"] for one in engine["routes"]}


@test("calls go by their key, the answers to who asked, and a route that is gone gives way")
def by_key(cleanup):
    node = node_with(cleanup, store("east"), store("west"), shard())
    erl = with_erl(cleanup, node)
    equal(erl("lists:usort([gen_server:call({shard, N}, {put, K, K * K}) || K <- lists:seq(1, 200)])"), "[ok]")
    equal(erl("[gen_server:call({shard, N}, {get, K}) || K <- lists:seq(1, 200)] =:= [{ok, K * K} || K <- lists:seq(1, 200)]"), "true")
    both = [int(erl(f"gen_server:call({{{name}, N}}, size)")) for name in ("east", "west")]
    check(sum(both) == 200 and min(both) > 20, "both have keys", both)
    equal(erl("gen_server:call({shard, N}, routes)"), '[<<"east">>,<<"west">>]')
    erl("[gen_server:cast({shard, N}, {put, {cast, K}, x}) || K <- lists:seq(1, 50)]")
    eventually(lambda: sum(int(erl(f"gen_server:call({{{name}, N}}, size)")) for name in ("east", "west")) == 250, "casts come too")
    equal(sum(passed(node).values()), 450)
    erl("exit(rpc:call(N, erlang, whereis, [west]), kill)")
    eventually(lambda: erl("rpc:call(N, erlang, whereis, [west])") == "undefined", "one is gone")
    equal(erl("lists:usort([gen_server:call({shard, N}, {put, K, K}) || K <- lists:seq(1, 100)])"), "[ok]")
    erl("exit(rpc:call(N, erlang, whereis, [east]), kill)")
    eventually(lambda: erl("rpc:call(N, erlang, whereis, [east])") == "undefined", "both are gone")
    contains(erl("gen_server:call({shard, N}, {get, 1})"), "{error,{not_routed,")


@test("a call whose callee ends, or that takes too long, ends; one that waits does so over a reload")
def ends(cleanup):
    plugins = Folder()
    cleanup.callback(plugins.close)
    for name in ("shard", "probe", "kv"):
        shutil.copy(f"{plugin_folder()}/{name}.so", plugins.path)
    node = node_with(cleanup, "{ id: east, actor: probe, name: east }", shard(west="east", more=", timeout: 4s", on_failed="reply"),
                     settings=(("plugins.path", f"[ {plugins.path} ]"),))
    erl = with_erl(cleanup, node)
    erl("S = self(), Ask = fun(R) -> spawn(fun() -> S ! {got, catch gen_server:call({shard, N}, R, 20000)} end) end")
    erl("Got = fun() -> receive {got, G} -> G after 20000 -> late end end")
    erl("Ask({sleep, 1500})")
    eventually(lambda: node.engine("shard")["pending"] == 1, "it waits")
    shutil.copy(f"{plugins.path}/shard.so", f"{plugins.path}/shard.so.new")
    pathlib.Path(f"{plugins.path}/shard.so.new").rename(f"{plugins.path}/shard.so")
    node.ask("reload", plugin="shard")
    check("error" not in erl("Got()"), "the answer comes after the reload")
    erl("Ask({sleep, 3000})")
    eventually(lambda: node.engine("shard")["pending"] == 1, "it waits")
    erl("exit(rpc:call(N, erlang, whereis, [east]), kill)")
    contains(erl("Got()"), "killed}}")
    erl("Ask({sleep, 8000})")
    contains(erl("Got()"), "timeout}}")
    equal(node.engine("shard")["pending"], 0)


@test("a route leads to another node, and when that is lost its calls end")
def two_nodes(cleanup):
    second = node_with(cleanup, "{ id: far, actor: probe, name: far }", store("west"), name="second")
    node = node_with(cleanup, store("east"), shard(west=f"west@{second.name}"), epmd_port=second.epmd_port)
    erl = with_erl(cleanup, node)
    equal(erl("lists:usort([gen_server:call({shard, N}, {put, K, K}) || K <- lists:seq(1, 100)])"), "[ok]")
    check(int(erl(f"gen_server:call({{west, '{second.name}'}}, size)")) > 20, "the other node has keys")
    second.stop(signal.SIGKILL)
    equal(erl("lists:usort([gen_server:call({shard, N}, {put, K, K}, 20000) || K <- lists:seq(1, 100)])"), "[ok]")
    equal(erl("gen_server:call({east, N}, size)"), "100")


@test("routes and limits change by apply while the router runs, and calls that wait go on")
def applied(cleanup):
    stores = (store("east"), store("west"), "{ id: slow, actor: probe, name: slow }")
    node = node_with(cleanup, *stores, shard(east="slow", west="slow", on_failed="reply"))
    erl = with_erl(cleanup, node)
    before = erl("rpc:call(N, erlang, whereis, [shard])")
    erl("S = self(), spawn(fun() -> S ! {got, catch gen_server:call({shard, N}, {sleep, 3000}, 60000)} end)")
    eventually(lambda: node.engine("shard")["pending"] == 1, "it waits")
    children = "\n".join("        - " + one for one in (*stores, shard(more=", pending: 7", on_failed="reply")))
    node.folder.write("node.yaml", CONFIG.format(children=children))
    equal([(one["action"], one["path"], one["keys"]) for one in node.ask("diff")["changes"]], [("update", "main/shard", ["router"])])
    node.ask("apply")
    equal(erl("rpc:call(N, erlang, whereis, [shard])"), before)
    equal(node.engine("shard")["pending"], 1)
    equal(erl("lists:usort([gen_server:call({shard, N}, {put, K, K}) || K <- lists:seq(1, 100)])"), "[ok]")
    check(min(int(erl(f"gen_server:call({{{name}, N}}, size)")) for name in ("east", "west")) > 20, "both have keys now")
    equal(erl("receive {got, G} -> G after 60000 -> late end"), "ok")
    erl("exit(rpc:call(N, erlang, whereis, [shard]), kill)")
    eventually(lambda: erl("rpc:call(N, erlang, whereis, [shard])") not in ("undefined", before), "it starts again")
    equal({one["name"]: one["to"] for one in node.engine("shard")["routes"]}, {"east": "east", "west": "west"})


@test("metrics count what routers did, those that have ended too")
def metrics(cleanup):
    port = free_port()
    node = node_with(cleanup, store("east"), shard(west="nobody", on_failed="reply"), settings=(("control.http", f"{{ port: {port} }}"),))

    def samples():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            text = page.read().decode()
        return {name: int(value) for name, value in re.findall(r'^coppice_(router\w+?)(?:_total)?{type="shard:shard"} (\d+)', text, re.M)}

    for key in range(20):
        node.call("shard", f"{{put, {key}, x}}")
    node.call("shard", "routes")
    counted = samples()
    equal(counted["routers"], 1)
    check(min(counted["router_passed"], counted["router_failed"]) > 0 and counted["router_own"] == 1, counted)
    check(counted["router_passed"] + counted["router_failed"] >= 20, counted)
    node.ask("restart", path="main/shard")
    equal(samples(), counted)


@test("what makes no router is refused before it starts")
def refused(cleanup):
    cases = (("{ id: kv, actor: kv, router: {} }", "router: the actor kv is a server and no router"),
             (shard(east="'a b@c'"), "must be alive@host"),
             (shard(on_failed="ignore"), "on_failed"),
             (shard(more=", pending: 0"), "pending"))
    for child, expected in cases:
        folder = Folder()
        cleanup.callback(folder.close)
        file = f"{folder.path}/node.yaml"
        pathlib.Path(file).write_text(f"node: {{ name: x@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\n" +
                                      CONFIG.format(children=f"        - {child}").replace("node: { workers: 2 }\n", ""))
        done = subprocess.run([program("COPPICE", "coppice"), "check", file], capture_output=True, text=True, timeout=60)
        check(done.returncode != 0, child)
        contains(done.stdout + done.stderr, expected)


run()
