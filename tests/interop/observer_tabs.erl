%% SPDX-License-Identifier: MIT
%% OTP's observer on a node: opened, the node chosen in its Nodes menu, and each tab looked at until it shows
%% the node. The menus and tabs are those of the running observer, whose processes are sent the events that a
%% mouse would make. The numbers are places in the records of OTP 25's observer.
-module(observer_tabs).
-export([show/1]).

%% Of wx.hrl, which Debian has in another package than wx itself.
-record(wx, {id, obj, userData, event}).
-record(wx_ref, {ref, type, state}).
-record(wxCommand, {type, cmdString, commandInt, extraLong}).

-define(FIRST_NODES_MENU_ID, 1000).

%% [{Tab, ok | What its process has instead}], and crashed for one that is another process in the end.
show(Node) ->
    ok = observer:start(),
    observer ! {get_debug_info, self()},
    receive {observer_debug, Env, _, _} -> wx:set_env(Env) end,
    Panels = [{Title, wx_object:get_pid(Panel)} || {_, Panel, Title} <- element(8, state(observer))],
    choose(Node),
    Shown = [{Title, open(Index, Title, Pid, Node)} || {Index, {Title, Pid}} <- lists:enumerate(0, Panels)],
    Info = open_process(Panels, Node),
    [{Title, case is_process_alive(Pid) of true -> What; false -> crashed end}
     || {{Title, What}, {Title, Pid}} <- lists:zip(Shown, Panels)] ++ [{"a process", Info}].

choose(Node) ->
    observer ! {nodeup, Node}, % it reads the list again
    Nodes = element(11, state(observer)),
    Index = length(lists:takewhile(fun(Each) -> Each =/= Node end, Nodes)) + 1,
    observer ! #wx{id = ?FIRST_NODES_MENU_ID + Index, event = #wxCommand{type = command_menu_selected}},
    ok = until(fun() -> element(10, state(observer)) =:= Node end).

open(Index, Title, Pid, Node) ->
    wxNotebook:setSelection(element(6, state(observer)), Index), % the page is drawn on: it must be seen
    case until(fun() -> shows(Title, state(Pid), Node) end) of
        ok -> ok;
        late -> catch state(Pid)
    end.

shows("System", State, Node) ->
    element(3, State) =:= Node andalso
        lists:any(fun(Field) -> is_label(Field) andalso lists:prefix("coppice", wxStaticText:getLabel(Field)) end,
                  lists:flatten(element(8, State)));
shows("Load Charts", State, Node) ->
    element(3, State) andalso node(element(9, State)) =:= Node andalso element(1, element(5, State)) >= 2;
shows("Memory Allocators", State, Node) ->
    element(3, State) andalso element(11, State) =:= Node andalso element(1, element(7, State)) >= 2
        andalso wxListCtrl:getItemCount(element(6, State)) >= 2;
shows("Applications", State, Node) ->
    node(element(10, State)) =:= Node andalso element(8, State) =/= undefined
        andalso wxListBox:getCount(element(4, State)) >= 1;
shows("Processes", State, _) ->
    Grid = element(3, State),
    Rows = wxListCtrl:getItemCount(Grid),
    lists:any(fun(Row) -> wxListCtrl:getItemText(Grid, Row, [{col, 1}]) =:= "demo_sup" end, lists:seq(0, Rows - 1));
shows("Ports", State, Node) -> element(1, element(5, State)) =:= Node;
shows("Sockets", State, Node) -> element(1, element(7, State)) =:= Node;
shows("Table Viewer", State, Node) -> element(5, State) =:= Node;
shows("Trace Overview", _, _) -> true.

is_label(Field) -> is_record(Field, wx_ref) andalso Field#wx_ref.type =:= wxStaticText.

%% The window on one process: there is one when the Processes tab has opened it, unless it crashed.
open_process(Panels, Node) ->
    Pid = rpc:call(Node, erlang, whereis, [net_kernel]),
    {_, Processes} = lists:keyfind("Processes", 1, Panels),
    observer ! {open_link, Pid},
    until(fun() -> lists:keymember(Pid, 1, element(8, state(Processes))) end).

state(Pid) ->
    [State | _] = [Each || Each <- sys:get_state(Pid), is_tuple(Each), lists:member(element(1, Each), [state, sys_wx_state])],
    State.

until(Condition) -> until(Condition, erlang:monotonic_time(second) + 20).
until(Condition, Deadline) ->
    case {catch Condition(), erlang:monotonic_time(second) < Deadline} of
        {true, _} -> ok;
        {_, true} -> timer:sleep(50), until(Condition, Deadline);
        {_, false} -> late
    end.
