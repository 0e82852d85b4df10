#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many messages and large ones between a real node and ours: order under load, and small calls beside very large
messages."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, equal, run, test


# A mailbox with room for everything that a test sends at once: the receiver cannot slow down a sender on another
# node.
config = """
node: { name: load@127.0.0.1 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: load
    supervisor:
      children:
        - { id: probe, actor: probe, name: probe, restart: temporary, mailbox: { limit: 1000000 } }
        - { id: kv, actor: kv, name: kv }
"""


def pair(cleanup):
    node = Node(cleanup, name="load", config=config)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    return node, erl


@test("100,000 sends with links, unlinks and monitors between them arrive in order, there and back")
def order(cleanup):
    node, erl = pair(cleanup)
    erl("P = gen_server:call({probe, N}, self), ok = gen_server:call(P, {subscribe, self()}),"
        "false = gen_server:call(P, {trap_exit, true}), ok")
    equal(erl("[begin P ! I, case I rem 5 of 0 -> link(P); 1 -> unlink(P);"
              " 2 -> put(r, monitor(process, P)); 3 -> demonitor(get(r), [flush]); 4 -> ok end end"
              " || I <- lists:seq(1, 100000)],"
              "[receive {info, X} -> X after 30000 -> none end || _ <- lists:seq(1, 100000)] =:= lists:seq(1, 100000)"),
          "true", node.log())
    # A trapped exit keeps its place in the order.
    equal(erl("[P ! I || I <- lists:seq(1, 1000)], exit(P, enough), P ! after_it, Me = self(),"
              "[receive {info, Y} -> Y after 10000 -> none end || _ <- lists:seq(1, 1002)]"
              " =:= lists:seq(1, 1000) ++ [{'EXIT', Me, enough}, after_it]"), "true", node.log())


@test("small calls go on beside 64 MiB messages, either way", proves="fragments")
def beside(cleanup):
    node, erl = pair(cleanup)
    erl("Calls = fun() -> Ts = lists:sort([element(1, timer:tc(fun() -> gen_server:call({kv, N}, size, 60000) end))"
        " || _ <- lists:seq(1, 1000)]), {lists:nth(500, Ts), lists:nth(990, Ts)} end, ok")
    erl("Big = binary:copy(<<7>>, 64 bsl 20), Calls(), ok")
    p50, p99 = (int(x) for x in erl("Calls()").strip("{}").split(","))
    erl("S = self(), spawn_link(fun() -> [Big = gen_server:call({probe, N}, {echo, Big}, 60000)"
        " || _ <- lists:seq(1, 5)], S ! done end), ok")
    with_p50, with_p99 = (int(x) for x in erl("Calls()").strip("{}").split(","))
    equal(erl("receive done -> ok after 60000 -> late end"), "ok", node.log())
    print(f"# small calls, median and 99th percentile: {p50} and {p99} us alone, {with_p50} and {with_p99} us beside 64 MiB")
    check(with_p99 < 1_000_000, "the 99th percentile is below a second", with_p99)


@test("a long message of many small parts of every kind comes out of its fragments as it went in", proves="fragments")
def many_parts(cleanup):
    node, erl = pair(cleanup)
    erl("P = self(), R = make_ref(), F = fun(X) -> {X, P} end, Long = list_to_atom(lists:duplicate(200, $x)),"
        "Part = fun(I) -> {ok, I, I * 1.5, -I, 1 bsl (I rem 3000), <<I:32>>, <<5:3>>, P, R, F, fun lists:map/2, Long,"
        " #{I => \"text\", [] => {}}, [I | improper], '\\x{e9}', [300, I]} end,"
        "Echo = fun(T) -> T =:= gen_server:call({probe, N}, {echo, T}, 60000) end, ok")
    for parts in (100, 3_000, 60_000):
        equal(erl(f"Echo([Part(I) || I <- lists:seq(1, {parts})])"), "true", node.log())
    # Fragments end within a term here: a binary longer than a fragment, in a fun; a long integer; a string; a large
    # tuple.
    equal(erl("B = binary:copy(<<1>>, 300000), Echo({fun() -> {B, Long} end, 1 bsl 1000000, lists:duplicate(65535, $s),"
              " list_to_tuple(lists:seq(1, 100000)), <<B/binary, 1:1>>})"), "true", node.log())


@test("an Erlang node that stops for a while loses nothing of what ours sends to it")
def stopped(cleanup):
    import os
    import signal
    node, erl = pair(cleanup)
    other = Erl(cleanup, name="other@127.0.0.1", epmd_port=node.epmd_port)
    other(f"N = '{node.name}', pong = net_adm:ping(N), P = gen_server:call({{probe, N}}, self), ok")
    erl("P = gen_server:call({probe, N}, self), ok = gen_server:call(P, {subscribe, self()}), ok")
    pid = int(erl("list_to_integer(os:getpid())"))
    os.kill(pid, signal.SIGSTOP)
    try:
        # The probe forwards everything to the stopped node, and goes on.
        other("B = binary:copy(<<1>>, 100000), [P ! {I, B} || I <- lists:seq(1, 500)], ok")
        equal(other("gen_server:call({kv, N}, size)"), "0", node.log())
    finally:
        os.kill(pid, signal.SIGCONT)
    equal(erl("[receive {info, {X, _}} -> X after 30000 -> none end || _ <- lists:seq(1, 500)] =:= lists:seq(1, 500)"),
          "true", node.log())


if __name__ == "__main__":
    run()
