#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Transactions of sagas in running nodes: the transfers of config/saga.yaml, participants in Erlang that fail, answer
late or not at all, foreign senders, and nodes that are killed. Every transaction ends in one way, and no money is
lost."""
import pathlib
import random
import re
import signal
import subprocess

from harness.erlang import Erl
from harness.node import Folder, Node, Shelf, plugin_folder, program
from harness.tap import check, contains, equal, eventually, run, test

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONFIG = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
applications:
  - name: bank
    type: permanent
    supervisor:
      intensity: 1000
      children:
{children}
"""


def desk(name="desk", **options):
    return f'{{ id: {name}, actor: "transfer:desk", name: {name}, saga: {{ {keys(options)} }} }}'


def planner(name="planner", **options):
    return f'{{ id: {name}, actor: planner, name: {name}, saga: {{ {keys(options)} }} }}'


def accounts(folder, name="accounts", owners=("ann", "bob"), has=100, **options):
    opened = ", ".join(f"{one}: {has}" for one in owners)
    return (f'{{ id: {name}, actor: "transfer:accounts", name: {name}, args: {{ file: "{folder.path}/{name}", open: {{ {opened} }} }}, '
            f'saga: {{ {keys(options)} }} }}')


def keys(options):
    quick = {"retry": "{ first: 20ms, max: 200ms }", "step_timeout": "1s", **options}
    return ", ".join(f"{key.rstrip('_')}: {value}" for key, value in quick.items())


def kept(cleanup):
    """A folder that outlives its node."""
    folder = Folder()
    cleanup.callback(folder.close)
    return folder


def node_with(cleanup, *children, **options):
    return Node(cleanup, config=CONFIG.format(children="\n".join("        - " + one for one in children)), **options)


def with_erl(cleanup, node, name="me@127.0.0.1"):
    erl = Erl(cleanup, name=name, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    erl("Ask = fun(Who, What) -> gen_server:call({Who, N}, What) end")
    erl("Try = fun(Who, What) -> try gen_server:call({Who, N}, What, 500) catch exit:{R, _} -> R end end")
    return erl


def move(source, target, amount):
    """The value of a transfer. A place is ACCOUNTS/ACCOUNT."""
    def place(of):
        return "{<<\"%s\">>, <<\"%s\">>}" % tuple(of.split("/"))
    return f"{{move, {place(source)}, {place(target)}, {amount}}}"


def start(erl, value, who="desk", more=""):
    """Starts a transaction. Returns its id as Erlang text."""
    text = erl(f"Ask({who}, {{start, {value}{more}}})")
    found = re.fullmatch(r"\{ok,(<<.*>>)\}", text)
    check(found, text)
    return found[1]


def outcome(erl, tx, who="desk"):
    return erl(f"Ask({who}, {{outcome, {tx}}})")


def ends(erl, tx, who="desk", seconds=30):
    """The outcome of the transaction."""
    return eventually(lambda: (now := outcome(erl, tx, who)) != "open" and now, f"{tx} ends", seconds=seconds)


def balance(erl, account, who="accounts"):
    return erl(f'Ask({who}, {{balance, <<"{account}">>}})')


def participant(erl, name):
    """Starts a process of this name that notes each request. A fun of the request's word, the value or the key, and the
    number of the request gives its answer; `silent` means no answer. `noted` returns the requests in order."""
    erl(f"""P_{name} = spawn(fun() -> register({name}, self()), (fun Loop(All, How) -> receive
         {{'$gen_call', From, noted}} -> gen_server:reply(From, lists:reverse(All)), Loop(All, How);
         {{'$gen_call', From, {{how, New}}}} -> gen_server:reply(From, ok), Loop(All, New);
         {{'$gen_call', From, Request}} ->
           Word = element(1, Request), Value = case tuple_size(Request) of 2 -> none; _ -> element(3, Request) end,
           case How(Word, Value, length(All) + 1) of silent -> silent; A -> gen_server:reply(From, A) end,
           Loop([{{Word, Value, element(2, Request)}} | All], How) end end)([], fun
             (saga_do, V, _) -> {{ok, V}}; (saga_prepare, _, _) -> prepared; (_, _, _) -> ok end) end)""")
    eventually(lambda: erl(f"whereis({name}) =:= P_{name}") == "true", f"{name} is there")


def how(erl, name, clauses):
    equal(erl(f"gen_server:call({name}, {{how, fun {clauses} end}})"), "ok")


def noted(erl, name):
    """The words and values of the requests that arrived, as `do a`."""
    return re.findall(r"\{saga_(\w+),(\w+)\}", erl(f"[{{W, V}} || {{W, V, _}} <- gen_server:call({name}, noted)]"))


def words(erl, name):
    return [f"{word} {value}" for word, value in noted(erl, name)]


def planned(*steps):
    """The value of a planner's start: (to, value) or (to, value, "beside")."""
    return "{plan, [" + ", ".join("{<<\"%s\">>, %s, %s}" % (one + ("next",) if len(one) == 2 else one) for one in steps) + "]}"


def shelf(cleanup):
    return Shelf(cleanup, "planner", "transfer").setting


@test("config/saga.yaml: erl moves money, what fails is undone, and a repeated start is the same transaction")
def transfers(cleanup):
    text = (ROOT / "config" / "saga.yaml").read_text()
    folder = kept(cleanup)
    applications = re.sub(r"file: \S+/", f"file: {folder.path}/", text[text.index("applications:"):])
    node = Node(cleanup, config="node: { workers: 2 }\ndistribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }\n" + applications)
    erl = with_erl(cleanup, node)
    equal(erl("Ask(accounts, sum)"), "2000")
    tx = start(erl, move("accounts/ann", "accounts/bob", 30))
    equal(ends(erl, tx), "{committed,1030}")
    equal(balance(erl, "ann"), "{ok,970}")
    tx = start(erl, move("accounts/ann", "accounts/nobody", 10))
    equal(ends(erl, tx), "{compensated,no_account}")
    tx = start(erl, move("accounts/ann", "accounts/bob", 5000))
    equal(ends(erl, tx), "{compensated,not_enough}")
    equal(balance(erl, "ann"), "{ok,970}")
    for _ in range(3):
        equal(start(erl, move("accounts/bob", "accounts/ann", 30), more=", #{id => <<\"back\">>}"), '<<"back">>')
    equal(ends(erl, '<<"back">>'), "{committed,1000}")
    equal(erl("Ask(accounts, sum)"), "2000")
    tx = start(erl, move("accounts/ann", "accounts/bob", 1), who="safe_desk")
    contains(ends(erl, tx, "safe_desk"), "{committed,")
    eventually(lambda: node.engine("desk")["open"] == 0, "all are forgotten")
    engine = node.engine("desk")
    equal(engine["transactions"], [])
    equal((engine["kind"], engine["log"], engine["commit"], engine["open"]), ("saga", "durable", "compensate", 0))
    equal((engine["committed"], engine["compensated"]), (2, 2))
    equal(node.engine("safe_desk")["commit"], "two_phase")


@test("steps run in order, undo runs backwards, a failed step is retried or replaced, and a tree is undone as one step")
def order(cleanup):
    node = node_with(cleanup, planner(step_timeout="1m"), planner("below", step_timeout="1m"), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    to = "p@me@127.0.0.1"
    tx = start(erl, planned((to, "a"), (to, "b"), (to, "c")), "planner")
    equal(ends(erl, tx, "planner"), "{committed,c}")
    eventually(lambda: len(noted(erl, "p")) == 6, "all are forgotten")
    equal(words(erl, "p")[:3], ["do a", "do b", "do c"])
    equal(erl("lists:usort([K || {_, _, K} <- gen_server:call(p, noted)]) =:= [K || {saga_do, _, K} <- gen_server:call(p, noted)]"), "true")

    participant(erl, "q")
    how(erl, "q", "(saga_do, c, _) -> {error, no}; (saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    to = "q@me@127.0.0.1"
    tx = start(erl, planned((to, "a"), ("below", planned((to, "d"), (to, "e"))), (to, "b"), (to, "c")), "planner")
    equal(ends(erl, tx, "planner"), "{compensated,no}")
    eventually(lambda: node.engine("below")["steps"] == 0 and node.engine("planner")["open"] == 0, "all are forgotten")
    only = [one for one in words(erl, "q") if not one.startswith("forget")]
    equal(only, ["do a", "do d", "do e", "do b", "do c", "undo b", "undo e", "undo d", "undo a"])

    participant(erl, "r")
    how(erl, "r", "(saga_do, a, 1) -> {error, again}; (saga_do, a, _) -> {error, {instead, <<\"r@me@127.0.0.1\">>, b}}; "
        "(saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    tx = start(erl, planned(("r@me@127.0.0.1", "a")), "planner")
    equal(ends(erl, tx, "planner"), "{committed,b}")
    equal([one for one in words(erl, "r") if one.startswith("do")], ["do a", "do a", "do b"])


@test("of steps side by side the others are undone too when one fails, and what makes no sense is asked again")
def parallel(cleanup):
    node = node_with(cleanup, planner(step_timeout="200ms"), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, a, _) -> {ok, a}; (saga_do, b, _) -> {error, no}; (saga_do, c, _) -> silent; (_, _, _) -> ok")
    to = "p@me@127.0.0.1"
    tx = start(erl, planned((to, "a"), (to, "b", "beside"), (to, "c", "beside")), "planner")
    equal(ends(erl, tx, "planner"), "{compensated,no}")
    only = [one for one in words(erl, "p") if one.startswith("undo")]
    equal(only[0], "undo c", "what may have happened comes first")
    equal(only[-1], "undo a")

    participant(erl, "q")
    how(erl, "q", "(saga_do, V, N) when N > 3 -> {ok, V}; (saga_do, _, 1) -> what; (saga_do, _, 2) -> {okay, 1}; (saga_do, _, _) -> silent; (_, _, _) -> ok")
    tx = start(erl, planned(("q@me@127.0.0.1", "a")), "planner")
    equal(ends(erl, tx, "planner"), "{committed,a}")
    equal(erl("length(lists:usort([K || {saga_do, _, K} <- gen_server:call(q, noted)]))"), "1", "with one key")


@test("a loop of sagas, and a tree deeper than hops, are refused")
def deep(cleanup):
    node = node_with(cleanup, planner("a", hops=1), planner("b", hops=16), planner("c", hops=16), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    leaf = planned(("p@me@127.0.0.1", "x"))
    tx = start(erl, planned(("b", leaf)), "a")
    equal(ends(erl, tx, "a"), "{committed,x}")
    tx = start(erl, planned(("b", planned(("c", leaf)))), "a")
    equal(ends(erl, tx, "a"), "{compensated,hop_limit}")
    tx = start(erl, planned(("c", planned(("b", leaf)))), "b")
    equal(ends(erl, tx, "b"), "{compensated,loop}")


@test("a transaction ends with its lifespan or by its starter's cancel, and above max_transactions none is started")
def bounds(cleanup):
    node = node_with(cleanup, planner(max_transactions=1), planner("brief", lifespan="300ms", step_timeout="100ms"),
                     settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, _, _) -> silent; (_, _, _) -> ok")
    one = planned(("p@me@127.0.0.1", "a"))
    equal(ends(erl, start(erl, one, "brief"), "brief"), "{compensated,lifespan}")
    equal(ends(erl, start(erl, one, "planner", ", #{lifespan => 100}"), "planner"), "{compensated,lifespan}")
    eventually(lambda: node.engine("planner")["open"] == 0, "it is over")
    tx = start(erl, one, "planner")
    shown = eventually(lambda: [t for t in node.engine("planner")["transactions"] if t["waits_for"]], "what is open is shown")
    equal([(t["depth"], t["state"], t["waits_for"]) for t in shown], [(0, "running", ["p@me@127.0.0.1"])])
    equal(erl(f"Ask(planner, {{start, {one}}})"), "{error,overloaded}")
    other = with_erl(cleanup, node, "other@127.0.0.1")
    equal(other(f"Ask(planner, {{cancel, {tx}, why}})"), "{error,refused}")
    equal(other(f"Ask(planner, {{start, {one}, #{{id => {tx}}}}})"), "{error,refused}")
    equal(erl(f"Ask(planner, {{subscribe, {tx}}})"), "ok")
    equal(erl(f"Ask(planner, {{cancel, {tx}, why}})"), "ok")
    equal(ends(erl, tx, "planner"), "{compensated,why}")
    equal(erl("receive {saga, Tx, How} -> {Tx, How} after 5000 -> none end"), f"{{{tx},{{compensated,why}}}}")
    equal(erl(f"Ask(planner, {{cancel, {tx}, why}})"), "{error,over}")
    equal(erl(f"Ask(planner, {{subscribe, {tx}}})"), "ok")
    equal(erl("receive {saga, _, Again} -> Again after 5000 -> none end"), "{compensated,why}")
    eventually(lambda: node.engine("planner")["open"] == 0, "it is over")
    equal(node.engine("planner")["refused"], 1)


@test("one other node has at most three quarters of max_transactions, and the log names a node that asks for more")
def share(cleanup):
    node = node_with(cleanup, planner(max_transactions=4), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, _, _) -> silent; (_, _, _) -> ok")
    one = planned(("p@me@127.0.0.1", "a"))
    for _ in range(3):
        start(erl, one, "planner")
    equal(erl(f"Ask(planner, {{start, {one}}})"), "{error,overloaded}")
    eventually(lambda: "planner: takes no more of the node me@127.0.0.1 for now" in node.log(), "the log names it")
    start(with_erl(cleanup, node, "other@127.0.0.1"), one, "planner")
    equal(node.engine("planner")["open"], 4)


@test("coppice saga shows what is open, what is in doubt, and one transaction with its steps")
def looked_at(cleanup):
    node = node_with(cleanup, planner(), planner("brief", log="volatile"), desk(log="volatile"), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    equal(erl("""Look = fun(What, Of) -> try Ask(desk, {'$coppice_saga_look', What, Of}) of {report, _} -> shown; _ -> refused catch exit:_ -> refused end end,
              {Look(list, <<"all">>), Look(show, <<"tx">>)}"""), "{refused,refused}", "another node is shown nothing")
    contains(node.coppice("saga", "desk").stdout, "volatile")
    participant(erl, "p")
    how(erl, "p", "(saga_do, b, _) -> silent; (saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    to = "p@me@127.0.0.1"
    equal(start(erl, planned((to, "a"), (to, "b")), "planner", ", #{id => <<\"tx\">>}"), '<<"tx">>')

    def pending():
        told = node.ask("saga", name="planner", tx="tx", timeout_ms=5000)
        states = [(step["state"], step["pending"]) for step in told["steps"]]
        return told if states == [("done", ""), ("asked", "do")] else None
    told = eventually(pending, "the second step is asked for")
    equal((told["tx"], told["log"], told["outcome"]), ("tx", "durable", "open"))
    equal([(part["part"], part["depth"], part["from"], part["state"]) for part in told["parts"]], [(1, 0, "me@127.0.0.1", "running")])
    equal([(step["step"], step["to"], step["state"], step["pending"]) for step in told["steps"]],
          [(1, to, "done", ""), (2, to, "asked", "do")])
    contains(node.coppice("saga", "planner", "show", "tx").stdout, to)
    contains(node.coppice("saga", "planner").stdout, "tx")
    contains(node.coppice("saga", "brief").stdout, "volatile")
    equal(node.ask("saga", name="planner", which="in_doubt", timeout_ms=5000), {"log": "durable", "transactions": []})
    equal(node.ask("saga", name="brief", which="parked", timeout_ms=5000), {"log": "volatile", "transactions": []})
    how(erl, "p", "(saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    contains(ends(erl, '<<"tx">>', "planner", seconds=60), "{committed,")
    contains(node.ask("saga", name="planner", tx="tx", timeout_ms=5000)["outcome"], "committed")
    contains(node.reply("saga", name="planner", tx="nothing", timeout_ms=5000)["error"]["why"], "unknown_transaction")
    check(node.coppice("saga", "planner", "show").returncode != 0, "an id belongs to show")
    check(node.coppice("saga", "planner", "--parked", "--in-doubt").returncode != 0, "one or the other")
    check(node.coppice("saga", "planner", "--parked", "--overdue").returncode != 0, "one or the other")


@test("two phases: all are prepared before any commits, one that cannot aborts them all, and each hears how it ended")
def two_phase(cleanup):
    node = node_with(cleanup, planner(commit="two_phase", step_timeout="1m"), planner("below", step_timeout="1m"), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    to = "p@me@127.0.0.1"
    tx = start(erl, planned((to, "a"), ("below", planned((to, "b")))), "planner")
    contains(ends(erl, tx, "planner"), "{committed,")
    eventually(lambda: node.engine("planner")["open"] == 0, "all have acknowledged it")
    got = [word for word, _ in noted(erl, "p")]
    equal(got[:2], ["prepare", "prepare"])
    equal(sorted(got[2:]), ["commit", "commit", "forget", "forget"])
    participant(erl, "q")
    how(erl, "q", "(saga_prepare, b, _) -> {error, no}; (saga_prepare, _, _) -> prepared; (_, _, _) -> ok")
    to = "q@me@127.0.0.1"
    tx = start(erl, planned((to, "a"), (to, "b")), "planner")
    equal(ends(erl, tx, "planner"), "{aborted,no}")
    eventually(lambda: node.engine("planner")["open"] == 0, "all have acknowledged it")
    got = [word for word, _ in noted(erl, "q")]
    equal((got[:2], got.count("abort"), got.count("commit")), (["prepare", "prepare"], 1, 0))


@test("an operator decides for a step in doubt, is asked twice before, and is named; a coordinator that decided otherwise is counted")
def resolved(cleanup):
    node = node_with(cleanup, planner(), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    key = '{<<"t">>, {5, [{{<<"x">>, <<"me@127.0.0.1">>}, 1}]}}'
    participant(erl, "p")
    steps = planned(("p@me@127.0.0.1", "a"))
    contains(erl(f"Ask(planner, {{saga_prepare, {key}, {steps}, 60000}})"), "prepared")
    doubt = eventually(lambda: node.ask("saga", name="planner", which="in_doubt", timeout_ms=5000)["transactions"], "it is in doubt")
    equal([(one["tx"], one["depth"], one["in_doubt"]) for one in doubt], [("t", 1, True)])

    def decide(*more, text=""):
        return subprocess.run([program("COPPICE", "coppice"), "saga", "planner", "resolve", *more, "--socket", node.socket],
                              input=text, capture_output=True, text=True, timeout=60)
    for given in ("", "no\n", "y\n", "yes\n", "yes\nother\n", "yes\n\n"):
        done = decide("t", "abort", text=given)
        equal(done.returncode, 1, done.stderr)
        contains(done.stderr, "nothing was decided")
    for wrong in (("t",), ("t", "perhaps"), ()):
        equal(decide(*wrong, "--yes").returncode, 2, wrong)
    equal(node.coppice("saga", "planner", "show", "t", "commit").returncode, 2)
    contains(decide("other", "abort", "--yes").stderr, "unknown")
    contains(decide("other", "abort").stderr, "unknown_transaction")
    equal(erl("Ask(planner, {'$coppice_saga_resolve', commit, <<\"t\">>})"), "{error,not_allowed}")
    contains(node.call("planner", "{'$coppice_saga_resolve', commit, <<\"t\">>}"), "not_allowed")
    equal(len(node.ask("saga", name="planner", which="in_doubt", timeout_ms=5000)["transactions"]), 1, "nothing has changed")

    done = decide("t", "abort", text="yes\nt\n")
    equal(done.returncode, 0, done.stderr)
    contains(done.stderr, "cannot be taken back")
    contains(done.stdout, "decided")
    lines = eventually(lambda: [one for one in node.logged(module="control") if one["message"].startswith("asked to saga planner resolve t abort (uid ")],
                       "it is named who decided")
    equal([one["level"] for one in lines], ["notice"])
    node.said("an operator has decided a step of the transaction")
    eventually(lambda: [part["state"] for part in node.ask("saga", name="planner", tx="t", timeout_ms=5000)["parts"]] == ["closed"], "it is aborted")
    equal(words(erl, "p"), ["prepare a", "abort none"])
    equal(node.reply("saga", name="planner", change="resolve", tx="t", decision="commit", timeout_ms=5000)["error"]["why"], "over")
    contains(node.reply("saga", name="planner", change="resolve", tx="t", decision="perhaps", timeout_ms=5000)["error"]["why"], "commit or abort")
    contains(erl(f"Ask(planner, {{saga_commit, {key}, x}})"), "ok", "the coordinator had decided otherwise")
    report = node.engine("planner")
    equal((report["heuristic"], report["heuristic_mismatch"], report["in_doubt"]), (1, 1, 0))
    node.said("has decided differently from an operator")


@test("a step that cannot be undone is a warning of health, and its transaction ends by an operator's word")
def parked(cleanup):
    node = node_with(cleanup, planner(), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, b, _) -> {error, no}; (saga_do, V, _) -> {ok, V}; (saga_undo, _, _) -> {never, sent}; (_, _, _) -> ok")
    to = "p@me@127.0.0.1"
    tx = start(erl, planned((to, "a"), (to, "b")), "planner", ', #{id => <<"tx">>}')

    def warned():
        return [(one["name"], one["why"]) for one in node.ask("health")["warnings"] if one["what"] == "saga"]
    equal(eventually(warned, "it is a warning"), [("planner", "1 step cannot be undone")])
    equal(node.ask("health")["status"], "ok")
    equal([one["tx"] for one in node.ask("saga", name="planner", which="parked", timeout_ms=5000)["transactions"]], ["tx"])
    equal(outcome(erl, tx, "planner"), "open")
    done = node.coppice("saga", "planner", "resolve", "tx", "abort", "--yes")
    equal(done.returncode, 0, done.stderr)
    equal(ends(erl, tx, "planner"), "{compensated,no}")
    eventually(lambda: warned() == [], "nothing is stuck any more")


@test("a participant that never was: the transaction is undone, overdue, a warning of health, and ends by an operator's word")
def nobody(cleanup):
    node = node_with(cleanup, planner(lifespan="300ms", step_timeout="100ms"), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    tx = start(erl, planned(("nobody@me@127.0.0.1", "a")), "planner", ', #{id => <<"tx">>}')

    def warned():
        return [(one["name"], one["why"]) for one in node.ask("health")["warnings"] if one["what"] == "saga"]
    (name, why), = eventually(warned, "it is a warning")
    equal(name, "planner")
    contains(why, "is not carried out")
    listed = node.ask("saga", name="planner", which="overdue", timeout_ms=5000)["transactions"]
    equal([(one["tx"], one["state"], one["waits_for"]) for one in listed], [("tx", "undoing", ["nobody@me@127.0.0.1"])])
    contains(node.coppice("saga", "planner", "--overdue").stdout, "undoing")
    equal(outcome(erl, tx, "planner"), "open")
    equal(node.coppice("saga", "planner", "resolve", "tx", "commit", "--yes").returncode, 1, "it is decided that it is undone")
    eventually(lambda: node.coppice("saga", "planner", "resolve", "tx", "abort", "--yes").returncode == 0, "it has been silent for long enough")
    equal(ends(erl, tx, "planner"), "{compensated,lifespan}")
    equal((node.engine("planner")["open"], warned()), (0, []))


@test("what is open at a saga that was renamed is a warning of health, and goes on under its former name")
def renamed(cleanup):
    node = node_with(cleanup, planner(), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, _, _) -> silent; (_, _, _) -> ok")
    start(erl, planned(("p@me@127.0.0.1", "a")), "planner", ', #{id => <<"tx">>}')
    eventually(lambda: len(noted(erl, "p")) > 0, "its step is asked for")

    def warned():
        return [(one["name"], one["why"]) for one in node.ask("health")["warnings"] if one["what"] == "saga"]

    def apply(name):
        node.folder.write("node.yaml", CONFIG.format(children="        - " + planner(name)))
        node.ask("apply")
        eventually(lambda: node.pid(name), "it runs under its new name")
    equal(warned(), [])
    apply("other")
    (name, why), = eventually(warned, "it is a warning")
    equal(name, "planner")
    contains(why, "1 of its transactions and steps are open")
    how(erl, "p", "(saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    apply("planner")
    equal(ends(erl, '<<"tx">>', "planner"), "{committed,a}")
    equal(warned(), [])


@test("interim values reach a transaction's subscribers")
def interim(cleanup):
    node = node_with(cleanup, planner(), planner("below"), settings=(shelf(cleanup),))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, a, _) -> silent; (saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    tx = start(erl, planned(("p@me@127.0.0.1", "a"), ("below", planned(("p@me@127.0.0.1", "b")))), "planner")
    equal(erl(f"Ask(planner, {{subscribe, {tx}}})"), "ok")
    how(erl, "p", "(saga_do, V, _) -> {ok, V}; (_, _, _) -> ok")
    equal(erl("receive {saga, _, {interim, I}} -> I after 10000 -> none end"), "planned")
    equal(erl("receive {saga, _, {committed, C}} -> C after 10000 -> none end"), "b")


@test("a step's key belongs to the node that asked: others' undo and forget count for nothing, also after a restart")
def foreign(cleanup):
    folder = kept(cleanup)
    node = node_with(cleanup, accounts(folder, from_='[ "me@*" ]'))
    erl = with_erl(cleanup, node)
    other = with_erl(cleanup, node, "other@127.0.0.1")
    key = '{<<"t">>, {5, [{{<<"x">>, <<"me@127.0.0.1">>}, 1}]}}'
    theirs = '{<<"t">>, {5, [{{<<"x">>, <<"other@127.0.0.1">>}, 1}]}}'
    what = '{take, <<"ann">>, 5}'
    equal(erl(f"Ask(accounts, {{saga_do, {key}, {what}, 60000}})"), "{ok,95}")
    equal(erl(f"Ask(accounts, {{saga_do, {key}, {what}, 60000}})"), "{ok,95}", "a repeat runs nothing")
    equal(other(f"Ask(accounts, {{saga_do, {theirs}, {what}, 60000}})"), "{error,not_allowed}", "who is not named by `from`")
    for request in (f"{{saga_undo, {key}, {what}}}", f"{{saga_forget, {key}}}", f"{{saga_do, {key}, {what}, 60000}}"):
        check(other(f"Try(accounts, {request})") in ("timeout", "{error,not_allowed}"), request)
    equal(balance(erl, "ann"), "{ok,95}")
    equal(erl("Ask(accounts, {'$coppice_saga_look', list, <<\"all\">>})"), "{error,not_allowed}")
    equal(erl("Ask(accounts, {'$coppice_saga_look', show, <<\"t\">>})"), "{error,not_allowed}")
    equal(node.engine("accounts")["dropped"]["origin"], 3)
    node.stop(signal.SIGKILL)
    node.begin()
    node.wait_ready()
    eventually(lambda: erl("net_adm:ping(N)") == "pong", "it is there again")
    equal(erl(f"Ask(accounts, {{saga_do, {key}, {what}, 60000}})"), "{ok,95}", "the answer was kept")
    equal(erl(f"Ask(accounts, {{saga_undo, {key}, {what}}})"), "ok")
    equal(erl(f"Ask(accounts, {{saga_undo, {key}, {what}}})"), "ok")
    equal(balance(erl, "ann"), "{ok,100}")
    equal(erl(f"Ask(accounts, {{saga_forget, {key}}})"), "ok")
    equal(erl(f"Ask(accounts, {{saga_do, {key}, {what}, 60000}})"), "{error,cancelled}", "it is too late")
    unseen = key.replace('"t"', '"u"')
    equal(erl(f"Ask(accounts, {{saga_undo, {unseen}, {what}}})"), "ok", "of a step that never came")
    equal(erl(f"Ask(accounts, {{saga_do, {unseen}, {what}, 60000}})"), "{error,cancelled}")
    equal(balance(erl, "ann"), "{ok,100}")


@test("malformed words are refused one by one and end no saga")
def malformed(cleanup):
    folder = kept(cleanup)
    node = node_with(cleanup, desk(), accounts(folder))
    erl = with_erl(cleanup, node)
    pids = "[rpc:call(N, erlang, whereis, [W]) || W <- [desk, accounts]]"
    before = erl(pids)
    key = '{<<"t">>, {5, [{{<<"x">>, <<"me@127.0.0.1">>}, 1}]}}'
    for what in ("{start, x, y}", "{start, x, #{id => <<>>}}", "{start, x, #{id => binary:copy(<<$a>>, 256)}}", "{start, x, #{lifespan => 0}}",
                 "{start, x, #{lifespan => soon}}", "{start, x, #{what => 1}}", "{outcome, 7}", "{outcome, <<>>}", "{cancel, 7, x}",
                 "{subscribe, {a}}", "{saga_do}", "{saga_do, x, y, 1}", f"{{saga_do, {key}, x, -1}}", f"{{saga_do, {key}, x}}",
                 '{saga_do, {<<"t">>, {5, []}}, x, 1}', '{saga_undo, {<<>>, {5, [{{<<"x">>, <<"y">>}, 1}]}}, x}', "{saga_prepare, [1|2], 3, 4}",
                 f"{{saga_answer, {key}, perform, ok, x}}", f"{{saga_question, {key}}}", "{saga_what, x}", "{start}", "{start, 1, 2, 3}", "start", "[]"):
        for who in ("desk", "accounts"):
            contains(erl(f"Ask({who}, {what})"), "{error,{bad_request,", what)
    equal(erl('Ask(desk, {outcome, <<"none">>})'), "unknown")
    equal(erl('Ask(desk, {cancel, <<"none">>, x})'), "{error,unknown}")
    equal(erl('Ask(desk, {subscribe, <<"none">>})'), "{error,unknown}")
    for what in ("{saga, x, y}", '{saga, <<"x">>, {saga_question, y}}', f'{{saga, <<"x">>, {{saga_question, {key}}}}}', f'{{saga, <<"x">>, {{saga_do, {key}, x, 1}}}}',
                 f'{{saga, <<"x">>, {{saga_interim, {key}, x}}}}', f'{{saga, <<"x">>, {{saga_answer, {key}, perform, ok, x}}}}'):
        erl(f"[gen_server:cast({{W, N}}, {what}) || W <- [desk, accounts]]")
    contains(ends(erl, start(erl, "what")), "{compensated,{bad_value,")
    big = "binary:copy(<<1>>, 1100000)"
    equal(erl(f"Ask(desk, {{start, {big}}})"), "{error,limit}")
    equal(erl(pids), before)
    equal(ends(erl, start(erl, move("accounts/ann", "accounts/bob", 1))), "{committed,101}")


@test("open transactions go on over a reload of coordinator and participant")
def reload(cleanup):
    folder = kept(cleanup)
    plugins = Shelf(cleanup, "transfer")
    node = node_with(cleanup, desk(), accounts(folder), settings=(plugins.setting,))
    erl = with_erl(cleanup, node)
    participant(erl, "p")
    how(erl, "p", "(saga_do, _, _) -> silent; (_, _, _) -> ok")
    value = move("accounts/ann", "p@me@127.0.0.1/x", 10)
    tx = start(erl, value)
    eventually(lambda: erl("length(gen_server:call(p, noted)) > 0") == "true", "the second step is asked")
    for _ in range(3):
        plugins.put("transfer")
        done = node.coppice("reload", "transfer")
        equal(done.returncode, 0, done.stderr)
    how(erl, "p", "(saga_do, _, _) -> {ok, 1}; (_, _, _) -> ok")
    equal(ends(erl, tx), "{committed,1}")
    equal(balance(erl, "ann"), "{ok,90}")


def killed(cleanup, commit):
    """Transfers between two nodes that are killed again and again. Returns nothing, or fails."""
    owners = [f"a{i}" for i in range(10)]
    folders = kept(cleanup), kept(cleanup)
    first = node_with(cleanup, desk(commit=commit), accounts(folders[0], owners=owners), name="first")
    second = node_with(cleanup, accounts(folders[1], owners=owners), name="second", epmd_port=first.epmd_port)
    erl = Erl(cleanup, epmd_port=first.epmd_port)
    erl(f"N = '{first.name}', M = '{second.name}', [net_adm:ping(X) || X <- [N, M]]")
    erl("Ask = fun(Who, What) -> gen_server:call({Who, N}, What) end")
    chance = random.Random(commit)

    def place():
        return chance.choice(("accounts", "accounts@second@127.0.0.1")) + "/" + chance.choice(owners)

    started = []
    for turn in range(6):
        for _ in range(8):
            tx = f'<<"t{len(started)}">>'
            value = move(place(), place(), chance.randrange(1, 60))
            erl(f"catch gen_server:call({{desk, N}}, {{start, {value}, #{{id => {tx}}}}}, 5000)")
            started.append((tx, value))
        for one in ((first,), (second,), (first, second))[turn % 3]:
            one.stop(signal.SIGKILL)
            one.begin()
        for one in (first, second):
            one.wait_ready()
        eventually(lambda: erl("[net_adm:ping(X) || X <- [N, M]]") == "[pong,pong]", "both are there")
    known = {}
    for tx, value in started:  # transactions whose start was not answered are started again
        equal(start(erl, value, more=f", #{{id => {tx}}}"), tx)
        known[tx] = ends(erl, tx, seconds=90)
        check(known[tx].startswith(("{committed,", "{compensated,", "{aborted,")), known[tx])

    def over():
        reports = first.engine("desk"), first.engine("accounts"), second.engine("accounts")
        return all(one["open"] == one["steps"] == one["in_doubt"] == one["parked"] == 0 for one in reports)

    eventually(over, "nothing is open anywhere", seconds=60)
    for tx, how_it_ended in known.items():
        equal(outcome(erl, tx), how_it_ended, "an outcome never changes")
    equal(erl("lists:sum([gen_server:call({accounts, X}, sum) || X <- [N, M]])"), str(2 * 10 * 100))
    check(any(one.startswith("{committed,") for one in known.values()), known)


@test("coordinator and participants are killed again and again: one outcome, and the sum of money stays")
def killed_compensating(cleanup):
    killed(cleanup, "compensate")


@test("so it is in two phases")
def killed_two_phase(cleanup):
    killed(cleanup, "two_phase")


def office(**options):
    return (f'{{ id: office, actor: "errands:office", name: office, saga: {{ worker: "errands:errand", worker_args: {{ gate: "gate@me@127.0.0.1" }}, '
            f'{keys(options)} }} }}')


def working_node(cleanup, **options):
    """A node whose office has its steps done by workers, and an Erlang node with the gate that the workers ask. A `do`
    waits there until the gate is opened."""
    node = node_with(cleanup, planner(), office(**options), settings=(Shelf(cleanup, "planner", "errands").setting,))
    erl = with_erl(cleanup, node)
    erl("""Gate = spawn(fun() -> register(gate, self()), (fun Loop(Held, Noted, Open) -> receive
        {'$gen_call', F, noted} -> gen_server:reply(F, lists:reverse(Noted)), Loop(Held, Noted, Open);
        {'$gen_call', F, open} -> [gen_server:reply(H, ok) || H <- [F | Held]], Loop([], Noted, true);
        {'$gen_call', F, {What, Tx, Attempt}} when What =:= undo; Open -> gen_server:reply(F, ok), Loop(Held, [{What, Tx, Attempt} | Noted], Open);
        {'$gen_call', F, {What, Tx, Attempt}} -> Loop([F | Held], [{What, Tx, Attempt} | Noted], Open) end end)([], [], false) end)""")
    eventually(lambda: erl("whereis(gate) =:= Gate") == "true", "the gate is there")
    return node, erl


def at_gate(erl):
    """The requests of workers to the gate, as `do tx 1`."""
    return [" ".join(one) for one in re.findall(r'\{(\w+),<<"(\w+)">>,(\d+)\}', erl("gen_server:call(gate, noted)"))]


ERRAND = planned(("office", "a"))


def worker_of(node, tx):
    """The pid of the worker that has the step of this transaction."""
    def shown():
        parts = node.ask("saga", name="office", tx=tx, timeout_ms=5000)["parts"]
        return next((one["worker"] for one in parts if one["worker"].startswith("<")), None)
    return eventually(shown, f"a worker has the step of {tx}")


@test("ten steps that block run side by side in workers, and the saga answers meanwhile")
def side_by_side(cleanup):
    node, erl = working_node(cleanup)
    names = [f"t{number}" for number in range(10)]
    for name in names:
        start(erl, ERRAND, "planner", f', #{{id => <<"{name}">>}}')
    eventually(lambda: len(at_gate(erl)) == 10, "all ten are at the gate")
    equal(sorted(at_gate(erl)), [f"do {name} 1" for name in names])
    equal(erl("Try(office, {outcome, <<\"t0\">>})"), "unknown", "the office takes part, and answers at once")
    workers = node.engine("office")["workers"]
    equal((workers["actor"], workers["running"], workers["waiting"], len(workers["steps"])), ("errands:errand", 10, 0, 10))
    pid = worker_of(node, "t0")
    check(pid in [one["worker"] for one in workers["steps"]], (pid, workers))
    contains(node.coppice("saga", "office", "show", "t0").stdout, pid)
    equal(erl("gen_server:call(gate, open)"), "ok")
    for name in names:
        equal(ends(erl, f'<<"{name}">>', "planner"), "{committed,1}")
    eventually(lambda: node.engine("office")["workers"]["running"] == 0, "all have ended")
    equal(node.engine("office")["workers"]["crashed"], 0)


@test("above workers steps wait for one to end")
def waiting_steps(cleanup):
    node, erl = working_node(cleanup, workers=2)
    for name in ("a", "b", "c"):
        start(erl, ERRAND, "planner", f', #{{id => <<"{name}">>}}')
    eventually(lambda: node.engine("office")["workers"]["waiting"] == 1, "one waits")
    equal(node.engine("office")["workers"]["running"], 2)
    eventually(lambda: len(at_gate(erl)) == 2, "two run")
    equal(erl("gen_server:call(gate, open)"), "ok")
    for name in ("a", "b", "c"):
        equal(ends(erl, f'<<"{name}">>', "planner"), "{committed,1}")


@test("a worker that is killed has its step run again with a higher attempt")
def killed_worker(cleanup):
    node, erl = working_node(cleanup)
    start(erl, ERRAND, "planner", ", #{id => <<\"t\">>}")
    eventually(lambda: at_gate(erl) == ["do t 1"], "it runs")
    node.ask("exit", name=worker_of(node, "t"), reason="kill")
    eventually(lambda: at_gate(erl) == ["do t 1", "do t 2"], "it runs again")
    equal(erl("gen_server:call(gate, open)"), "ok")
    equal(ends(erl, '<<"t">>', "planner"), "{committed,2}")
    equal(node.engine("office")["workers"]["crashed"], 1)


@test("a cancelled transaction ends the worker of its step before the step is undone by another one")
def cancelled_worker(cleanup):
    node, erl = working_node(cleanup)
    start(erl, ERRAND, "planner", ", #{id => <<\"t\">>}")
    eventually(lambda: at_gate(erl) == ["do t 1"], "it runs")
    pid = worker_of(node, "t")
    equal(erl("Ask(planner, {cancel, <<\"t\">>, why})"), "ok")
    equal(ends(erl, '<<"t">>', "planner"), "{compensated,why}")
    equal(at_gate(erl), ["do t 1", "undo t 1"])
    equal(node.status(pid), None, "the first worker has ended")
    equal(node.engine("office")["workers"]["crashed"], 0, "its end was asked for")


@test("the end of a saga ends its workers, and after a restart the step runs again")
def ended_saga(cleanup):
    node, erl = working_node(cleanup)
    start(erl, ERRAND, "planner", ", #{id => <<\"t\">>}")
    eventually(lambda: at_gate(erl) == ["do t 1"], "it runs")
    pid, before = worker_of(node, "t"), node.pid("office")
    node.ask("exit", name="office", reason="kill")
    eventually(lambda: node.status(pid) is None, "the worker has ended")
    eventually(lambda: node.pid("office") not in (None, before), "the saga starts again")
    eventually(lambda: at_gate(erl) == ["do t 1", "do t 2"], "the step runs again")
    equal(erl("gen_server:call(gate, open)"), "ok")
    equal(ends(erl, '<<"t">>', "planner"), "{committed,2}")


@test("a volatile saga works without a log, and the end of its process forgets")
def volatile(cleanup):
    folder = kept(cleanup)
    node = node_with(cleanup, desk(log="volatile"), accounts(folder, log="volatile"))
    erl = with_erl(cleanup, node)
    tx = start(erl, move("accounts/ann", "accounts/bob", 1))
    equal(ends(erl, tx), "{committed,101}")
    equal(node.engine("desk")["log"], "volatile")
    check(not (node.folder.path / "data" / "log").exists(), "there is no log")
    before = node.pid("desk")
    node.reply("exit", name="desk", reason="kill")
    eventually(lambda: node.pid("desk") not in (None, before), "it starts again")
    equal(outcome(erl, tx), "unknown")


@test("what makes no saga is refused before it starts")
def refused(cleanup):
    cases = (("{ id: a, actor: transfer:desk, name: a, saga: { commit: two_phase, log: volatile } }", "two phases need a log"),
             ("{ id: a, actor: transfer:desk }", "the saga 'desk' has no name"),
             ("{ id: a, actor: kv, saga: {} }", "saga: the actor kv is a server and no saga"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { retry: { first: 2s, max: 1s } } }", "must not be shorter than first"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { limits: { value: 2MiB } } }", "must be from 1B to 1MiB"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { from: [ \"a b\" ] } }", "a node's name with * and ?"),
             ("{ id: a, name: a, pool: { actor: transfer:desk } }", "only a child of its own"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { worker: kv } }", "saga.worker: the actor kv is a server and no saga"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { worker: \"transfer:clerk\" } }", "has no actor 'clerk'"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { workers: 2 } }", "saga.workers: there is no worker"),
             ("{ id: a, actor: transfer:desk, name: a, saga: { worker: \"transfer:accounts\", worker_args: { file: 1 } } }", "worker_args.file"),
             ("{ id: a, actor: transfer:desk, name: " + "a" * 231 + ", saga: { worker: transfer:desk } }", "at most 230 bytes"))
    for child, expected in cases:
        folder = kept(cleanup)
        file = folder.write("node.yaml", f"node: {{ name: x@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\n" +
                            CONFIG.format(children="        - " + child.replace("transfer:desk", '"transfer:desk"')).replace("node: { workers: 2 }\n", ""))
        done = subprocess.run([program("COPPICE", "coppice"), "check", file], capture_output=True, text=True, timeout=60)
        check(done.returncode != 0, child)
        contains(done.stdout + done.stderr, expected)


run()
