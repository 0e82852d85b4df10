%% SPDX-License-Identifier: MIT
%% A gen_server behind a web server's route with `body: streamed`, as any Erlang programmer would write it:
%% `count` reads a body in pieces and answers its length; `apart` lets another process read it, which then
%% ends; `echo` writes back what it reads, as fast as the client takes it. Collector is told of clients that
%% go.
-module(far_bodies).
-behaviour(gen_server).
-export([start/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start(Collector) -> gen_server:start({local, far}, ?MODULE, Collector, []).

init(Collector) -> {ok, {Collector, #{}}}.

handle_call({http, #{body := streamed, stream := Stream, params := #{<<"what">> := <<"count">>}}}, From, {Collector, Open}) ->
    more(Stream, 1000),
    {noreply, {Collector, Open#{Stream => {count, From, 0}}}};
handle_call({http, #{body := streamed, stream := Stream, params := #{<<"what">> := <<"apart">>}}}, From, State) ->
    Server = self(),
    spawn(fun() -> more(Stream, 1 bsl 40), Server ! {read, From, self(), read(0)} end),
    {noreply, State};
handle_call({http, #{body := streamed, stream := Stream}}, _, {Collector, Open}) ->
    more(Stream, 30000),
    {reply, {200, [{<<"x-from">>, <<"erl">>}], {stream, {self(), Stream}}}, {Collector, Open#{Stream => echo}}};
handle_call({http, #{body := Body}}, _, State) ->
    {reply, {200, [<<"whole: ">>, Body]}, State}.

handle_cast(_, State) -> {noreply, State}.

handle_info({http_body, Stream, {Kind, Part}}, {Collector, Open}) ->
    {noreply, {Collector, part(Kind, Stream, Part, maps:get(Stream, Open), Open)}};
handle_info({read, From, Reader, Bytes}, State) ->
    erlang:monitor(process, Reader),
    receive {'DOWN', _, process, Reader, _} -> erlang:send_after(200, self(), {answer, From, Bytes}) end,
    {noreply, State};
handle_info({answer, From, Bytes}, State) ->
    gen_server:reply(From, {200, integer_to_binary(Bytes)}),
    {noreply, State};
handle_info({http_answer, Stream, {more, Bytes}}, {_, Open} = State) ->
    maps:is_key(Stream, Open) andalso more(Stream, Bytes),
    {noreply, State};
handle_info({http_aborted, Stream, Why}, {Collector, Open}) ->
    Collector ! {aborted, Why},
    {noreply, {Collector, maps:remove(Stream, Open)}}.

read(Bytes) ->
    receive
        {http_body, _, {data, Part}} -> read(Bytes + byte_size(Part));
        {http_body, _, {last, Part}} -> Bytes + byte_size(Part)
    end.

part(data, Stream, Part, {count, From, N}, Open) ->
    more(Stream, byte_size(Part)),
    Open#{Stream := {count, From, N + byte_size(Part)}};
part(last, Stream, Part, {count, From, N}, Open) ->
    gen_server:reply(From, {200, integer_to_binary(N + byte_size(Part))}),
    maps:remove(Stream, Open);
part(data, Stream, Part, echo, Open) ->
    send(Stream, {data, [Part]}),
    Open;
part(last, Stream, Part, echo, Open) ->
    send(Stream, {last, Part}),
    maps:remove(Stream, Open).

more({Client, _} = Stream, Bytes) -> Client ! {http_body, Stream, {more, {self(), Stream}, Bytes}}.

send({Client, _} = Stream, What) -> Client ! {http_answer, Stream, What}.
