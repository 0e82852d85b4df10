%% SPDX-License-Identifier: MIT
%% gen_udp's side of net_udp_echo, with {active, N} as its page advises for load.
%%
%%   erl -noshell -s udp_echo main
%%
%% Prints "serving PORT".
-module(udp_echo).
-export([main/0]).

-define(BATCH, 1000).

main() ->
    {ok, Socket} = gen_udp:open(0, [binary, {ip, {127, 0, 0, 1}}, {active, ?BATCH}, {recbuf, 4194304}, {read_packets, 64}]),
    {ok, Port} = inet:port(Socket),
    io:format("serving ~b~n", [Port]),
    loop(Socket).

loop(Socket) ->
    receive
        {udp, Socket, Address, Port, Data} ->
            _ = gen_udp:send(Socket, Address, Port, Data),
            loop(Socket);
        {udp_passive, Socket} ->
            ok = inet:setopts(Socket, [{active, ?BATCH}]),
            loop(Socket)
    end.
