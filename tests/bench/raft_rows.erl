%% SPDX-License-Identifier: MIT
%% The Erlang side of the raft_… rows: a member of a group of ra's, and the client of every group, ours or ra's.
%%
%%   erl -name N -noshell -pa RA/ebin AND WHAT IT NEEDS -s raft_rows member -extra FOLDER
%%
%% A member prints "serving". A target is {ours, [Node]} or {ra, [Node]}; in both the group is named `ledger`, and a
%% command adds 1 to one of a hundred accounts.
-module(raft_rows).
-export([member/0, create/1, leader/1, append/4, fill/3, query/4, first/1, applied/3]).
-export([init/1, apply/3, total/1, balance/2]).

-define(PATIENCE, 10000).

%% ---- the state machine of ra ----

init(_) -> #{}.

apply(_, {deposit, Account, Amount}, Accounts) ->
    New = maps:get(Account, Accounts, 0) + Amount,
    {Accounts#{Account => New}, New}.

total(Accounts) -> maps:fold(fun(_, Has, Sum) -> Sum + Has end, 0, Accounts).
balance(Account, Accounts) -> maps:get(Account, Accounts, 0).

member() ->
    [Folder] = init:get_plain_arguments(),
    ok = logger:set_primary_config(level, error),
    {ok, _} = ra:start_in(Folder),
    _ = ra:restart_server(default, {ledger, node()}),
    io:format("serving~n").

%% Starts ra's group on these nodes.
create(Nodes) ->
    Ids = [{ledger, Node} || Node <- Nodes],
    {ok, Started, []} = rpc:call(hd(Nodes), ra, start_cluster, [default, ledger, {module, ?MODULE, #{}}, Ids]),
    length(Started).

%% ---- the client ----

%% The leader's node; `none` after ten seconds.
leader(Target) -> leader(Target, now_ms() + ?PATIENCE).

leader({_, Nodes} = Target, Until) ->
    case [Found || Node <- Nodes, {ok, Found} <- [ask_leader(Target, Node)]] of
        [Found | _] -> Found;
        [] ->
            case now_ms() > Until of
                true -> none;
                false -> timer:sleep(20), leader(Target, Until)
            end
    end.

ask_leader({ours, _}, Node) ->
    try gen_server:call({ledger, Node}, leader, 1000) of
        {ok, {_, Leader}, _} -> {ok, Leader};
        _ -> none
    catch exit:_ -> none
    end;
ask_leader({ra, _}, Node) ->
    try ra:members({ledger, Node}, 1000) of
        {ok, _, {_, Leader}} -> {ok, Leader};
        _ -> none
    catch _:_ -> none
    end.

account(N) -> <<"account", (integer_to_binary(N rem 100))/binary>>.

command(N) -> {deposit, account(N), 1}.

%% What a group's library sends to the leader for an operation. Ours has no library; ra's are
%% ra:process_command/3 and ra:consistent_query/3.
request(append, ours, N) -> {append, command(N)};
request(append, ra, N) -> {leader_call, {command, normal, {'$usr', command(N), await_consensus}}};
request(query, ours, N) -> {query, {balance, account(N)}};
request(query, ra, N) -> {leader_call, {consistent_query, {?MODULE, balance, [account(N)]}}}.

%% Operations a second, by that many callers, for that time. The callers are actors of the node Load.
append(Load, Target, Callers, Ms) -> rate(append, Load, Target, Callers, Ms).
query(Load, Target, Callers, Ms) -> rate(query, Load, Target, Callers, Ms).

rate(What, Load, {Whose, _} = Target, Callers, Ms) ->
    Requests = [request(What, Whose, N) || N <- lists:seq(0, 99)],
    {Count, Us} = gen_server:call({callers, Load}, {ask, {ledger, leader(Target)}, Requests, Callers, Ms}, infinity),
    Count * 1.0e6 / Us.

%% The results of that many processes. If one fails, this process ends too.
of_all(Callers, Act) ->
    Made = [spawn_monitor(fun() -> exit({counted, Act(N)}) end) || N <- lists:seq(1, Callers)],
    [receive {'DOWN', Monitor, process, Pid, {counted, Count}} -> Count;
             {'DOWN', Monitor, process, Pid, Why} -> error(Why) end || {Pid, Monitor} <- Made].

%% Count commands, AtOnce of them under way at a time. ra takes three times as many a second from its pipeline
%% as from processes that call it; its log has the same entries then.
fill({ra, _} = Target, AtOnce, Count) ->
    pipeline({ledger, leader(Target)}, AtOnce, Count, 0),
    Count;
fill({ours, _} = Target, Callers, Count) ->
    Leader = leader(Target),
    lists:sum(of_all(Callers, fun(First) ->
        Share = Count div Callers + case First =< Count rem Callers of true -> 1; false -> 0 end,
        _ = [{ok, _, _} = gen_server:call({ledger, Leader}, request(append, ours, N), ?PATIENCE) || N <- lists:seq(1, Share)],
        Share
    end)).

pipeline(_, _, 0, 0) -> ok;
pipeline(Leader, AtOnce, Left, Open) when Left > 0, Open < AtOnce ->
    ok = ra:pipeline_command(Leader, command(Left), Left, low),
    pipeline(Leader, AtOnce, Left - 1, Open + 1);
pipeline(Leader, AtOnce, Left, Open) ->
    receive {ra_event, _, {applied, Done}} -> pipeline(Leader, AtOnce, Left, Open - length(Done));
            {ra_event, _, Other} -> error(Other)
    after ?PATIENCE -> error(late)
    end.

%% Tries one node after the other until a command succeeds; the leader is not known.
first({_, []}) -> none;
first({Whose, Nodes} = Target) ->
    Me = self(),
    Asking = [spawn(fun() -> try_until(Whose, Node, Me) end) || Node <- Nodes],
    Result = receive {succeeded, Node} -> Node after 60000 -> none end,
    _ = [exit(Pid, kill) || Pid <- Asking],
    _ = Target,
    Result.

try_until(Whose, Node, Whom) ->
    case catch quick(Whose, Node) of
        ok -> Whom ! {succeeded, Node};
        _ -> timer:sleep(2), try_until(Whose, Node, Whom)
    end.

quick(ours, Node) ->
    {ok, _, _} = gen_server:call({ledger, Node}, {append, {deposit, <<"first">>, 1}}, 500), ok;
quick(ra, Node) ->
    {ok, _, _} = ra:process_command({ledger, Node}, {deposit, <<"first">>, 1}, 500), ok.

%% Waits until that member has applied commands whose amounts have this sum. `ok`, or `late` after Ms.
applied({Whose, Node}, Total, Ms) -> applied(Whose, Node, Total, now_ms() + Ms).

applied(Whose, Node, Total, Until) ->
    case {catch has(Whose, Node), now_ms() > Until} of
        {Has, _} when is_integer(Has), Has >= Total -> ok;
        {_, true} -> late;
        _ -> timer:sleep(10), applied(Whose, Node, Total, Until)
    end.

has(ours, Node) ->
    {ok, Has} = gen_server:call({ledger, Node}, {query, total, stale}, ?PATIENCE), Has;
has(ra, Node) ->
    {ok, {_, Has}, _} = ra:local_query({ledger, Node}, fun ?MODULE:total/1, ?PATIENCE), Has.

now_ms() -> erlang:monotonic_time(millisecond).
