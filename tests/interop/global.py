#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""global with real nodes: names registered on either side are found on the other, races, locks, and the conflict over a
name that two partitions have registered."""
from harness.erlang import Erl
from harness.node import Node
from harness.tap import check, contains, equal, eventually, run, test


def trio(cleanup):
    node = Node(cleanup)
    a = Erl(cleanup, name="a@127.0.0.1", epmd_port=node.epmd_port)
    z = Erl(cleanup, name="z@127.0.0.1", epmd_port=node.epmd_port)
    for erl in (a, z):
        erl(f"N = '{node.name}', pong = net_adm:ping(N), Us = gen_server:call({{probe, N}}, self), "
            "Idle = fun() -> spawn(fun() -> receive stop -> ok end end) end, ok")
    a("pong = net_adm:ping('z@127.0.0.1'), ok = global:sync()")
    z("ok = global:sync()")
    return node, a, z


def register(node, name, pid, kind="register_name"):
    """Registers a name as a plugin does it: by a call in its handler."""
    return node.call("relay", f"{{relay, global_name_server, {{{kind}, {name}, {pid}}}}}")


@test("a process of ours is registered, found and sent to everywhere, and forgotten when it ends", proves="global")
def ours(cleanup):
    node, a, z = trio(cleanup)
    probe = node.call("probe", "self")
    equal(register(node, "service", probe), "yes", node.log())
    for erl in (a, z):
        equal(erl("global:whereis_name(service) =:= Us"), "true")
        equal(erl("gen_server:call({global, service}, ping)"), "pong")
    equal(a("global:register_name(service, self())"), "no")
    equal(register(node, "service", probe), "no")
    equal(node.call("global_name_server", "registered_names"), "[service]")
    equal(node.call("global:service", "ping"), "pong")
    a("catch gen_server:call(Us, {exit, bye}), ok")
    for erl in (a, z):
        eventually(lambda: erl("global:whereis_name(service)") == "undefined", "it is forgotten")
    eventually(lambda: node.call("global_name_server", "{whereis_name, service}") == "undefined", "here too")


@test("a name is given up and taken over; a name may be any term; bad requests are refused")
def changes(cleanup):
    node, a, z = trio(cleanup)
    probe = node.call("probe", "self")
    equal(register(node, "{svc, 1}", probe), "yes")
    equal(a("global:whereis_name({svc, 1}) =:= Us"), "true")
    a("P = Idle(), yes = global:re_register_name({svc, 1}, P)")
    eventually(lambda: "a@127.0.0.1" in node.call("global_name_server", "{whereis_name, {svc, 1}}"), "taken over")
    equal(register(node, "{svc, 1}", probe, "re_register_name"), "yes")
    equal(z("global:whereis_name({svc, 1}) =:= Us"), "true")
    equal(node.call("global_name_server", "{unregister_name, {svc, 1}}"), "ok")
    equal(z("global:whereis_name({svc, 1})"), "undefined")
    contains(node.call("global_name_server", "{register_name, x, notapid}"), "badarg")


@test("a process of theirs is found by ours: coppice call global:NAME reaches it", proves="global")
def theirs(cleanup):
    node, a, _ = trio(cleanup)
    a("P = spawn(fun L() -> receive {'$gen_call', F, Q} -> gen_server:reply(F, {got, Q}), L(); stop -> ok end end),"
      "yes = global:register_name(theirs, P)")
    equal(node.call("global:theirs", "hi"), "{got,hi}")
    answer = node.call("global_name_server", "{whereis_name, theirs}")
    contains(answer, "a@127.0.0.1")
    equal(register(node, "theirs", node.call("probe", "self")), "no")
    a("P ! stop, ok")
    eventually(lambda: node.call("global_name_server", "{whereis_name, theirs}") == "undefined", "it is forgotten")
    refused = node.coppice("call", "global:theirs", "hi")
    check(refused.returncode != 0 and "no process has the global name" in refused.stderr, refused.stderr)


@test("of all nodes that want one name at once exactly one gets it")
def race(cleanup):
    node, a, z = trio(cleanup)
    for erl in (a, z):
        erl("Race = fun(J) -> P = Idle(), S = self(), spawn(fun() -> S ! {done, global:register_name({n, J}, P)} end) end,"
            "End = fun() -> receive {done, R} -> R after 40000 -> none end end, ok")
    probe = node.call("probe", "self")
    for j in range(6):
        a(f"Race({j}), ok")
        z(f"Race({j}), ok")
        wanted = node.ask("call", name="global_name_server", term=f"{{register_name, {{n, {j}}}, {probe}}}", timeout_ms=60000)
        results = [wanted["reply"], a("End()"), z("End()")]
        equal(sorted(results), ["no", "no", "yes"], node.log())
        if results[0] == "yes":
            node.call("global_name_server", f"{{unregister_name, {{n, {j}}}}}")


@test("while another node holds the lock of global, registering waits for it")
def lock(cleanup):
    node, a, _ = trio(cleanup)
    equal(a("global:set_lock({global, self()})"), "true")
    a("S = self(), spawn(fun() -> S ! {answer, gen_server:call({relay, N},"
      " {relay, global_name_server, {register_name, late, Us}}, 60000)} end), ok")
    equal(a("receive {answer, X} -> X after 700 -> waiting end"), "waiting")
    a("global:del_lock({global, self()})")
    equal(a("receive {answer, Y} -> Y after 30000 -> none end"), "yes", node.log())
    equal(a("global:whereis_name(late) =:= Us"), "true")


@test("two partitions with one name: the process on the node that sorts last is killed, all agree on the other")
def conflict(cleanup):
    for name, stays in (("aa@127.0.0.1", "theirs"), ("zz@127.0.0.1", "ours")):
        node = Node(cleanup)
        erl = Erl(cleanup, name=name, epmd_port=node.epmd_port)
        probe = node.call("probe", "self")
        equal(register(node, "both", probe), "yes")
        erl("P = spawn(fun() -> receive stop -> ok end end), yes = global:register_name(both, P)")
        erl(f"pong = net_adm:ping('{node.name}'), ok = global:sync()")
        eventually(lambda: erl("is_process_alive(P)") == ("true" if stays == "theirs" else "false"), stays)
        if stays == "theirs":
            eventually(lambda: name in node.call("global_name_server", "{whereis_name, both}"), "we agree")
            equal(erl("global:whereis_name(both) =:= P"), "true")
            eventually(lambda: node.call("probe", "self") != probe, "ours was killed and restarted")
        else:
            eventually(lambda: node.call("global_name_server", "{whereis_name, both}") == probe, "we agree")
            eventually(lambda: erl(f"node(global:whereis_name(both)) =:= '{node.name}'") == "true", "they agree")
            equal(node.call("probe", "self"), probe)
        erl.end()


@test("a name registered with notify_all_name belongs to nobody after a conflict, and both are told")
def notify(cleanup):
    for name in ("aa@127.0.0.1", "zz@127.0.0.1"):
        node = Node(cleanup)
        erl = Erl(cleanup, name=name, epmd_port=node.epmd_port, options=["-connect_all", "false"])
        driver = Erl(cleanup, name="driver@127.0.0.1", epmd_port=node.epmd_port, options=["-hidden"])
        driver(f"N = '{node.name}', Us = gen_server:call({{probe, N}}, self), ok = gen_server:call(Us, {{subscribe, self()}}),"
               "yes = gen_server:call({relay, N}, {relay, global_name_server,"
               " {register_name, both, Us, fun global:notify_all_name/3}})")
        erl.end()
        erl = Erl(cleanup, name=name, epmd_port=node.epmd_port)
        erl("yes = global:register_name(both, self(), fun global:notify_all_name/3)")
        erl(f"pong = net_adm:ping('{node.name}'), ok = global:sync()")
        equal(erl("receive {global_name_conflict, both, O} -> node(O) after 15000 -> none end"), f"'{node.name}'", node.log())
        contains(driver("receive {info, {global_name_conflict, _, _} = M} -> M after 15000 -> none end"), "{global_name_conflict,both,")
        eventually(lambda: erl("global:whereis_name(both)") == "undefined", "nobody has it there")
        equal(node.call("global_name_server", "{whereis_name, both}"), "undefined")
        driver.end()
        erl.end()


@test("a third node that meets the name of ours asks us to settle it, which needs no leave to call while it is at it")
def third(cleanup):
    node = Node(cleanup, settings=[("distribution.allow.rpc", "[]")])
    erl = Erl(cleanup, name="aa@127.0.0.1", epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', pong = net_adm:ping(N), global:sync()")
    erl("Us = gen_server:call({probe, N}, self), P = spawn(fun() -> receive stop -> ok end end), ok")
    erl("Resolve = fun(Method) -> rpc:call(N, global, resolve_it, [Method, n, P, Us]) end, Kill = fun global:random_exit_name/3")
    equal(erl("global:register_name(n, Us, Kill)"), "yes")
    contains(erl("Resolve(Kill)"), "badrpc")
    equal(erl("global:set_lock({global, [self()]}, [N])"), "true")
    contains(erl("rpc:call(N, global, resolve_it, [Kill, other, P, Us])"), "badrpc")
    equal(erl("gen_server:call({probe, N}, self) =:= Us"), "true", "nothing has happened to ours")
    equal(erl("Resolve(Kill) =:= P"), "true", node.log())
    eventually(lambda: erl("gen_server:call({probe, N}, self) =/= Us") == "true", "ours was killed")
    contains(erl("rpc:call(N, erlang, node, [])"), "undef")


@test("a node that is lost while ours has its lock stays lost until somebody connects")
def lost_meanwhile(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    # The process that would go on once our node has taken the lock, and give the lock back.
    erl("[Locker] = [P || P <- element(2, process_info(whereis(global_name_server), links)), is_pid(P),"
        " element(2, process_info(P, current_function)) =:= {global, loop_the_locker, 1}], true = erlang:suspend_process(Locker),"
        "Free = fun() -> Id = {global, self()}, case global:set_lock(Id, [node()], 0) of"
        " true -> global:del_lock(Id, [node()]); false -> false end end, ok")
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong")
    eventually(lambda: erl("Free()") == "false", "ours has the lock")
    equal(erl("erlang:disconnect_node(N)"), "true")
    eventually(lambda: [peer["state"] for peer in node.ask("nodes")["nodes"]] == ["down"], "ours knows it")
    for _ in range(20):
        equal(erl("receive after 25 -> nodes() end"), "[]", node.log())
    eventually(lambda: erl("Free()") == "true", "nobody has it")
    erl("erlang:resume_process(Locker)")
    equal(erl("pong = net_adm:ping(N), global:sync()"), "ok")
    equal(register(node, "again", node.call("probe", "self")), "yes")
    eventually(lambda: erl("is_pid(global:whereis_name(again))") == "true", "both are in step")


if __name__ == "__main__":
    run()
