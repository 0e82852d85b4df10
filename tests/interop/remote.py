#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The things that other nodes may do here if the configuration allows it: spawn actors, start applications, call
functions."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import contains, equal, run, test


def pair(cleanup, **settings):
    node = Node(cleanup, settings=[(f"distribution.allow.{key}", value) for key, value in settings.items()])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    erl("Next = fun() -> receive X -> X after 10000 -> none end end, ok")
    return node, erl


@test("an actor that is allowed is spawned with its arguments, monitored and linked as in Erlang", proves="spawn")
def spawned(cleanup):
    node, erl = pair(cleanup, spawn="[ kv, 'probe:probe' ]")
    equal(erl("R = spawn_request(N, coppice, spawn, [kv, #{max_entries => 1}], [monitor]),"
              "{spawn_reply, R, ok, P} = Next(), node(P) =:= N"), "true", node.log())
    equal(erl("{gen_server:call(P, {put, a, 1}), gen_server:call(P, {put, b, 2})}"), "{ok,{error,full}}")
    equal(erl("exit(P, kill), {'DOWN', R, process, P, Y} = Next(), Y"), "killed")
    # In this order: the reply, what the new process sends, its end.
    erl("process_flag(trap_exit, true), ok")
    for _ in range(20):
        equal(erl("(fun() -> R2 = spawn_request(N, coppice, spawn, ['probe:probe'], [link, {monitor, []}]),"
                  "{spawn_reply, R2, ok, Q} = Next(), catch gen_server:call(Q, {exit, bye}),"
                  "[{'EXIT', Q, bye}, {'DOWN', R2, process, Q, bye}] =:= lists:sort([Next(), Next()]) end)()"), "true")
    equal(erl("{S, M} = spawn_monitor(N, coppice, spawn, [probe]), unlink(S), gen_server:call(S, ping)"), "pong")
    contains(node.call("probe", "ping"), "pong")


@test("an actor that is not allowed is notsup; one that cannot be is badarg; an unknown option is badopt")
def refused(cleanup):
    node, erl = pair(cleanup, spawn="[ kv, nothere ]")
    for arguments, why in (("[greeter]", "notsup"), ("['kv:other']", "notsup"), ("[nothere]", "badarg"), ("[]", "badarg"),
                           ("[kv, #{}, more]", "badarg"), ("[\"kv\"]", "badarg")):
        equal(erl(f"(fun() -> R = spawn_request(N, coppice, spawn, {arguments}, []), "
                  "{spawn_reply, R, error, E} = Next(), E end)()"), why, node.log())
    equal(erl("(fun() -> R = spawn_request(N, coppice, spawn, [kv], [{shoe_size, 44}]),"
              "{spawn_reply, R, error, E} = Next(), E end)()"), "badopt")
    equal(erl("(fun() -> R = spawn_request(N, coppice, spawn, [kv, #{max_entries => hello}], [monitor]), Next() end)()")
          .startswith("{spawn_reply"), True)
    node.said("distribution.allow.spawn does not name it")


@test("without leave nothing is spawned, started or called")
def closed(cleanup):
    _, erl = pair(cleanup)
    equal(erl("(fun() -> R = spawn_request(N, coppice, spawn, [kv], []), {spawn_reply, R, error, E} = Next(), E end)()"),
          "notsup")
    contains(erl("rpc:call(N, application, start, [demo])"), "undef")


@test("a function that an actor stands for is answered by an instance of its own", proves="rpc")
def functions(cleanup):
    node, erl = pair(cleanup, rpc="[ info, 'greet:hello/1 => greeter', 'store:put/2 => kv:kv', 'store:size/0 => kv',"
                                  " 'test:echo/1 => probe', 'test:exit/1 => probe', 'test:self/0 => probe', 'test:sleep/1 => probe' ]")
    equal(erl("rpc:call(N, greet, hello, [<<\"you\">>])"), '{ok,<<"hello, you">>}', node.log())
    equal(erl("erpc:call(N, store, put, [a, 1])"), "ok")
    equal(erl("erpc:call(N, store, size, [])"), "0")  # each call has an instance of its own
    equal(erl("erpc:call(N, test, echo, [97])"), "97")
    equal(erl("rpc:call(N, test, exit, [{my, reason}])"), "{badrpc,{'EXIT',{my,reason}}}")
    equal(erl("try erpc:call(N, test, exit, [bye]) catch C:E -> {C, E} end"), "{exit,{exception,bye}}")
    contains(erl("rpc:call(N, test, echo, [1, 2])"), "undef")
    equal(erl("gen_server:call({rex, N}, {call, test, echo, [hi], self()})"), "hi")
    # A long call delays no other one, not even through rex.
    erl("S = self(), spawn(fun() -> S ! {slow, gen_server:call({rex, N}, {call, test, sleep, [1500], S})} end), ok")
    equal(erl("gen_server:call({rex, N}, {call, test, echo, [hi], self()}), receive {slow, _} -> late after 0 -> free end"), "free")
    equal(erl("Next()"), "{slow,ok}")
    # No instance is left.
    equal(erl("P = erpc:call(N, test, self, []), M = monitor(process, P), receive {'DOWN', M, _, _, _} -> ok end, "
              "rpc:call(N, erlang, is_process_alive, [P])"), "false")
    equal(erl("erpc:multicall([N], test, echo, [hi])"), "[{ok,hi}]")


@test("an application that is allowed is started and stopped by another node's application, others are not")
def applications(cleanup):
    node, erl = pair(cleanup, start="[ demo ]")
    contains(erl("rpc:call(N, application, start, [demo])"), "{error,{already_started,demo}}")
    equal(erl("rpc:call(N, application, ensure_started, [demo])"), "ok")
    for call in ("start", "stop", "ensure_started"):
        equal(erl(f"rpc:call(N, application, {call}, [other])"), "{error,not_allowed}")
    equal(erl("erpc:call(N, application, stop, [demo])"), "ok")
    equal(node.ask("status")["applications"][0]["state"], "stopped")
    equal(erl("rpc:call(N, application, which_applications, [])"), "[]")
    equal(erl("[A || {A, _, _} <- rpc:call(N, application, loaded_applications, [])]"), "[demo]")
    equal(erl("rpc:call(N, application, stop, [demo])"), "{error,{not_started,demo}}")
    equal(erl("rpc:call(N, application, start, [demo])"), "ok")
    equal(erl("[A || {A, _, _} <- rpc:call(N, application, which_applications, [5000])]"), "[demo]")
    equal(node.call("kv", "size"), "0")


@test("an application's env is read by application:get_env and its like, as it is after a change")
def env(cleanup):
    text = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    env: { greeting: hello, port: 80, nested: { a: [ 1, true ] } }
    supervisor: { children: [ { id: kv, actor: kv, name: kv } ] }
  - { name: bare, supervisor: { children: [] } }
"""
    node = Node(cleanup, config=text, settings=[("distribution.allow.rpc", "[ info, env ]")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    equal(erl("rpc:call(N, application, get_env, [shop, greeting])"), "{ok,<<\"hello\">>}")
    equal(erl("erpc:call(N, application, get_env, [shop, nested])"), "{ok,#{a => [1,true]}}")
    equal(erl("[rpc:call(N, application, get_env, A) || A <- [[shop, none], [nobody, port], [port], [bare, port]]]"),
          "[undefined,undefined,undefined,undefined]")
    equal(erl("[rpc:call(N, application, get_env, A) || A <- [[shop, port, 1], [shop, none, {a, b}], [nobody, x, 3]]]"),
          "[80,{a,b},3]")
    equal(erl("lists:sort(rpc:call(N, application, get_all_env, [shop]))"),
          "[{greeting,<<\"hello\">>},{nested,#{a => [1,true]}},{port,80}]")
    equal(erl("[rpc:call(N, application, get_all_env, A) || A <- [[], [nobody], [bare]]]"), "[[],[],[]]")
    contains(erl("rpc:call(N, application, set_env, [shop, port, 1])"), "undef")
    node.folder.write("node.yaml", text.replace("port: 80", "port: 81"))
    node.ask("apply")
    equal(erl("rpc:call(N, application, get_env, [shop, port])"), "{ok,81}")


@test("without the word env an application's settings are nobody's but this node's")
def no_env(cleanup):
    node = Node(cleanup, config="""
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications: [ { name: shop, env: { port: 80 }, supervisor: { children: [] } } ]
""")
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    equal(erl("[rpc:call(N, application, get_env, A) || A <- [[shop, port], [port], [shop, port, 1]]]"), "[undefined,undefined,1]")
    equal(erl("[rpc:call(N, application, get_all_env, A) || A <- [[], [shop]]]"), "[[],[]]")


@test("only functions that are named are allowed, and a name that means nothing ends the start")
def named(cleanup):
    _, erl = pair(cleanup, rpc="[ 'erlang:node', 'pg:*' ]")
    contains(erl("rpc:call(N, erlang, node, [])"), "demo@")
    equal(erl("rpc:call(N, pg, which_groups, [])"), "[]")
    contains(erl("rpc:call(N, erlang, nodes, [])"), "undef")
    node = Node(cleanup, name="bad", settings=[("distribution.allow.rpc", "[ 'os:cmd' ]")], wait=False)
    equal(node.process.wait(20), 1)
    node.said("no such function is built in")


if __name__ == "__main__":
    run()
