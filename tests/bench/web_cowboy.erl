%% SPDX-License-Identifier: MIT
%% cowboy's side of the net_web_…, net_ws_… and net_sse_… rows.
%%
%%   erl +Q 65536 -noshell -pa COWBOY/ebin COWLIB/ebin RANCH/ebin -s web_cowboy main -extra CERTIFICATE KEY
%%
%% Prints "serving PORT PORT_OF_TLS".
-module(web_cowboy).
-export([main/0, init/2, info/3, websocket_init/1, websocket_handle/2, websocket_info/2]).

main() ->
    ok = logger:set_primary_config(level, error),
    [Certificate, Key] = init:get_plain_arguments(),
    {ok, _} = application:ensure_all_started(cowboy),
    {ok, _} = application:ensure_all_started(ssl),
    {ok, _} = pg:start(events),
    Routes = [{"/hello", ?MODULE, hello}, {"/size", ?MODULE, size}, {"/echo", ?MODULE, echo},
              {"/events", ?MODULE, events}, {"/publish", ?MODULE, publish}],
    Options = #{env => #{dispatch => cowboy_router:compile([{'_', Routes}])}, max_keepalive => infinity,
                idle_timeout => infinity, request_timeout => infinity},
    Socket = [{ip, {127, 0, 0, 1}}, {port, 0}, {backlog, 1024}],
    {ok, _} = cowboy:start_clear(plain, #{socket_opts => Socket, max_connections => infinity}, Options),
    Tls = [{certfile, Certificate}, {keyfile, Key}, {versions, ['tlsv1.3']}],
    {ok, _} = cowboy:start_tls(secure, #{socket_opts => Socket ++ Tls, max_connections => infinity}, Options),
    io:format("serving ~b ~b~n", [ranch:get_port(plain), ranch:get_port(secure)]).

init(Asked, hello) ->
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, <<"hello">>, Asked), hello};
init(Asked, size) ->
    {ok, Body, Read} = cowboy_req:read_body(Asked, #{length => 8000000}),
    Size = integer_to_binary(byte_size(Body)),
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, Size, Read), size};
init(Asked, publish) ->
    _ = [Listener ! event || Listener <- pg:get_local_members(events, all)],
    {ok, cowboy_req:reply(200, #{<<"content-type">> => <<"text/plain">>}, <<"hello">>, Asked), publish};
init(Asked, events) ->
    Streamed = cowboy_req:stream_reply(200, #{<<"content-type">> => <<"text/event-stream">>}, Asked),
    ok = pg:join(events, all, self()),
    {cowboy_loop, Streamed, events};
init(Asked, echo) ->
    {cowboy_websocket, Asked, echo, #{idle_timeout => infinity}}.

info(event, Asked, State) ->
    cowboy_req:stream_events(#{data => <<"~">>}, nofin, Asked),
    {ok, Asked, State}.

websocket_init(State) ->
    {[], State}.

websocket_handle({binary, Data}, State) ->
    {[{binary, Data}], State};
websocket_handle(_, State) ->
    {[], State}.

websocket_info(_, State) ->
    {[], State}.
