#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Strategies: which children keep their pid when one ends; dynamic children; and shutdown by significant children."""
import re

from harness.erlang import Erl
from harness.node import Node, connectable, tree
from harness.tap import check, contains, equal, eventually, run, test

head = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
"""

three = head + """
  - name: three
    supervisor:
      name: sup
      strategy: %s
      intensity: 5
      children:
        - { id: a, actor: probe, name: a }
        - { id: b, actor: probe, name: b }
        - { id: c, actor: probe, name: c }
"""

template = head + """
  - name: pool
    supervisor:
      name: sup
      strategy: simple_one_for_one
      intensity: 5
      children:
        - { id: worker, actor: kv, restart: %s, args: { max_entries: 1 } }
"""

ending = head + """
  - name: lasting
    supervisor: { children: [ { id: p, actor: probe, name: other } ] }
  - name: ending
    type: %s
    supervisor:
      name: sup
      auto_shutdown: %s
      children:
        - { id: first, actor: probe, name: first, restart: transient, significant: true }
        - { id: second, actor: probe, name: second, restart: transient, significant: true }
        - { id: server, actor: probe, name: server }
"""


def pids(node, names="abc"):
    return {name: node.call(name, "self") for name in names}


def state(node, application):
    return {one["name"]: one["state"] for one in node.ask("status")["applications"]}[application]


def started(reply):
    """The pid of {ok, Pid}."""
    found = re.fullmatch(r"\{ok,\s*(\S+)\}", reply)
    check(found, "a child was started", reply)
    return found.group(1)


@test("which pids change when a child ends is what its supervisor's strategy says")
def who_is_restarted(cleanup):
    for strategy, changed in [("one_for_one", "b"), ("rest_for_one", "bc"), ("one_for_all", "abc")]:
        node = Node(cleanup, config=three % strategy)
        before = pids(node)
        node.answer("b", "{exit, oops}")
        for name in changed:
            eventually(lambda: node.pid(name) not in (None, before[name]),
                       f"{strategy}: another {name}")
        after = pids(node)
        equal("".join(name for name in "abc" if before[name] != after[name]), changed, strategy)
        equal(node.stop(), 0, node.log())


@test("coppice call starts, lists and stops children of a simple_one_for_one supervisor")
def dynamic_by_call(cleanup):
    node = Node(cleanup, config=template % "transient")
    equal(node.call("sup", "which_children"), "[]")
    first = started(node.call("sup", "{start_child, [#{max_entries => 2}]}"))
    second = started(node.call("sup", "{start_child, []}"))
    contains(node.call("sup", "count_children"), "{active,2}")
    actors = node.ask("reload", plugin="kv", dry_run=True)["plugins"][0]["actors"]
    equal({(one["pid"], one["path"]) for one in actors}, {(first, "pool/worker"), (second, "pool/worker")}, "their place in the tree")
    for pid, room in [(first, 2), (second, 1)]:
        for key in range(room):
            equal(node.call(pid, f"{{put, {key}, x}}"), "ok")
        contains(node.call(pid, "{put, more, x}"), "error")
    equal(node.call("sup", f"{{terminate_child, {first}}}"), "ok")
    contains(node.call("sup", "count_children"), "{active,1}")
    equal(node.call("sup", "{delete_child, worker}"), "{error,simple_one_for_one}")
    for wrong in ("max_entries => hello", "max_entries => -1", "colour => red"):
        contains(node.call("sup", f"{{start_child, [#{{{wrong}}}]}}"), "{error,{bad_args,<<\"args")
    contains(node.call("sup", "count_children"), "{active,1}")
    equal(node.stop(), 0, node.log())


def supervised_by_others(actor):
    return [("distribution.allow", f"{{ supervise: [ sup ], spawn: [ {actor} ] }}")]


@test("an Erlang node changes no children unless the configuration lets it, and reads them in any case")
def refused_to_erlang(cleanup):
    node = Node(cleanup, config=three % "one_for_one")
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"S = {{sup, '{node.name}'}}")
    erl("D = #{id => d, start => {coppice, start_link, [probe, #{}]}}")
    equal(erl("lists:usort([supervisor:start_child(S, D), supervisor:terminate_child(S, a),"
              " supervisor:restart_child(S, a), supervisor:delete_child(S, a)])"), "[{error,not_allowed}]")
    equal(erl("[Id || {Id, _, _, _} <- supervisor:which_children(S)]"), "[c,b,a]")
    node.said("distribution.allow.supervise does not name this supervisor")


@test("an Erlang node adds children by supervisor:start_child, and what it adds is restarted")
def dynamic_from_erlang(cleanup):
    node = Node(cleanup, config=template % "permanent", settings=supervised_by_others("kv"))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"S = {{sup, '{node.name}'}}")
    equal(erl("{ok, P} = supervisor:start_child(S, [#{max_entries => 2}]), gen_server:call(P, {put, a, 1})"), "ok")
    equal(erl("[{undefined, P, worker, [kv]}] =:= supervisor:which_children(S)"), "true")
    erl("M = monitor(process, P), exit(P, oops), receive {'DOWN', M, _, _, R} -> R end")
    erl("Q = (fun Again() -> case supervisor:which_children(S) of"
        " [{_, New, _, _}] when is_pid(New), New =/= P -> New; _ -> timer:sleep(10), Again() end end)()")
    equal(erl("gen_server:call(Q, size)"), "0")
    equal(erl("[gen_server:call(Q, {put, K, 1}) || K <- [a, b]]"), "[ok,ok]", "the child keeps its own arguments")
    equal(erl("supervisor:terminate_child(S, Q)"), "ok")
    equal(erl("proplists:get_value(active, supervisor:count_children(S))"), "0")
    equal(erl("supervisor:restart_child(S, worker)"), "{error,simple_one_for_one}")


@test("an Erlang node adds a child of its own specification under one_for_one, and asks for all that a supervisor does")
def specified_from_erlang(cleanup):
    node = Node(cleanup, config=three % "one_for_one", settings=supervised_by_others("probe"))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"S = {{sup, '{node.name}'}}")
    erl("D = #{id => d, start => {coppice, start_link, [probe, #{}]}, restart => temporary}")
    equal(erl("{ok, P} = supervisor:start_child(S, D), gen_server:call(P, ping)"), "pong")
    equal(erl("supervisor:start_child(S, D) =:= {error, {already_started, P}}"), "true")
    equal(erl("supervisor:start_child(S, D#{id => e, significant => true})"),
          "{error,{bad_combination,[{auto_shutdown,never},{significant,true}]}}")
    equal(erl("[Id || {Id, _, _, _} <- supervisor:which_children(S)]"), "[d,c,b,a]")
    equal(erl("supervisor:terminate_child(S, d)"), "ok")
    equal(erl("supervisor:terminate_child(S, d)"), "{error,not_found}")
    equal(erl("[supervisor:delete_child(S, a), supervisor:restart_child(S, a)]"), "[{error,running},{error,running}]")
    equal(erl("[supervisor:terminate_child(S, Id) || Id <- [b, c]]"), "[ok,ok]")
    equal(erl("element(1, supervisor:restart_child(S, b))"), "ok")
    equal(erl("[supervisor:delete_child(S, c), supervisor:delete_child(S, c)]"), "[ok,{error,not_found}]")
    equal(erl("[Id || {Id, P0, _, _} <- supervisor:which_children(S), is_pid(P0)]"), "[b,a]")
    equal(erl("lists:sort(supervisor:count_children(S))"), "[{active,2},{specs,2},{supervisors,0},{workers,2}]")
    equal(erl("maps:get(id, element(2, supervisor:get_childspec(S, b)))"), "b")


@test("an Erlang node adds a supervisor as OTP's init describes one, and asks that as any other; faults are OTP's")
def supervisor_from_erlang(cleanup):
    node = Node(cleanup, config=three % "one_for_one", settings=supervised_by_others("probe"))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"S = {{sup, '{node.name}'}}")
    erl("W = fun(Id) -> #{id => Id, start => {coppice, start_link, [probe, #{}]}} end")
    erl("D = fun(Pair) -> #{id => d, type => supervisor, start => {coppice, start_link, [supervisor, Pair]}} end")
    erl("Pair = {#{strategy => rest_for_one, intensity => 5, period => 10}, [W(x), W(y), W(z)]}")
    equal(erl("{ok, P} = supervisor:start_child(S, D(Pair)), [I || {I, _, worker, [probe]} <- supervisor:which_children(P)]"),
          "[z,y,x]")
    equal(erl("[{d, P, supervisor, [supervisor]}] =:= [T || {d, _, _, _} = T <- supervisor:which_children(S)]"), "true")
    erl("At = fun(Id) -> {Id, Q, _, _} = lists:keyfind(Id, 1, supervisor:which_children(P)), Q end")
    erl("[X0, Y0, Z0] = [At(I) || I <- [x, y, z]], M = monitor(process, Z0), exit(Y0, oops)")
    equal(erl("receive {'DOWN', M, _, _, R} -> R end"), "shutdown", "rest for one")
    erl("(fun Again() -> case is_pid(At(z)) andalso is_pid(At(y)) andalso At(y) =/= Y0 andalso At(z) =/= Z0 of"
        " true -> ok; _ -> timer:sleep(10), Again() end end)()")
    equal(erl("[At(x) =:= X0, gen_server:call(At(z), ping)]"), "[true,pong]")
    # get_childspec returns the spec that the child was started with, so that another child can be started with it.
    equal(erl("{ok, C} = supervisor:get_childspec(S, d), ok = supervisor:terminate_child(S, d),"
              " ok = supervisor:delete_child(S, d), {ok, P2} = supervisor:start_child(S, C),"
              " [I || {I, _, _, _} <- supervisor:which_children(P2)]"), "[z,y,x]")
    equal(erl("element(1, supervisor:start_child(P2, W(more)))"), "error", "it has no name that allow.supervise could list")
    equal(erl("[supervisor:terminate_child(S, d), supervisor:delete_child(S, d)]"), "[ok,ok]")
    for pair, why in (("{#{strategy => x}, []}", "{supervisor_data,{invalid_strategy,x}}"),
                      ("{#{period => 0}, []}", "{supervisor_data,{invalid_period,0}}"),
                      ("{{one_for_one, 1}, []}", "{supervisor_data,{invalid_type,{one_for_one,1}}}"),
                      ("{#{}, [W(x), W(x)]}", "{start_spec,{duplicate_child_name,x}}"),
                      ("{#{strategy => simple_one_for_one}, []}", "{bad_start_spec,[]}")):
        equal(erl(f"supervisor:start_child(S, D({pair}))"), f"{{error,{why}}}")
    contains(erl("supervisor:start_child(S, D({#{}, [#{id => k, start => {coppice, start_link, [kv]}}]}))"), "{not_allowed,")
    equal(node.stop(), 0, node.log())


@test("a child added with args that its plugin's schema does not take is refused")
def refused_args(cleanup):
    node = Node(cleanup, config=(three % "one_for_one").replace("id: b, actor: probe", "id: b, actor: kv"))
    added = "{start_child, #{id => d, start => {coppice, start_link, [kv, #{max_entries => %s}]}}}"
    contains(node.call("sup", added % "none"), "{error,{{bad_args,<<\"args.max_entries")
    started(node.call("sup", added % "3"))


@test("auto_shutdown ends the application with its first or its last significant child")
def auto_shutdown(cleanup):
    node = Node(cleanup, config=ending % ("temporary", "any_significant"))
    node.answer("first", "{exit, normal}")
    eventually(lambda: state(node, "ending") == "stopped", "the application has ended")
    equal(state(node, "lasting"), "running")
    equal(node.call("other", "ping"), "pong")

    node = Node(cleanup, config=ending % ("temporary", "all_significant"))
    before = node.call("first", "self")
    node.answer("first", "{exit, oops}")
    eventually(lambda: node.pid("first") not in (None, before), "first is back")
    node.answer("first", "{exit, normal}")
    equal(node.call("server", "ping"), "pong", "the second is still there")
    equal(state(node, "ending"), "running")
    node.answer("second", "{exit, normal}")
    eventually(lambda: state(node, "ending") == "stopped", "the application has ended")


@test("the end that auto_shutdown brings takes the node down if the application is permanent")
def auto_shutdown_of_permanent(cleanup):
    node = Node(cleanup, config=ending % ("permanent", "any_significant"))
    node.answer("first", "{exit, normal}")
    equal(node.process.wait(20), 1, node.log())
    node.said("ending (permanent) ended: shutdown")


@test("a child that fails too often under on_exceeded: park stays down, the tree up, and both can be seen")
def parked(cleanup):
    node = Node(cleanup, config=three % "rest_for_one\n      on_exceeded: park\n      period: 1h")
    before = pids(node)
    for turn in range(6):
        node.answer("a", "{exit, oops}")
        if turn < 5:
            eventually(lambda: node.answer("a", "ping") is not None, "it is back")
    eventually(lambda: node.ask("status")["degraded"] == ["three/a"], "it is parked")
    equal(state(node, "three"), "running")
    found = {child["id"]: child for child in node.ask("tree", application="three")["applications"][0]["supervisor"]["children"]}
    equal([found[name]["state"] for name in "abc"], ["parked", "running", "running"])
    equal((found["a"]["pid"], found["a"]["restarts"], found["a"]["last_end"]["reason"]), (None, 5, "oops"))
    contains(node.coppice("tree").stdout, "parked")
    contains(node.coppice("status").stdout, "three/a")
    node.said("three/a is parked")
    contains(node.call("sup", "which_children"), "{a,undefined,")
    node.answer("b", "{exit, oops}")
    eventually(lambda: node.pid("c") not in (None, before["c"]), "c is restarted with b")
    equal(node.ask("restart", path="three/a"), {"path": "three/a"})
    equal(node.call("a", "ping"), "pong")
    equal(node.ask("status")["degraded"], [])
    equal(node.stop(), 0, node.log())


@test("info tells how earlier runs of a child ended, the last eight, with the time")
def history(cleanup):
    node = Node(cleanup, config=(three % "one_for_one").replace("intensity: 5", "intensity: 100"))
    equal(node.info("a")["ends"], [])
    for turn in range(10):
        node.answer("a", f"{{exit, {{failure, {turn}}}}}")
        eventually(lambda: node.answer("a", "ping") is not None, "it is back")
    ends = node.info("a")["ends"]
    equal([end["reason"] for end in ends], [f"{{failure,{turn}}}" for turn in range(2, 10)])
    equal(sorted(end["at"] for end in ends), [end["at"] for end in ends])
    equal(node.info("b")["ends"], [])
    contains(node.coppice("info", "a").stdout, "{failure,9}")


@test("a child with a backoff waits, shows as restarting and comes back by itself")
def backoff(cleanup):
    waiting = three.replace("actor: probe, name: a }", "actor: probe, name: a, backoff: { first: 3s, jitter: 0 } }")
    node = Node(cleanup, config=waiting % "one_for_one")
    before = pids(node)

    def first_child():
        return node.ask("tree", application="three")["applications"][0]["supervisor"]["children"][0]

    node.answer("a", "{exit, oops}")
    eventually(lambda: first_child()["state"] == "restarting", "it waits")
    equal(first_child()["pid"], None)
    eventually(lambda: node.pid("a") not in (None, before["a"]), "it is back")
    equal(pids(node, "bc"), {name: before[name] for name in "bc"})
    node.said("three/a is restarted in 3000 ms")
    # A restart by hand ends the wait at once. The timer, which still runs, then has no effect.
    node.answer("a", "{exit, oops}")
    eventually(lambda: first_child()["state"] == "restarting", "it waits once more")
    node.ask("restart", path="three/a")
    again = node.call("a", "self")
    eventually(lambda: node.log().count("three/a ended: oops") == 2, "both ends are in the log")
    equal(node.call("a", "self"), again)


@test("a supervisor that is killed is started anew once, though a child that it leaves lives on under its name")
def left_over(cleanup):
    node = Node(cleanup, config=head + """
  - name: nested
    supervisor:
      name: sup
      children:
        - id: inner
          supervisor:
            name: inner
            children: [ { id: p, actor: probe, name: p, shutdown: 200ms } ]
""")
    before = {name: node.pid(name) for name in ("sup", "inner", "p")}
    node.call("p", "{trap_exit, true}")
    equal(node.answer("p", "{sleep, 600000}", timeout_ms=100), None)
    node.ask("exit", name="inner", reason="kill")
    node.said("nested/inner/p waits for the end of <0.")
    node.said("nested/inner/p did not stop within its 1200 ms and is killed")
    eventually(lambda: node.pid("p") not in (None, before["p"]), "the child is back")
    equal(node.call("p", "ping"), "pong")
    check(node.pid("inner") not in (None, before["inner"]), "its supervisor is another")
    equal(node.pid("sup"), before["sup"], "one restart is what the intensity allows")


@test("max_runtime stops an application and leaves the others")
def lifespan(cleanup):
    node = Node(cleanup, config=ending % ("transient", "all_significant"),
                settings=[("applications.ending.max_runtime", "1s")])
    eventually(lambda: state(node, "ending") == "stopped", "its time is over")
    equal(state(node, "lasting"), "running")
    node.said("max_runtime")
    equal(node.stop(), 0, node.log())


TICKERS = tree("""
        - { id: probe, actor: probe, name: probe }
        - id: tickers
          supervisor:
            name: tickers
            strategy: simple_one_for_one
            children: [ { id: ticker, actor: ticker, args: { every: 10ms } } ]
""", "clocks", "temporary", distribution=connectable)


@test("what a template's args lack of the schema's required ones, start_child gives")
def incomplete_template(cleanup):
    node = Node(cleanup, config=TICKERS)
    contains(node.call("tickers", "{start_child, []}"), "{error,{bad_args,<<")
    contains(node.call("tickers", "{start_child, [#{to => <<\"probe\">>}]}"), "{ok,<0.")
    equal(node.call("tickers", "count_children"), "[{specs,1},{active,1},{supervisors,0},{workers,1}]")


run()
