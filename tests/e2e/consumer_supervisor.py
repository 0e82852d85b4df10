#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Consumer supervisors in running nodes: one process for each event, at most max_demand of them, fed by a pipeline of
ours and by Elixir processes that speak GenStage's protocol, on one node and on two."""
import pathlib
import re
import signal
import subprocess

from harness.elixir import Elixir
from harness.erlang import Erl
from harness.node import Folder, Node, plugin_folder, program
from harness.tap import check, contains, equal, eventually, run, test

CONFIG = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ], allow: {{ supervise: [ jobs ], spawn: [ "numbers:job" ] }} }}
applications:
  - name: numbers
    type: permanent
    supervisor:
      strategy: rest_for_one
      intensity: 1000
      children:
{children}
"""
COUNTER = '{ id: counter, actor: "numbers:counter", name: counter }'


def jobs(takes, subscribe_to="", restart="transient"):
    return (f'{{ id: jobs, name: jobs, consumer_supervisor: {{ template: {{ actor: "numbers:job", restart: {restart}, args: {{ takes: {takes} }} }}, '
            f"subscribe_to: [ {subscribe_to} ] }} }}")


def node_with(cleanup, *children, **options):
    return Node(cleanup, config=CONFIG.format(children="\n".join("        - " + one for one in children)), **options)


def counted(erl, node):
    """The counts of the supervisor: active, workers."""
    text = erl(f"supervisor:count_children({{jobs, '{node.name}'}})")
    found = re.search(r"active => (\d+).*workers => (\d+)", text)
    check(found, text)
    return int(found[1]), int(found[2])


def told(erl, node):
    """The number up to which the counter has been asked to count."""
    return int(erl(f"gen_server:call({{counter, '{node.name}'}}, count)"))


@test("a pipeline of ours ends in a process for each number, no more than max_demand of them at once")
def pipeline(cleanup):
    node = node_with(cleanup, COUNTER, jobs("20ms", "{ to: counter, max_demand: 4, min_demand: 1 }"))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    for _ in range(2):
        before = told(erl, node)
        eventually(lambda: told(erl, node) > before + 8, "numbers flow")
    for _ in range(20):
        active, workers = counted(erl, node)
        check(active <= workers <= 4, f"{active} of {workers} run")
    equal(erl(f"[] =:= [C || C = {{Id, _, Type, _}} <- supervisor:which_children({{jobs, '{node.name}'}}), Id =/= undefined orelse Type =/= worker]"), "true")
    equal(node.info("jobs")["behaviour"], "consumer_supervisor")
    engine = node.engine("jobs")
    equal([one["direction"] for one in engine["subscriptions"]], ["producer"])
    asked, passed = (engine["subscriptions"][0][key] for key in ("asked", "passed"))
    check(asked - 4 <= passed <= asked, engine)
    contains(node.coppice("tree").stdout, "consumer_supervisor")


@test("what an Elixir process emits starts children, and their ends ask for more")
def elixir_producer(cleanup):
    node = node_with(cleanup, jobs("1h"))
    ex = Elixir(cleanup, epmd_port=node.epmd_port)
    ex(f'j = {{:jobs, :"{node.name}"}}; me = self()')
    ex("hear = fn -> receive do {_, _, what} -> what after 10000 -> :nothing end end")
    ex('{:ok, tag} = GenServer.call(j, {:"$subscribe", nil, me, [max_demand: 3, min_demand: 2, cancel: :temporary]})')
    equal(ex("{:subscribe, nil, o} = hear.(); o[:max_demand]"), "3")
    equal(ex("hear.()"), "{:ask, 3}")
    ex('send(j, {:"$gen_consumer", {me, tag}, [7, 8, 9]})')
    ex("kids = fn -> for {:undefined, p, :worker, _} <- GenServer.call(j, :which_children), is_pid(p), into: %{}, do: {GenServer.call(p, :count), p} end")
    eventually(lambda: ex("Enum.sort(Map.keys(kids.())) == [7, 8, 9]") == "true", "each has its number")
    # A crashed child is restarted with its number, and no event is asked for.
    ex("first = kids.()[8]; Process.exit(first, :boom)")
    eventually(lambda: ex("now = kids.(); Map.has_key?(now, 8) and now[8] != first") == "true", "it starts again")
    # For two children that end, two events are asked for.
    ex("Process.exit(kids.()[7], :shutdown); Process.exit(kids.()[9], :shutdown)")
    equal(ex("hear.()"), "{:ask, 2}")
    equal(ex("GenServer.call(j, :count_children)"), "%{active: 1, specs: 1, supervisors: 0, workers: 1}")
    # A child that was started by hand belongs to no event. An event that the actor refuses counts as ended.
    ex("{:ok, own} = GenServer.call(j, {:start_child, [70]}); :ok = GenServer.call(j, {:terminate_child, own})")
    ex('send(j, {:"$gen_consumer", {me, tag}, [:no_number, "text"]})')
    equal(ex("hear.()"), "{:ask, 2}")
    # Children outlive their producer.
    ex('send(j, {:"$gen_consumer", {me, tag}, {:cancel, :bye}})')
    equal(ex("Map.keys(kids.()) == [8]"), "true")
    ex('send(j, {:"$gen_consumer", {me, tag}, [1]})')
    equal(ex("hear.()"), "{:cancel, :unknown_subscription}")


@test("too many crashes end it with its children, and its supervisor starts it and its subscription again")
def intensity(cleanup):
    node = node_with(cleanup, COUNTER, jobs("1h", "{ to: counter, max_demand: 2 }"))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"J = {{jobs, '{node.name}'}}")
    erl("Kids = fun() -> [P || {undefined, P, _, _} <- supervisor:which_children(J), is_pid(P)] end")
    eventually(lambda: erl("length(Kids())") == "2", "it has its children")
    before = told(erl, node)
    erl(f"Before = rpc:call('{node.name}', erlang, whereis, [jobs])")
    erl("Crash = fun Crash(0, _) -> ok; Crash(N, Old) -> case Kids() -- Old of [P|_] -> exit(P, boom), Crash(N - 1, [P|Old]); "
        "[] -> timer:sleep(5), Crash(N, Old) end end")
    erl("Crash(4, [])")
    eventually(lambda: erl(f"is_pid(rpc:call('{node.name}', erlang, whereis, [jobs])) andalso rpc:call('{node.name}', erlang, whereis, [jobs]) =/= Before") == "true",
               "it is another")
    eventually(lambda: erl("length(Kids())") == "2", "with children")
    eventually(lambda: told(erl, node) >= before + 2, "of new numbers")


@test("children outlive the loss of the producer's node, and events come again when that is back")
def two_nodes(cleanup):
    first = node_with(cleanup, COUNTER)
    second = node_with(cleanup, jobs("1h", f"{{ to: counter@{first.name}, max_demand: 3, cancel: temporary, resubscribe: {{ first: 100ms, max: 1s }} }}"),
                       name="second", epmd_port=first.epmd_port)
    erl = Erl(cleanup, epmd_port=first.epmd_port)
    eventually(lambda: counted(erl, second) == (3, 3), "three of three")
    first.stop(signal.SIGKILL)
    eventually(lambda: second.engine("jobs")["subscriptions"] == [], "the subscription ends")
    equal(counted(erl, second), (3, 3))
    first.begin()
    first.wait_ready()
    # The new subscription asks for three of its own.
    eventually(lambda: counted(erl, second) == (6, 6), "three more", seconds=60)


@test("a consumer supervisor that can be none is refused before it starts")
def refused(cleanup):
    whole = jobs("1s", "{ to: counter }")
    cases = ((whole.replace("transient", "permanent"), "expected transient or temporary, found 'permanent'"),
             (whole.replace("to: counter", "to: counter, max_demand: 4, min_demand: 4"), "min_demand: must be less than max_demand, 4"),
             (whole.replace("takes: 1s", "tales: 1s"), "tales"),
             (whole.replace("name: jobs,", "name: jobs, mailbox: { on_full: drop_old },"), "may wait for events for ever"))
    for child, expected in cases:
        folder = Folder()
        cleanup.callback(folder.close)
        file = f"{folder.path}/node.yaml"
        pathlib.Path(file).write_text(f"node: {{ name: x@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\n" +
                                      CONFIG.format(children="        - " + child).replace("node: { workers: 2 }\n", ""))
        done = subprocess.run([program("COPPICE", "coppice"), "check", file], capture_output=True, text=True, timeout=60)
        check(done.returncode != 0, child)
        contains(done.stdout + done.stderr, expected)


run()
