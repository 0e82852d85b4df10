#!/usr/bin/env escript
%% SPDX-License-Identifier: MIT
%% OTP's own supervisor behind a line protocol: one scenario or event a line on standard input, what came of it as
%% one line on standard output. Each line holds one Erlang term and a full stop.
-mode(compile).
-export([init/1, start_link/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

main(_) ->
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    register(recorder, self()),
    ets:new(failures, [named_table, public]),
    loop(#{}).

loop(Before) ->
    case io:get_line("") of
        eof -> ok;
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, Event} = erl_parse:parse_term(Tokens),
            Answer = do(Event),
            {States, Pids} = settled(),
            io:format("~ts | ~ts | ~ts~n", [text(Answer), lists:join(",", logged()), shown(States, Pids, Before)]),
            loop(Pids)
    end.

do({scenario, {Strategy, _, _} = Flags, Children}) ->
    case whereis(sup) of
        undefined -> ok;
        Old -> stop(Old)
    end,
    log(),
    ets:delete_all_objects(failures),
    put(simple, Strategy =:= simple_one_for_one),
    {Tag, _} = supervisor:start_link({local, sup}, ?MODULE, {top, Flags, [spec(C) || C <- Children]}),
    Tag;
do({fail, Id, Times}) -> ets:insert(failures, {Id, Times}), ok;
do({exit, Id, Reason}) -> ended(Id, fun(Pid) -> Pid ! {exit, Reason} end);
do({kill, Id}) -> ended(Id, fun(Pid) -> exit(Pid, kill) end);
do({start, Child}) -> asked(fun() -> supervisor:start_child(sup, spec(Child)) end);
do({terminate, Id}) -> asked(fun() -> supervisor:terminate_child(sup, Id) end);
do({restart, Id}) -> asked(fun() -> supervisor:restart_child(sup, Id) end);
do({delete, Id}) -> asked(fun() -> supervisor:delete_child(sup, Id) end);
do({start_one, Id}) ->
    case whereis(Id) of
        undefined -> asked(fun() -> supervisor:start_child(sup, [Id]) end);
        _ -> not_free
    end;
do({terminate_one, Id}) ->
    case whereis(Id) of
        undefined -> not_running;
        Pid -> asked(fun() -> supervisor:terminate_child(sup, Pid) end)
    end;
do(count) -> asked(fun() -> supervisor:count_children(sup) end).

asked(Ask) -> try Ask() catch exit:_ -> dead end.

stop(Pid) ->
    Ref = monitor(process, Pid),
    exit(Pid, shutdown),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% Ends a child and waits until its supervisor has seen it.
ended(Id, How) ->
    case whereis(Id) of
        undefined -> not_running;
        Pid ->
            Ref = monitor(process, Pid),
            How(Pid),
            receive {'DOWN', Ref, _, _, _} -> ok end,
            seen(Pid)
    end.

seen(Pid) ->
    case children() of
        dead -> ok;
        Children ->
            case lists:keymember(Pid, 2, Children) of
                true -> seen(Pid);
                false -> ok
            end
    end.

children() ->
    try supervisor:which_children(sup) of
        Children ->
            case get(simple) of
                %% By the id each was given; as those of other strategies, the last first.
                true -> lists:reverse(lists:sort([{named(P), P, T, M} || {_, P, T, M} <- Children]));
                _ -> Children
            end
    catch exit:_ -> dead
    end.

named(restarting) -> restarting;
named(Pid) ->
    case process_info(Pid, registered_name) of
        {_, Name} -> Name;
        _ -> gone
    end.

%% No child waits to be tried again.
settled() ->
    case children() of
        dead -> {dead, #{}};
        Children ->
            case lists:keymember(restarting, 2, Children) of
                true -> settled();
                false ->
                    States = [{Id, if is_pid(P) -> running; true -> P end} || {Id, P, _, _} <- lists:reverse(Children)],
                    {States, maps:from_list([{Id, P} || {Id, P, _, _} <- Children, is_pid(P)])}
            end
    end.

shown(dead, _, _) -> "dead";
shown(States, Pids, Before) ->
    lists:join(" ", [io_lib:format("~p=~p~s", [Id, State, kept(Id, Pids, Before)]) || {Id, State} <- States]).

kept(Id, Pids, Before) ->
    case {maps:find(Id, Pids), maps:find(Id, Before)} of
        {{ok, P}, {ok, P}} -> "";
        {{ok, _}, _} -> "+";
        _ -> ""
    end.

log() -> receive {log, Line} -> [Line | log()] after 0 -> [] end.

%% Those of a template are stopped at once.
logged() ->
    case get(simple) of
        true -> lists:sort(log());
        _ -> log()
    end.

text({ok, P}) when is_pid(P) -> "{ok,pid}";
text({error, {already_started, _}}) -> "{error,already_started}";
text({error, {{cannot, start}, _}}) -> "{error,{cannot,start}}";
text(Other) -> lists:flatten(io_lib:format("~w", [Other])).

spec({Id, Restart, Significant}) ->
    #{id => Id, start => {?MODULE, start_link, [Id]}, restart => Restart, significant => Significant}.

start_link(Id) -> gen_server:start_link({local, Id}, ?MODULE, {worker, Id}, []).

init({top, {simple_one_for_one, Intensity, _}, [Template]}) ->
    {ok, {#{strategy => simple_one_for_one, intensity => Intensity, period => 3600},
          [Template#{start := {?MODULE, start_link, []}}]}};
init({top, {Strategy, Intensity, AutoShutdown}, Children}) ->
    {ok, {#{strategy => Strategy, intensity => Intensity, period => 3600, auto_shutdown => AutoShutdown}, Children}};
init({worker, Id}) ->
    process_flag(trap_exit, true),
    case ets:lookup(failures, Id) of
        [{_, Left}] when Left > 0 ->
            ets:insert(failures, {Id, Left - 1}),
            note("fail ~p", [Id]),
            {stop, {cannot, start}};
        _ ->
            note("start ~p", [Id]),
            {ok, Id}
    end.

handle_call(_, _, Id) -> {reply, ok, Id}.
handle_cast(_, Id) -> {noreply, Id}.
handle_info({exit, Reason}, Id) -> {stop, Reason, Id};
handle_info(_, Id) -> {noreply, Id}.
terminate(Reason, Id) -> note("stop ~p ~w", [Id, Reason]).

note(Format, Arguments) -> recorder ! {log, lists:flatten(io_lib:format(Format, Arguments))}.
