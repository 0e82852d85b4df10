%% SPDX-License-Identifier: MIT
%% The Erlang port's side of port_line_1M.
%%
%%   erl -noshell -s port_lines main
%%
%% Prints "serving PID" with its own pid. It then reads numbers of lines, and for each prints how long that many took, in
%% microseconds.
-module(port_lines).
-export([main/0]).

main() ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", "while read n; do seq 1 $n; done"]}, {line, 1024}, binary]),
    io:format("serving ~s~n", [os:getpid()]),
    loop(Port).

loop(Port) ->
    case io:get_line("") of
        eof ->
            halt();
        Line ->
            {Wanted, _} = string:to_integer(Line),
            Began = erlang:monotonic_time(microsecond),
            true = port_command(Port, Line),
            ok = count(Port, Wanted),
            io:format("~b~n", [erlang:monotonic_time(microsecond) - Began]),
            loop(Port)
    end.

count(_, 0) ->
    ok;
count(Port, Left) ->
    receive
        {Port, {data, {eol, _}}} -> count(Port, Left - 1)
    end.
