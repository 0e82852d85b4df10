#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A pipeline of stages in running nodes: that of config/stage.yaml, Erlang and Elixir processes that speak GenStage's
protocol in each role, two nodes, losses, and reloads of busy stages."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.request

from harness.elixir import Elixir
from harness.erlang import Erl
from harness.node import Folder, Node, free_port, plugin_folder, program
from harness.tap import check, contains, equal, eventually, run, test

# How often busy stages are reloaded. 0: as often as ten seconds allow.
RELOADS = int(os.environ.get("COPPICE_STAGE_RELOADS", "0"))
ROOT = pathlib.Path(__file__).resolve().parents[2]

CONFIG = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
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


def doubler(to="counter", more=""):
    return f'{{ id: doubler, actor: "numbers:doubler", name: doubler, stage: {{ subscribe_to: [ {{ to: "{to}"{more} }} ] }} }}'


def printer(to="doubler", more=""):
    return f'{{ id: printer, actor: "numbers:printer", name: printer, stage: {{ subscribe_to: [ {{ to: "{to}"{more} }} ] }} }}'


ALONE = ('{ id: doubler, actor: "numbers:doubler", name: doubler }', '{ id: printer, actor: "numbers:printer", name: printer }')


def node_with(cleanup, *children, **options):
    return Node(cleanup, config=CONFIG.format(children="\n".join("        - " + one for one in children)), **options)


def printed(erl, node):
    """(events, last, out of order): the events that arrived at the printer."""
    text = erl(f"gen_server:call({{printer, '{node.name}'}}, count)")
    found = re.fullmatch(r"\{printed,(-?\d+),(-?\d+),(-?\d+)\}", text)
    check(found, text)
    return tuple(int(one) for one in found.groups())


def flows(erl, node, seconds=20):
    """Waits until more events have come."""
    before = printed(erl, node)[0]
    eventually(lambda: printed(erl, node)[0] > before, f"more than {before} events come", seconds=seconds)


@test("config/stage.yaml's pipeline runs at the printer's pace, in order, and nothing piles up in it")
def pipeline(cleanup):
    text = (ROOT / "config" / "stage.yaml").read_text()
    applications = text[text.index("applications:"):]
    port = free_port()
    node = Node(cleanup, config="node: { workers: 2 }\ndistribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }\n" + applications,
                settings=(("control.http", f"{{ address: 127.0.0.1, port: {port} }}"),))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    flows(erl, node)
    flows(erl, node)
    events, last, disorder = printed(erl, node)
    equal(disorder, 0)
    equal(last, 2 * (events - 1))
    ahead = int(erl(f"gen_server:call({{counter, '{node.name}'}}, count)")) - events
    check(0 <= ahead <= 1000 + 1000 + 500, f"the counter is {ahead} events ahead")
    engine = node.engine("doubler")
    equal(sorted(one["direction"] for one in engine["subscriptions"]), ["consumer", "producer"])
    check(all(one["asked"] >= one["passed"] > 0 for one in engine["subscriptions"]), "what flows is seen", engine)
    check(engine["received"] >= engine["emitted"] > 0 and engine["dropped"] == 0, "and counted", engine)

    def counted():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            return dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if line.startswith("coppice_stage"))

    of_doubler = '{type="numbers:doubler",role="producer_consumer"}'
    before = counted()
    equal(before["coppice_stages" + of_doubler], "1")
    check(int(before["coppice_stage_emitted_total" + of_doubler]) >= engine["emitted"], "metrics count what its engine does", before)
    equal(before["coppice_stage_dropped_total" + of_doubler], "0")
    behind = node.pid("printer")
    node.reply("exit", name="doubler", reason="kill")
    eventually(lambda: node.pid("printer") not in (None, behind), "who is behind the killed one is started anew too")
    flows(erl, node)
    after = counted()
    eventually(lambda: counted()["coppice_stages" + of_doubler] == "1", "the killed one is counted no more")
    for what in ("emitted", "received", "delivered"):
        check(int(after[f"coppice_stage_{what}_total" + of_doubler]) > int(before[f"coppice_stage_{what}_total" + of_doubler]),
              "they go on over the stage's restart", what)


@test("an Elixir process is a consumer of ours, with any tag, demand and reason")
def elixir_consumer(cleanup):
    node = node_with(cleanup, COUNTER)
    ex = Elixir(cleanup, epmd_port=node.epmd_port)
    ex(f'c = {{:counter, :"{node.name}"}}; me = self()')
    ex('say = fn tag, what -> send(c, {:"$gen_producer", {me, tag}, what}) end')
    ex("hear = fn -> receive do m -> m after 5000 -> :nothing end end")
    for tag in ("make_ref()", ":atom", "{make_ref(), make_ref()}", "%{a: 1}", "7"):
        ex(f"t = {tag}; say.(t, {{:subscribe, nil, [max_demand: 4, own: %{{x: 1}}]}}); say.(t, {{:ask, 300}})")
        equal(ex('{:"$gen_consumer", {p, ^t}, l} = hear.(); {is_pid(p), length(l), List.last(l) - hd(l)}'), "{true, 300, 299}")
        ex("r = %{why: t}; say.(t, {:cancel, r})")
        equal(ex('{:"$gen_consumer", {^p, ^t}, {:cancel, ^r}} = hear.(); :confirmed'), ":confirmed")
        ex("say.(t, {:ask, 1})")
        equal(ex('{:"$gen_consumer", {^p, ^t}, {:cancel, :unknown_subscription}} = hear.(); :refused'), ":refused")
    equal(ex('GenServer.call(c, :"$demand")'), ":forward")
    equal(ex('GenServer.call(c, :"$estimate_buffered_count")'), "0")
    equal(ex('GenServer.call(c, {:"$subscribe", nil, me, []})'), "{:error, :not_a_consumer}")


@test("an Elixir process is a producer of ours, which asks as GenStage does")
def elixir_producer(cleanup):
    node = node_with(cleanup, ALONE[1])
    ex = Elixir(cleanup, epmd_port=node.epmd_port)
    ex(f'c = {{:printer, :"{node.name}"}}; me = self()')
    ex("hear = fn -> receive do m -> m after 5000 -> :nothing end end")
    ex('{:ok, ref} = GenServer.call(c, {:"$subscribe", nil, me, [max_demand: 10, min_demand: 5, cancel: :temporary]})')
    equal(ex('{:"$gen_producer", {p, ^ref}, {:subscribe, nil, o}} = hear.(); Keyword.get(o, :max_demand)'), "10")
    equal(ex('{:"$gen_producer", {^p, ^ref}, {:ask, n}} = hear.(); n'), "10")
    ex('send(p, {:"$gen_consumer", {me, ref}, [0, 2, 4, 6, 8]})')
    equal(ex('{:"$gen_producer", {^p, ^ref}, {:ask, n}} = hear.(); n'), "5")
    equal(ex("GenServer.call(c, :count)"), "{:printed, 5, 8, 0}")
    ex('send(p, {:"$gen_consumer", {me, ref}, {:cancel, %{over: true}}})')
    ex('send(p, {:"$gen_consumer", {me, ref}, [10]})')
    equal(ex('{:"$gen_producer", {^p, ^ref}, {:cancel, r}} = hear.(); r'), ":unknown_subscription")
    equal(ex("GenServer.call(c, :count)"), "{:printed, 5, 8, 0}")
    # A permanent subscriber ends with its producer's reason, and its supervisor restarts it.
    ex('{:ok, _} = GenServer.call(c, {:"$subscribe", nil, spawn(fn -> receive do :never -> 1 after 300 -> exit(:boom) end end), []})')
    eventually(lambda: ex("GenServer.call(c, :count)") == "{:printed, 0, -1, 0}", "it starts again")


@test("Elixir, Coppice, Elixir: what goes in comes out doubled, no more than is asked")
def elixir_around(cleanup):
    node = node_with(cleanup, ALONE[0])
    ex = Elixir(cleanup, epmd_port=node.epmd_port)
    ex(f'd = {{:doubler, :"{node.name}"}}; me = self()')
    ex("hear = fn -> receive do m -> m after 5000 -> :nothing end end")
    ex('{:ok, up} = GenServer.call(d, {:"$subscribe", nil, me, [max_demand: 4, min_demand: 2]})')
    equal(ex('{:"$gen_producer", {p, ^up}, {:subscribe, nil, _}} = hear.(); {:"$gen_producer", _, {:ask, n}} = hear.(); n'), "4")
    ex('send(d, {:"$gen_producer", {me, :down}, {:subscribe, nil, []}}); send(d, {:"$gen_producer", {me, :down}, {:ask, 3}})')
    ex('send(p, {:"$gen_consumer", {me, up}, [1, 2, 3, 4]})')
    # [1, 2] come, then it asks; then one of [3, 4], and it asks again.
    heard = [ex("case hear.() do {_, _, what} -> what; other -> other end") for _ in range(4)]
    equal(heard, ["[2, 4]", "{:ask, 2}", "[6]", "{:ask, 2}"])
    ex('send(d, {:"$gen_producer", {me, :down}, {:ask, 2}})')
    equal(ex("inspect(elem(hear.(), 2), charlists: :as_lists)"), '"[8]"')


@test("events that find a full mailbox wait at the stage that emitted them, and come in order when there is room")
def full_mailbox(cleanup):
    slow = ('{ id: printer, actor: "numbers:printer", name: printer, args: { every: 50ms }, mailbox: { limit: 4 }, '
            'stage: { subscribe_to: [ { to: doubler } ] } }')
    node = node_with(cleanup, ALONE[0], slow)
    ex = Elixir(cleanup, epmd_port=node.epmd_port)
    ex(f'd = {{:doubler, :"{node.name}"}}; p = {{:printer, :"{node.name}"}}; me = self()')
    ex("hear = fn -> receive do m -> m after 5000 -> :nothing end end")
    ex('{:ok, ref} = GenServer.call(d, {:"$subscribe", nil, me, [max_demand: 100, min_demand: 50]})')
    ex('{:"$gen_producer", {d, ^ref}, {:subscribe, nil, _}} = hear.(); {:"$gen_producer", {^d, ^ref}, {:ask, 100}} = hear.()')
    ex('for n <- 0..59, do: send(d, {:"$gen_consumer", {me, ref}, [n]})')
    seen = []

    def all_came():
        shown = node.info("printer")
        seen.append(shown["mailbox"]["length"])
        return shown["engine"] is not None and shown["engine"]["received"] == 60  # None: it was busy

    eventually(all_came, "all lists have come")
    check(max(seen) <= 4, "no more than its bound waits in the mailbox", seen)
    equal(node.engine("doubler")["delivered"], 60)
    eventually(lambda: ex("GenServer.call(p, :count)") == "{:printed, 60, 118, 0}", "in order, none twice")


@test("malformed messages end no stage")
def malformed(cleanup):
    node = node_with(cleanup, COUNTER, *ALONE)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    erl(f"N = '{node.name}', S = self(), Pids = [rpc:call(N, erlang, whereis, [W]) || W <- [counter, doubler, printer]]")
    erl("[P ! {'$gen_producer', {S, t}, {subscribe, nil, []}} || P <- Pids]")
    for what in ("{ask, -1}", "{ask, 1 bsl 64}", "{ask, x}", "{subscribe, what, []}", "{subscribe, nil, [1|2]}", "{cancel}", "{notification, x}", "[1|2]"):
        erl(f"[begin P ! {{'$gen_producer', {{S, t}}, {what}}}, P ! {{'$gen_consumer', {{S, t}}, {what}}}, "
            f"P ! {{'$gen_producer', {{no_pid, t}}, {what}}}, P ! {{'$gen_consumer', nobody, {what}}} end || P <- Pids]")
    erl("[catch gen_server:call(P, {'$subscribe', what, S, x}) || P <- Pids]")
    erl("[gen_server:cast(P, {'$demand', x}) || P <- tl(Pids) -- [lists:last(Pids)]]")
    equal(erl("[gen_server:call(P, '$demand') || P <- Pids]"), "[forward,forward,forward]")
    equal(erl("Pids =:= [rpc:call(N, erlang, whereis, [W]) || W <- [counter, doubler, printer]]"), "true")
    equal(erl("lists:usort([R || {'$gen_consumer', _, {cancel, {bad_demand, R}}} <- element(2, process_info(S, messages))])"), "[-1]")


@test("over two nodes events come in order, and again after the producer's node has gone and come back")
def two_nodes(cleanup):
    first = node_with(cleanup, COUNTER)
    second = node_with(cleanup, doubler(f"counter@{first.name}", ", resubscribe: { first: 100ms, max: 1s }"), printer(), name="second", epmd_port=first.epmd_port)
    erl = Erl(cleanup, epmd_port=first.epmd_port)
    flows(erl, second)
    flows(erl, second)
    events, last, disorder = printed(erl, second)
    equal(disorder, 0)
    equal(last, 2 * (events - 1))
    first.stop(signal.SIGKILL)
    first.begin()
    first.wait_ready()
    flows(erl, second, seconds=60)


def reload_under_way(*nodes):
    """Reloads the stages of the nodes whose plugins are in `plugins`, in turn. Returns how often each was reloaded."""
    done = 0
    until = time.monotonic() + 10
    while done < RELOADS if RELOADS else done < 20 or time.monotonic() < until:
        for node, plugins in nodes:
            shutil.copy(f"{plugins.path}/numbers.so", f"{plugins.path}/numbers.so.new")
            os.rename(f"{plugins.path}/numbers.so.new", f"{plugins.path}/numbers.so")
            reloaded = node.coppice("reload", "numbers")
            equal(reloaded.returncode, 0, reloaded.stderr)
        done += 1
    return done


def with_plugins_of_its_own(cleanup, *children, **options):
    plugins = Folder()
    cleanup.callback(plugins.close)
    shutil.copy(f"{plugin_folder()}/numbers.so", plugins.path)
    return node_with(cleanup, *children, settings=(("plugins.path", f"[ {plugins.path} ]"),), **options), plugins


@test("over reloads of every stage under way each event comes once, and in order")
def reloads(cleanup):
    node, plugins = with_plugins_of_its_own(cleanup, COUNTER, doubler(), printer())
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    flows(erl, node)
    generations = node.info("doubler")["generation"] + reload_under_way((node, plugins))
    equal(node.info("doubler")["generation"], generations)
    flows(erl, node)
    events, last, disorder = printed(erl, node)
    equal((disorder, last), (0, 2 * (events - 1)))


@test("over reloads of stages on two nodes under way, too")
def remote_reloads(cleanup):
    first = with_plugins_of_its_own(cleanup, COUNTER, printer("doubler@second@127.0.0.1", ", resubscribe: { first: 100ms, max: 1s }"))
    second = with_plugins_of_its_own(cleanup, doubler(f"counter@{first[0].name}", ", resubscribe: { first: 100ms, max: 1s }"), name="second",
                                     epmd_port=first[0].epmd_port)
    erl = Erl(cleanup, epmd_port=first[0].epmd_port)
    flows(erl, first[0])
    generations = second[0].info("doubler")["generation"] + reload_under_way(second, first)
    equal(second[0].info("doubler")["generation"], generations)
    flows(erl, first[0])
    events, last, disorder = printed(erl, first[0])
    equal((disorder, last), (0, 2 * (events - 1)))


@test("what makes no pipeline is refused before it starts")
def refused(cleanup):
    cases = ((COUNTER.replace(" }", ", stage: { subscribe_to: [ { to: x } ] } }"), "stage.subscribe_to: the actor counter is a producer, which has none"),
             (printer(more=", max_demand: 4, min_demand: 4"), "min_demand: must be less than max_demand, 4"),
             (COUNTER.replace(" }", ", mailbox: { on_full: drop_new } }"), "may wait for events for ever"),
             ("{ id: kv, actor: kv, stage: {} }", "stage: the actor kv is a server and no stage"))
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
