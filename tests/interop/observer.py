#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What OTP's observer and etop ask of a node: the functions and the processes of observer_backend."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.erlang import Erl
from harness.node import Node
from harness.tap import contains, equal, run, test


def pair(cleanup, allow="[ observer ]"):
    node = Node(cleanup, settings=[("distribution.allow", f"{{ rpc: {allow} }}")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', net_adm:ping(N)")
    erl("Next = fun() -> receive M -> M after 20000 -> none end end, ok")
    return node, erl


@test("sys_info has every key that observer shows, by rpc and by erpc")
def sys_info(cleanup):
    _, erl = pair(cleanup)
    equal(erl("{module, observer_backend} = rpc:call(N, code, ensure_loaded, [observer_backend]), "
              "rpc:call(N, erlang, function_exported, [observer_backend, procs_info, 1])"), "true")
    equal(erl("Ours = observer_backend:sys_info(), Theirs = rpc:call(N, observer_backend, sys_info, []),"
              "[K || {K, _} <- Ours, not lists:keymember(K, 1, Theirs)]"), "[]")
    equal(erl("lists:all(fun({K, V}) -> is_integer(V) =:= is_integer(proplists:get_value(K, Ours)) end, Theirs)"), "true")
    equal(erl("is_list(erpc:call(N, observer_backend, sys_info, []))"), "true")
    equal(erl("[rpc:call(N, observer_backend, F, A) || {F, A} <- [{get_port_list, []}, {get_socket_list, []},"
              " {get_table_list, [ets, [{sys_hidden, true}, {unread_hidden, true}]]}]]"), "[[],[],[]]")
    contains(erl("rpc:call(N, observer_backend, vsn, [])"), "{ok,")
    equal(erl("{T, B} = {erlang:system_info(wordsize), rpc:call(N, erlang, system_info, [wordsize])}, T =:= B"), "true")


@test("process_info answers the items asked for, in their order, as OTP's does")
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


@test("procs_info, etop_collect and fetch_stats are spawned, send what they show, and end with their client")
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


@test("info alone answers none of it, and spawns nothing")
def denied(cleanup):
    _, erl = pair(cleanup, "[ info ]")
    contains(erl("rpc:call(N, observer_backend, sys_info, [])"), "undef")
    equal(erl("Q = spawn_request(N, observer_backend, procs_info, [self()], [monitor]), {spawn_reply, Q, error, Y} = Next(), Y"), "notsup")


if __name__ == "__main__":
    run()
