#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Expressions that people type at Elixir's prompt: GenServer, Task, Node and :pg with a node of ours, in both
directions."""
from harness import elixir
from harness.elixir import Elixir
from harness.node import Node
from harness.tap import check, contains, equal, eventually, run, test
from harness.terminal import Terminal

ECHO = ("defmodule Echo do use GenServer; def init(_), do: {:ok, nil}; def handle_call({:fail, why}, _, _), do: exit(why); "
        "def handle_call(what, {pid, _}, state), do: {:reply, {what, node(pid)}, state}; end; :ok")


def pair(cleanup):
    node = Node(cleanup)
    peer = Elixir(cleanup, epmd_port=node.epmd_port)
    equal(peer(f"n = :\"{node.name}\"; Node.connect(n)"), "true", node.log())
    peer("next = fn -> receive do m -> m after 10_000 -> :nothing end end; :ok")
    return node, peer


@test("GenServer.call, cast and multi_call reach our actors by name and by pid", proves="calls", peer=elixir.version)
def to_us(cleanup):
    node, peer = pair(cleanup)
    equal(peer("{Node.ping(n), n in Node.list()}"), "{:pong, true}")
    equal(peer("GenServer.call({:kv, n}, {:put, \"key\", %{\"text\" => 'chars', list: [1, 2.5, nil]}})"), ":ok", node.log())
    found = peer("GenServer.call({:kv, n}, {:get, \"key\"})")
    equal(found.replace('~c"chars"', "'chars'"), "{:ok, %{:list => [1, 2.5, nil], \"text\" => 'chars'}}")  # since 1.15
    equal(peer("p = GenServer.call({:probe, n}, :self); {node(p) == n, GenServer.call(p, :ping)}"), "{true, :pong}")
    equal(peer("GenServer.cast({:kv, n}, {:put, :a, 1}); GenServer.call({:kv, n}, {:get, :a})"), "{:ok, 1}")
    equal(peer("GenServer.multi_call([n], :probe, :ping)"), '{["demo@127.0.0.1": :pong], []}')
    equal(peer("catch_exit = fn f -> try do f.() catch :exit, {why, _} -> why end end; "
               "catch_exit.(fn -> GenServer.call({:nobody, n}, :hi) end)"), ":noproc")
    equal(peer("send({:probe, n}, :hello); GenServer.call({:probe, n}, :ping)"), ":pong")


@test("a call that times out leaves nothing behind in Elixir", proves="aliases", peer=elixir.version)
def timeouts(cleanup):
    _, peer = pair(cleanup)
    equal(peer("try do GenServer.call({:probe, n}, {:sleep, 300}, 50) catch :exit, {why, _} -> why end"), ":timeout")
    equal(peer("GenServer.call({:probe, n}, :ping)"), ":pong")  # comes after the late answer
    equal(peer("receive do m -> m after 0 -> :nothing end"), ":nothing")


@test("our actors call a GenServer of Elixir's by name, and hear how it fails", proves="calls", peer=elixir.version)
def to_them(cleanup):
    node, peer = pair(cleanup)
    equal(peer(ECHO), ":ok")
    equal(peer("{:ok, e} = GenServer.start(Echo, nil, name: Echo); is_pid(e)"), "true")
    equal(node.call("{'Elixir.Echo', 'me@127.0.0.1'}", "<<\"hi\">>"), "{<<\"hi\">>,'demo@127.0.0.1'}")
    equal(peer("GenServer.call({:relay, n}, {:relay, {Echo, node()}, %{a: 1}})"), '{%{a: 1}, :"demo@127.0.0.1"}')
    contains(peer("GenServer.call({:relay, n}, {:relay, e, {:fail, :oops}})"), ":oops")
    equal(peer("GenServer.call({:relay, n}, {:relay, {Echo, node()}, :hi})"), "{:error, :noproc}")


@test("Tasks call our actors at once, and the end of one reaches the actor that is linked to it", proves="calls links", peer=elixir.version)
def tasks(cleanup):
    _, peer = pair(cleanup)
    equal(peer("1..50 |> Task.async_stream(fn i -> GenServer.call({:probe, n}, {:echo, i}) end, max_concurrency: 10) "
               "|> Enum.map(fn {:ok, i} -> i end) |> Enum.sum()"), "1275")
    equal(peer("Task.async(fn -> GenServer.call({:kv, n}, :size) end) |> Task.await()"), "0")
    equal(peer("GenServer.call({:probe, n}, {:trap_exit, true}); GenServer.call({:probe, n}, {:subscribe, self()}); "
               "{:ok, s} = Task.Supervisor.start_link(); "
               "t = Task.Supervisor.async_nolink(s, fn -> GenServer.call({:probe, n}, {:link, self()}); exit(:done) end); "
               "{:exit, why} = Task.yield(t); why"), ":done")
    equal(peer("receive do {:info, {:EXIT, from, why}} -> {from == t.pid, why} after 10_000 -> :nothing end"), "{true, :done}")


@test("Process.monitor, Process.link and their exits, from Elixir to ours and back", proves="monitors links exits", peer=elixir.version)
def relations(cleanup):
    _, peer = pair(cleanup)
    equal(peer("r = Process.monitor({:nobody, n}); {:DOWN, ^r, :process, _, why} = next.(); why"), ":noproc")
    equal(peer("Process.flag(:trap_exit, true); p = GenServer.call({:probe, n}, :self); Process.link(p); r = Process.monitor(p); "
               "try do GenServer.call(p, {:exit, :bye}) catch :exit, _ -> :ok end; "
               "Enum.sort([next.(), next.()]) == Enum.sort([{:EXIT, p, :bye}, {:DOWN, r, :process, p, :bye}])"), "true")
    # The supervisor has started a new process.
    equal(peer("fresh = fn fresh -> try do GenServer.call({:probe, n}, :self) catch :exit, _ -> Process.sleep(10); fresh.(fresh) end end; "
               "q = fresh.(fresh); :ok = GenServer.call(q, {:subscribe, self()}); s = spawn(fn -> receive do :die -> exit(:died) end end); "
               "r = GenServer.call(q, {:monitor, s}); send(s, :die); {:info, {:DOWN, ^r, :process, ^s, why}} = next.(); why"), ":died")


@test("Node.monitor tells that our node has gone, once for each time it was asked", proves="monitors", peer=elixir.version)
def nodes(cleanup):
    node, peer = pair(cleanup)
    equal(peer("{Node.monitor(n, true), Node.monitor(n, true), GenServer.call({:probe, n}, :ping)}"), "{true, true, :pong}")
    equal(node.stop(), 0, node.log())
    equal(peer("[next.(), next.()]"), '[nodedown: :"demo@127.0.0.1", nodedown: :"demo@127.0.0.1"]')
    equal(peer("Node.ping(n)"), ":pang")


@test("groups of :pg are one with ours", proves="pg", peer=elixir.version)
def groups(cleanup):
    node, peer = pair(cleanup)
    equal(peer("{:ok, _} = :pg.start(:pg); :pg.join(:room, self())"), ":ok")
    eventually(lambda: node.call("pg", "{get_members, room}").count("me@127.0.0.1") == 1, "we see Elixir's member")
    equal(peer("us = GenServer.call({:probe, n}, :self); GenServer.call({:relay, n}, {:relay, :pg, {:join_local, :room, us}})"), ":ok")
    eventually(lambda: peer("Enum.sort(:pg.get_members(:room)) == Enum.sort([self(), us])") == "true", "Elixir sees ours")
    equal(peer("for p <- :pg.get_members(:room), do: send(p, :hello); receive do m -> m end"), ":hello")


@test(":erpc calls what is allowed, and spawning a function here is refused", proves="rpc", peer=elixir.version)
def rpc(cleanup):
    _, peer = pair(cleanup)
    equal(peer(":erpc.call(n, :erlang, :node, []) == n"), "true")
    contains(peer(":rpc.call(n, String, :upcase, [\"a\"])"), ":undef")
    equal(peer("r = Process.monitor(Node.spawn(n, fn -> :ok end)); {:DOWN, ^r, _, _, why} = next.(); why"), ":notsup")


@test("iex --remsh is told that our node has no shell, and what to use, and nothing crashes")
def remote_shell(cleanup):
    node = Node(cleanup)
    shell = Terminal(cleanup, [elixir.program("iex"), "--name", "shell@127.0.0.1", "--cookie", node.cookie, "--erl", "-start_epmd false",
                               "--remsh", node.name], ERL_EPMD_PORT=str(node.epmd_port))
    check(shell.read_until(b"use the coppice command"), "the command is named", shell.seen)
    check(b"CRASH" not in shell.seen.upper() and b"undef" not in shell.seen, "no crash is shown", shell.seen)
    node.said("shell@127.0.0.1 asked for a shell", "who asked in the log")
    equal(node.call("probe", "ping"), "pong")


if __name__ == "__main__":
    run()
