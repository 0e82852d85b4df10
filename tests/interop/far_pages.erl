%% SPDX-License-Identifier: MIT
%% A gen_server for routes of a web server on another node, written as any Erlang programmer would write one. It knows
%% nothing of Coppice but the call {http, Map} and its reply. `last` is the request that it got last; `what` in the
%% path says how it answers. The call {http_events, Map} makes it send events.
-module(far_pages).
-behaviour(gen_server).
-export([start/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start(Name) -> gen_server:start({local, Name}, ?MODULE, [], []).

init([]) -> {ok, #{last => none, clients => #{}, came => []}}.

handle_call({http, #{params := #{<<"what">> := What}} = Map}, From, State) ->
    answer(What, From, State#{last := Map});
handle_call({http_events, #{params := #{<<"what">> := <<"refuse">>}}}, _, State) ->
    {reply, {429, [{<<"retry-after">>, "9"}], <<"later">>}, State};
handle_call({http_events, #{client := Client, headers := Headers}}, _, #{clients := Clients} = State) ->
    Monitor = erlang:monitor(process, Client),
    case lists:keyfind(<<"last-event-id">>, 1, Headers) of
        {_, Id} -> Client ! {http_event, #{data => [<<"behind ">>, Id], event => "again"}};
        false -> ok
    end,
    {reply, {accept, self()}, State#{clients := Clients#{Monitor => Client}}};
handle_call(last, _, #{last := Map} = State) ->
    {reply, Map, State};
handle_call(clients, _, #{clients := Clients} = State) ->
    {reply, maps:size(Clients), State};
handle_call(came, _, #{came := Came} = State) ->
    {reply, lists:reverse(Came), State}.

answer(<<"whole">>, _, State) ->
    {reply, {201, [{<<"x-from">>, <<"erl">>}, {"X-Two", [$a, <<"b">>, [["c"]]]}], <<"body">>}, State};
answer(<<"brief">>, _, State) ->
    {reply, {202, <<"brief">>}, State};
answer(<<"iodata">>, _, State) ->
    {reply, {200, [], [<<"one">>, $\s, ["two", [[<<" three">>]] | <<" four">>]]}, State};
answer(<<"string">>, _, State) ->
    {reply, {200, "text"}, State};
answer(<<"large">>, _, State) ->
    {reply, {200, lists:duplicate(1024, binary:copy(<<"x">>, 1024))}, State};
answer(<<"echo">>, _, #{last := #{body := Body}} = State) ->
    {reply, {200, [{"content-type", "application/octet-stream"}], Body}, State};
answer(<<"none">>, _, State) ->
    {reply, {204, <<>>}, State};
answer(<<"slow">>, From, State) ->
    erlang:send_after(1500, self(), {late, From}),
    {noreply, State};
answer(<<"later">>, From, State) ->
    spawn(fun() -> gen_server:reply(From, {200, <<"by another process">>}) end),
    {noreply, State};
answer(<<"watch">>, _, #{last := #{client := Client, number := Number}} = State) ->
    Client ! {http_watch, {Client, Number}, {self(), {my, Number}}},
    {noreply, State};
answer(<<"crash">>, _, _) ->
    exit(broken);
answer(<<"hang">>, _, State) ->
    {noreply, State};
answer(What, _, State) ->
    {reply, malformed(What), State}.

malformed(<<"atom">>) -> ok;
malformed(<<"status">>) -> {99, <<>>};
malformed(<<"word">>) -> {ok, [], <<"x">>};
malformed(<<"float">>) -> {200.0, [], <<"x">>};
malformed(<<"body">>) -> {200, [], {file, "x"}};
malformed(<<"unicode">>) -> {200, [], [8364]};
malformed(<<"headers">>) -> {200, #{}, <<"x">>};
malformed(<<"improper">>) -> {200, [{<<"x">>, <<"y">>} | tail], <<"x">>};
malformed(<<"triple">>) -> {200, [{<<"x">>, <<"y">>, <<"z">>}], <<"x">>};
malformed(<<"split">>) -> {200, [{<<"x-split">>, <<"a\r\nset-cookie: b">>}], <<"x">>};
malformed(<<"name">>) -> {200, [{<<"a b">>, <<"y">>}], <<"x">>};
malformed(<<"many">>) -> {200, [], <<"x">>, extra};
malformed(<<"accept">>) -> {accept, self()}.

handle_cast({say, What}, #{clients := Clients} = State) ->
    [Client ! {http_event, What} || Client <- maps:values(Clients)],
    {noreply, State}.

handle_info({late, From}, State) ->
    gen_server:reply(From, {200, <<"too late">>}),
    {noreply, State};
handle_info({'DOWN', Monitor, process, _, _}, #{clients := Clients} = State) when is_map_key(Monitor, Clients) ->
    {noreply, State#{clients := maps:remove(Monitor, Clients)}};
handle_info(Other, #{came := Came} = State) ->
    {noreply, State#{came := [Other | Came]}}.
