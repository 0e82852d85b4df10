#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that our actors spawn on other nodes: Erlang functions, and actors of another node of ours. Spawning can
also fail."""
import signal
import threading

from harness.erlang import Erl
from harness.node import Node
from harness.tap import equal, eventually, run, test


def pair(cleanup):
    """A node of ours and an Erlang node whose process `Me` receives what probe receives. probe traps exits."""
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', pong = net_adm:ping(N), Probe = gen_server:call({{probe, N}}, self), Me = self(),"
              "ok = gen_server:call(Probe, {subscribe, Me}), gen_server:call(Probe, {trap_exit, true})"), "false", node.log())
    erl("Next = fun() -> receive {info, X} -> X after 10000 -> none end end, ok")
    erl("At = fun(M, F, A, O) -> gen_server:call(Probe, {spawn_at, node(), M, F, A, O, 5000}, 10000) end, ok")
    return node, erl


@test("a function runs in a process of the Erlang node, linked and monitored by ours", proves="spawn")
def linked(cleanup):
    node, erl = pair(cleanup)
    equal(erl("{ok, P, R} = At(timer, sleep, [infinity], [link, monitor]), node(P) =:= node()"), "true", node.log())
    equal(erl("{links, [Probe]} = process_info(P, links), {group_leader, G} = process_info(P, group_leader), node(G) =:= N"),
          "true", node.log())
    eventually(lambda: "{timer,sleep,1" in erl("process_info(P, current_stacktrace)"), "it sleeps")
    # The code server of OTP 27 monitors it too while it loads the module for it.
    eventually(lambda: erl("process_info(P, monitored_by) =:= {monitored_by, [Probe]}") == "true", "ours alone watches it")
    equal(erl("exit(P, bye), lists:sort([Next(), Next()]) =:= [{'EXIT', P, bye}, {'DOWN', R, process, P, bye}]"), "true")
    equal(erl("{ok, Q} = At(timer, sleep, [infinity], []), process_info(Q, [links, monitored_by])"),
          "[{links,[]},{monitored_by,[]}]")
    # Arguments of other shapes: none, and small integers, which are a string on the wire.
    equal(erl("{ok, S, _} = At(erlang, self, [], [monitor]), {'DOWN', _, process, S, Y} = Next(), Y"), "normal")
    equal(erl("{ok, T, _} = At(erlang, '+', [1, 2], [monitor]), {'DOWN', _, process, T, Z} = Next(), Z"), "normal")


@test("what the new process sends comes after the answer, and before its end")
def order(cleanup):
    node, erl = pair(cleanup)
    equal(erl("[begin {ok, P, R} = At(erlang, send, [Probe, {hi, I}], [monitor]), {hi, I} = Next(),"
              "{'DOWN', R, process, P, normal} = Next() end || I <- lists:seq(1, 200)], done"), "done", node.log())


@test("a function that is not there is the new process's end, not the spawn's")
def undefined(cleanup):
    node, erl = pair(cleanup)
    equal(erl("{ok, P, R} = At(nosuch, f, [x], [link, monitor]),"
              "[{'EXIT', P, {undef, [{nosuch, f, [x], []}]}}, {'DOWN', R, process, P, {undef, _}}] = lists:sort([Next(), Next()]), ok"),
          "ok", node.log())


@test("other options go as they are, one that is unknown is badopt")
def options(cleanup):
    _, erl = pair(cleanup)
    equal(erl("{ok, P} = At(timer, sleep, [infinity], [{priority, high}, link]), process_info(P, [priority, links]) =:="
              "[{priority, high}, {links, [Probe]}]"), "true")
    equal(erl("At(timer, sleep, [1], [{shoe_size, 44}, monitor])"), "{error,badopt}")
    equal(erl("gen_server:call(Probe, {spawn_at, N, timer, sleep, [1], [], 5000})"), "{error,badarg}")  # its own node


@test("a node that is not there, and one that dies before it answered, are nodedown")
def down(cleanup):
    node, erl = pair(cleanup)
    equal(erl("gen_server:call(Probe, {spawn_at, 'nobody@127.0.0.1', m, f, [], [link, monitor], 5000})"), "{error,nodedown}")
    erl.freeze()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        node.call("probe", "{spawn_at, 'me@127.0.0.1', timer, sleep, [infinity], [link], 4000}")))
    asking.start()
    eventually(lambda: node.status("probe") == "parked", "probe waits")
    erl.kill()
    asking.join(20)
    equal(answers, ["{error,nodedown}"], node.log())
    equal(node.call("probe", "ping"), "pong")


@test("a node that does not answer in time is a timeout, and what it spawns all the same is killed")
def late(cleanup):
    node, erl = pair(cleanup)
    erl("erlang:trace(new, true, [procs]), ok")
    erl.freeze()
    equal(node.call("probe", "{spawn_at, 'me@127.0.0.1', timer, sleep, [infinity], [link, monitor], 300}"), "{error,timeout}")
    erl.process.send_signal(signal.SIGCONT)
    equal(erl("receive {trace, P, spawned, _, {_, _, [{timer, sleep, 1}]}} -> receive {trace, P, exit, Y} -> Y after 10000 -> none end"
              " after 10000 -> nobody end"), "killed", node.log())
    equal(erl("{ok, Q} = At(timer, sleep, [infinity], []), is_process_alive(Q)"), "true")


@test("an actor of another node of ours is spawned with its arguments, if that node allows it")
def actors(cleanup):
    node, erl = pair(cleanup)
    other = Node(cleanup, name="other", epmd_port=node.epmd_port,
                 settings=[("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]"),
                           ("distribution.allow.spawn", "[ kv, 'probe:probe', nothere ]")])
    erl(f"O = '{other.name}', Actor = fun(A, Args, Opts) -> gen_server:call(Probe, {{spawn_actor_at, O, A, Args, Opts, 5000}}) end, ok")
    equal(erl("{ok, P, R} = Actor(kv, #{max_entries => 1}, [link, monitor]), node(P) =:= O"), "true", other.log())
    equal(erl("{gen_server:call(P, {put, a, 1}), gen_server:call(P, {put, b, 2})}"), "{ok,{error,full}}")
    equal(erl("exit(P, kill), lists:sort([Next(), Next()]) =:= [{'EXIT', P, killed}, {'DOWN', R, process, P, killed}]"), "true")
    # The exit of our process arrives there, so the link works.
    equal(erl("{ok, Q} = Actor('probe:probe', #{}, [link]), ok = gen_server:call(Q, {subscribe, Me}), true ="
              " is_boolean(gen_server:call(Q, {trap_exit, true})), catch gen_server:call(Probe, {exit, bye}),"
              "receive {info, {'EXIT', Probe, bye}} -> heard after 10000 -> none end"), "heard", other.log())
    erl("Probe2 = gen_server:call({probe, N}, self), ok = gen_server:call(Probe2, {subscribe, Me}), ok")
    erl("Actor2 = fun(A, Args, Opts) -> gen_server:call(Probe2, {spawn_actor_at, O, A, Args, Opts, 5000}) end, ok")
    equal(erl("[Actor2(A, #{}, [link]) || A <- [greeter, 'kv:other', nothere]]"),
          "[{error,not_allowed},{error,not_allowed},{error,badarg}]", other.log())
    # If init fails, the new process ends.
    equal(erl("{ok, F, S} = Actor2(kv, #{max_entries => hello}, [monitor]), {'DOWN', S, process, F, _} = Next(), down"), "down")
    equal(erl("gen_server:call(Probe2, {spawn_at, O, timer, sleep, [1], [], 5000})"), "{error,not_allowed}")


if __name__ == "__main__":
    run()
