%% SPDX-License-Identifier: MIT
%% Callers that number their requests to a kv and record every answer that is not the next number. Each process has
%% one key: it calls, and casts what it got, so that lost, doubled and overtaken messages are found.
-module(ledger).
-export([start/3, stop/1]).

%% Starts callers with the keys {Tag, 1} … {Tag, Count} at Kv, and a watch on Kv. The result is for stop/1.
start(Kv, Tag, Count) ->
    Book = self(),
    Watch = spawn(fun() -> watch(Kv) end),
    Callers = [spawn(fun() -> caller(Kv, {Tag, I}, 0, Book) end) || I <- lists:seq(1, Count)],
    {Kv, Watch, Callers}.

%% {Number of calls, faults}. Faults are [] if each key's last answer is what kv holds, and kv never went down.
stop({Kv, Watch, Callers}) ->
    [Caller ! stop || Caller <- Callers],
    Ends = [receive {done, Key, Count, Wrong} -> {Key, Count, Wrong} end || _ <- Callers],
    Watch ! {stop, self()},
    Down = receive {watched, What} -> What end,
    Wrong = lists:append([Wrong || {_, _, Wrong} <- Ends]),
    Differ = [{Key, Count, Held} || {Key, Count, _} <- Ends,
                                    Held <- [{gen_server:call(Kv, {get, Key}), gen_server:call(Kv, {get, {Key, cast}})}],
                                    Held =/= {{ok, Count}, {ok, Count}}],
    {lists:sum([Count || {_, Count, _} <- Ends]), Down ++ Wrong ++ Differ}.

caller(Kv, Key, Count, Book) ->
    receive
        stop -> Book ! {done, Key, Count, []}
    after 0 ->
        try gen_server:call(Kv, {update_counter, Key, 1}, 60000) of
            Next when Next =:= Count + 1 ->
                gen_server:cast(Kv, {put, {Key, cast}, Next}),
                caller(Kv, Key, Next, Book);
            Other -> wrong(Book, Key, Count, Other)
        catch Class:Reason -> wrong(Book, Key, Count, {Class, Reason})
        end
    end.

wrong(Book, Key, Count, What) ->
    receive stop -> Book ! {done, Key, Count, [{Key, Count, What}]} end.

watch(Kv) ->
    process_flag(trap_exit, true),
    Pid = gen_server:call(Kv, {get, pid}),
    Ref = monitor(process, Kv),
    {ok, Real} = Pid,
    link(Real),
    receive
        {stop, Whom} -> Whom ! {watched, []};
        {'DOWN', Ref, _, _, Reason} -> receive {stop, Whom} -> Whom ! {watched, [{down, Reason}]} end;
        {'EXIT', Real, Reason} -> receive {stop, Whom} -> Whom ! {watched, [{exit, Reason}]} end
    end.
