%% SPDX-License-Identifier: MIT
%% Erlang's side of …_stage_…: plain processes with the batches of our stages, or the stages of Elixir's library.
%%
%%   erl -noshell -s stage_rows main plain
%%   erl -noshell -s stage_rows main gen_stage            with the library and Elixir among ERL_LIBS
%%   erl -name a@127.0.0.1 -noshell -s stage_rows main dist NODE
%%
%% A consumer asks for 1000 events, and for 500 more whenever it has handled 500. A source makes events once it is told to run.
-module(stage_rows).
-export([main/1, relay/3]).
-export([init/1, handle_call/3, handle_demand/2, handle_events/3, handle_info/2]).

main(Args) ->
    try run(Args)
    catch C:E:S -> io:format("FAILED ~p ~p ~p~n", [C, E, S]), halt(1)
    end.

run([plain])      -> rows(fun pipeline/2), halt(0);
run([gen_stage])  -> rows(fun library/2), halt(0);
run([dist, Peer]) ->
    Pid = rpc:call(Peer, os, getpid, []),
    Started = start(source, count, fun(Source) ->
        Relay = spawn(Peer, ?MODULE, relay, [Source, fun plus/1, {1000, 500}]),
        [spawn(fun() -> sink(Relay, Source, {1000, 500}) end)]
    end),
    peer_bench:cpu_rate(Pid, dist_stage_3, events, fun() -> ask(Started, events(dist_stage_3), 1) end),
    halt(0).

events(local_stage_3_1KiB) -> peer_bench:scale(1000000);
events(local_stage_broadcast_8) -> peer_bench:scale(1000000);
events(local_stage_p99_1) -> peer_bench:scale(100000);
events(_) -> peer_bench:scale(5000000).

rows(Make) ->
    [peer_bench:rate(Row, events, fun() -> With = Make(Row, Kind), Took = ask(With, events(Row), Copies), stop(With), Took end)
     || {Row, Kind, Copies} <- [{local_stage_3, three, 1}, {local_stage_3_1KiB, blobs, 1}, {local_stage_fan_8, fan, 1},
                                {local_stage_broadcast_8, broadcast, 8}]],
    peer_bench:only(local_stage_p99_1, fun() ->
        Runs = [begin
                    With = Make(local_stage_p99_1, timed),
                    {_, Most} = ask(With, events(local_stage_p99_1), 1),
                    stop(With),
                    Most
                end || _ <- lists:seq(1, peer_bench:runs())],
        peer_bench:note(local_stage_p99_1, Runs),
        peer_bench:out(local_stage_p99_1, peer_bench:median(Runs) / 1000, us)
    end).

%% {Events, Microseconds}; for a `timed` source {Events, Nanoseconds}.
ask({Source, _}, Events, Copies) ->
    Source ! {run, self(), Events, Copies},
    receive {answer, Source, Answer} -> Answer end.

stop({Source, Others}) -> [exit(Pid, kill) || Pid <- [Source | Others]].

blob() -> binary:copy(<<0:8192>>).
stamp() -> erlang:monotonic_time(nanosecond).
plus(L) -> [X + 1 || X <- L].
same(L) -> L.

%% ------------------------------------------------------------- plain processes

pipeline(_, three)     -> three(count, fun plus/1, {1000, 500}, fun sink/3);
pipeline(_, blobs)     -> three(fun blob/0, fun same/1, {1000, 500}, fun sink/3);
pipeline(_, timed)     -> three(fun stamp/0, fun same/1, {1, 0}, fun timed_sink/3);
pipeline(_, fan)       -> start(source, count, fun sinks/1);
pipeline(_, broadcast) -> start(broadcast, count, fun sinks/1).

three(Made, Change, Demand, Sink) ->
    start(source, Made, fun(Source) ->
        Relay = spawn(?MODULE, relay, [Source, Change, Demand]),
        [Relay, spawn(fun() -> Sink(Relay, Source, Demand) end)]
    end).

sinks(Source) -> [spawn(fun() -> sink(Source, Source, {1000, 500}) end) || _ <- lists:seq(1, 8)].

start(Kind, Made, Others) ->
    Source = spawn(fun() -> source(#{kind => Kind, made => Made, left => 0, demand => #{}}) end),
    {Source, Others(Source)}.

source(S) ->
    receive
        {run, From, Events, Copies} ->
            source(give(S#{left := Events, from => From, wanted => Events * Copies, told => 0, began => erlang:monotonic_time(microsecond)}));
        {ask, Whom, More} ->
            #{demand := D} = S,
            source(give(S#{demand := D#{Whom => maps:get(Whom, D, 0) + More}}));
        {seen, Some} ->
            #{told := Told, wanted := Wanted, from := From, began := Began} = S,
            Told + Some =:= Wanted andalso
                (From ! {answer, self(), {Wanted, erlang:monotonic_time(microsecond) - Began}}),
            source(S#{told := Told + Some});
        {late, Most} ->
            #{wanted := Wanted, from := From} = S,
            From ! {answer, self(), {Wanted, Most}},
            source(S)
    end.

give(#{left := 0} = S) -> S;
give(#{kind := source, demand := D} = S) ->
    maps:fold(fun(Whom, Wanted, #{left := Left, demand := Now} = Acc) ->
        case min(Wanted, Left) of
            0 -> Acc;
            Some ->
                Whom ! {events, self(), make(Some, Acc)},
                Acc#{left := Left - Some, demand := Now#{Whom := Wanted - Some}}
        end
    end, S, D);
give(#{kind := broadcast, demand := D} = S) when map_size(D) < 8 -> S;
give(#{kind := broadcast, demand := D, left := Left} = S) ->
    case min(Left, lists:min(maps:values(D))) of
        Some when Some > 0 ->
            Events = make(Some, S),
            [Whom ! {events, self(), Events} || Whom <- maps:keys(D)],
            S#{left := Left - Some, demand := maps:map(fun(_, Wanted) -> Wanted - Some end, D)};
        _ -> S
    end.

%% In a run of time stamps the last event is 0.
make(Some, #{made := count, left := Left}) -> lists:seq(1000 + Left, 999 + Left + Some);
make(Some, #{made := Made, left := Left}) ->
    Events = [Made() || _ <- lists:seq(1, Some)],
    case Some =:= Left andalso is_integer(hd(Events)) of
        true -> lists:droplast(Events) ++ [0];
        false -> Events
    end.

%% Handles no more events than were asked of it, and asks for the same number again.
relay(Source, Change, {Most, Least}) ->
    Source ! {ask, self(), Most},
    relay(Source, Change, Most - Least, none, 0, []).

relay(Source, Change, Step, Whom, Demand, Waiting) ->
    receive
        {ask, From, More} -> forward(Source, Change, Step, From, Demand + More, Waiting);
        {events, _, Events} -> forward(Source, Change, Step, Whom, Demand, Waiting ++ parts(Step, Events))
    end.

forward(Source, Change, Step, Whom, Demand, [Part | Later]) when Demand > 0 ->
    case length(Part) of
        Some when Some =< Demand ->
            Source ! {ask, self(), Some},
            Whom ! {events, self(), Change(Part)},
            forward(Source, Change, Step, Whom, Demand - Some, Later);
        _ ->
            {Now, Rest} = lists:split(Demand, Part),
            forward(Source, Change, Step, Whom, Demand, [Now, Rest | Later])
    end;
forward(Source, Change, Step, Whom, Demand, Waiting) -> relay(Source, Change, Step, Whom, Demand, Waiting).

sink(From, Source, {Most, Least}) ->
    From ! {ask, self(), Most},
    sink_loop(Source, Most - Least).

sink_loop(Source, Step) ->
    receive
        {events, From, Events} ->
            [begin
                 Source ! {seen, length(Part)},
                 From ! {ask, self(), length(Part)}
             end || Part <- parts(Step, Events)],
            sink_loop(Source, Step)
    end.

timed_sink(From, Source, {Most, _}) ->
    From ! {ask, self(), Most},
    timed_loop(Source, []).

timed_loop(Source, Took) ->
    receive
        {events, From, [0]} ->
            Source ! {late, lists:nth(length(Took) * 99 div 100 + 1, lists:sort(Took))},
            From ! {ask, self(), 1},
            timed_loop(Source, []);
        {events, From, [At]} ->
            More = [stamp() - At | Took],
            From ! {ask, self(), 1},
            timed_loop(Source, More)
    end.

parts(_, []) -> [];
parts(Step, L) ->
    case length(L) =< Step of
        true -> [L];
        false -> {Part, Rest} = lists:split(Step, L), [Part | parts(Step, Rest)]
    end.

%% ------------------------------------------------------------- Elixir's library

library(_, Kind) ->
    {Made, Dispatcher} = case Kind of
        blobs -> {fun blob/0, 'Elixir.GenStage.DemandDispatcher'};
        timed -> {fun stamp/0, 'Elixir.GenStage.DemandDispatcher'};
        broadcast -> {count, 'Elixir.GenStage.BroadcastDispatcher'};
        _ -> {count, 'Elixir.GenStage.DemandDispatcher'}
    end,
    Source = staged({source, Made, Dispatcher}),
    Demand = case Kind of timed -> [{max_demand, 1}, {min_demand, 0}]; _ -> [{max_demand, 1000}, {min_demand, 500}] end,
    Sink = case Kind of timed -> {timed_sink, Source}; _ -> {sink, Source} end,
    Change = case Kind of three -> fun plus/1; _ -> fun same/1 end,
    Others = case Kind of
        _ when Kind =:= fan; Kind =:= broadcast -> [follows(staged(Sink), Source, Demand) || _ <- lists:seq(1, 8)];
        _ ->
            Relay = staged({relay, Change}),
            Last = follows(staged(Sink), Relay, Demand),
            follows(Relay, Source, Demand),
            [Relay, Last]
    end,
    {Source, Others}.

staged(What) -> {ok, Pid} = 'Elixir.GenStage':start(?MODULE, What), Pid.

follows(Pid, Whom, Demand) ->
    {ok, _} = 'Elixir.GenStage':sync_subscribe(Pid, [{to, Whom}, {cancel, temporary} | Demand]),
    Pid.

init({source, Made, Dispatcher}) -> {producer, #{made => Made, left => 0, demand => 0}, [{dispatcher, Dispatcher}]};
init({relay, Change})            -> {producer_consumer, Change};
init({sink, Source})             -> {consumer, {counts, Source}};
init({timed_sink, Source})       -> {consumer, {Source, []}}.

handle_call(_, _, S) -> {reply, ok, [], S}.

handle_demand(More, #{demand := D} = S) -> given(S#{demand := D + More}).

given(#{left := Left, demand := D} = S) ->
    case min(Left, D) of
        0 -> {noreply, [], S};
        Some -> {noreply, make(Some, S), S#{left := Left - Some, demand := D - Some}}
    end.

handle_events(Events, _, Change) when is_function(Change) -> {noreply, Change(Events), Change};
handle_events(Events, _, {counts, Source} = S) -> Source ! {seen, length(Events)}, {noreply, [], S};
handle_events([0], _, {Source, Took}) ->
    Source ! {late, lists:nth(length(Took) * 99 div 100 + 1, lists:sort(Took))},
    {noreply, [], {Source, []}};
handle_events([At], _, {Source, Took}) -> {noreply, [], {Source, [stamp() - At | Took]}}.

handle_info({run, From, Events, Copies}, S) ->
    given(S#{left := Events, from => From, wanted => Events * Copies, told => 0, began => erlang:monotonic_time(microsecond)});
handle_info({seen, Some}, #{told := Told, wanted := Wanted, from := From, began := Began} = S) ->
    Told + Some =:= Wanted andalso (From ! {answer, self(), {Wanted, erlang:monotonic_time(microsecond) - Began}}),
    {noreply, [], S#{told := Told + Some}};
handle_info({late, Most}, #{wanted := Wanted, from := From} = S) ->
    From ! {answer, self(), {Wanted, Most}},
    {noreply, [], S};
handle_info(_, S) -> {noreply, [], S}.
