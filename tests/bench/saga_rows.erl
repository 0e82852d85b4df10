%% SPDX-License-Identifier: MIT
%% The Erlang side of the saga_… rows: the client of our sagas, and Mnesia with a table on the disks of several nodes.
%%
%%   erl -name N -noshell -s saga_rows member -extra FOLDER
%%
%% A member of Mnesia's cluster prints "serving".
-module(saga_rows).
-export([member/0, sagas/5, open/5, mnesia/5, create/2, local/5]).

-define(PATIENCE, 20000).

%% ---- our sagas ----

%% Transactions a second, by that many callers on that node, for that time. Each starts a transaction at
%% `Name` and waits for its outcome. Whom: the participants, [binary()].
sagas(Name, Node, Whom, Callers, Ms) ->
    {Count, Us} = gen_server:call({callers, Node}, {run, Callers, Name, Whom, Ms}, infinity),
    Count * 1.0e6 / Us.

%% Starts that many transactions and waits for none.
open(Name, Node, Whom, Callers, Count) ->
    lists:sum(of_all(Callers, fun(First) ->
        Share = Count div Callers + case First =< Count rem Callers of true -> 1; false -> 0 end,
        _ = [{ok, _} = gen_server:call({Name, Node}, {start, {visit, Whom}}, ?PATIENCE) || _ <- lists:seq(1, Share)],
        Share
    end)).

%% ---- Mnesia ----

member() ->
    [Folder] = init:get_plain_arguments(),
    ok = logger:set_primary_config(level, error),
    ok = application:load(mnesia),
    ok = application:set_env(mnesia, dir, Folder),
    io:format("serving~n").

%% Makes one schema for all of these nodes, and for each number in Sizes a table on the disks of that many
%% nodes.
create(Nodes, Sizes) ->
    _ = [pong = net_adm:ping(Node) || Node <- Nodes],
    _ = [pong = rpc:call(One, net_adm, ping, [Other]) || One <- Nodes, Other <- Nodes],
    ok = rpc:call(hd(Nodes), mnesia, create_schema, [Nodes]),
    _ = [ok = rpc:call(Node, mnesia, start, []) || Node <- Nodes],
    Tables = [{table(Size), lists:sublist(Nodes, Size)} || Size <- Sizes],
    _ = [{atomic, ok} = rpc:call(hd(Nodes), mnesia, create_table, [Table, [{disc_copies, On}]]) || {Table, On} <- Tables],
    ok = rpc:call(hd(Nodes), mnesia, wait_for_tables, [[Table || {Table, _} <- Tables], ?PATIENCE]),
    length(Tables).

table(Size) -> list_to_atom("on_" ++ integer_to_list(Size)).

%% Transactions a second, by that many processes at the first node, each of which writes Steps records.
%% `synced`: each transaction is followed by mnesia:sync_log() on all nodes of the table.
mnesia(Nodes, Steps, How, Callers, Ms) ->
    rpc:call(hd(Nodes), ?MODULE, local, [Nodes, Steps, How, Callers, Ms]).

local(Nodes, Steps, How, Callers, Ms) ->
    Table = table(length(Nodes)),
    rate(fun(N) ->
        {atomic, ok} = mnesia:transaction(fun() ->
            lists:foreach(fun(Step) -> mnesia:write({Table, {self(), Step}, N}) end, lists:seq(1, Steps))
        end),
        case How of
            unsynced -> ok;
            synced -> _ = [{ok, ok} = One || One <- erpc:multicall(Nodes, mnesia, sync_log, [], ?PATIENCE)], ok
        end
    end, Callers, Ms).

%% ---- both ----

rate(Act, Callers, Ms) ->
    Began = erlang:monotonic_time(microsecond),
    Until = Began + Ms * 1000,
    Counts = of_all(Callers, fun(_) -> repeat(Act, 0, Until) end),
    lists:sum(Counts) * 1.0e6 / (erlang:monotonic_time(microsecond) - Began).

repeat(Act, Count, Until) ->
    case erlang:monotonic_time(microsecond) >= Until of
        true -> Count;
        false -> _ = Act(Count), repeat(Act, Count + 1, Until)
    end.

%% The results of that many processes. If one fails, this process ends too.
of_all(Callers, Act) ->
    Made = [spawn_monitor(fun() -> exit({counted, Act(N)}) end) || N <- lists:seq(1, Callers)],
    [receive {'DOWN', Monitor, process, Pid, {counted, Count}} -> Count;
             {'DOWN', Monitor, process, Pid, Why} -> error(Why) end || {Pid, Monitor} <- Made].
