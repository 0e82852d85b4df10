#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The requests of OTP's observer and etop to a node: the functions and the processes of observer_backend. Then the
tools themselves run, observer on an invisible screen."""
import os
import pathlib
import re
import shutil

from harness.erlang import Erl
from harness.node import Folder, Node
from harness.screen import Screen, png
from harness.tap import Skip, check, contains, equal, eventually, run, test


here = pathlib.Path(__file__).resolve().parent


def pair(cleanup, allow="[ observer ]", display=None):
    node = Node(cleanup, settings=[("distribution.allow", f"{{ rpc: {allow} }}")])
    erl = Erl(cleanup, epmd_port=node.epmd_port, display=display)
    erl(f"N = '{node.name}', net_adm:ping(N)")
    erl("Next = fun() -> receive M -> M after 20000 -> none end end, ok")
    return node, erl


@test("sys_info has every key that observer shows, by rpc and by erpc", proves="observer")
def sys_info(cleanup):
    _, erl = pair(cleanup)
    equal(erl("{module, observer_backend} = rpc:call(N, code, ensure_loaded, [observer_backend]), "
              "rpc:call(N, erlang, function_exported, [observer_backend, procs_info, 1])"), "true")
    equal(erl("Ours = observer_backend:sys_info(), Theirs = rpc:call(N, observer_backend, sys_info, []),"
              "[K || {K, _} <- Ours, not lists:keymember(K, 1, Theirs)]"), "[atom_limit,port_limit,ets_limit]")
    equal(erl("lists:all(fun({K, V}) -> is_integer(V) =:= is_integer(proplists:get_value(K, Ours)) end, Theirs)"), "true")
    equal(erl("lists:sum([C || {_, Is} <- proplists:get_value(alloc_info, Theirs), {_, _, Kinds} <- Is,"
              " {_, [{blocks, _}, {carriers_size, C, _, _}]} <- Kinds]) > 0"), "true")
    equal(erl("is_list(erpc:call(N, observer_backend, sys_info, []))"), "true")
    equal(erl("[rpc:call(N, observer_backend, F, A) || {F, A} <- [{get_port_list, []}, {get_socket_list, []},"
              " {get_table_list, [ets, [{sys_hidden, true}, {unread_hidden, true}]]}]]"), "[[],[],[]]")
    contains(erl("rpc:call(N, observer_backend, vsn, [])"), "{ok,")
    equal(erl("{T, B} = {erlang:system_info(wordsize), rpc:call(N, erlang, system_info, [wordsize])}, T =:= B"), "true")


@test("process_info answers the items asked for, in their order, as OTP's does", proves="observer")
def process_info(cleanup):
    _, erl = pair(cleanup)
    erl("P = rpc:call(N, erlang, whereis, [kv]), I = fun(A) -> rpc:call(N, erlang, process_info, [P | A]) end, ok")
    equal(erl("I([registered_name])"), "{registered_name,kv}")
    equal(erl("[K || {K, _} <- I([[status, links, registered_name, memory]])]"), "[status,links,registered_name,memory]")
    equal(erl("Items = [binary, catchlevel, current_function, error_handler, garbage_collection, group_leader, heap_size,"
              " initial_call, last_calls, links, memory, message_queue_len, monitored_by, monitors, priority, reductions,"
              " registered_name, sequential_trace_token, stack_size, status, suspending, total_heap_size, trace, trap_exit],"
              " [K || {K, _} <- I([Items])] =:= Items"), "true")
    equal(erl("{links, [L]} = I([links]), L =:= rpc:call(N, erlang, whereis, [demo_sup])"), "true")
    equal(erl("[K || {K, _} <- process_info(self()), K =/= dictionary, not lists:keymember(K, 1, I([]))]"), "[]")
    contains(erl("I([nonsense])"), "badarg")


@test("procs_info, etop_collect and fetch_stats are spawned, send what they show, and end with their client", proves="observer")
def processes(cleanup):
    _, erl = pair(cleanup)
    equal(erl("S = spawn_link(N, observer_backend, procs_info, [self()]), {procs_info, S, Rows} = Next(),"
              "lists:usort([{element(1, R), tuple_size(R)} || R <- Rows])"), "[{etop_proc_info,8}]")
    equal(erl("{'EXIT', S, normal} = Next(), lists:member(kv, [element(5, R) || R <- Rows])"), "true")
    equal(erl("E = spawn(N, observer_backend, etop_collect, [self()]), {E, Etop} = Next(), {element(1, Etop), tuple_size(Etop)}"),
          "{etop_info,9}")
    equal(erl("length(element(9, Etop)) =:= element(3, Etop)"), "true")
    equal(erl("F = spawn_link(N, observer_backend, fetch_stats, [self(), 200]),"
              "{stats, 1, [{1, _, T1} | _], {{input, _}, {output, _}}, Mem} = Next(), {stats, 1, [{1, _, T2} | _], _, _} = Next(), T2 > T1"),
          "true")
    equal(erl("[lists:keymember(K, 1, Mem) || K <- [total, processes, atom, binary, code, ets]]"), "[true,true,true,true,true,true]")
    equal(erl("R = monitor(process, F), F ! stop, (fun W() -> receive {'DOWN', R, _, _, Y} -> Y; _ -> W() end end)()"), "normal")


@test("appmon_info tells its client, and only that, the applications and the processes of each, and ends with it")
def applications(cleanup):
    _, erl = pair(cleanup)
    erl("{ok, A} = rpc:call(N, appmon_info, start_link2, [self(), self(), []])")
    erl("Of = fun(What, About) -> gen_server:cast(A, {self(), What, About, true, []}),"
        " receive {delivery, A, What, About, R} -> R after 20000 -> none end end, ok")
    equal(erl("[{App, Row} || {_, App, Row} <- Of(app_ctrl, N)] =:= [{element(1, W), W} || W <- rpc:call(N, application, which_applications, [])]"), "true")
    equal(erl("{Root, Ps, Links, _} = Of(app, demo), {value, {_, Root}} = lists:keysearch(Root, 2, Ps),"
              "[lists:member({\"demo_sup\", \"kv\"}, Links), lists:member({Root, \"demo_sup\"}, Links), length(Links) =:= length(Ps) - 1]"),
          "[true,true,true]")
    equal(erl("Of(app, nobody)"), "{[],[],[],[]}")
    equal(erl("[{Kv, _}] = [P || {_, \"kv\"} = P <- Ps], exit(Kv, kill), receive {delivery, A, app, demo, Again} -> Again =/= {Root, Ps, Links, []} after 20000 -> none end"), "true")
    erl("Stranger = spawn_link(fun F() -> receive {delivery, _, _, _, _} = D -> put(d, D), F() end end), ok")
    equal(erl("gen_server:cast(A, {Stranger, app_ctrl, N, true, []}), sys:get_state(A),"
              "element(2, process_info(Stranger, dictionary))"), "[]")
    equal(erl("Mon = monitor(process, A), exit(A, normal), receive {'DOWN', Mon, _, _, End} -> End after 20000 -> none end"), "normal")
    contains(erl("rpc:call(N, appmon_info, start_link2, [rpc:call(N, erlang, whereis, [kv]), rpc:call(N, erlang, whereis, [kv]), []])"), "badarg")


def keep_pictures(folder):
    """Keeps pictures of the tabs, as PNG files in the folder COPPICE_SCREENSHOTS, if there is one."""
    kept = os.environ.get("COPPICE_SCREENSHOTS")
    for dump in folder.glob("*.xwd") if kept else []:
        pathlib.Path(kept).mkdir(parents=True, exist_ok=True)
        (pathlib.Path(kept) / f"{dump.stem}.png").write_bytes(png(dump))


@test("every tab of OTP's observer shows the node, and a window one of its processes", proves="observer")
def tabs(cleanup):
    screen = Screen(cleanup)
    node, erl = pair(cleanup, display=screen.display)
    if "non_existing" in erl("[code:which(M) || M <- [observer, wx]]"):
        raise Skip("this Erlang has no observer, or no wx")
    folder = Folder()  # a folder that the node sees, also in a chroot
    cleanup.callback(folder.close)
    shutil.copy(here / "observer_tabs.erl", folder.path)
    erl(f'{{ok, observer_tabs, Code}} = compile:file("{folder.path}/observer_tabs", [binary]), '
        'code:load_binary(observer_tabs, "observer_tabs", Code)')
    shown = erl(f'Shown = observer_tabs:show(N, "{screen.frame}", "{folder.path}"), '
                '[{Tab, What} || {Tab, What} <- Shown, What =/= ok]')
    keep_pictures(folder.path)
    equal(shown, "[]", "".join(erl.output))
    equal(erl("length(Shown)"), "10")
    check("crash" not in "".join(erl.output), "observer crashed", "".join(erl.output))


@test("etop prints the node's processes")
def etop(cleanup):
    node, erl = pair(cleanup)
    if erl("code:which(etop)") == "non_existing":
        raise Skip("this Erlang has no observer")
    if erl("erlang:system_info(otp_release)") == '"27"':
        raise Skip("etop of OTP 27 traces although it is told not to, and its dbg waits for ever for a node without Erlang code")
    erl("spawn(fun() -> etop:start([{node, N}, {output, text}, {interval, 1}, {lines, 50}, {tracing, off}]) end)")

    def printed():
        erl("ok")  # reads what was printed before
        return re.search(r"kv:.*\b(0|[1-9]\d*)\b", "".join(erl.output))
    eventually(printed, "a row of etop for kv", seconds=20)
    contains("".join(erl.output), node.name)


@test("info alone answers none of it, and spawns nothing")
def denied(cleanup):
    _, erl = pair(cleanup, "[ info ]")
    contains(erl("rpc:call(N, observer_backend, sys_info, [])"), "undef")
    contains(erl("rpc:call(N, appmon_info, start_link2, [self(), self(), []])"), "undef")
    equal(erl("Q = spawn_request(N, observer_backend, procs_info, [self()], [monitor]), {spawn_reply, Q, error, Y} = Next(), Y"), "notsup")


@test("info answers what monitoring asks: memory, statistics, counts")
def monitoring(cleanup):
    _, erl = pair(cleanup, "[ info ]")
    erl("R = fun(F, A) -> rpc:call(N, erlang, F, A) end")
    equal(erl("[{total, T}, {binary, B}] = R(memory, [[total, binary]]), T2 = R(memory, [total]), is_integer(T2) andalso T > B"), "true")
    equal(erl("[K || {K, _} <- R(memory, [])] -- [K || {K, _} <- erlang:memory()]"), "[]")
    contains(erl("R(memory, [nonsense])"), "badarg")
    contains(erl("R(memory, [[total, nonsense]])"), "badarg")
    equal(erl("{W1, _} = R(statistics, [wall_clock]), {W2, S} = R(statistics, [wall_clock]), W2 - W1 =:= S"), "true")
    equal(erl("{X1, _} = R(statistics, [runtime]), {X2, Y} = R(statistics, [runtime]), X2 - X1 =:= Y"), "true")
    equal(erl("{{input, I}, {output, O}} = R(statistics, [io]), I > 0 andalso O > 0"), "true")
    equal(erl("[is_integer(R(statistics, [run_queue])), length(R(statistics, [run_queue_lengths])) =:= R(system_info, [schedulers])]"), "[true,true]")
    contains(erl("R(statistics, [nonsense])"), "badarg")
    equal(erl("[R(system_info, [I2]) || I2 <- [atom_count, port_count]]"), "[0,0]")


if __name__ == "__main__":
    run()
