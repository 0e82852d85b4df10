#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Priority messages of OTP 28 between Erlang nodes and ours, and the messages that older nodes get in their place."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import Skip, equal, run, test


def pair(cleanup, least=0, **settings):
    """A node of ours and an Erlang node whose process `Me` receives what probe receives. Both trap exits."""
    node = Node(cleanup, settings=list(settings.items()))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    release = int(erl("list_to_integer(erlang:system_info(otp_release))"))
    if release < least:
        raise Skip(f"priority messages came with OTP {least}, this is {release}")
    equal(erl(f"N = '{node.name}', pong = net_adm:ping(N), Probe = gen_server:call({{probe, N}}, self), Me = self(),"
              "ok = gen_server:call(Probe, {subscribe, Me}), process_flag(trap_exit, true),"
              "gen_server:call(Probe, {trap_exit, true})"), "false", node.log())
    erl("Next = fun() -> receive {info, X} -> X after 10000 -> none end end, ok")
    erl("All = fun F() -> receive X -> [X | F()] after 300 -> [] end end, ok")
    # What probe receives, in order, of the messages that Send sends while probe sleeps.
    erl("Order = fun(Count, Send) -> Asleep = gen_server:send_request(Probe, {sleep, 400}), Send(),"
        "{reply, ok} = gen_server:receive_response(Asleep, 10000), [Next() || _ <- lists:seq(1, Count)] end, ok")
    return node, erl


@test("what an Erlang process sends with priority goes before what waits, by way of a priority alias only", proves="aliases")
def to_ours(cleanup):
    node, erl = pair(cleanup, 28)
    erl("A = gen_server:call(Probe, {alias, [priority]}), ok")
    equal(erl("Order(7, fun() -> Probe ! a, erlang:send(A, first, [priority]), A ! b, erlang:send(Probe, c, [priority]),"
              "erlang:send({probe, N}, d, [priority]), erlang:send(A, second, [priority]), Probe ! e end)"),
          "[first,second,a,b,c,d,e]", node.log())
    # A large message too, which comes in fragments.
    equal(erl("B = binary:copy(<<7>>, 3000000), [B, x] =:= Order(2, fun() -> Probe ! x, erlang:send(A, B, [priority]) end)"),
          "true", node.log())
    equal(erl("gen_server:call(Probe, {unalias, A})"), "true")
    equal(erl("Order(2, fun() -> Probe ! a, erlang:send(A, lost, [priority]), A ! lost, Probe ! b end)"), "[a,b]")


@test("an exit of an Erlang process by way of an alias is trapped, before what waits if it has priority")
def exits_to_ours(cleanup):
    node, erl = pair(cleanup, 28)
    erl("A = gen_server:call(Probe, {alias, [priority]}), Exit = fun(To, R, O) -> apply(erlang, exit, [To, R, O]) end, ok")
    equal(erl("Order(4, fun() -> Probe ! a, Exit(A, late, []), Exit(Probe, later, [priority]), Exit(A, first, [priority]) end)"
              "=:= [{'EXIT', Me, first}, a, {'EXIT', Me, late}, {'EXIT', Me, later}]"), "true", node.log())
    equal(erl("true = gen_server:call(Probe, {unalias, A}), Order(1, fun() -> Exit(A, kill, [priority]), Probe ! b end)"), "[b]")
    equal(erl("{A2, M} = {gen_server:call(Probe, {alias, [priority]}), monitor(process, Probe)}, Exit(A2, kill, []),"
              "receive {'DOWN', M, process, Probe, Y} -> Y after 10000 -> none end"), "killed")


@test("what an actor sends with priority goes before what waits at an Erlang process, by way of a priority alias only", proves="aliases")
def to_theirs(cleanup):
    node, erl = pair(cleanup, 28)
    erl("A = alias([priority]), O = alias(), Ask = fun(R) -> ok = gen_server:call(Probe, R) end, ok")
    equal(erl("Me ! a, Ask({send, A, first, [priority]}), Ask({send, O, b, [priority]}), Ask({send, Me, c, [priority]}),"
              "Ask({exit, A, second, [priority]}), Ask({exit, O, d, [priority]}), Ask({exit, Me, e, [priority]}),"
              "Ask({send, A, third, [priority]}), All() =:= [first, {'EXIT', Probe, second}, third, a, b, c,"
              "{'EXIT', Probe, d}, {'EXIT', Probe, e}]"), "true", node.log())
    equal(erl("register(here, Me), Me ! a, Ask({send, {here, node()}, b, [priority]}), All()"), "[a,b]")
    equal(erl("unalias(A), Ask({send, A, lost, [priority]}), Ask({exit, A, lost, [priority]}), All()"), "[]")


@test("an actor's link and monitor with priority put the end of an Erlang process before what waits, and the reverse")
def ends(cleanup):
    node, erl = pair(cleanup, 28, **{"distribution.allow.spawn": "[ 'probe:probe' ]"})
    erl("P = spawn(fun() -> receive R -> exit(R) end end), ok = gen_server:call(Probe, {link, P, [priority]}),"
        "R = gen_server:call(Probe, {monitor, P, #{flags => [priority]}}), ok")
    equal(erl("[{'EXIT', P, bye}, {'DOWN', R, process, P, bye}, a] =:= (fun([X, Y, Z]) -> lists:sort([X, Y]) ++ [Z] end)"
              "(Order(3, fun() -> Probe ! a, P ! bye end))"), "true", node.log())
    for how in ("[{link, [priority]}, {monitor, [priority]}]", "[{link, [priority]}, monitor]"):
        equal(erl(f"(fun() -> R2 = spawn_request(N, coppice, spawn, ['probe:probe'], {how}),"
                  "Q = receive {spawn_reply, R2, ok, Pid} -> Pid after 10000 -> none end,"
                  "Me ! a, catch gen_server:call(Q, {exit, bye}), timer:sleep(200),"
                  "[hd(L) || L <- [All()]] =:= [{'EXIT', Q, bye}] end)()"), "true", node.log())


@test("an Erlang process without a priority alias, and a node that knows none, gets ordinary messages and exits")
def ordinary(cleanup):
    node, erl = pair(cleanup)
    erl("O = alias(), Ask = fun(R) -> gen_server:call(Probe, R) end, ok")
    equal(erl("register(here, Me), Me ! a, ok = Ask({send, O, b, [priority]}), ok = Ask({send, Me, c, [priority]}),"
              "ok = Ask({send, {here, node()}, d, [priority]}), ok = Ask({exit, Me, e, [priority]}), ok = Ask({send, O, f, [priority]}),"
              "All() =:= [a, b, c, d, {'EXIT', Probe, e}, f]"), "true", node.log())
    equal(erl("[Ask({send, 17, x, [priority]}), Ask({exit, here, x, [priority]}), Ask({link, here, [priority]})]"), "[badarg,badarg,badarg]")


@test("an alias of an actor is an ordinary one to a node that knows no priority messages; two nodes of ours know them")
def between_ours(cleanup):
    node, erl = pair(cleanup)
    erl("A = gen_server:call(Probe, {alias, [priority]}), ok")
    equal(erl("Order(3, fun() -> Probe ! a, A ! b, Probe ! c end)"), "[a,b,c]", node.log())
    other = Node(cleanup, name="other", epmd_port=node.epmd_port,
                 settings=[("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")])
    equal(erl(f"Other = '{other.name}', pong = net_adm:ping(Other),"
              "Ask = fun(R) -> ok = gen_server:call({probe, Other}, R) end, ok"), "ok", other.log())
    equal(erl("Order(6, fun() -> Probe ! a, Ask({send, A, first, [priority]}), Ask({send, Probe, b, [priority]}),"
              "Ask({send, {probe, N}, c, [priority]}), Ask({exit, A, second, [priority]}), Ask({send, A, third, [priority]}) end)"
              " =:= [first, {'EXIT', gen_server:call({probe, Other}, self), second}, third, a, b, c]"), "true", node.log())


if __name__ == "__main__":
    run()
