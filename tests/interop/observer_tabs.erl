%% SPDX-License-Identifier: MIT
%% Drives OTP's observer: opens it, chooses the node in its Nodes menu, and waits at each tab until the tab shows the
%% node. The menus and tabs are those of the running observer; its processes get the events that a mouse would make.
%% Fields of their states are found by name, in the records of the release.
-module(observer_tabs).
-export([show/3]).

%% From wx.hrl, which is in another Debian package than wx itself.
-record(wx, {id, obj, userData, event}).
-record(wx_ref, {ref, type, state}).
-record(wxCommand, {type, cmdString, commandInt, extraLong}).


-define(FIRST_NODES_MENU_ID, 1000).

%% [{Tab, ok | State}]: the state of the tab's process if it did not show the node, or `crashed` if that process has
%% ended. The screen's picture, a file, is copied into Folder at each tab.
show(Node, Screen, Folder) ->
    ok = observer:start(),
    observer ! {get_debug_info, self()},
    receive {observer_debug, Env, _, _} -> wx:set_env(Env) end,
    Panels = [{Title, wx_object:get_pid(Panel)} || {_, Panel, Title} <- of_observer(panels)],
    choose(Node),
    Shown = [{Title, open(Index, Title, Pid, Node, {Screen, Folder})} || {Index, {Title, Pid}} <- lists:enumerate(0, Panels)],
    Info = open_process(Panels, Node),
    [{Title, case is_process_alive(Pid) of true -> What; false -> crashed end}
     || {{Title, What}, {Title, Pid}} <- lists:zip(Shown, Panels)] ++ [{"a process", Info}].

choose(Node) ->
    observer ! {nodeup, Node}, % makes it read the list again
    Nodes = of_observer(nodes),
    Index = length(lists:takewhile(fun(Each) -> Each =/= Node end, Nodes)) + 1,
    observer ! #wx{id = ?FIRST_NODES_MENU_ID + Index, event = #wxCommand{type = command_menu_selected}},
    ok = until(fun() -> of_observer(node) =:= Node end).

open(Index, Title, Pid, Node, {Screen, Folder}) ->
    wxNotebook:setSelection(of_observer(notebook), Index), % a page is drawn only while it is seen
    Shown = until(fun() -> shows(Title, fun(Field) -> field(Field, module(Title), Pid) end, Node) end),
    {ok, _} = file:copy(Screen, filename:join(Folder, Title ++ ".xwd")),
    case Shown of
        ok -> ok;
        late -> catch sys:get_state(Pid)
    end.

module("System") -> observer_sys_wx;
module("Load Charts") -> observer_perf_wx;
module("Memory Allocators") -> observer_alloc_wx;
module("Applications") -> observer_app_wx;
module("Processes") -> observer_pro_wx;
module("Ports") -> observer_port_wx;
module("Sockets") -> observer_sock_wx;
module("Table Viewer") -> observer_tv_wx;
module("Trace Overview") -> observer_trace_wx.

shows("System", Of, Node) ->
    Of(node) =:= Node andalso
        lists:any(fun(Field) -> is_label(Field) andalso lists:prefix("coppice", wxStaticText:getLabel(Field)) end,
                  lists:flatten(Of(fields)));
shows("Load Charts", Of, Node) ->
    Of(active) andalso node(Of(appmon)) =:= Node andalso element(1, Of(samples)) >= 2;
shows("Memory Allocators", Of, Node) ->
    Of(active) andalso Of(appmon) =:= Node andalso element(1, Of(samples)) >= 2
        andalso wxListCtrl:getItemCount(Of(mem)) >= 2;
shows("Applications", Of, Node) ->
    node(Of(appmon)) =:= Node andalso Of(app) =/= undefined andalso wxListBox:getCount(Of(apps_w)) >= 1;
shows("Processes", Of, _) ->
    Grid = Of(grid),
    Rows = wxListCtrl:getItemCount(Grid),
    lists:any(fun(Row) -> wxListCtrl:getItemText(Grid, Row, [{col, 1}]) =:= "demo_sup" end, lists:seq(0, Rows - 1));
shows("Ports", Of, Node) -> element(1, Of(node)) =:= Node;
shows("Sockets", Of, Node) -> element(1, Of(node)) =:= Node;
shows("Table Viewer", Of, Node) -> Of(node) =:= Node;
shows("Trace Overview", _, _) -> true.

is_label(Field) -> is_record(Field, wx_ref) andalso Field#wx_ref.type =:= wxStaticText.

%% The window of one process. The Processes tab opens it; it is missing if it crashed.
open_process(Panels, Node) ->
    Pid = rpc:call(Node, erlang, whereis, [net_kernel]),
    {_, Processes} = lists:keyfind("Processes", 1, Panels),
    observer ! {open_link, Pid},
    until(fun() -> lists:keymember(Pid, 1, field(procinfo_menu_pids, observer_pro_wx, Processes)) end).

of_observer(Field) -> field(Field, observer_wx, observer).

field(Field, Module, Process) ->
    {Record, Fields} = state_record(Module),
    [State | _] = [Each || Each <- sys:get_state(Process), is_tuple(Each), element(1, Each) =:= Record],
    element(length(lists:takewhile(fun(Each) -> Each =/= Field end, Fields)) + 2, State).

%% The record that a process of this module has as its state, from the module's debugging information.
state_record(Module) ->
    {ok, {_, [{debug_info, {debug_info_v1, Backend, Data}}]}} = beam_lib:chunks(code:which(Module), [debug_info]),
    {ok, Forms} = Backend:debug_info(erlang_v1, Module, Data, []),
    [Found | _] = [{Name, [field_name(Each) || Each <- Fields]}
                   || {attribute, _, record, {Name, Fields}} <- Forms, lists:member(Name, [state, sys_wx_state])],
    Found.

field_name({typed_record_field, Field, _}) -> field_name(Field);
field_name(Field) -> element(3, element(3, Field)). % {record_field, _, {atom, _, Name}, …}

until(Condition) -> until(Condition, erlang:monotonic_time(second) + 20).
until(Condition, Deadline) ->
    case {catch Condition(), erlang:monotonic_time(second) < Deadline} of
        {true, _} -> ok;
        {_, true} -> timer:sleep(50), until(Condition, Deadline);
        {_, false} -> late
    end.
