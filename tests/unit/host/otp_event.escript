#!/usr/bin/env escript
%% SPDX-License-Identifier: MIT
%% OTP's own gen_event behind a line protocol: a script a line on standard input (see event_stage.hpp), what came
%% of it as one line on standard output.
-mode(compile).
-export([init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2]).

main(_) ->
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    io:setopts([binary]),
    register(driver, self()),
    loop().

loop() ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            {ok, Tokens, _} = erl_scan:string(binary_to_list(Line)),
            {ok, Script} = erl_parse:parse_term(Tokens),
            io:put_chars([play(Script), $\n]),
            loop()
    end.

play(Script) ->
    {ok, Manager} = gen_event:start(),
    Answers = [shown(plain(one(Op, Manager))) || Op <- Script],
    gen_event:sync_notify(Manager, {0, []}),
    Which = shown(plain(gen_event:which_handlers(Manager))),
    unlink(Manager),
    exit(Manager, kill),
    Seen = logged(),
    Ids = lists:usort([Id || {Id, _} <- Seen]),
    Told = lists:sort(told()),
    [lists:join(" ", [["[", lists:join(";", [What || {I, What} <- Seen, I =:= Id]), "]"] || Id <- Ids]), " | ",
     lists:join(" ", Answers), " | ", Which, " | ", lists:join(" ", Told)].

one({notify, N, Acts}, M) -> gen_event:notify(M, {N, Acts});
one({sync, N, Acts}, M) -> gen_event:sync_notify(M, {N, Acts});
one({info, N, Acts}, M) -> M ! {N, Acts}, ok;
one({call, Id, Act}, M) -> gen_event:call(M, {?MODULE, Id}, Act);
one({add, Id}, M) -> started(gen_event:add_handler(M, {?MODULE, Id}, Id));
one({sup, Id}, M) -> started(gen_event:add_sup_handler(M, {?MODULE, Id}, Id));
one({delete, Id, Why}, M) -> gen_event:delete_handler(M, {?MODULE, Id}, Why);
one({swap, Id, Why, Next, Args}, M) ->
    started(gen_event:swap_handler(M, {{?MODULE, Id}, Why}, {{?MODULE, Next}, Args}));
one({swap_sup, Id, Why, Next, Args}, M) ->
    started(gen_event:swap_sup_handler(M, {{?MODULE, Id}, Why}, {{?MODULE, Next}, Args}));
one({guest, Id}, M) ->
    {_, Ref} = spawn_monitor(fun() -> gen_event:add_sup_handler(M, {?MODULE, Id}, Id), exit(left) end),
    receive {'DOWN', Ref, _, _, _} -> gone(Id, M) end;
one(which, M) -> gen_event:which_handlers(M).

gone(Id, M) ->
    case lists:member({?MODULE, Id}, gen_event:which_handlers(M)) of
        true -> gone(Id, M);
        false -> ok
    end.

%% What init fails with is the language's own.
started({'EXIT', _}) -> failed;
started({error, {'EXIT', _}}) -> failed;
started(Other) -> Other.

init({Id, Result}) -> begin_as(Id, {Id, Result});
init(Id) -> begin_as(Id, Id).

begin_as(Id, Args) ->
    case lists:prefix("bad", atom_to_list(Id)) of
        true -> exit(refused);
        false -> note(Id, ["init ", shown(plain(Args))]), {ok, {Id, 0}}
    end.

handle_event(Event, State) -> happened("event", Event, State).
handle_info({N, Acts}, State) -> happened("info", {N, Acts}, State);
handle_info(Other, State = {Id, _}) -> note(Id, ["info ", shown(plain(Other))]), {ok, State}.

happened(Kind, {N, Acts}, {Id, Seen}) ->
    note(Id, [Kind, integer_to_list(N)]),
    act(proplists:get_value(Id, Acts, ok), {Id, Seen + 1}).

handle_call(Act, {Id, Seen}) ->
    note(Id, ["call ", shown(Act)]),
    Reply = {seen, Id, Seen},
    case act(Act, {Id, Seen}) of
        {ok, S} -> {ok, Reply, S};
        remove_handler -> {remove_handler, Reply};
        {swap_handler, A1, S, H2, A2} -> {swap_handler, Reply, A1, S, H2, A2}
    end.

act(ok, S) -> {ok, S};
act(remove, {Id, Seen}) -> put({seen, Id}, Seen), remove_handler;
act(boom, _) -> exit(boom);
act({swap, Next}, S = {Id, _}) -> {swap_handler, {by, Id}, S, {?MODULE, Next}, Next}.

%% OTP gives `terminate` the state before the event that it was removed by; ours keeps its own.
terminate(Why, {Id, Seen}) ->
    note(Id, ["removed ", shown(plain(Why))]),
    {Id, case erase({seen, Id}) of undefined -> Seen; More -> More end}.

note(Id, What) -> driver ! {note, Id, What}.

logged() -> receive {note, Id, What} -> [{Id, What} | logged()] after 0 -> [] end.
told() -> receive {gen_event_EXIT, _, _} = T -> [shown(plain(T)) | told()] after 0 -> [] end.

plain(?MODULE) -> 'h:h';
plain(Pid) when is_pid(Pid) -> pid;
plain(T) when is_tuple(T) -> list_to_tuple(plain(tuple_to_list(T)));
plain([H | T]) -> [plain(H) | plain(T)];
plain(T) -> T.

shown(T) -> io_lib:format("~w", [T]).
