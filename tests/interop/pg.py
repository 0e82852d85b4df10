#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Process groups shared with real nodes: a member that joins on either side is seen on the other, in several scopes."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import contains, equal, eventually, run, test

scopes = [("distribution.services.pg", "[ pg, 'Elixir.Phoenix.PubSub' ]")]


def node_with_scopes(cleanup, **more):
    return Node(cleanup, settings=[*scopes, *more.pop("settings", [])], **more)


def member(node, erl, scope, group):
    """The pid of our probe, which joined that group through a call of another plugin."""
    erl(f"N = '{node.name}', Us = gen_server:call({{probe, N}}, self), ok")
    equal(erl(f"gen_server:call({{relay, N}}, {{relay, '{scope}', {{join_local, {group}, Us}}}})"), "ok", node.log())


def theirs(erl, scope):
    erl(f"{{ok, _}} = pg:start('{scope}'), Idle = fun() -> spawn(fun() -> receive stop -> ok end end) end, ok")


def seen_by_us(node, scope, group):
    return node.call(scope, f"{{get_members, {group}}}")


@test("what joined on either side before they met is known to both, and so is what comes and goes later", proves="pg")
def membership(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    theirs(erl, "pg")
    erl("A = Idle(), B = Idle(), ok = pg:join(g, [A, B, A]), ok")
    node.call("relay", "{relay, pg, {join_local, early, " + node.call("probe", "self") + "}}")
    member(node, erl, "pg", "g")
    eventually(lambda: erl("lists:sort(pg:get_members(g)) =:= lists:sort([A, A, B, Us])") == "true", "they see all")
    equal(erl("pg:get_members(early) =:= [Us]"), "true")
    eventually(lambda: seen_by_us(node, "pg", "g").count("me@127.0.0.1") == 3, "we see theirs")
    equal(erl("rpc:call(N, pg, get_local_members, [pg, g]) =:= [Us]"), "true")
    equal(erl("lists:sort(rpc:call(N, pg, which_groups, [pg]))"), "[early,g]")
    # The Erlang node's members: one leave of two joins, and the end of a member. Our member: it joins twice and leaves
    # twice, and a third leave fails.
    erl("ok = pg:leave(g, A), exit(B, kill), ok")
    eventually(lambda: seen_by_us(node, "pg", "g").count("me@127.0.0.1") == 1, "one of theirs is left")
    member(node, erl, "pg", "g")
    eventually(lambda: erl("length([P || P <- pg:get_members(g), P =:= Us])") == "2", "ours counts twice")
    for answer in ("ok", "ok", "not_joined"):
        equal(erl("gen_server:call({relay, N}, {relay, pg, {leave_local, g, Us}})"), answer)
    eventually(lambda: erl("pg:get_members(g) =:= [A]") == "true", "ours left")
    # A member of ours that ends leaves all its groups.
    member(node, erl, "pg", "g")
    member(node, erl, "pg", "{a, \"term\", 1.5}")
    eventually(lambda: erl("pg:get_members({a, \"term\", 1.5}) =:= [Us]") == "true", "a group may be any term")
    erl("catch gen_server:call(Us, {exit, bye}), ok")
    eventually(lambda: erl("{pg:get_members(g) =:= [A], pg:which_groups()}") == "{true,[g]}", "ours is gone")


@test("groups that are small integers, which come as a string of bytes, are left as any others", proves="pg")
def small_numbers(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    theirs(erl, "pg")
    erl(f"N = '{node.name}', pong = net_adm:ping(N), A = Idle(), B = Idle(), Gs = [1, 0, 255, x],"
        "[ok = pg:join(G, [A, B]) || G <- Gs], ok")
    ours = "[length(rpc:call(N, pg, get_members, [pg, G])) || G <- Gs]"
    eventually(lambda: erl(ours) == "[2,2,2,2]", "we see theirs")
    equal(erl("{M, Ms} = gen_server:call({pg, N}, {monitor, 1}), length(Ms)"), "2")
    erl("ok = pg:leave(1, A), ok")
    equal(erl("receive {M, leave, 1, [A]} -> left after 10000 -> none end"), "left", node.log())
    equal(erl(ours), "[1,2,2,2]")
    erl("exit(A, kill), exit(B, kill), ok")
    eventually(lambda: erl(ours) == "[0,0,0,0]", "all have left")


@test("who monitors a scope or a group is told of joins and leaves, on either side", proves="pg")
def monitors(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    theirs(erl, "pg")
    erl("{M, _} = pg:monitor(pg, g), ok")
    member(node, erl, "pg", "g")
    equal(erl("receive {M, join, g, [Us]} -> joined after 10000 -> none end"), "joined", node.log())
    # A process of another node watches our scope: like OTP's, the scope accepts a monitor from any process.
    equal(erl("{S, Map} = gen_server:call({pg, N}, monitor), {R, Now} = gen_server:call({pg, N}, {monitor, g}),"
              "{Map =:= #{g => [Us]}, Now =:= [Us]}"), "{true,true}")
    erl("A = Idle(), ok = pg:join(g, A), ok")
    for ref in ("S", "R"):
        equal(erl(f"receive {{{ref}, join, g, [A]}} -> joined after 10000 -> none end"), "joined")
    equal(erl("{gen_server:call({pg, N}, {demonitor, R}), gen_server:call({pg, N}, {demonitor, R})}"), "{ok,false}")
    erl("exit(A, kill), ok")
    equal(erl("receive {S, leave, g, [A]} -> left after 10000 -> none end"), "left")
    equal(erl("receive {R, _, _, _} -> told after 200 -> none end"), "none")
    erl("catch gen_server:call(Us, {exit, bye}), ok")
    equal(erl("receive {M, leave, g, [Us]} -> left after 10000 -> none end"), "left")


@test("Phoenix.PubSub's scope: what is broadcast to the group reaches our actor, and theirs from ours")
def phoenix(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    scope = "Elixir.Phoenix.PubSub"
    theirs(erl, scope)
    erl(f"Scope = '{scope}', pong = net_adm:ping('{node.name}'), ok = pg:join(Scope, 'Elixir.App.PubSub.Adapter', self()), ok")
    member(node, erl, scope, "'Elixir.App.PubSub.Adapter'")
    eventually(lambda: erl("lists:member(Us, pg:get_members(Scope, 'Elixir.App.PubSub.Adapter'))") == "true", node.log())
    equal(erl("gen_server:call(Us, {subscribe, self()})"), "ok")
    erl("[P ! {forward_to_local, <<\"topic\">>, #{event => hi}, 'Elixir.Phoenix.PubSub'} ||"
        " P <- pg:get_members(Scope, 'Elixir.App.PubSub.Adapter'), node(P) =/= node()], ok")
    equal(erl("receive {info, {forward_to_local, _, _, _} = M} -> M after 10000 -> none end"),
          "{forward_to_local,<<\"topic\">>,#{event => hi},'Elixir.Phoenix.PubSub'}")
    eventually(lambda: "me@127.0.0.1" in seen_by_us(node, scope, "'Elixir.App.PubSub.Adapter'"), "theirs is known here")
    # The scope named pg is a different one.
    equal(node.call("pg", "which_groups"), "[]")


@test("a lost node's members go, its scope's too; when it comes back they are known again")
def losses(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    theirs(erl, "pg")
    erl(f"N = '{node.name}', A = Idle(), ok = pg:join(g, A), pong = net_adm:ping(N), ok")
    eventually(lambda: "me@127.0.0.1" in seen_by_us(node, "pg", "g"), "known")
    erl("exit(whereis(pg), kill), ok")
    eventually(lambda: seen_by_us(node, "pg", "g") == "[]", "the scope is gone, so are its members")
    erl("{ok, _} = pg:start(pg), ok = pg:join(g, A), ok")
    eventually(lambda: "me@127.0.0.1" in seen_by_us(node, "pg", "g"), "the new scope's are known")
    member(node, erl, "pg", "g")
    eventually(lambda: erl("length(pg:get_members(g))") == "2", "they see ours")
    # global would otherwise give back our lock after the disconnect, and connect again for it.
    erl("ok = global:sync(), ok = global:trans({global, self()}, fun() -> ok end)")
    equal(erl("erlang:disconnect_node(N)"), "true")
    eventually(lambda: seen_by_us(node, "pg", "g").count("@") == 0, "their node is gone")
    eventually(lambda: erl("length(pg:get_members(g))") == "1", "ours is gone there")
    erl("net_adm:ping(N)")
    eventually(lambda: erl("length(pg:get_members(g))") == "2", "ours is back")
    eventually(lambda: "me@127.0.0.1" in seen_by_us(node, "pg", "g"), "theirs is back")


@test("a lost node whose processes watch a group is not connected again to tell them of its members' end")
def lost_watchers(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    theirs(erl, "pg")
    erl(f"N = '{node.name}', A = Idle(), ok = pg:join(g, A), pong = net_adm:ping(N), ok")
    eventually(lambda: "me@127.0.0.1" in seen_by_us(node, "pg", "g"), "known")
    # Each of them is told of the end of A, if it is still a watcher then: chance decides the order of the two ends.
    erl("[{_, [A]} = gen_server:call({pg, N}, {monitor, g}) || _ <- lists:seq(1, 20)],"
        "ok = global:sync(), ok = global:trans({global, self()}, fun() -> ok end)")
    erl("net_kernel:monitor_nodes(true), true = erlang:disconnect_node(N), receive {nodedown, N} -> ok end")
    eventually(lambda: seen_by_us(node, "pg", "g") == "[]", "their node is gone")
    # The scope has answered two more calls, so it has sent everything before.
    equal([node.call("pg", "which_groups") for _ in range(2)], ["[]", "[]"])
    equal(erl("receive {nodeup, N} -> again after 1000 -> none end"), "none", node.log())


@test("three nodes agree after many joins, leaves and deaths")
def many(cleanup):
    node = node_with_scopes(cleanup)
    a = Erl(cleanup, name="a@127.0.0.1", epmd_port=node.epmd_port)
    other = node_with_scopes(cleanup, name="other", epmd_port=node.epmd_port,
                             settings=[("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")])
    theirs(a, "pg")
    a(f"pong = net_adm:ping('{node.name}'), pong = net_adm:ping('{other.name}'), ok")
    member(node, a, "pg", "{g, 1}")
    member(other, a, "pg", "{g, 2}")
    a("Ps = [begin P = Idle(), [ok = pg:join({g, J}, P) || J <- lists:seq(1, 1 + I rem 5)], P end || I <- lists:seq(1, 500)],"
      "[exit(P, kill) || {I, P} <- lists:zip(lists:seq(1, 500), Ps), I rem 2 =:= 0],"
      "[ok = pg:leave({g, 1}, P) || {I, P} <- lists:zip(lists:seq(1, 500), Ps), I rem 2 =:= 1, I rem 3 =:= 0], ok")
    count = "[length({}) || J <- lists:seq(1, 5)]"
    expected = "[168,201,150,100,50]"
    eventually(lambda: a(count.format("pg:get_members({g, J})")) == expected, "a heard of its own")
    for one in (node, other):
        eventually(lambda: a(count.format(f"rpc:call('{one.name}', pg, get_members, [{{g, J}}])"))
                   == a(count.format("pg:get_members({g, J})")), f"{one.name} agrees")
    equal(a(count.format("pg:get_members({g, J})")), expected)


@test("a scope survives what no scope would send it, and refuses to join processes of other nodes")
def nonsense(cleanup):
    node = node_with_scopes(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', P = gen_server:call({{probe, N}}, self), S = rpc:call(N, erlang, whereis, [pg]), true = is_pid(S), ok")
    equal(erl("gen_server:call({pg, N}, {join_local, g, self()})"), "{error,{nolocal,me}}".replace("me", erl("self()")))
    contains(erl("gen_server:call({pg, N}, {join_local, g, [P | x]})"), "badarg")
    for ours in ("join_local", "leave_local"):  # a node itself says what its processes join
        equal(erl(f"gen_server:call({{pg, N}}, {{{ours}, g, P}})"), "{error,not_allowed}")
    contains(erl("gen_server:call({pg, N}, what)"), "error")
    # Joins of a peer that was never met, joins for a process of another node, and messages without a valid shape.
    erl("[{pg, N} ! M || M <- [{join, self(), g, P}, {join, P, g, P}, {leave, self(), P, [g]}, {discover, x}, {discover},"
        " {join, self(), g, [self() | x]}, [], nonsense]], gen_server:cast({pg, N}, {sync, self(), [{g, [P]}]}),"
        "gen_server:cast({pg, N}, {sync, self(), x}), gen_server:cast({pg, N}, nonsense), ok")
    equal(erl("gen_server:call({pg, N}, which_groups)"), "[]")
    equal(erl("rpc:call(N, erlang, whereis, [pg]) =:= S"), "true", node.log())


if __name__ == "__main__":
    run()
