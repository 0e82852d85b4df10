%% SPDX-License-Identifier: MIT
%% ranch's side of the net_… rows: its listener with the protocol of its own example tcp_echo.
%%
%%   erl +Q 65536 -noshell -pa RANCH/ebin -s ranch_echo main
%%
%% Prints "serving PORT BULK". BULK is the port of a second listener, for large messages, whose sockets have
%% buffers of 64 KiB. On the first listener each idle connection would keep such a buffer.
-module(ranch_echo).
-behaviour(ranch_protocol).
-export([main/0, start_link/3, init/2]).

main() ->
    {ok, _} = application:ensure_all_started(ranch),
    io:format("serving ~b ~b~n", [listen(echo, []), listen(bulk, [{buffer, 65536}])]).

listen(Name, Options) ->
    Socket = [{ip, {127, 0, 0, 1}}, {port, 0}, {backlog, 511} | Options],
    {ok, _} = ranch:start_listener(Name, ranch_tcp, #{socket_opts => Socket, max_connections => infinity}, ?MODULE, []),
    ranch:get_port(Name).

start_link(Ref, Transport, _Options) ->
    {ok, spawn_link(?MODULE, init, [Ref, Transport])}.

init(Ref, Transport) ->
    {ok, Socket} = ranch:handshake(Ref),
    loop(Socket, Transport).

loop(Socket, Transport) ->
    case Transport:recv(Socket, 0, infinity) of
        {ok, Data} ->
            Transport:send(Socket, Data),
            loop(Socket, Transport);
        {error, _} ->
            Transport:close(Socket)
    end.
