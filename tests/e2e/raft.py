#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A replicated state machine on three nodes: the group of config/raft.yaml, called from Erlang while nodes are killed,
restarted, emptied and replaced, and while commands crash the actor that applies them."""
import json
import pathlib
import re
import shutil
import signal
import subprocess

from harness.erlang import Erl
from harness.node import Folder, Node, Shelf, free_port, plugin_folder, program
from harness.tap import check, contains, equal, eventually, run, test

ROOT = pathlib.Path(__file__).resolve().parents[2]
APPLICATIONS = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ], peers: [ {peers} ] }}
applications:
  - name: bank
    type: temporary
    supervisor:
      intensity: 1000
      children:
        - {{ id: ledger, actor: {actor}, name: ledger, raft: {{ {group}{more} }} }}
"""


# Ask, Get: call one member after the other until one answers {ok, ...}; for requests that may be repeated. App
# appends in a session, so that a repeat is not applied again however slow the machine is; its value is {Serial,
# Reply} or {discarded, Reason}.
HELPERS = (
    "Ask = fun(On, What) -> try gen_server:call({ledger, On}, What, 20000) catch exit:{R, _} -> {down, R} end end",
    "On = fun(N) -> lists:nth(N rem length(Nodes) + 1, Nodes) end",
    "Get = fun Get(What, 0) -> {late, What}; Get(What, N) -> case Ask(On(N), What) of Good when element(1, Good) =:= ok -> Good; "
    "_ -> timer:sleep(50), Get(What, N - 1) end end",
    "Do = fun Do(_, _, _, 0) -> late; Do(C, Seq, What, N) -> case Ask(On(N), {append, What, {C, Seq}}) of {ok, S, B} -> {S, B}; "
    "{error, {discarded, R, S}} -> {discarded, R, S}; {error, {discarded, R}} -> {discarded, R}; "
    "_ -> timer:sleep(20), Do(C, Seq, What, N - 1) end end",
    "App = fun(What) -> case get(client) of undefined -> {ok, Fresh} = Get({client}, 1000), put(client, Fresh), put(seq, 0); _ -> ok end, "
    "put(seq, get(seq) + 1), Do(get(client), get(seq), What, 3000 + get(seq)) end",
)


class Group:
    """The nodes of one group, by their letters. `settings`: for all nodes, or a function of the letter."""

    def __init__(self, cleanup, letters="abc", actor="ledger", more="", settings=(), election="500ms"):
        self.cleanup, self.actor, self.settings = cleanup, actor, settings
        self.more = f", heartbeat: 50ms, election: {election}{more}"
        self.epmd_port = free_port()
        self.letters = letters
        self.nodes = {}
        for one in letters:
            self.add(one, "members: [ " + ", ".join(self.address(each) for each in letters) + " ]", wait=False)
        for one in self.nodes.values():
            one.wait_ready()
        self.erl = Erl(cleanup, epmd_port=self.epmd_port)
        for one in letters:
            self.erl(f"net_adm:ping('{one}@127.0.0.1')")
        self.erl("Nodes = [" + ", ".join(f"'{each}@127.0.0.1'" for each in letters) + "]")
        for one in HELPERS:
            self.erl(one)

    @staticmethod
    def address(letter):
        return f"ledger@{letter}@127.0.0.1"

    def add(self, letter, group, wait=True):
        peers = ", ".join(f"{each}@127.0.0.1" for each in self.letters)
        config = APPLICATIONS.format(peers=peers, actor=self.actor, group=group, more=self.more)
        self.nodes[letter] = Node(self.cleanup, name=letter, config=config, epmd_port=self.epmd_port, wait=wait,
                                  settings=self.settings(letter) if callable(self.settings) else self.settings)
        return self.nodes[letter]

    def engine(self, letter):
        return self.nodes[letter].engine("ledger")

    def leader(self, without=""):
        """The letter of the leader, once all running members except `without` name the same leader."""
        found = []

        def agreed():
            running = [one for one, node in self.nodes.items() if node.process.poll() is None and one not in without]
            named = {self.engine(one)["leader"] for one in running}
            if len(named) != 1 or not (name := named.pop()):
                return False
            found[:] = [name.split("@")[1]]
            return found[0] in running
        eventually(agreed, "all agree on a leader", seconds=60)
        return found[0]

    def get(self, what):
        """The answer of any member that answers."""
        return self.erl(f"Get({what}, 1000)")

    def append(self, what):
        """{Serial, Reply} of a command that is applied once, or {discarded, Reason}."""
        return self.erl(f"App({what})")

    def change(self, letter, what, whom):
        """The answer to `coppice raft ledger WHAT ADDRESS` on that node: "ok", or the reason why not."""
        said = self.nodes[letter].reply("raft", name="ledger", change=what, member=self.address(whom), timeout_ms=10000)
        return "ok" if "result" in said else json.dumps(said["error"])

    def kill(self, letter):
        self.nodes[letter].stop(signal.SIGKILL)

    def start(self, letter):
        self.nodes[letter].begin()
        self.nodes[letter].wait_ready()
        self.erl(f"net_adm:ping('{letter}@127.0.0.1')")


@test("config/raft.yaml is a group of three: any member takes appends and queries, and queries see what was appended before")
def example(cleanup):
    text = (ROOT / "config" / "raft.yaml").read_text(encoding="utf-8")
    contains(text, "members: [ledger@a@127.0.0.1, ledger@b@127.0.0.1, ledger@c@127.0.0.1]")
    epmd, nodes = free_port(), []
    body = text[text.index("applications:"):]
    for one in "abc":
        nodes.append(Node(cleanup, name=one, epmd_port=epmd, wait=False,
                          config="node: { workers: 2 }\ndistribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }\n" + body))
    for node in nodes:
        node.wait_ready()
    erl = Erl(cleanup, epmd_port=epmd)
    erl("Nodes = [list_to_atom([C | \"@127.0.0.1\"]) || C <- \"abc\"], [net_adm:ping(N) || N <- Nodes]")
    for one in HELPERS:
        erl(one)
    eventually(lambda: all(node.engine("ledger")["leader"] for node in nodes), "there is a leader", seconds=60)
    equal(erl("[App({deposit, <<\"alice\">>, 10}) || _ <- Nodes]"), "[{1,10},{2,20},{3,30}]")
    # Each member answers from a state that contains what was appended through another member just before.
    equal(erl("[begin {S, I} = App({deposit, <<\"bob\">>, 1}), {ok, I} = Get({query, {balance, <<\"bob\">>}}, 3001 + I), S - I end "
              "|| I <- lists:seq(1, 60)] =:= lists:duplicate(60, 3)"), "true")
    equal(erl("App({transfer, <<\"alice\">>, <<\"bob\">>, 5})"), "{64,{balances,25,65}}")
    equal(erl("App({transfer, <<\"nobody\">>, <<\"bob\">>, 5})"), "{discarded,insufficient,65}")
    equal(erl("App({deposit, <<\"alice\">>, -5})"), "{discarded,bad_amount}")
    equal(erl("Get({query, total}, 1000)"), "{ok,90}")
    eventually(lambda: len({node.engine("ledger")["leader"] for node in nodes}) == 1, "all name one leader", seconds=60)
    contains(erl("Get(leader, 1000)"), "{ok,{ledger,'")
    contains(erl("gen_server:call({ledger, hd(Nodes)}, members)"), "{{ledger,'b@127.0.0.1'},voter}")
    for one in "abc":
        equal(erl(f"Ask('{one}@127.0.0.1', {{get, 1}})"), '{ok,{deposit,<<"alice">>,10},10}')
        equal(erl(f"Ask('{one}@127.0.0.1', {{get, 65}})"),
              '{ok,{transfer,<<"nobody">>,<<"bob">>,5},{error,{discarded,insufficient,65}}}')
        eventually(lambda: erl(f"Ask('{one}@127.0.0.1', {{get, 66}})") == "{error,unknown_serial}", "there is no such command", seconds=60)
    contains(nodes[1].coppice("info", "ledger").stdout, "leader")
    contains(nodes[1].coppice("raft", "ledger").stdout, "ledger@c@127.0.0.1")


@test("a group at rest becomes quiescent: a command wakes it up, and so do a member that starts again and the end of its leader")
def at_rest(cleanup):
    group = Group(cleanup)
    equal(group.append("{deposit, <<\"a\">>, 1}"), "{1,1}")

    def rests(letters="abc"):
        eventually(lambda: all(group.engine(one)["quiescent"] for one in letters), "all members are quiescent", seconds=60)
    rests()
    leader, term = group.leader(), group.engine("a")["term"]
    contains(group.nodes[leader].coppice("raft", "ledger").stdout, "leader, quiescent")
    equal(group.append("{deposit, <<\"a\">>, 1}"), "{2,2}")
    equal(group.get("{query, {balance, <<\"a\">>}}"), "{ok,2}")
    rests()
    other = next(one for one in "abc" if one != leader)
    group.kill(other)
    eventually(lambda: not group.engine(leader)["quiescent"], "the leader wakes up", seconds=60)
    group.start(other)
    rests()
    equal((group.leader(), group.engine("a")["term"]), (leader, term))
    group.kill(leader)
    group.leader()
    equal(group.append("{deposit, <<\"a\">>, 1}"), "{3,3}")


@test("no acknowledged append is lost or done twice while leaders are killed, with a session's sequence numbers")
def kills(cleanup):
    group = Group(cleanup)
    erl = group.erl
    group.leader()
    # Each client repeats an unanswered command under the same number, at one member after the other.
    erl("Me = self(), Client = fun(Name) -> spawn(fun() -> {ok, C} = Get({client}, 500), "
        "Go = fun Go(Q, R) -> receive stop -> Me ! {done, Name, lists:reverse(R)} "
        "after 5 -> Go(Q + 1, [Do(C, Q, {deposit, Name, 1}, 3000) | R]) end end, Go(1, []) end) end")
    erl("Clients = [Client(integer_to_binary(I)) || I <- lists:seq(1, 4)]")
    for _ in range(3):
        victim = group.leader()
        before = group.engine(victim)["serial"]
        eventually(lambda: group.engine(victim)["serial"] > before or group.engine(victim)["role"] != "leader", "clients get on")
        group.kill(victim)
        group.leader()
        group.start(victim)
    erl("[One ! stop || One <- Clients]")
    erl("Results = [receive {done, N, R} -> {N, R} after 300000 -> {late, []} end || _ <- Clients]")
    equal(erl("[ok || {_, []} <- Results]"), "[]", "each client has appended")
    # Every answer belongs to its own number: the balance is the number, and the serials differ and rise.
    equal(erl("lists:usort([[B || {_, B} <- R] =:= lists:seq(1, length(R)) || {_, R} <- Results])"), "[true]")
    done = erl("lists:sum([length(R) || {_, R} <- Results])")
    equal(erl("length(lists:usort([S || {_, R} <- Results, {S, _} <- R]))"), done)
    equal(group.get("{query, total}"), f"{{ok,{done}}}")
    for one in "abc":
        eventually(lambda: group.erl(f"Ask('{one}@127.0.0.1', {{query, total, stale}})") == f"{{ok,{done}}}", "it has applied all", seconds=60)


@test("all nodes killed at once and started again have everything that was acknowledged")
def all_killed(cleanup):
    group = Group(cleanup)
    group.leader()
    equal(group.erl("lists:last([App({deposit, <<\"a\">>, 2}) || _ <- lists:seq(1, 40)])"), "{40,80}")
    for one in "abc":
        group.kill(one)
    for one in "abc":
        group.nodes[one].begin()
    for one in "abc":
        group.nodes[one].wait_ready()
        group.erl(f"net_adm:ping('{one}@127.0.0.1')")
    group.leader()
    equal(group.get("{query, {balance, <<\"a\">>}}"), "{ok,80}")
    equal(group.append("{deposit, <<\"a\">>, 2}"), "{41,82}")


@test("sessions: a repeat has the first answer, an older number and an unknown client are discarded, and the least used goes first")
def sessions(cleanup):
    group = Group(cleanup, more=", limits: { clients: 3 }")
    erl = group.erl
    group.leader()
    erl("{ok, C} = Get({client}, 1000), Try = fun(Amount, Seq) -> Do(C, Seq, {deposit, <<\"x\">>, Amount}, 3000) end")
    contains(erl("A1 = Try(7, 1)"), ",7}")
    equal(erl("Try(7, 1) =:= A1"), "true")
    contains(erl("A5 = Try(1, 5)"), ",8}")
    equal(erl("Try(1, 4)"), "{discarded,old}")
    equal(erl("Do(C + 1000000, 1, {deposit, <<\"x\">>, 1}, 3000)"), "{discarded,unknown_client}")
    equal(erl("Try(1, 5) =:= A5"), "true")
    erl("[Get({client}, 1000) || _ <- lists:seq(1, 3)]")
    equal(erl("Try(1, 6)"), "{discarded,unknown_client}")
    equal(group.get("{query, {balance, <<\"x\">>}}"), "{ok,8}")
    # A node that opens many sessions pushes out its own ones, also through a member that forwards.
    other = Erl(cleanup, "other@127.0.0.1", epmd_port=group.epmd_port)
    other("Nodes = [" + ", ".join(f"'{each}@127.0.0.1'" for each in "abc") + "], [net_adm:ping(N) || N <- Nodes]")
    for one in HELPERS:
        other(one)
    first = other("App({deposit, <<\"y\">>, 1})")
    contains(first, ",1}")
    erl("[Ask(On(I), {client}) || I <- lists:seq(1, 3)], [Get({client}, 1000) || _ <- lists:seq(1, 9)]")
    equal(other("Do(get(client), get(seq), {deposit, <<\"y\">>, 1}, 3000)"), first)


@test("a session's repeat has the first answer also where validate, which looks at the state, refuses it by now")
def validated(cleanup):
    group = Group(cleanup, letters="a", actor="unique", settings=(Shelf(cleanup, "unique").setting,))
    erl = group.erl
    group.leader()
    erl("{ok, C} = Get({client}, 1000), Try = fun(Seq) -> Do(C, Seq, {add, <<\"one\">>}, 3000) end")
    equal(erl("Try(1)"), "{1,1}")
    equal(erl("Try(1)"), "{1,1}")
    equal(erl("Try(2)"), "{discarded,known}")
    equal(erl("Try(1)"), "{1,1}")
    equal(erl("Do(1, 1, {add, <<\"one\">>}, 3000)"), "{discarded,unknown_client}") # before the client has a session
    equal(group.get("{query, count}"), "{ok,1}")


@test("a member that was away for longer than the log goes back catches up by a snapshot, and so does one whose disk was emptied, once it is added")
def snapshots(cleanup):
    group = Group(cleanup, more=", snapshot: { entries: 50, keep_entries: 5 }")
    erl = group.erl
    away = next(one for one in "abc" if one != group.leader())
    group.kill(away)
    contains(erl("lists:last([App({deposit, integer_to_binary(I rem 20), 1}) || I <- lists:seq(1, 400)])"), "{400,")
    leader = group.leader()
    eventually(lambda: group.engine(leader)["snapshot"] > 200, "snapshots are taken", seconds=60)
    eventually(lambda: erl(f"Ask('{leader}@127.0.0.1', {{get, 1}})") == "{error,compacted}", "what went with the log is named", seconds=60)
    equal(group.get("{get, 400}"), '{ok,{deposit,<<"0">>,1},20}')
    group.start(away)
    eventually(lambda: group.engine(away)["serial"] == group.engine(group.leader())["serial"], "it has caught up", seconds=60)
    check(group.engine(away)["snapshot"] >= 50, "by a snapshot", group.engine(away))
    eventually(lambda: erl(f"Ask('{away}@127.0.0.1', {{query, total, stale}})") == "{ok,400}", "and has the state")
    # Without its disk it is another member, which votes and counts only after it was added.
    group.kill(away)
    old = next(one["id"] for one in group.engine(group.leader(away))["members"] if one["address"] == group.address(away))
    shutil.rmtree(group.nodes[away].folder.path / "data")
    group.start(away)
    eventually(lambda: "is no member" in group.engine(away)["why"], "it knows that it is new", seconds=60)
    group.nodes[away].said("is new to its group")
    leader = group.leader(away)
    contains(group.change(leader, "add", away), "exists")
    eventually(lambda: group.change(group.leader(away), "remove", away) == "ok", "removed", seconds=60)
    leader = group.leader(away)
    eventually(lambda: group.change(leader, "add", away) == "ok", "added", seconds=60)
    eventually(lambda: [one["role"] for one in group.engine(leader)["members"] if one["address"] == group.address(away)] == ["voter"],
               "it becomes a voter", seconds=60)
    new = next(one["id"] for one in group.engine(leader)["members"] if one["address"] == group.address(away))
    check(new != old, "with another id", new)
    eventually(lambda: group.engine(away)["serial"] == 400, "it has the state", seconds=60)
    eventually(lambda: erl(f"Ask('{away}@127.0.0.1', {{query, total}})") == "{ok,400}", "and answers from it")


@test("a new node joins a group that runs, and the leadership goes where an operator wants it")
def joins(cleanup):
    group = Group(cleanup)
    leader = group.leader()
    equal(group.append("{deposit, <<\"a\">>, 3}"), "{1,3}")
    group.letters = "abcd"
    late = group.add("d", "join: [ " + ", ".join(group.address(one) for one in "abc") + " ]")
    contains(late.engine("ledger")["why"], "add " + group.address("d"))
    eventually(lambda: group.change(leader, "add", "d") == "ok", "added", seconds=60)
    eventually(lambda: [one["role"] for one in late.engine("ledger")["members"] if one["address"] == group.address("d")] == ["voter"],
               "it becomes a voter", seconds=60)
    group.erl("net_adm:ping('d@127.0.0.1')")
    eventually(lambda: group.erl("Ask('d@127.0.0.1', {query, {balance, <<\"a\">>}})") == "{ok,3}", "it answers")
    eventually(lambda: group.change(group.leader(), "transfer", "d") == "ok" or group.leader() == "d", "transferred", seconds=60)
    eventually(lambda: group.engine("a")["leader"] == group.address("d"), "d leads", seconds=60)
    contains(group.change(next(one for one in "abcd" if one != group.leader()), "remove", "d"), "no_leader")
    equal(group.append("{deposit, <<\"a\">>, 1}"), "{2,4}")


@test("a command that crashes three times stops its member's applying, which goes on to store and to vote; a slow one costs no leader")
def crashes(cleanup):
    group = Group(cleanup, actor="brittle", election="4s", settings=(Shelf(cleanup, "brittle").setting,))
    erl = group.erl
    group.leader()
    equal(group.append("{note, <<\"one\">>}"), "{1,1}")
    equal(group.append("{note, <<\"two\">>}"), "{2,2}")
    leads = group.leader()
    term = group.engine(leads)["term"]
    equal(group.append("{slow, 8000}"), "{3,ok}") # takes longer than an election
    equal((group.engine(leads)["term"], group.engine(leads)["role"]), (term, "leader"))
    # A query that fails crashes the actor, which starts again with its state.
    contains(erl("Ask(hd(Nodes), {query, fail})"), "{error,")
    equal(group.get("{query, count}"), "{ok,2}")

    before = max(group.engine(one)["committed"] for one in "abc")

    def stopped():
        if max(group.engine(one)["committed"] for one in "abc") == before:  # no member has it yet
            erl("Ask(hd(Nodes), {append, crash})")
        return all(group.engine(one)["parked"] == 4 for one in "abc")
    eventually(stopped, "all have stopped at that serial", seconds=60)
    contains(group.engine("a")["why"], "as it was told")
    equal(erl("Ask(hd(Nodes), {query, count})"), "{error,parked}")
    eventually(lambda: "{error,parked}" in erl("Ask(hd(Nodes), {append, {note, <<\"three\">>}})"), "it is refused at once", seconds=60)
    committed = group.engine(group.leader())["committed"]
    check(committed >= 5, "it is stored and committed", committed)
    contains(json.dumps(group.nodes["a"].ask("health")["warnings"]), "coppice raft ledger skip 4 goes on without it")
    done = group.nodes["a"].coppice("raft", "ledger", "skip", "none")
    equal(done.returncode, 2)
    contains(done.stderr, "skip wants the serial of a command, from 1 on")

    def skipped(serial):
        said = group.nodes[group.leader()].reply("raft", name="ledger", change="skip", serial=serial, timeout_ms=10000)
        return "ok" if "result" in said else json.dumps(said["error"])
    eventually(lambda: "not_parked" in skipped(3), "nobody is parked there", seconds=60)

    def passed():
        # Each unanswered append above may be one more command that crashes.
        at = {group.engine(one)["parked"] for one in "abc"}
        if len(at) == 1 and (serial := at.pop()) != 0:
            skipped(serial)
        return all(erl(f"Ask('{one}@127.0.0.1', {{query, count}})") in ("{ok,2}", "{ok,3}") for one in "abc")
    eventually(passed, "the group has passed over what crashes", seconds=120)
    contains(erl("{_, Notes} = App({note, <<\"four\">>}), {ok, Notes} = Get({query, count}, 1000)"), "{ok,")
    group.nodes["a"].said("passes over the command at serial 4")
    check(any(line["message"].startswith("asked to raft ledger skip 4 (") and line["level"] == "notice"
              for one in "abc" for line in group.nodes[one].logged(module="control")), "it is written down who wanted it")


@test("a slow command is a warning meanwhile; an effect that makes no sense is refused; a call of the host that apply may not make crashes it")
def forbidden(cleanup):
    group = Group(cleanup, letters="a", actor="brittle", settings=(Shelf(cleanup, "brittle").setting,))
    group.leader()
    equal(group.append("{odd, 7}"), "{1,7}")
    group.nodes["a"].said("started a timer with a deadline of a monotonic clock")
    group.erl("spawn(fun() -> Ask(hd(Nodes), {append, {slow, 8000}}) end)")
    eventually(lambda: "it has applied nothing for" in json.dumps(group.nodes["a"].ask("health")["warnings"]), "health names it", seconds=60)
    eventually(lambda: "it has applied nothing for" not in json.dumps(group.nodes["a"].ask("health")["warnings"]), "until it goes on", seconds=60)
    group.erl("Ask(hd(Nodes), {append, reach})")
    group.nodes["a"].said("set_label was called for actor brittle")
    eventually(lambda: group.engine("a")["parked"] == 3, "it stops there")


class Box:
    """The messages of the group to the process `box` of the Erlang node: the texts of the messages that have
    arrived."""

    def __init__(self, group):
        self.erl = group.erl
        self.erl("register(box, self())")
        self.erl("Box = fun F(Got) -> receive {told, T} -> F([T | Got]) after 0 -> lists:reverse(Got) end end")
        self.erl("put(box, [])")

    def texts(self):
        return self.erl("put(box, get(box) ++ Box([])), get(box)")


@test("what apply sends is sent once, by the leader; timers and monitors bring one entry each, also to the next leader")
def effects(cleanup):
    group = Group(cleanup, actor="brittle", election="4s", more=", snapshot: { entries: 20, keep_entries: 2 }",
                  settings=(Shelf(cleanup, "brittle").setting,))
    erl = group.erl
    box = Box(group)
    group.leader()

    def notes():
        return group.get("{query, list}")
    erl("To = {box, node()}")
    equal(group.append("{tell, To, <<\"one\">>, <<>>}"), "{1,ok}")
    eventually(lambda: box.texts() == "[<<\"one\">>]", "it is sent")
    equal(group.append("{alarm, 50, <<\"rung\">>}"), "{2,ok}")
    eventually(lambda: notes() == "{ok,[<<\"one\">>,<<\"rung\">>]}", "the timer fires")

    # If the leader dies between commit and effect, the message is lost.
    leader = group.leader()
    others = [one for one in "abc" if one != leader]
    before = group.engine(leader)["committed"]
    eventually(lambda: all(group.engine(one)["committed"] == before for one in others), "all are as far", seconds=60)
    hold = group.nodes["a"].folder.path / "go_on"
    erl(f"spawn(fun() -> Ask('{leader}@127.0.0.1', {{append, {{tell, To, <<\"two\">>, <<\"{hold}\">>}}}}) end)")
    eventually(lambda: all(group.engine(one)["committed"] > before for one in others), "it is committed", seconds=60)
    group.kill(leader)
    hold.touch()
    group.leader()
    equal(group.append("{tell, To, <<\"three\">>, <<>>}"), "{5,ok}")
    eventually(lambda: "three" in box.texts(), "the next leader sends what it has committed itself", seconds=60)
    equal(box.texts(), "[<<\"one\">>,<<\"three\">>]")
    equal(notes(), "{ok,[<<\"one\">>,<<\"rung\">>,<<\"two\">>,<<\"three\">>]}")
    group.start(leader)
    eventually(lambda: group.engine(leader)["serial"] == 5, "it is back", seconds=60)

    # If the leader dies between an effect and its entry, the next leader sets the monitor again.
    erl("Guarded = spawn(fun() -> receive after infinity -> ok end end)")
    equal(group.append("{guard, Guarded}"), "{6,ok}")
    # A snapshot is made, so that the monitor is known from the snapshot.
    equal(erl("[R || I <- lists:seq(1, 60), {_, R} <- [App({note, integer_to_binary(I)})]] =:= lists:seq(5, 64)"), "true")
    leader = group.leader()
    others = [one for one in "abc" if one != leader]
    eventually(lambda: all(group.engine(one)["snapshot"] > 40 for one in "abc"), "all have a snapshot", seconds=60)
    eventually(lambda: all(group.engine(one)["serial"] == 66 for one in "abc"), "all have applied it", seconds=60)
    for one in others:
        group.nodes[one].process.send_signal(signal.SIGSTOP)
    bytes_before = group.engine(leader)["log_bytes"]
    erl("exit(Guarded, kill)")

    def alone():
        # On a slow machine it may already have lost the lead.
        now = group.engine(leader)
        return now["log_bytes"] > bytes_before or now["role"] != "leader"
    eventually(alone, "its end is in the log of the leader alone", seconds=60)
    group.kill(leader)
    for one in others:
        group.nodes[one].process.send_signal(signal.SIGCONT)
    group.leader()
    erl("Late = fun({ok, L}) when length(L) > 64 -> lists:nthtail(64, L); (_) -> [] end")
    eventually(lambda: erl("Late(Get({query, list}, 1000))") == "[<<\"down\">>]", "it is an entry", seconds=60)
    equal(group.append("{note, <<\"last\">>}"), "{68,66}")
    group.start(leader)
    for one in "abc":
        eventually(lambda: erl(f"Late(Ask('{one}@127.0.0.1', {{query, list, stale}}))") == "[<<\"down\">>,<<\"last\">>]",
                   "once in all", seconds=60)


@test("with check, a member whose apply does something else stops applying and is named, and the others go on")
def differs(cleanup):
    group = Group(cleanup, actor="brittle", more=", check: 4", settings=(Shelf(cleanup, "brittle").setting,))
    group.leader()
    for i in range(1, 5):
        equal(group.append("{note, <<\"same\">>}"), f"{{{i},{i}}}")
    for i in range(5, 8):
        group.append("{drift, <<\"a@127.0.0.1\">>}" if i == 5 else "{note, <<\"same\">>}")
    equal([group.engine(one)["parked"] for one in "abc"], [0, 0, 0], "it is compared at every fourth serial alone")
    group.append("{note, <<\"same\">>}")
    eventually(lambda: group.engine("a")["parked"] == 8, "a has stopped", seconds=60)
    contains(group.engine("a")["why"], "its state differs from that of most members at serial 8")
    contains(json.dumps(group.nodes["a"].ask("health")["warnings"]), "its state differs")
    equal(group.erl("Ask('a@127.0.0.1', {query, list, stale})"), "{error,parked}")
    for one in "bc":
        group.nodes[one].said("the state of ledger@a@127.0.0.1 differs from that of most members at serial 8")
    eventually(lambda: group.leader() != "a", "another member leads", seconds=60)
    equal(group.append("{note, <<\"last\">>}"), "{9,9}")
    equal([group.engine(one)["parked"] for one in "bc"], [0, 0])


class Stepping(Group):
    """A group in which each node has a plugin folder of its own, with one layout of `steps` in it."""

    def __init__(self, cleanup, layout):
        self.shelves = {one: Shelf(cleanup) for one in "abc"}
        for shelf in self.shelves.values():
            shelf.put(layout, "steps")
        super().__init__(cleanup, actor="steps", settings=lambda letter: (self.shelves[letter].setting,))
        self.leader()

    def reload(self, letter, layout):
        self.shelves[letter].put(layout, "steps")
        return self.nodes[letter].coppice("reload", "steps")

    def versions(self):
        return [self.engine(one)["version"] for one in "abc"]

    def waits_for(self):
        return self.engine(self.leader())["waits_for"]


@test("a group goes over to its code's next version at one entry, one reload after the other under appends, and then needs the former no more")
def next_version(cleanup):
    group = Stepping(cleanup, "steps_1")
    erl = group.erl
    equal(group.append("{add, 1}"), "{1,{1,1}}")
    equal(group.versions(), [1, 1, 1])
    erl("Me = self(), Go = fun Go(C, Q, R) -> receive stop -> Me ! {done, lists:reverse(R)} "
        "after 5 -> Go(C, Q + 1, [Do(C, Q, {add, 1}, 3000) | R]) end end")
    erl("Client = spawn(fun() -> {ok, C} = Get({client}, 500), Go(C, 1, []) end)")
    refused = group.reload("a", "steps_3")
    equal(refused.returncode, 1)
    contains(refused.stdout + refused.stderr, "its group has version 1, and it knows the versions 2 to 2")
    for done, letter in enumerate("abc", 1):
        before = group.engine("a")["serial"]
        eventually(lambda: group.engine("a")["serial"] > before, "the client gets on", seconds=60)
        equal(group.versions(), [1, 1, 1], "not all can go over yet")
        reloaded = group.reload(letter, "steps_2")
        equal(reloaded.returncode, 0, reloaded.stdout + reloaded.stderr)
        if done < 3:
            waited = [group.address(one) for one in "abc"[done:]]
            eventually(lambda: sorted(group.waits_for()) == waited, "the others are waited for", seconds=60)
    contains(group.nodes["b"].coppice("raft", "ledger", "status").stdout, "the code knows 1 to 2")
    eventually(lambda: group.versions() == [2, 2, 2], "all go over", seconds=60)
    before = group.engine("a")["serial"]
    eventually(lambda: group.engine("a")["serial"] > before, "the client gets on", seconds=60)
    erl("Client ! stop, Results = receive {done, R} -> R after 300000 -> late end")
    # Each command was applied by one version, in order: version 1 adds 1, and from some entry on version 2 adds 10.
    erl("{_, {2, Sum}} = Last = lists:last(Results)")
    contains(erl("lists:foldl(fun({S, {V, Now}}, {Before, {Was, Old}}) when S =:= Before + 1, V >= Was, "
                 "Now =:= Old + (V - 1) * 9 + 1 -> {S, {V, Now}} end, {1, {1, 1}}, Results) =:= Last"), "true")
    for one in "abc":
        eventually(lambda: erl(f"Ask('{one}@127.0.0.1', {{query, sum, stale}}) =:= {{ok, Sum}}") == "true", "all have it", seconds=60)
        eventually(lambda: group.engine(one)["snapshot"] > 0, "the state is stored in the new version", seconds=60)
    for one in "abc":
        group.kill(one)
        group.shelves[one].put("steps_3", "steps")
    for one in "abc":
        group.nodes[one].begin()
    for one in "abc":
        group.nodes[one].wait_ready()
        erl(f"net_adm:ping('{one}@127.0.0.1')")
    group.leader()
    equal(erl("Get({query, sum}, 1000) =:= {ok, Sum}"), "true", "code without version 1 begins with it")


@test("a member whose code is older than its group's version stores and votes, says so, and applies all after a reload")
def older_code(cleanup):
    group = Stepping(cleanup, "steps_2")
    erl = group.erl
    eventually(lambda: group.versions() == [2, 2, 2], "a new group goes over at once", seconds=60)
    equal(group.append("{add, 1}"), "{1,{2,10}}")
    older = next(one for one in "abc" if one != group.leader())
    group.kill(older)
    group.shelves[older].put("steps_1", "steps")
    group.start(older)
    eventually(lambda: "its group has version 2, and its code knows version 1" in group.engine(older)["why"], "it says so", seconds=60)
    contains(json.dumps(group.nodes[older].ask("health")["warnings"]), "its code does not know version 2 of its group")
    equal(erl(f"Ask('{older}@127.0.0.1', {{query, sum, stale}})"), "{error,parked}")
    equal(group.append("{add, 1}"), "{2,{2,20}}")
    leader = group.leader()
    eventually(lambda: group.engine(older)["committed"] == group.engine(leader)["committed"], "it stores", seconds=60)
    other = next(one for one in "abc" if one not in (older, leader))
    group.kill(other)
    equal(group.append("{add, 1}"), "{3,{2,30}}", "it is one of the two that are needed")
    equal(group.engine(older)["serial"], 0)
    group.start(other)
    equal(group.reload(older, "steps_2").returncode, 0)
    eventually(lambda: erl(f"Ask('{older}@127.0.0.1', {{query, sum, stale}})") == "{ok,30}", "it has applied all", seconds=60)
    check("does not know version" not in json.dumps(group.nodes[older].ask("health")["warnings"]), "the warning is gone")


@test("a voter that is gone is left out of an upgrade when an operator wants it, and no other one")
def upgrade_without(cleanup):
    group = Stepping(cleanup, "steps_1")
    gone = next(one for one in "abc" if one != group.leader())
    group.kill(gone)
    rest = [one for one in "abc" if one != gone]

    def upgrade(*without):
        return group.nodes[group.leader()].coppice("raft", "ledger", "upgrade", *without)
    equal(group.reload(rest[0], "steps_2").returncode, 0)
    eventually(lambda: sorted(group.waits_for()) == sorted([group.address(rest[1]), group.address(gone)]), "two are waited for", seconds=60)
    contains(upgrade("--without", group.address(gone)).stderr, "not_ready")
    equal(group.reload(rest[1], "steps_2").returncode, 0)
    eventually(lambda: group.waits_for() == [group.address(gone)], "one is waited for", seconds=60)
    equal([group.engine(one)["version"] for one in rest], [1, 1])
    wrong = upgrade()
    equal(wrong.returncode, 2)
    contains(wrong.stderr, "upgrade wants --without")
    eventually(lambda: upgrade("--without", group.address(gone)).returncode == 0, "it is left out", seconds=60)
    eventually(lambda: [group.engine(one)["version"] for one in rest] == [2, 2], "the others go over", seconds=60)
    equal(group.append("{add, 1}"), "{1,{2,10}}")


@test("what is no request, too large, or comes from the wrong node is refused or dropped, and counted")
def hostile(cleanup):
    group = Group(cleanup, more=", limits: { entry: 4KiB }, from: [ \"shop*\" ]")
    erl = group.erl
    leader = group.leader()
    equal(erl("Ask(hd(Nodes), {append, {deposit, <<\"a\">>, 1}})"), "{error,not_allowed}")
    equal(erl("Ask(hd(Nodes), {query, total})"), "{error,not_allowed}")
    equal(erl("Ask(hd(Nodes), {client})"), "{error,not_allowed}")
    contains(erl("Ask(hd(Nodes), leader)"), "{ok,{ledger,")
    node = group.nodes[leader]
    for request in ("{append}", "{append, a, {x, 1}}", "{append, a, {0, 1}}", "{append, a, {1, 0}}", "{append, a, {1, -1}}",
                    "{append, a, {1}}", "{append, a, b, c}", "{get}", "{get, 0}", "{get, x}", "{get, 1, 2}", "{query, total, fresh}", "{query}", "{client, 1}"):
        contains(node.refused("ledger", request), "a member of a Raft group takes")
    for request in ("nothing", "{nothing, 1}", "7", "[]", "{got, 1}"):
        contains(node.refused("ledger", request), "raft takes no such request")
    contains(node.call("ledger", "{append, <<\"" + "x" * 5000 + "\">>}"), "too_large")
    contains(node.call("ledger", "{append, {deposit, <<\"a\">>, 1.5}}"), "discarded")
    contains(node.refused("ledger", "{query, {balance, {7}}}"), "account")
    contains(node.call("ledger", "{append, {deposit, <<\"a\">>, 1}}"), "{ok,")
    before = group.engine(leader)
    erl(f"Id = <<1:128>>, [{{ledger, '{leader}@127.0.0.1'}} ! M || M <- [{{raft, Id, Id, Id, 99, {{elect_now}}}}, {{raft, 1, 2, 3}}, "
        "{raft_hello, x, 1, Id, true, undefined}, {raft_hello, 1, 2, 3, 4, 5}, {raft_ask, x, 1, y, {append, {deposit, <<\"a\">>, 1}}}, {raft_where, x, 1}, {raft_here, x, 1, 4}, "
        "{raft_ask, 1, 2}, {raft_answer, 1, {ok, 1, 2}}, {raft_answer, x}, {raft}, raft, {'$coppice_raft', 1, save}, "
        "'$coppice_raft_tick', '$coppice_raft_flush', '$coppice_journal']]")
    eventually(lambda: group.engine(leader)["dropped"] >= before["dropped"] + 3, "they are counted")
    after = group.engine(leader)
    equal(after["serial"], before["serial"])
    check(after["term"] < 99, "no term came from there", after)
    node.said("drops a message from")
    equal(node.call("ledger", "{query, {balance, <<\"a\">>}}"), "{ok,1}")


@test("health tells of a group without a majority, which answers stale queries alone until there is one again")
def looked_at(cleanup):
    group = Group(cleanup)
    leader = group.leader()
    equal(group.append("{deposit, <<\"a\">>, 3}"), "{1,3}")
    for one in "abc":
        eventually(lambda: group.erl(f"Ask('{one}@127.0.0.1', {{query, total, stale}})") == "{ok,3}", "all have it", seconds=60)
    others = [one for one in "abc" if one != leader]
    for one in others:
        group.kill(one)
    node = group.nodes[leader]
    eventually(lambda: "it has known no leader for" in json.dumps(node.ask("health")["warnings"]), "health names it", seconds=60)
    contains(group.erl(f"Ask('{leader}@127.0.0.1', {{append, {{deposit, <<\"a\">>, 3}}}})"), "{error,no_leader}")
    contains(group.erl(f"Ask('{leader}@127.0.0.1', {{query, total}})"), "{error,no_leader}")
    equal(group.erl(f"Ask('{leader}@127.0.0.1', {{query, total, stale}})"), "{ok,3}")
    group.start(others[0])
    equal(group.get("{query, total}"), "{ok,3}")


@test("a member whose majority was lost for good goes on alone when an operator agrees, and takes an emptied one in")
def alone(cleanup):
    group = Group(cleanup)
    left = group.leader()
    node = group.nodes[left]
    equal(group.append("{deposit, <<\"a\">>, 3}"), "{1,3}")
    eventually(lambda: group.engine(left)["serial"] == 1, "it has it", seconds=60)
    done = node.coppice("raft", "ledger", "recover", "--yes")
    equal(done.returncode, 2)
    contains(done.stderr, "recover wants --alone")
    done = node.coppice("raft", "ledger", "recover", "--alone", "--yes")
    equal(done.returncode, 1)
    contains(done.stderr, "has_leader")
    others = [one for one in "abc" if one != left]
    for one in others:
        group.kill(one)
    eventually(lambda: group.engine(left)["leader"] == "", "it has lost its majority", seconds=60)
    done = node.coppice("raft", "ledger", "recover", "--alone")
    equal(done.returncode, 1)
    contains(done.stderr, "--yes agrees")
    equal(group.engine(left)["leader"], "")
    eventually(lambda: node.coppice("raft", "ledger", "recover", "--alone", "--yes").returncode == 0, "it goes on alone", seconds=60)
    node.said("becomes a group of one")
    check(any(line["message"].startswith("asked to raft ledger recover") and line["level"] == "notice" for line in node.logged(module="control")),
          "it is written down who wanted it")
    equal([one["address"] for one in group.engine(left)["members"]], [group.address(left)])
    equal(group.append("{deposit, <<\"a\">>, 4}"), "{2,7}")
    # A former member that has its old disk is of another group. With an emptied disk it is a new member.
    back = others[0]
    before = group.engine(left)["dropped"]
    group.start(back)
    eventually(lambda: group.engine(left)["dropped"] > before, "it is not heard", seconds=60)
    check(group.engine(back)["serial"] < 2, "nor does it hear")
    contains(group.change(left, "add", back), "not_met")
    group.kill(back)
    shutil.rmtree(group.nodes[back].folder.path / "data")
    group.start(back)
    eventually(lambda: group.change(left, "add", back) == "ok", "added", seconds=60)
    eventually(lambda: group.engine(back)["serial"] == 2, "it has the state", seconds=60)


@test("a member that has taken on a change as it ran is a member again when it is started anew")
def updated(cleanup):
    group = Group(cleanup, letters="a")
    node = group.nodes["a"]
    group.leader()
    equal(group.append("{deposit, <<\"a\">>, 3}"), "{1,3}")
    file = node.folder.path / "node.yaml"
    file.write_text(file.read_text().replace("name: ledger,", "name: ledger, shutdown: 7s,"))
    contains(node.coppice("apply", "--dry-run").stdout, "update")
    equal(node.coppice("apply").returncode, 0)
    before = node.pid("ledger")
    equal(node.coppice("exit", "ledger", "kill").returncode, 0)
    eventually(lambda: node.pid("ledger") not in (None, before), "it is started again", seconds=60)
    equal(group.append("{deposit, <<\"a\">>, 4}"), "{2,7}")


@test("a copy of a member's data that starts on another node is refused as a second member with the same id")
def copied(cleanup):
    group = Group(cleanup)
    equal(group.append('{deposit, <<"alice">>, 10}'), "{1,10}")
    group.add("d", f"join: [ {group.address('b')} ]").stop()
    eventually(lambda: group.engine("a")["serial"] == 1, "it has what the copy will have", seconds=60)
    group.nodes["a"].stop()
    logs = {one: group.nodes[one].folder.path / "data" / "log" for one in "ad"}
    shutil.rmtree(logs["d"])
    shutil.copytree(logs["a"], logs["d"])
    group.start("d")
    group.start("a")
    group.nodes["d"].said("ledger@d@127.0.0.1 has the disk of ledger@a@127.0.0.1, or a copy of it")
    group.erl("net_adm:ping('d@127.0.0.1')")
    eventually(lambda: any("drops a message from d@127.0.0.1: no member is there" in group.nodes[one].log() for one in "bc"),
               "what it sends is dropped", seconds=60)
    leader = group.leader(without="d")
    check(leader in "abc", "the group has a leader of its own")
    equal(group.append('{deposit, <<"alice">>, 5}'), "{2,15}")
    eventually(lambda: group.engine("a")["serial"] == 2, "the member itself gets on", seconds=60)
    check(group.engine("d")["serial"] <= 1 and group.engine("d")["role"] != "leader", "the copy does not", group.engine("d"))
    contains(group.erl("gen_server:call({ledger, 'd@127.0.0.1'}, {append, {deposit, <<\"alice\">>, 1}}, 20000)"), "no_leader")
    check(group.change(leader, "add", "d") != "ok", "it is no new member either")


@test("a job of the group's leader runs at that node alone, with its term, and at the next leader after a kill")
def led_job(cleanup):
    job = "{ name: shared, at: '* * * * * *', do: { call: { to: collector@me@127.0.0.1, message: \"{ran, '$term'}\" } }, where: { one: ledger } }"
    group = Group(cleanup, settings=(("cron.jobs", f"[ {job} ]"),))
    erl = group.erl
    erl("register(collector, spawn(fun() -> (fun Loop(Runs) -> receive {'$gen_call', {Pid, _} = F, {ran, Term}} -> "
        "gen:reply(F, ok), Loop([{Term, node(Pid)} | Runs]); {all, P} -> P ! {runs, Runs}, Loop(Runs) end end)([]) end))")

    def runs():
        """(term, letter) of each run, the latest first."""
        text = erl("(fun() -> collector ! {all, self()}, receive {runs, Runs} -> Runs end end)()")
        return [(int(term), node) for term, node in re.findall(r"\{(\d+),'?(\w)@127\.0\.0\.1'?\}", text)]

    eventually(runs, "it runs", seconds=60)
    victim = group.leader()
    eventually(lambda: runs()[0][1] == victim, "the leader runs it", seconds=60)
    group.kill(victim)
    eventually(lambda: runs()[0][1] != victim, "the next leader runs it", seconds=60)
    leader = group.leader()
    for one in sorted(set(group.letters) - {victim, leader}):
        rows = group.nodes[one].ask("cron")["jobs"]
        equal((rows[0]["where"], rows[0]["group"], rows[0]["here"]), ("one", "ledger", False))
        contains(group.nodes[one].coppice("cron").stdout, "with the leader of ledger")
    seen = runs()
    of_term = {term: {node for each, node in seen if each == term} for term, _ in seen}
    check(all(len(nodes) == 1 for nodes in of_term.values()), f"a term has one node: {of_term}")
    equal([term for term, _ in seen], sorted((term for term, _ in seen), reverse=True), "terms never fall")


@test("what makes no group is refused before it starts")
def refused(cleanup):
    one = "members: [ledger@x@127.0.0.1]"
    cases = (("{ id: kv, actor: kv, name: kv, raft: { " + one + " } }", "is a server and no replicated state machine"),
             ("{ id: l, actor: ledger, name: ledger }", "it needs a 'raft' map"),
             ("{ id: l, actor: ledger, raft: { " + one + " } }", "needs a 'name'"),
             ("{ id: l, actor: ledger, name: ledger, raft: {} }", "the key 'members' is missing"),
             ("{ id: l, actor: ledger, name: ledger, raft: { " + one + ", join: [a@b@c] } }", "one of 'members' and 'join'"),
             ("{ id: l, actor: ledger, name: ledger, raft: { members: [ledger] } }", "must name its node"),
             ("{ id: l, actor: ledger, name: ledger, raft: { members: [a@b@c] } }", "is not among them"),
             ("{ id: l, actor: ledger, name: ledger, raft: { members: [] } }", "1 to 64 members"),
             ("{ id: l, actor: ledger, name: ledger, raft: { " + one + ", election: 150ms } }", "more than two heartbeats"),
             ("{ id: l, actor: ledger, name: ledger, raft: { " + one + ", limits: { entry: 3MiB } } }", "from 1KiB to 2MiB"),
             ("{ id: l, actor: ledger, name: ledger, raft: { " + one + ", limits: { in_flight: 1KiB } } }", "less than limits.entry"),
             ("{ id: l, name: l, pool: { actor: ledger } }", "a child of its own"))
    for child, expected in cases:
        folder = Folder()
        cleanup.callback(folder.close)
        file = folder.write("node.yaml", f"node: {{ name: x@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\n"
                            f"applications: [ {{ name: a, supervisor: {{ children: [ {child} ] }} }} ]\n")
        done = subprocess.run([program("COPPICE", "coppice"), "check", file], capture_output=True, text=True, timeout=60, check=False)
        check(done.returncode != 0, child)
        contains(done.stdout + done.stderr, expected)


run()
