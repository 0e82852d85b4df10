#!/usr/bin/env escript
%% SPDX-License-Identifier: MIT
%% OTP's own gen_statem behind a line protocol: a script a line on standard input (see scripted_statem.hpp), what
%% came of it as one line on standard output.
-mode(compile).
-export([init/1, callback_mode/0, handle_event/4, terminate/3]).

main(_) ->
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    io:setopts([binary]),
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

play({Enters, [First | Returns], Events}) ->
    %% A start that fails is a start that fails, as ours is; OTP's own answers ok and dies.
    {ok, {Pid, Ref}} = gen_statem:start_monitor(?MODULE, {Enters, First, Returns, self()}, []),
    settled(Pid),
    Calls = events(Events, Pid, []),
    State =
        case settled(Pid) of
            dead -> receive {'DOWN', Ref, _, _, Reason} -> io_lib:format("down ~w", [plain(Reason)]) end;
            Up -> io_lib:format("up {ok,~w}", [Up])
        end,
    Answers = [io_lib:format("~w=~s", [What, answer(R)]) || {What, R} <- lists:reverse(Calls)],
    demonitor(Ref, [flush]),
    exit(Pid, kill),
    [lists:join(" ", logged()), " | ", State, " | ", lists:join(" ", Answers)].

events([], _, Calls) -> Calls;
events([{sleep, Time} | Rest], Pid, Calls) -> timer:sleep(Time), settled(Pid), events(Rest, Pid, Calls);
events([{cast, What} | Rest], Pid, Calls) -> gen_statem:cast(Pid, What), settled(Pid), events(Rest, Pid, Calls);
events([{info, What} | Rest], Pid, Calls) -> Pid ! What, settled(Pid), events(Rest, Pid, Calls);
events([{call, What} | Rest], Pid, Calls) ->
    R = gen_statem:send_request(Pid, What),
    settled(Pid),
    events(Rest, Pid, [{What, R} | Calls]).

settled(Pid) -> try sys:get_state(Pid) catch exit:_ -> dead end.

answer(R) ->
    case gen_statem:wait_response(R, 0) of
        {reply, Reply} -> io_lib:format("~w", [Reply]);
        _ -> "none"
    end.

%% Without the stack of a crash.
plain({Reason, [{_, _, _, _} | _]}) -> Reason;
plain(Reason) -> Reason.

logged() -> receive {log, Line} -> [Line | logged()] after 0 -> [] end.

init({Enters, First, Returns, Recorder}) ->
    put(enters, Enters), put(returns, Returns), put(recorder, Recorder),
    put(enter_returns, Enters),
    {next, State, Actions} = First,
    {ok, State, data, actions(Actions, none)}.

callback_mode() ->
    case get(enters) of
        false -> handle_event_function;
        _ -> [handle_event_function, state_enter]
    end.

handle_event(enter, Old, State, _) ->
    log("enter:~w@~w", [Old, State]),
    result(none, case get(enters) of true -> returns; _ -> enter_returns end);
handle_event({call, From}, What, State, _) ->
    log("call:~w@~w", [What, State]),
    result(From, returns);
handle_event(Type, What, State, _) ->
    log("~w:~w@~w", [Type, What, State]),
    result(none, returns).

terminate(_, _, _) -> ok.

log(Format, Arguments) -> get(recorder) ! {log, io_lib:format(Format, Arguments)}.

result(From, Which) ->
    case get(Which) of
        [] -> keep_state_and_data;
        [Return | Rest] -> put(Which, Rest), returned(Return, From)
    end.

returned({keep, Actions}, From) -> {keep_state_and_data, actions(Actions, From)};
returned({repeat, Actions}, From) -> {repeat_state_and_data, actions(Actions, From)};
returned({stop, Reason, []}, _) -> {stop, Reason};
returned({stop, Reason, Actions}, From) -> {stop_and_reply, Reason, actions(Actions, From)};
returned({next, State, []}, _) -> {next_state, State, data};
returned({next, State, Actions}, From) -> {next_state, State, data, actions(Actions, From)}.

actions(Actions, From) ->
    [case A of {reply, What} -> {reply, From, What}; _ -> A end || A <- Actions, not is_tuple(A) orelse From =/= none orelse element(1, A) =/= reply].
