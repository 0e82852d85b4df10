#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The signals that a real Erlang node sends to us and gets from us: calls, messages, monitors, links and exits, in both
directions."""
import os
import subprocess

from harness.erlang import Erl, beside_erl, command_line
from harness.node import Node, Shelf, connectable, tree
from harness.tap import check, contains, equal, eventually, run, test
from harness.terminal import Terminal


def pair(cleanup, **options):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port, **options)
    equal(erl(f"N = '{node.name}', pong = net_adm:ping(N)"), "pong", node.log())
    erl("Next = fun() -> receive M -> M after 10000 -> nothing end end, ok")
    return node, erl


@test("net_adm:ping answers pong and nodes() on both sides shows the other")
def ping(cleanup):
    node, erl = pair(cleanup)
    equal(erl("nodes()"), f"['{node.name}']")
    peers = node.ask("nodes")
    peers = peers["nodes"] if isinstance(peers, dict) else peers
    equal([(p["name"], p["state"]) for p in peers], [(erl.name, "connected")])
    equal(erl("net_adm:names()").startswith("{ok,["), True)


@test("while a handler holds the only worker's thread a ping, a call and a tick from Erlang are answered")
def stuck_handler(cleanup):
    node = Node(cleanup, settings=[("node.workers", "1")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', Me = self(), spawn(fun() -> Me ! {{spun, gen_server:call({{probe, N}}, {{spin, 6000}}, infinity)}} end), ok")
    eventually(lambda: node.ask("status")["stuck_threads"] == 1, "the worker is taken over")
    equal(erl("net_adm:ping(N)"), "pong", node.log())
    equal(erl("gen_server:call({kv, N}, {put, a, 1})"), "ok", node.log())
    equal(erl("{S, S} = {gen_server:call({kv, N}, size), 1}, receive {spun, _} -> too_late after 0 -> in_time end"), "in_time")
    equal(erl("receive {spun, R} -> R end"), "ok", node.log())


@test("a flood over one connection starves neither another connection nor a local client")
def flood(cleanup):
    node = Node(cleanup, settings=[("node.workers", "1")])
    flooder = Erl(cleanup, name="flooder@127.0.0.1", epmd_port=node.epmd_port)
    other = Erl(cleanup, name="other@127.0.0.1", epmd_port=node.epmd_port)
    flooder(f"F = spawn(fun L() -> [gen_server:cast({{kv, '{node.name}'}}, {{put, flood, X}}) || X <- lists:seq(1, 1000)], L() end), ok")
    eventually(lambda: node.call("kv", "{get, flood}") != "not_found", "the flood arrives")
    equal(other(f"length([pong = gen_server:call({{probe, '{node.name}'}}, ping) || _ <- lists:seq(1, 100)])"), "100", node.log())
    for _ in range(5):
        equal(node.call("probe", "ping"), "pong")
    equal(flooder("is_process_alive(F)"), "true")


@test("gen_server:call, cast, send_request and multi_call reach names and pids", proves="calls")
def gen_server(cleanup):
    _, erl = pair(cleanup)
    equal(erl("gen_server:call({kv, N}, {put, a, 1})"), "ok")
    equal(erl("gen_server:call({kv, N}, {get, a})"), "{ok,1}")
    equal(erl("gen_server:cast({kv, N}, {put, b, 2}), gen_server:call({kv, N}, {get, b})"), "{ok,2}")
    equal(erl("gen_server:receive_response(gen_server:send_request({kv, N}, size), 5000)"), "{reply,2}")
    equal(erl("P = gen_server:call({probe, N}, self), gen_server:call(P, ping)"), "pong")
    equal(erl("gen_server:multi_call([N], kv, size)"), "{[{'demo@127.0.0.1',2}],[]}")
    equal(erl("gen_server:call({greeter, N}, {hello, <<\"you\">>})"), '{ok,<<"hello, you">>}')
    contains(erl("catch gen_server:call({nobody, N}, x)"), "noproc")


@test("a request that a server of the node does not take is answered, and the server stays, where OTP's lets its caller wait or ends", proves="calls")
def unknown_to_servers(cleanup):
    node, erl = pair(cleanup)
    erl("Ask = fun(S, Patience) -> try gen_server:call(S, {what, now}, Patience) catch exit:{Why, _} -> {exit, Why} end end, ok")
    error = "{error,bad_request}"
    pg_ends = ("{exit,{badarg,", "{exit,{function_clause,")  # the second one in OTP 29, where pg is a data_publisher
    for name, ours, theirs in (("net_kernel", error, "{exit,timeout}"), ("rex", error, "{exit,timeout}"),
                               ("global_name_server", error, "{exit,timeout}"), ("pg", error, pg_ends),
                               ("application_controller", error, None), ("coppice_cron", error, None), ("coppice_events", error, None)):
        before = node.pid(name)
        equal(erl(f"Ask({{{name}, N}}, 10000)"), ours, name)
        # The call after an unknown cast and an unknown message finds the same process.
        erl(f"gen_server:cast({{{name}, N}}, {{what, now}}), {{{name}, N}} ! {{what, now}}, ok")
        equal(erl(f"Ask({{{name}, N}}, 10000)"), ours, name)
        equal(node.pid(name), before, name)
        if theirs is not None:
            erl("whereis(pg) =:= undefined andalso pg:start(pg), ok")
            said = erl(f"Ask({name}, 200)")
            check(said.startswith(theirs), f"OTP's {name}", said)
    check("bad_request" in erl("Ask({demo_sup, N}, 10000)"), "a supervisor says what it takes; OTP's ends")
    equal(erl("is_pid(gen_server:call({probe, N}, self))"), "true")


@test("a request that an actor does not take does to it what its class says: it ends, as OTP's gen_server, or says what is wrong", proves="calls")
def unknown_to_actors(cleanup):
    plugins = Shelf(cleanup, "thrower", "kv")
    children = "".join(f"        - {{ id: {name}, name: {name}, {what} }}\n" for name, what in
                       (("bare", "actor: thrower"), ("kv", "actor: kv"), ("strict", "actor: kv, unhandled: exit"), ("mild", "actor: thrower, unhandled: reply_error")))
    node = Node(cleanup, config=tree(children, distribution=connectable), settings=(plugins.setting,))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', Ask = fun(S) -> try gen_server:call({{S, N}}, {{what, now}}, 10000) catch exit:{{Why, _}} -> {{exit, Why}} end end, ok")
    for name, said, stays in (("bare", "{exit,{bad_call,{what,now}}}", False), ("strict", "{exit,{bad_call,{what,now}}}", False),
                              ("kv", "{error,{bad_request,<<", True), ("mild", "{error,{bad_request,<<", True)):
        before = node.pid(name)
        contains(erl(f"Ask({name})"), said, name)
        if stays:
            equal(node.pid(name), before, name)
        else:
            eventually(lambda name=name, before=before: node.pid(name) not in (None, before), f"{name} is another")
        before = node.pid(name)
        erl(f"gen_server:cast({{{name}, N}}, {{what, now}}), ok")
        if stays:
            contains(erl(f"Ask({name})"), said, name)
            equal(node.pid(name), before, name)
        else:
            eventually(lambda name=name, before=before: node.pid(name) not in (None, before), f"{name} is another")
        erl(f"{{{name}, N}} ! {{what, now}}, ok")
        before = node.pid(name)
        contains(erl(f"Ask({name})"), said, "a plain message ends nobody, as handle_info of OTP's gen_server")


@test("terms of every kind come back as they went, large ones too")
def echo(cleanup):
    _, erl = pair(cleanup)
    erl("Same = fun(T) -> T =:= gen_server:call({probe, N}, {echo, T}, 20000) end, ok")
    for term in ("[0, -1, 255, 256, -2147483649, 1 bsl 64, -(1 bsl 2000)]", "[1.5, -0.0, 1.0e300]",
                 "[a, '', 'Ünïcode', list_to_atom(lists:duplicate(255, 1234))]", '["", "text", [1|2], [[[]]]]',
                 "[<<>>, <<1,2,3>>, <<5:3>>]", "{{}, list_to_tuple(lists:seq(1, 300))}",
                 "#{a => 1, 2 => #{}, <<>> => [x]}", "[self(), make_ref(), hd(erlang:ports())]",
                 "[fun lists:map/2, fun(X) -> X end]", "maps:from_list([{I, I} || I <- lists:seq(1, 200)])",
                 "binary:copy(<<7>>, 5000000)", "lists:seq(1, 100000)",
                 "lists:foldl(fun(_, A) -> {A} end, x, lists:seq(1, 3000))",
                 "[list_to_atom(\"atom_\" ++ integer_to_list(I)) || I <- lists:seq(1, 3000)]"):
        equal(erl(f"Same({term})"), "true", term)
    # More atoms, one after the other, than the atom cache of a connection can hold.
    equal(erl("lists:all(fun(I) -> Same(list_to_atom(\"each_\" ++ integer_to_list(I rem 2600))) end, lists:seq(1, 3000))"), "true")


@test("plain messages arrive, and what our processes send back too")
def messages(cleanup):
    _, erl = pair(cleanup)
    equal(erl("gen_server:call({probe, N}, {subscribe, self()})"), "ok")
    equal(erl("{probe, N} ! hello, Next()"), "{info,hello}")
    equal(erl("gen_server:call({probe, N}, self) ! {to, pid}, Next()"), "{info,{to,pid}}")
    equal(erl("[{probe, N} ! I || I <- lists:seq(1, 1000)],"
              "[receive {info, J} -> J after 10000 -> none end || _ <- lists:seq(1, 1000)] =:= lists:seq(1, 1000)"),
          "true")


@test("monitors by name and by pid tell how our processes end, and noproc", proves="monitors")
def monitors(cleanup):
    _, erl = pair(cleanup)
    equal(erl("R1 = monitor(process, {nobody, N}), {'DOWN', R1, process, {nobody, N}, Y1} = Next(), Y1"), "noproc")
    erl("P = gen_server:call({probe, N}, self), R2 = monitor(process, {probe, N}), R3 = monitor(process, P), ok")
    equal(erl("catch gen_server:call(P, {exit, {oops, 1}}),"
              "lists:sort([begin {'DOWN', R, process, W, Y} = Next(), {R =:= R2 orelse R =:= R3, W =:= P orelse W =:= {probe, N}, Y} end"
              " || _ <- [1, 2]])"), "[{true,true,{oops,1}},{true,true,{oops,1}}]")
    equal(erl("R4 = monitor(process, P), {'DOWN', R4, process, P, Y4} = Next(), Y4"), "noproc")
    equal(erl("R5 = monitor(process, {kv, N}), demonitor(R5), gen_server:call({kv, N}, size)"), "0")


@test("links carry exits both ways; unlink and exit/2 do what they do in Erlang", proves="links exits")
def links(cleanup):
    _, erl = pair(cleanup)
    erl("process_flag(trap_exit, true), Fresh = fun F() -> case catch gen_server:call({probe, N}, self) of "
        "X when is_pid(X) -> X; _ -> timer:sleep(10), F() end end, P = Fresh(), link(P), ok")
    equal(erl("catch gen_server:call(P, {exit, bye}), {'EXIT', P, Y} = Next(), Y"), "bye")
    equal(erl("Q = Fresh(), link(Q), exit(Q, kill), {'EXIT', Q, Y2} = Next(), Y2"), "killed")
    equal(erl("O = Fresh(), link(O), unlink(O), exit(O, kill), receive {'EXIT', O, _} = E -> E after 300 -> none end"), "none")
    equal(erl("Z = Fresh(), false = gen_server:call(Z, {trap_exit, true}), ok = gen_server:call(Z, {subscribe, self()}),"
              "exit(Z, why), {info, {'EXIT', From, Why}} = Next(), {From =:= self(), Why}"), "{true,why}")
    equal(erl("S = spawn(fun() -> receive die -> exit(died) end end), ok = gen_server:call(Z, {link, S}), S ! die,"
              "{info, {'EXIT', S, Y3}} = Next(), Y3"), "died")


@test("our processes monitor theirs, by pid and by name", proves="monitors")
def our_monitors(cleanup):
    _, erl = pair(cleanup)
    erl("P = gen_server:call({probe, N}, self), ok = gen_server:call(P, {subscribe, self()}), ok")
    equal(erl("S = spawn(fun() -> receive die -> exit(died) end end), R = gen_server:call(P, {monitor, S}), S ! die,"
              "{info, {'DOWN', R, process, S, Y}} = Next(), Y"), "died")
    equal(erl("T = spawn(fun() -> register(them, self()), receive die -> exit(died2) end end), timer:sleep(50),"
              "R2 = gen_server:call(P, {monitor, {them, node()}}), T ! die,"
              "{info, {'DOWN', R2, process, W2, Y2}} = Next(), {W2, Y2}"), "{{them,'me@127.0.0.1'},died2}")
    equal(erl("R3 = gen_server:call(P, {monitor, {nobody, node()}}),"
              "{info, {'DOWN', R3, process, _, Y3}} = Next(), Y3"), "noproc")


@test("our processes monitor nodes: nodedown as often as asked, at once for one that is not there")
def our_node_monitors(cleanup):
    node, erl = pair(cleanup)
    other = Erl(cleanup, name="other@127.0.0.1", epmd_port=node.epmd_port)
    equal(other(f"net_adm:ping('{node.name}')"), "pong")
    erl("ok = gen_server:call({probe, N}, {subscribe, self()}), ok")
    equal(erl("[gen_server:call({probe, N}, {monitor_node, 'other@127.0.0.1', B}) || B <- [true, true, true, false]]"),
          "[ok,ok,ok,ok]")
    other.kill()
    equal(erl("Down = fun(T) -> receive {info, {nodedown, D}} -> D after T -> none end end, [Down(20000), Down(20000), Down(300)]"),
          "['other@127.0.0.1','other@127.0.0.1',none]", node.log())
    equal(erl("gen_server:call({probe, N}, {monitor_node, 'nowhere@127.0.0.1', true}), Down(20000)"),
          "'nowhere@127.0.0.1'")
    equal(erl("gen_server:call({probe, N}, {monitor_node, nonsense, true})"), "{error,badarg}")


@test("relay calls a gen_server of the Erlang node by name and pid, and says why it could not", proves="calls")
def relay(cleanup):
    _, erl = pair(cleanup)
    erl("S = spawn(fun L() -> receive {'$gen_call', From, die} -> exit(whynot); {'$gen_call', _, forget} -> L();"
        " {'$gen_call', From, Q} -> gen_server:reply(From, {got, Q}), L() end end), register(echo, S), ok")
    equal(erl("gen_server:call({relay, N}, {relay, {echo, node()}, hi})"), "{got,hi}")
    equal(erl("gen_server:call({relay, N}, {relay, S, hi})"), "{got,hi}")
    equal(erl("gen_server:call({relay, N}, {relay, {nobody, node()}, hi})"), "{error,noproc}")
    equal(erl("gen_server:call({relay, N}, {relay, {x, 'nowhere@127.0.0.1'}, hi})"), "{error,nodedown}")
    # More names than our half of the atom cache can hold.
    equal(erl("lists:usort([gen_server:call({relay, N}, {relay, {list_to_atom(\"nobody_\" ++ integer_to_list(I)), node()}, hi})"
              " || I <- lists:seq(1, 2600)])"), "[{error,noproc}]")
    equal(erl("gen_server:call({relay, N}, {relay, {echo, node()}, hi})"), "{got,hi}")
    equal(erl("gen_server:call({relay, N}, {relay, S, die})"), "{error,whynot}")
    contains(erl("gen_server:call({relay, N}, {fanout, [kv, {kv, N}], size})"), ",")


@test("a call that times out leaves no late message behind", proves="aliases")
def late_reply(cleanup):
    _, erl = pair(cleanup)
    contains(erl("catch gen_server:call({probe, N}, {sleep, 300}, 50)"), "timeout")
    equal(erl("pong = gen_server:call({probe, N}, ping), receive X -> X after 200 -> none end"), "none")


@test("rpc and erpc run what is allowed and refuse the rest as undef; other spawns are notsup", proves="rpc")
def rpc(cleanup):
    node, erl = pair(cleanup)
    equal(erl("rpc:call(N, erlang, node, [])"), f"'{node.name}'")
    equal(erl("erpc:call(N, erlang, nodes, [])"), "['me@127.0.0.1']")
    equal(erl("rpc:call(N, erlang, whereis, [probe]) =:= gen_server:call({probe, N}, self)"), "true")
    contains(erl("rpc:call(N, os, cmd, [\"id\"])"), "undef")
    contains(erl("catch erpc:call(N, os, cmd, [\"id\"])"), "undef")
    equal(erl("R = spawn_request(N, m, f, [], [monitor]), {spawn_reply, R, error, E} = Next(), E"), "notsup")
    contains(erl("rpc:call(N, application, which_applications, [])"), "demo")


@test("erl_call, a C node, is answered by rex, and refused what is not allowed")
def c_node(cleanup):
    erl_call = beside_erl("erl_call")
    node = Node(cleanup)
    def ask(what):
        return subprocess.run([*erl_call, "-name", node.name, "-c", node.cookie, "-a", what], capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, ERL_EPMD_PORT=str(node.epmd_port)))
    equal(ask("erlang node []").stdout.strip(), f"'{node.name}'", node.log())
    contains(ask("erlang registered []").stdout, "kv")
    contains(ask("os getpid []").stdout, "undef")


@test("sys, supervisor and user answer as they do in OTP")
def services(cleanup):
    node, erl = pair(cleanup)
    contains(erl("supervisor:which_children({demo_sup, N})"), "{kv,<")
    contains(erl("element(1, sys:get_status({kv, N}))"), "status")
    contains(erl("sys:get_state({kv, N})"), "#{entries => ")
    contains(erl("sys:get_state({demo_sup, N})"), "#{")
    equal(erl("{_, U} = {ok, rpc:call(N, erlang, whereis, [user])}, io:format(U, \"printed by ~p~n\", [node()])"), "ok")
    node.said("printed by", "the text in the log")


@test("sys counts, keeps and traces what a server handles, as OTP's gen_server has it")
def debugging(cleanup):
    node, erl = pair(cleanup)
    erl("K = {kv, N}, Both = fun() -> gen_server:call(K, {put, a, 1}), gen_server:cast(K, {put, b, 2}), gen_server:call(K, {get, a}) end, ok")
    equal(erl("sys:statistics(K, get)"), "{ok,no_statistics}")
    equal(erl("sys:statistics(K, true)"), "ok")
    erl("Both()")
    equal(erl("{ok, S} = sys:statistics(K, get), [proplists:get_value(I, S) || I <- [messages_in, messages_out]]"), "[3,2]")
    equal(erl("{{_, _, _}, {_, _, _}} = proplists:get_value(start_time, S), proplists:get_value(current_time, S) >= proplists:get_value(start_time, S)"), "true")
    equal(erl("[sys:statistics(K, false), sys:statistics(K, get)]"), "[ok,{ok,no_statistics}]")
    equal(erl("[sys:log(K, true), begin Both(), ok end]"), "[ok,ok]")
    equal(erl("{ok, L} = sys:log(K, get), Me = self(), [{in, {'$gen_call', {Me, T1}, {put, a, 1}}}, {out, ok, {Me, T1}, _},"
              "{in, {'$gen_cast', {put, b, 2}}}, {noreply, _}, {in, {'$gen_call', {Me, T2}, {get, a}}}, {out, {ok, 1}, {Me, T2}, _}] = L, ok"), "ok")
    equal(erl("[sys:log(K, {true, 2}), length(element(2, sys:log(K, get))), sys:log(K, print), sys:log(K, false), sys:log(K, get)]"), "[ok,2,ok,ok,{ok,[]}]")
    node.said("*DBG* kv got call {get,a} from", "what is printed of the log")
    equal(erl("[sys:trace(K, true), begin Both(), ok end, sys:trace(K, false), begin gen_server:call(K, {get, b}), ok end]"), "[ok,ok,ok,ok]")
    node.said("*DBG* kv got cast {put,b,2}")  # the print of the log had only the calls after this cast
    equal(erl("[sys:trace(K, true), begin gen_server:call(K, {get, c}), ok end, sys:trace(K, false)]"), "[ok,ok,ok]")
    node.said("*DBG* kv got call {get,c}")
    check("{get,b}" not in node.log(), "the trace alone", node.log())
    equal(erl("[sys:log({demo_sup, N}, true), supervisor:count_children({demo_sup, N}) =/= [], length(element(2, sys:log({demo_sup, N}, get)))]"), "[ok,true,2]")
    equal(erl("[sys:no_debug({demo_sup, N}), sys:log({demo_sup, N}, get)]"), "[ok,{ok,[]}]")
    equal(erl("sys:install(K, {fun(_, _, _) -> ok end, x}), sys:log_to_file(K, \"/tmp/no\")"), "{error,open_file}")


@test("rpc:sbcast has its answer from a node where the name is, and from one where it is not")
def sbcast(cleanup):
    node, erl = pair(cleanup)
    equal(erl("rpc:sbcast([N], nobody, hello)"), f"{{[],['{node.name}']}}")
    equal(erl("rpc:sbcast([N], probe, hello)"), f"{{['{node.name}'],[]}}")


@test("a request that a supervisor does not know is answered, named in the log once a sender, and kills nothing")
def unknown_request(cleanup):
    node, erl = pair(cleanup)
    for _ in range(3):
        contains(erl("gen_server:call({demo_sup, N}, {start_task, [], temporary, undefined})"), "{error,{bad_request,<<\"a supervisor takes")
    contains(erl("gen_server:call({demo_sup, N}, which_children)"), "kv")
    erl("io:format(rpc:call(N, erlang, whereis, [user]), \"the end\", [])")
    node.said("the end", "what comes after it in the log")
    equal(node.log().count("a request of"), 1, node.log())


@test("a remote shell says that this node has none, and what to use; the log has who asked")
def remote_shell(cleanup):
    node, erl = pair(cleanup)
    shell = Terminal(cleanup, [*command_line, "-name", "shell@127.0.0.1", "-setcookie", node.cookie, "-start_epmd", "false",
                               "-remsh", node.name], ERL_EPMD_PORT=str(node.epmd_port))
    check(shell.read_until(b"coppice"), "the command is named", shell.seen)
    shell.read_until(b"***")  # OTP 25 prints this when the shell has ended, and stays; later ones end
    check(b"CRASH" not in shell.seen.upper() and b"undef" not in shell.seen, "no crash is shown", shell.seen)
    node.said("shell@127.0.0.1 asked for a shell", "who asked in the log")
    equal(erl("rpc:call(N, code, ensure_loaded, ['Elixir.IEx'])"), 
          "{badrpc,'a Coppice node runs no Erlang and has no shell, use the coppice command on its machine'}")  # iex shows it
    node.said("me@127.0.0.1 asked for a shell", "who asked in the log")
    equal(erl("S = spawn(N, fun() -> ok end), R = monitor(process, S), receive {'DOWN', R, _, _, Why} -> Why end"), "notsup")
    node.said("this node runs no Erlang code", "the spawn in the log")


if __name__ == "__main__":
    run()
