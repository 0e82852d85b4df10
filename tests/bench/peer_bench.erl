%% SPDX-License-Identifier: MIT
%% peer_bench: actor, distribution and external-term-format measurements.
%%
%%   erl +P 4000000 -noshell -s peer_bench main local
%%   erl +P 4000000 -noshell -s peer_bench main pool
%%   erl +P 4000000 -noshell -s peer_bench main idle 100000
%%   erl +P 4000000 -noshell -s peer_bench main load
%%   erl -noshell -s peer_bench main etf
%%   erl -name b@127.0.0.1 -setcookie bench -noshell -s peer_bench main serve
%%   erl -name a@127.0.0.1 -setcookie bench -noshell -s peer_bench main dist b@127.0.0.1
%%
%% Each line of output is `NAME VALUE UNIT`, VALUE being the median of RUNS
%% runs, some with `spread LOW HIGH` of the runs and `cpu NS`, the processor
%% time of an operation; a `#` line before it gives every run. PEER_BENCH_RUNS and
%% PEER_BENCH_SCALE (work per run, in percent) override the defaults;
%% PEER_BENCH_ONLY is a list of row names, comma-separated: others do not run.
%%
%% What `dist` needs of the other node (so that a node that is not Erlang can
%% stand in for `serve`):
%%   registered peer_echo, a gen_server:
%%     call {echo, T} -> T          call new -> pid of a fresh echo server
%%     call os_pid -> "1234" (decimal string; any other answer: CPU is skipped)
%%     cast stop ends a fresh echo server
%%   registered peer_sink, a gen_server:
%%     call reset -> ok             cast {msg, Binary}: count it
%%     call stats -> {Messages, PayloadBytes, ElapsedMicroseconds}, elapsed from
%%       the first to the last {msg, _} since reset, on the receiver's clock
-module(peer_bench).
-behaviour(gen_server).
-export([main/0, main/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).
-export([start_link/1, reader/1]).
-export([callback_mode/0, handle_event/2, handle_event/4]).
-export([rate/3, cpu_rate/4, only/2, note/2, out/3, median/1, runs/0, scale/1]).
-export([caller/4, pinger/4, ring_node/1, sink_loop/3, spin_loop/2]).

main() -> main([help]).

main(Args) ->
    try run([to_atom(A) || A <- Args])
    catch C:E:S -> io:format("FAILED ~p ~p ~p~n", [C, E, S]), halt(1)
    end.

to_atom(A) when is_atom(A) -> A;
to_atom(A) when is_list(A) -> list_to_atom(A).

run([local])      -> banner(), local(), halt(0);
run([pool])       -> banner(), pool(), halt(0);
run([statem])     -> banner(), statem(), halt(0);
run([gen_event])  -> banner(), gen_event(), halt(0);
run([publish])    -> banner(), publish(), halt(0);
run([idle, N])    -> banner(), idle(int(N)), halt(0);
run([load])       -> banner(), load(), halt(0);
run([etf])        -> banner(), etf(), halt(0);
run([supervision]) -> banner(), supervision(), halt(0);
run([dist, Peer]) -> banner(), dist(Peer), halt(0);
run([serve])      -> serve();
run(_) ->
    io:format("usage: main local | pool | statem | gen_event | publish | idle N | load | etf | serve | dist NODE~n"), halt(2).

banner() ->
    io:format("# otp ~s erts ~s flavor ~p schedulers ~p runs ~p scale ~p%~n",
              [erlang:system_info(otp_release), erlang:system_info(version),
               flavor(), erlang:system_info(schedulers_online), runs(), env("PEER_BENCH_SCALE", 100)]).

flavor() -> try erlang:system_info(emu_flavor) catch _:_ -> unknown end.

%% ------------------------------------------------------------ gen_server

init({sup, Intensity, Children}) ->
    {ok, {#{strategy => one_for_one, intensity => Intensity, period => 1}, Children}};
init({worker, none}) -> {ok, echo};
init({worker, Watcher}) -> Watcher ! self(), {ok, echo};
init(machine) -> {ok, left, 0};
init(handler) -> {ok, 0};
init(sink) -> {ok, {sink, 0, 0, 0, 0}};
init(_)    -> {ok, echo}.

handle_call({echo, T}, _, S) -> {reply, T, S};
handle_call(stats, _, {sink, N, B, T0, T1} = S) -> {reply, {N, B, T1 - T0}, S};
handle_call(reset, _, {sink, _, _, _, _}) -> {reply, ok, {sink, 0, 0, 0, 0}};
handle_call(new, _, echo) -> {ok, P} = gen_server:start(?MODULE, echo, []), {reply, P, echo};
handle_call(os_pid, _, S) -> {reply, os:getpid(), S};
handle_call(T, _, S) -> {reply, T, S}.

handle_cast({msg, B}, {sink, 0, _, _, _}) ->
    T = now_us(), {noreply, {sink, 1, size(B), T, T}};
handle_cast({msg, B}, {sink, N, Sum, T0, _}) ->
    {noreply, {sink, N + 1, Sum + size(B), T0, now_us()}};
handle_cast({ask, Whom}, S) -> _ = gen_server:call(Whom, question, infinity), {noreply, S};
handle_cast(stop, S) -> {stop, normal, S};
handle_cast(_, S) -> {noreply, S}.

handle_info(stop, S) -> {stop, boom, S};
handle_info(_, S) -> {noreply, S}.

new_echo() -> {ok, P} = gen_server:start(?MODULE, echo, []), P.

%% ----------------------------------------------------------------- local

local() ->
    rate(local_call_1pair, calls, fun() -> calls(1, scale(1000000)) end),
    rate(local_bang_1pair, roundtrips, fun() -> bang(scale(2000000)) end),
    [rate(name(local_call_pairs, P), calls,
          fun() -> calls(P, scale(2000000) div P) end) || P <- [2, 16, 256]],
    rate(local_fanin16_cast, msgs, fun() -> fanin_cast(16, scale(3200000) div 16) end),
    rate(local_fanin16_bang, msgs, fun() -> fanin_bang(16, scale(3200000) div 16) end),
    rate(local_fanout16_bang, msgs, fun() -> fanout_bang(16, scale(3200000) div 16) end),
    rate(local_skewed64, msgs, fun() -> skewed(64, scale(3200000) div 64) end),
    rate(local_ring1000, hops, fun() -> ring(1000, scale(3000000)) end),
    rate(local_spawn_exit_1spawner, procs, fun() -> spawn_exit(1, scale(1000000)) end),
    rate(local_spawn_exit_2spawners, procs, fun() -> spawn_exit(2, scale(500000)) end),
    rate(local_spawn_monitor_seq, procs, fun() -> spawn_seq(scale(500000)) end),
    rate(local_gen_server_start_stop, procs, fun() -> start_stop(scale(200000)) end).

%% A state machine that gets its events by casts.
statem() ->
    rate(local_statem_toggle, transitions, fun() -> toggles(toggle, scale(1000000)) end),
    rate(local_statem_postpone_1000, events, fun() -> postpones(scale(500000) div 1000) end),
    rate(local_statem_timeout_set_cancel, transitions, fun() -> toggles(timed, scale(500000)) end).

toggles(What, N) -> told(N, fun(To) -> cast_statem(To, What, N) end).

postpones(Rounds) ->
    told(Rounds * 1002, fun(To) -> [begin
        cast_statem(To, keep_for_right, 1000),
        cast_statem(To, toggle, 2)
    end || _ <- lists:seq(1, Rounds)] end).

cast_statem(_, _, 0) -> ok;
cast_statem(To, What, N) -> gen_statem:cast(To, What), cast_statem(To, What, N - 1).

told(Events, Tell) ->
    {ok, To} = gen_statem:start(?MODULE, machine, []),
    T0 = now_us(),
    Tell(To),
    Events = gen_statem:call(To, count, infinity),
    T1 = now_us(),
    exit(To, kill),
    {Events, T1 - T0}.

callback_mode() -> handle_event_function.

handle_event(cast, toggle, State, N) -> {next_state, other(State), N + 1};
handle_event(cast, timed, State, N) -> {next_state, other(State), N + 1, {state_timeout, 3600000, timeout}};
handle_event(cast, keep_for_right, left, _) -> {keep_state_and_data, postpone};
handle_event(cast, keep_for_right, right, N) -> {keep_state, N + 1};
handle_event({call, From}, count, _, N) -> {keep_state_and_data, {reply, From, N}}.

other(left) -> right;
other(right) -> left.

%% One process notifies a manager of ten handlers, until the last of them has handled all events.
gen_event() ->
    rate(local_gen_event_10, events, fun() -> notified(10, scale(200000)) end).

%% The way in OTP to tell all interested processes of something: a message to each member of a group.
publish() ->
    [rate(name(local_event_fanout, P), events, fun() -> published(P, scale(2000000) div P) end) || P <- [1000, 100000]].

published(Readers, N) ->
    {ok, Scope} = pg:start(bench_scope),
    Pids = [spawn(fun() -> reader(0) end) || _ <- lists:seq(1, Readers)],
    ok = pg:join(bench_scope, ticks, Pids),
    T0 = now_us(),
    publish_each(1, N),
    [P ! {event, ticks, N + 1, 0, {done, self()}} || P <- pg:get_members(bench_scope, ticks)],
    Seen = N + 1,
    [receive {seen, Seen} -> ok end || _ <- Pids],
    T1 = now_us(),
    Ref = monitor(process, Scope),
    exit(Scope, kill),
    receive {'DOWN', Ref, _, _, _} -> ok end,
    [exit(P, kill) || P <- Pids],
    {Readers * Seen, T1 - T0}.

published_away(Peer, Readers, N) ->
    Pids = [spawn(Peer, ?MODULE, reader, [0]) || _ <- lists:seq(1, Readers)],
    T0 = now_us(),
    [begin Time = erlang:system_time(), [P ! {event, ticks, Seq, Time, tick} || P <- Pids] end || Seq <- lists:seq(1, N)],
    [P ! {event, ticks, N + 1, 0, {done, self()}} || P <- Pids],
    Seen = N + 1,
    [receive {seen, Seen} -> ok end || _ <- Pids],
    T1 = now_us(),
    [exit(P, kill) || P <- Pids],
    {Readers * Seen, T1 - T0}.

publish_each(Seq, N) when Seq > N -> ok;
publish_each(Seq, N) ->
    Time = erlang:system_time(),
    [P ! {event, ticks, Seq, Time, tick} || P <- pg:get_members(bench_scope, ticks)],
    publish_each(Seq + 1, N).

reader(N) ->
    receive
        {event, ticks, _, _, {done, Whom}} -> Whom ! {seen, N + 1}, reader(0);
        {event, ticks, _, _, _} -> reader(N + 1)
    end.

notified(Handlers, N) ->
    {ok, To} = gen_event:start(),
    [ok = gen_event:add_handler(To, {?MODULE, I}, handler) || I <- lists:seq(1, Handlers)],
    T0 = now_us(),
    notify_each(To, N),
    gen_event:notify(To, {done, self()}),
    [receive {seen, N} -> ok end || _ <- lists:seq(1, Handlers)],
    T1 = now_us(),
    gen_event:stop(To),
    {N, T1 - T0}.

notify_each(_, 0) -> ok;
notify_each(To, N) -> gen_event:notify(To, tick), notify_each(To, N - 1).

handle_event(tick, N) -> {ok, N + 1};
handle_event({done, Whom}, N) -> Whom ! {seen, N}, {ok, 0}.

%% Callers of one pool of eight workers; the pool is poolboy's.
pool() ->
    [rate(name(local_pool_call_8, P), calls,
          fun() -> pool_calls(P, scale(500000) div P) end) || P <- [1, 16, 256]].

pool_calls(P, N) ->
    {ok, Pool} = poolboy:start_link([{worker_module, ?MODULE}, {size, 8}, {max_overflow, 0}], echo),
    R = fan(P * N, [{{pool, Pool}, N, {get, 42}} || _ <- lists:seq(1, P)]),
    poolboy:stop(Pool),
    R.

start_link(Arg) -> gen_server:start_link(?MODULE, Arg, []).

%% P callers, each with a server of its own, and N calls of each.
calls(P, N) ->
    Servers = [new_echo() || _ <- lists:seq(1, P)],
    R = fan(P * N, [{Srv, N, {get, 42}} || Srv <- Servers]),
    [gen_server:cast(S, stop) || S <- Servers],
    R.

%% Starts one caller per {Server, Count, Message}; they wait for go, so that
%% only calling is timed. Returns {Operations, Microseconds}.
fan(Ops, Jobs) ->
    Self = self(), Ref = make_ref(),
    Pids = [spawn_link(?MODULE, caller, [Self, Ref, S, {N, M}]) || {S, N, M} <- Jobs],
    [receive {Ref, ready} -> ok end || _ <- Pids],
    T0 = now_us(),
    [P ! go || P <- Pids],
    [receive {Ref, done} -> ok end || _ <- Pids],
    {Ops, now_us() - T0}.

caller(Parent, Ref, Server, {N, M}) ->
    Parent ! {Ref, ready},
    receive go -> ok end,
    call_loop(Server, {echo, M}, N),
    Parent ! {Ref, done}.

call_loop(_, _, 0) -> ok;
call_loop({pool, Pool} = To, M, N) ->
    _ = poolboy:transaction(Pool, fun(W) -> gen_server:call(W, M, infinity) end, infinity),
    call_loop(To, M, N - 1);
call_loop(S, M, N) -> _ = gen_server:call(S, M, infinity), call_loop(S, M, N - 1).

bang(N) ->
    Self = self(),
    Pong = spawn_link(fun pong/0),
    T0 = now_us(),
    spawn_link(?MODULE, pinger, [Self, Pong, N, x]),
    receive pinged -> ok end,
    T1 = now_us(),
    Pong ! stop,
    {N, T1 - T0}.

pinger(Parent, _, 0, _) -> Parent ! pinged;
pinger(Parent, Pong, N, X) ->
    Pong ! {ping, self()},
    receive pong -> pinger(Parent, Pong, N - 1, X) end.

pong() -> receive {ping, F} -> F ! pong, pong(); stop -> ok end.

fanin_cast(Senders, N) ->
    {ok, Sink} = gen_server:start(?MODULE, sink, []),
    send_all(Senders, fun() -> cast_loop(Sink, {msg, <<1>>}, N) end,
             fun(T0) -> {Total, _, _} = gen_server:call(Sink, stats, infinity),
                        Total = Senders * N, gen_server:cast(Sink, stop),
                        {Total, now_us() - T0} end).

fanin_bang(Senders, N) ->
    Self = self(),
    Sink = spawn_link(?MODULE, sink_loop, [Self, Senders * N, 0]),
    send_all(Senders, fun() -> bang_loop(Sink, {msg, 1}, N) end,
             fun(T0) -> receive sunk -> ok end, {Senders * N, now_us() - T0} end).

sink_loop(Parent, 0, _) -> Parent ! sunk;
sink_loop(Parent, N, Acc) -> receive {msg, I} -> sink_loop(Parent, N - 1, Acc + I) end.

%% One sender and that many receivers; each message goes to all of them in turn.
fanout_bang(Receivers, N) ->
    Self = self(),
    Sinks = [spawn_link(?MODULE, sink_loop, [Self, N, 0]) || _ <- lists:seq(1, Receivers)],
    T0 = now_us(),
    spawn_link(fun() -> fanout_loop(Sinks, {msg, 1}, N) end),
    [receive sunk -> ok end || _ <- Sinks],
    {Receivers * N, now_us() - T0}.

fanout_loop(_, _, 0) -> ok;
fanout_loop(Sinks, M, N) -> [S ! M || S <- Sinks], fanout_loop(Sinks, M, N - 1).

%% All actors are started by one process, and each sends itself that many messages: a load that begins on one
%% scheduler.
skewed(Actors, N) ->
    Self = self(),
    T0 = now_us(),
    Pids = [spawn_link(?MODULE, spin_loop, [Self, N]) || _ <- lists:seq(1, Actors)],
    [P ! spin || P <- Pids],
    [receive spun -> ok end || _ <- Pids],
    {Actors * N, now_us() - T0}.

spin_loop(Parent, 0) -> Parent ! spun;
spin_loop(Parent, N) -> receive spin -> self() ! spin, spin_loop(Parent, N - 1) end.

send_all(Senders, Body, Finish) ->
    Self = self(), Ref = make_ref(),
    Pids = [spawn_link(fun() -> receive go -> ok end, Body(), Self ! {Ref, sent} end)
            || _ <- lists:seq(1, Senders)],
    T0 = now_us(),
    [P ! go || P <- Pids],
    [receive {Ref, sent} -> ok end || _ <- Pids],
    Finish(T0).

cast_loop(_, _, 0) -> ok;
cast_loop(S, M, N) -> gen_server:cast(S, M), cast_loop(S, M, N - 1).

bang_loop(_, _, 0) -> ok;
bang_loop(S, M, N) -> S ! M, bang_loop(S, M, N - 1).

ring(Size, Hops) ->
    Self = self(),
    Last = spawn_link(fun() -> receive {next, P} -> ring_node(P) end end),
    First = lists:foldl(fun(_, Next) -> spawn_link(?MODULE, ring_node, [Next]) end,
                        Last, lists:seq(2, Size)),
    Last ! {next, First},
    T0 = now_us(),
    First ! {token, Hops, Self},
    receive ring_done -> ok end,
    T1 = now_us(),
    First ! stop,
    {Hops, T1 - T0}.

ring_node(Next) ->
    receive
        {token, 0, Home} -> Home ! ring_done, ring_node(Next);
        {token, N, Home} -> Next ! {token, N - 1, Home}, ring_node(Next);
        stop -> Next ! stop
    end.

%% Processes that count themselves and exit; the clock stops when all have run.
spawn_exit(Spawners, N) ->
    C = counters:new(1, []),
    Self = self(), Ref = make_ref(), Total = Spawners * N,
    T0 = now_us(),
    [spawn_link(fun() -> spawn_loop(C, N), Self ! {Ref, spawned} end)
     || _ <- lists:seq(1, Spawners)],
    [receive {Ref, spawned} -> ok end || _ <- lists:seq(1, Spawners)],
    wait_count(C, Total),
    {Total, now_us() - T0}.

spawn_loop(_, 0) -> ok;
spawn_loop(C, N) -> spawn(fun() -> counters:add(C, 1, 1) end), spawn_loop(C, N - 1).

wait_count(C, Total) ->
    case counters:get(C, 1) of
        Total -> ok;
        _ -> receive after 1 -> wait_count(C, Total) end
    end.

%% One process at a time: spawns it, and waits until its exit is seen.
spawn_seq(N) ->
    T0 = now_us(), spawn_seq_loop(N), {N, now_us() - T0}.

spawn_seq_loop(0) -> ok;
spawn_seq_loop(N) ->
    {_, R} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', R, process, _, _} -> spawn_seq_loop(N - 1) end.

start_stop(N) ->
    T0 = now_us(), start_stop_loop(N), {N, now_us() - T0}.

start_stop_loop(0) -> ok;
start_stop_loop(N) ->
    {ok, P} = gen_server:start(?MODULE, echo, []),
    ok = gen_server:stop(P),
    start_stop_loop(N - 1).

%% ------------------------------------------------------------------ idle

%% One measurement per emulator: the heap of an earlier run would be reused.
idle(N) ->
    erlang:garbage_collect(),
    R0 = rss(), M0 = erlang:memory(processes), T0 = now_us(),
    _Pids = [new_echo() || _ <- lists:seq(1, N)],
    T1 = now_us(),
    erlang:garbage_collect(),
    receive after 1000 -> ok end,
    R1 = rss(), M1 = erlang:memory(processes),
    out(name(idle_gen_server_rss_each, N), (R1 - R0) / N, bytes),
    out(name(idle_gen_server_erlang_memory_each, N), (M1 - M0) / N, bytes),
    out(name(idle_gen_server_start_rate, N), N * 1.0e6 / (T1 - T0), 'procs/s').

%% ------------------------------------------------------------------ load

%% Many things at once: pending timers, processes in a call, requests without an answer, pings while a
%% thousand processes are busy.
load() ->
    rate(local_timer_start, timers, fun() -> {T, _} = timers(scale(1000000)), T end),
    rate(local_timer_cancel, timers, fun() -> {_, T} = timers(scale(1000000)), T end),
    only(local_timer_lateness_p99, fun() -> lateness(scale(1000000), 10000) end),
    only(idle_parked_call_rss_each_25000, fun() -> parked(25000) end),
    only(idle_waiting_request_rss_each_100000, fun() -> waiting(100000) end),
    Pings = [local_ping_busy1000_p50, local_ping_busy1000_p99, local_ping_busy1000_p999],
    lists:any(fun(N) -> only(N, fun() -> true end) end, Pings) andalso pings(Pings, scale(500)).

timers(N) ->
    T0 = now_us(),
    Refs = [erlang:start_timer(3600000, self(), due) || _ <- lists:seq(1, N)],
    T1 = now_us(),
    [erlang:cancel_timer(R) || R <- Refs],
    {{N, T1 - T0}, {N, now_us() - T1}}.

%% How late timers fire that are spread over a second, with N pending timers.
lateness(N, Samples) ->
    Refs = [erlang:start_timer(3600000, self(), due) || _ <- lists:seq(1, N)],
    Began = now_us() + 100000,
    [begin
         At = Began + I * 1000000 div Samples,
         erlang:send_after((At + 999) div 1000, self(), {due, At}, [{abs, true}])
     end || I <- lists:seq(0, Samples - 1)],
    Late = lists:sort([receive {due, At} -> now_us() - At end || _ <- lists:seq(1, Samples)]),
    [erlang:cancel_timer(R) || R <- Refs],
    out(local_timer_lateness_p99, quantile(Late, 0.99), us).

hole(0, Parent) -> Parent ! full, receive stop -> ok end;
hole(N, Parent) -> receive {'$gen_call', _, question} -> hole(N - 1, Parent) end.

parked(N) ->
    Self = self(),
    erlang:garbage_collect(),
    R0 = rss(),
    Hole = spawn_link(fun() -> hole(N, Self) end),
    Pids = [begin {ok, P} = gen_server:start(?MODULE, echo, []), gen_server:cast(P, {ask, Hole}), P end
            || _ <- lists:seq(1, N)],
    receive full -> ok end,
    out(idle_parked_call_rss_each_25000, (rss() - R0) / N, bytes),
    [exit(P, kill) || P <- Pids], unlink(Hole), exit(Hole, kill).

waiting(N) ->
    Self = self(),
    erlang:garbage_collect(),
    R0 = rss(),
    Hole = spawn_link(fun() -> hole(N, Self) end),
    Requests = [gen_server:send_request(Hole, question) || _ <- lists:seq(1, N)],
    receive full -> ok end,
    out(idle_waiting_request_rss_each_100000, (rss() - R0) / length(Requests), bytes),
    unlink(Hole), exit(Hole, kill).

%% A busy process works some 2 us for each message, which it sends to itself.
busy(Sum) ->
    self() ! work,
    receive work -> busy(work(Sum, 200)) end.
work(Sum, 0) -> Sum;
work(Sum, N) -> work((Sum * 31 + N) band 16#ffffffff, N - 1).

pings(Names, N) ->
    Load = [spawn_link(fun() -> busy(1) end) || _ <- lists:seq(1, 1000)],
    Echo = new_echo(),
    Took = lists:sort([begin
                           T0 = erlang:monotonic_time(nanosecond),
                           ping = gen_server:call(Echo, ping, infinity),
                           erlang:monotonic_time(nanosecond) - T0
                       end || _ <- lists:seq(1, N)]),
    [begin unlink(P), exit(P, kill) end || P <- Load],
    [only(Name, fun() -> out(Name, quantile(Took, Q) / 1000, us) end)
     || {Name, Q} <- lists:zip(Names, [0.5, 0.99, 0.999])].

quantile(Sorted, Q) -> lists:nth(1 + trunc((length(Sorted) - 1) * Q), Sorted).

rss() -> proc_field(os:getpid(), <<"VmRSS:">>) * 1024.

proc_field(Pid, Key) ->
    {ok, B} = file:read_file("/proc/" ++ Pid ++ "/status"),
    [Line | _] = [L || L <- binary:split(B, <<"\n">>, [global]),
                       binary:match(L, Key) =:= {0, size(Key)}],
    {match, [D]} = re:run(Line, "([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(D).

%% ----------------------------------------------------------- supervision

supervision() ->
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    N = 100000 * env("PEER_BENCH_SCALE", 100) div 100,
    rate(supervisor_restart, restarts, fun() -> restarts(N) end),
    only(supervisor_start_100000, fun() ->
        out(supervisor_start_100000, median([start_all(100000) || _ <- lists:seq(1, runs())]), us) end).

%% A child that ends as soon as it has started, N times.
restarts(N) ->
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, 1000000000, [worker(only, self())]}),
    T0 = now_us(),
    end_each(N),
    T1 = now_us(),
    stop(Sup),
    {N, T1 - T0}.

end_each(0) -> receive Pid when is_pid(Pid) -> ok end;
end_each(N) -> receive Pid when is_pid(Pid) -> Pid ! stop, end_each(N - 1) end.

start_all(N) ->
    Children = [worker({c, I}, none) || I <- lists:seq(1, N)],
    T0 = now_us(),
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, 1, Children}),
    T1 = now_us(),
    stop(Sup),
    T1 - T0.

worker(Id, Watcher) ->
    #{id => Id, start => {gen_server, start_link, [?MODULE, {worker, Watcher}, []]}}.

stop(Sup) ->
    Ref = monitor(process, Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% ------------------------------------------------------------------ dist

serve() ->
    {ok, _} = gen_server:start({local, peer_echo}, ?MODULE, echo, []),
    {ok, _} = gen_server:start({local, peer_sink}, ?MODULE, sink, []),
    io:format("serving ~p os_pid ~s~n", [node(), os:getpid()]).

dist(Peer) ->
    connect(Peer, 50),
    Echo = {peer_echo, Peer}, Sink = {peer_sink, Peer},
    hello = gen_server:call(Echo, {echo, hello}, 5000),
    OsPid = case gen_server:call(Echo, os_pid) of
                [_ | _] = S -> S;
                _ -> none
            end,
    cpu_rate(OsPid, dist_call_1, calls, fun() -> dist_calls(Echo, 1, scale(50000)) end),
    [cpu_rate(OsPid, name(dist_call_own_server, P), calls,
              fun() -> dist_calls(Echo, P, scale(N) div P) end)
     || {P, N} <- [{2, 100000}, {16, 400000}, {64, 400000}, {256, 400000}]],
    cpu_rate(OsPid, dist_event_fanout_1000, events, fun() -> published_away(Peer, 1000, scale(2000000) div 1000) end),
    [cpu_rate(OsPid, name(dist_call_one_server, P), calls,
              fun() -> fan(P * (scale(400000) div P),
                           [{Echo, scale(400000) div P, {get, 42}} || _ <- lists:seq(1, P)])
              end) || P <- [64, 256]],
    [cpu_rate(OsPid, name(dist_cast_80B_senders, P), msgs,
              fun() -> dist_cast(Sink, P, scale(1000000) div P, 80) end) || P <- [1, 16]],
    [mb_rate(OsPid, list_to_atom("dist_cast_" ++ integer_to_list(K) ++ "KiB"),
             fun() -> dist_cast(Sink, 1, scale(Mib * 1024) div K, K * 1024) end)
     || {K, Mib} <- [{1, 256}, {64, 2048}, {1024, 2048}]].

connect(Peer, 0) -> error({cannot_connect, Peer});
connect(Peer, N) ->
    case net_kernel:connect_node(Peer) of
        true -> ok;
        _ -> receive after 100 -> connect(Peer, N - 1) end
    end.

dist_calls(Echo, P, N) ->
    Servers = [gen_server:call(Echo, new) || _ <- lists:seq(1, P)],
    R = fan(P * N, [{S, N, {get, 42}} || S <- Servers]),
    [gen_server:cast(S, stop) || S <- Servers],
    R.

%% Casts go one way. The time is the receiver's, from the first message to the last.
dist_cast(Sink, Senders, N, Size) ->
    ok = gen_server:call(Sink, reset, infinity),
    M = {msg, binary:copy(<<"x">>, Size)},
    send_all(Senders, fun() -> cast_loop(Sink, M, N) end, fun(_) -> ok end),
    wait_sink(Sink, Senders * N, Size, -1, now_us()).

%% Waits for all messages. If a peer has counted nothing new for 3 s, the others are lost; this is printed,
%% and the rate is that of the counted messages.
wait_sink(Sink, Total, Size, Seen, Since) ->
    Stats = try gen_server:call(Sink, stats, 5000) catch exit:{timeout, _} -> timeout end,
    Now = now_us(),
    case Stats of
        {Total, Bytes, Us} -> Bytes = Total * Size, {Total, max(1, Us), Bytes};
        {Seen, Bytes, Us} when Now - Since > 3000000 ->
            io:format("# LOST ~p of ~p messages~n", [Total - Seen, Total]),
            {Seen, max(1, Us), Bytes};
        {Seen, _, _} -> receive after 20 -> wait_sink(Sink, Total, Size, Seen, Since) end;
        {More, _, _} -> receive after 20 -> wait_sink(Sink, Total, Size, More, Now) end;
        timeout -> wait_sink(Sink, Total, Size, Seen, Since)
    end.

%% ------------------------------------------------------------------- etf

etf() ->
    Call = {'$gen_call', {self(), make_ref()}, {get, 42}},
    Shapes =
        [{gen_call, Call, 300000},
         {list1000_int, lists:seq(1, 1000), 20000},
         {list1000_float, [I * 1.5 || I <- lists:seq(1, 1000)], 10000},
         {map100_atom_int,
          maps:from_list([{list_to_atom("key_" ++ integer_to_list(I)), I} || I <- lists:seq(1, 100)]), 20000},
         {list100_person, [{person, <<"name">>, 33, [a, b]} || _ <- lists:seq(1, 100)], 10000},
         {binary_1MiB, binary:copy(<<"x">>, 1024 * 1024), 5000}],
    [etf_shape(Name, T, scale(N)) || {Name, T, N} <- Shapes].

etf_shape(Name, Term, N) ->
    Bin = term_to_binary(Term),
    Size = size(Bin),
    only(name(etf_size, Name), fun() -> out(name(etf_size, Name), Size, bytes) end),
    [only(name(What, Name),
          fun() ->
              Us = in_process(Loop),
              out(name(What, Name), Us * 1000 / N, 'ns/op'),
              out(name(list_to_atom(atom_to_list(What) ++ "_rate"), Name), Size * N / Us, 'MB/s')
          end)
     || {What, Loop} <- [{etf_encode, fun() -> enc_loop(Term, N, none) end},
                         {etf_decode, fun() -> dec_loop(Bin, N, none) end}]].

%% The last result is passed on, so that the compiler keeps the calls.
enc_loop(_, 0, Last) -> Last;
enc_loop(T, N, _) -> enc_loop(T, N - 1, term_to_binary(T)).

dec_loop(_, 0, Last) -> Last;
dec_loop(B, N, _) -> dec_loop(B, N - 1, binary_to_term(B)).

in_process(F) ->
    median([begin
                Self = self(),
                spawn_link(fun() -> T0 = now_us(), F(), Self ! {took, now_us() - T0} end),
                receive {took, Us} -> Us end
            end || _ <- lists:seq(1, runs())]).

%% ------------------------------------------------------------- reporting

rate(Name, What, F) -> only(Name, fun() -> rate_of(Name, What, F) end).

rate_of(Name, What, F) -> rates(Name, per_s(What), [os:getpid()], F, fun({Ops, Us}) -> {Ops, Ops * 1.0e6 / Us} end).

%% Like rate, with the processor time of both nodes.
cpu_rate(Peer, Name, What, F) ->
    only(Name, fun() -> rates(Name, per_s(What), both(Peer), F, fun(R) -> {element(1, R), element(1, R) * 1.0e6 / element(2, R)} end) end).

mb_rate(Peer, Name, F) ->
    only(Name, fun() -> rates(Name, 'MB/s', both(Peer), F, fun({Ops, Us, Bytes}) -> {Ops, Bytes / Us} end) end).

both(none) -> [];
both(Peer) -> [os:getpid(), Peer].

%% Of(result of a run of F) is {Operations, Rate}; Pids are the operating system processes that take part.
rates(Name, Unit, Pids, F, Of) ->
    Runs = [begin
                Before = [ticks(P) || P <- Pids],
                {Ops, Rate} = Of(F()),
                {Rate, [(ticks(P) - B) * 10000000 / Ops || {P, B} <- lists:zip(Pids, Before)]}
            end || _ <- lists:seq(1, runs())],
    {Rs, Used} = lists:unzip(Runs),
    note(Name, Rs),
    [io:format("# ~s processor time, ns, of client and server: ~w~n", [Name, Used]) || length(Pids) =:= 2],
    Cpu = [io_lib:format(" cpu ~.1f", [median([lists:sum(U) || U <- Used]) * 1.0]) || Pids =/= []],
    io:format("~s ~.1f ~s spread ~.1f ~.1f~s~n", [Name, median(Rs) * 1.0, Unit, lists:min(Rs) * 1.0, lists:max(Rs) * 1.0, Cpu]).

ticks(Pid) ->
    {ok, B} = file:read_file("/proc/" ++ Pid ++ "/stat"),
    [_, Rest] = binary:split(B, <<") ">>),
    F = binary:split(Rest, <<" ">>, [global]),
    binary_to_integer(lists:nth(12, F)) + binary_to_integer(lists:nth(13, F)).

only(Name, F) ->
    case os:getenv("PEER_BENCH_ONLY") of
        false -> F();
        Names -> lists:member(atom_to_list(Name), string:lexemes(Names, ",")) andalso F()
    end.

note(Name, Rs) -> io:format("# ~s runs:~s~n", [Name, [io_lib:format(" ~.1f", [R * 1.0]) || R <- Rs]]).

out(Name, V, Unit) -> io:format("~s ~.1f ~s~n", [Name, V * 1.0, Unit]).

per_s(What) -> list_to_atom(atom_to_list(What) ++ "/s").

name(A, B) -> list_to_atom(lists:flatten(io_lib:format("~s_~p", [A, B]))).

median(L) -> lists:nth((length(L) + 1) div 2, lists:sort(L)).

runs() -> env("PEER_BENCH_RUNS", 5).

scale(N) -> max(1, N * env("PEER_BENCH_SCALE", 100) div 100).

env(K, D) -> case os:getenv(K) of false -> D; V -> list_to_integer(V) end.

int(A) -> list_to_integer(atom_to_list(A)).

now_us() -> erlang:monotonic_time(microsecond).
