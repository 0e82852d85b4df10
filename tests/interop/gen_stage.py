#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Our stages and Elixir's library GenStage (1.2 or later; ERL_LIBS names its compiled files): its functions on our stages, its
stages before and behind ours, ConsumerSupervisor, and random scripts that both have to answer with the same messages.

COPPICE_STAGE_SCRIPTS is the number of scripts of each kind (20), COPPICE_SEED their seed (1).
"""
import glob
import os
import pathlib
import random

from harness import elixir
from harness.elixir import Elixir
from harness.node import Node
from harness.tap import Skip, check, equal, eventually, run, test

SCRIPTS = int(os.environ.get("COPPICE_STAGE_SCRIPTS", "20"))
SEED = int(os.environ.get("COPPICE_SEED", "1"))

CONFIG = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
applications:
  - name: numbers
    supervisor:
      intensity: 1000
      children:
{children}
"""


def need_library():
    """Skips a test if the library is not there."""
    for folder in os.environ.get("ERL_LIBS", "").split(":"):
        if folder and glob.glob(f"{folder}/gen_stage*/ebin/Elixir.GenStage.beam"):
            return
    raise Skip("no gen_stage in ERL_LIBS: the library is in no Debian release")


def library():
    return f"GenStage on {elixir.version()}"


def setting(cleanup, *children):
    """A node of ours with these children, and an Elixir one with the library beside it."""
    need_library()
    node = Node(cleanup, config=CONFIG.format(children="\n".join("        - " + one for one in children)))
    ex = Elixir(cleanup, epmd_port=node.epmd_port)
    ex(f'Code.compile_string(File.read!("{pathlib.Path(__file__).with_suffix(".exs")}")); :ok')
    ex(f'n = :"{node.name}"; me = self()')
    return node, ex


def actor(name, of=None):
    return f'{{ id: {name}, actor: "numbers:{of or name}", name: {name} }}'


@test("sync_subscribe, sync_resubscribe, ask, cancel, demand, async_info and estimate_buffered_count of the library do with ours what they do",
      proves="stages", peer=library)
def functions(cleanup):
    _, ex = setting(cleanup, actor("counter"), actor("other", "counter"), actor("printer"))
    ex("{:ok, c} = GenStage.start_link(Collect, {me, :automatic})")
    ex("{:ok, t} = GenStage.sync_subscribe(c, to: {:counter, n}, max_demand: 10, min_demand: 5, cancel: :temporary)")
    equal(ex("Tools.collected(1000) == Enum.to_list(0..999)"), "true")
    ex("{:ok, u} = GenStage.sync_resubscribe(c, t, :again, to: {:counter, n}, max_demand: 10, cancel: :temporary)")
    equal(ex("receive do {:ended, why} -> why after 20_000 -> :nothing end"), "{:cancel, :again}")
    equal(ex("{is_list(Tools.collected(100)), u != t}"), "{true, true}")
    equal(ex("GenStage.stop(c)"), ":ok")

    ex("flush = fn f -> receive do _ -> f.(f) after 0 -> :ok end end; flush.(flush)")
    equal(ex("GenStage.demand({:counter, n})"), ":forward")
    ex("{:ok, m} = GenStage.start_link(Collect, {me, :manual})")
    ex("{:ok, _} = GenStage.sync_subscribe(m, to: {:counter, n}, cancel: :temporary)")
    ex("from = receive do {:subscribed, from} -> from after 20_000 -> :nothing end")
    ex("at = GenServer.call({:counter, n}, :count)")
    ex("send(m, {:ask, from, 3})")
    equal(ex("Tools.collected(3) == Enum.to_list(at..(at + 2))"), "true")
    equal(ex("GenStage.demand({:counter, n}, :accumulate)"), ":ok")
    ex("send(m, {:ask, from, 2}); :sys.get_state(m)")
    equal(ex("{GenStage.demand({:counter, n}), GenServer.call({:counter, n}, :count) - at}"), "{:accumulate, 3}")
    equal(ex("GenStage.demand({:counter, n}, :forward)"), ":ok")
    equal(ex("Tools.collected(2) == [at + 3, at + 4]"), "true")
    equal(ex("GenStage.estimate_buffered_count({:counter, n})"), "0")
    equal(ex("GenStage.async_info({:counter, n}, :passed)"), ":ok")
    equal(ex("GenStage.cancel(from, :enough)"), ":ok")
    equal(ex("receive do {:ended, why} -> why after 20_000 -> :nothing end"), "{:cancel, :enough}")
    equal(ex("GenStage.sync_subscribe({:counter, n}, to: {:other, n})"), "{:error, :not_a_consumer}")


@test("GenStage.stream reads one of ours, and two at once", proves="stages", peer=library)
def stream(cleanup):
    _, ex = setting(cleanup, actor("counter"), actor("other", "counter"))
    equal(ex("GenStage.stream([{:counter, n}]) |> Enum.take(2000) |> Kernel.==(Enum.to_list(0..1999))"), "true")
    taken = ex("GenStage.stream([{{:counter, n}, max_demand: 10}, {{:other, n}, max_demand: 10}]) |> Enum.take(500) |> length()")
    equal(taken, "500")
    equal(ex("GenServer.call({:counter, n}, :\"$demand\")"), ":forward")


@test("the library's producer, our stage, the library's consumer: all events, in order", proves="stages", peer=library)
def between(cleanup):
    _, ex = setting(cleanup, actor("doubler"))
    ex("{:ok, p} = GenStage.start_link(Count, 0); {:ok, c} = GenStage.start_link(Collect, {me, :automatic})")
    ex("{:ok, _} = GenStage.sync_subscribe(c, to: {:doubler, n}, cancel: :temporary)")
    ex("{:ok, _} = GenStage.sync_subscribe({:doubler, n}, to: p, max_demand: 100, min_demand: 30, cancel: :temporary)")
    equal(ex("Tools.collected(20_000) == Enum.map(0..19_999, &(&1 * 2))"), "true")


@test("our producer, the library's stage, our consumer: all events, in order", proves="stages", peer=library)
def around(cleanup):
    _, ex = setting(cleanup, actor("counter"), actor("printer"))
    ex("{:ok, d} = GenStage.start_link(Double, nil)")
    ex("{:ok, _} = GenStage.sync_subscribe({:printer, n}, to: d, cancel: :temporary)")
    ex("{:ok, _} = GenStage.sync_subscribe(d, to: {:counter, n}, cancel: :temporary)")
    eventually(lambda: ex("elem(GenServer.call({:printer, n}, :count), 1) > 20_000") == "true", "events go around", seconds=60)
    equal(ex("{_, events, last, disorder} = GenServer.call({:printer, n}, :count); {disorder, last - 2 * (events - 1)}"), "{0, 0}")


@test("ConsumerSupervisor starts a child for each event of ours", proves="stages", peer=library)
def workers(cleanup):
    _, ex = setting(cleanup, actor("counter"))
    ex("{:ok, s} = Workers.start_link(me)")
    ex("{:ok, _} = GenStage.sync_subscribe(s, to: {:counter, n}, max_demand: 10, min_demand: 5, cancel: :temporary)")
    equal(ex("Enum.take(Tools.worked(300), 100) == Enum.to_list(0..99)"), "true")


def below(chance, tags, counts):
    """A step of a hand that is a consumer, which asks for one of these counts."""
    tag = chance.choice(tags)
    what = chance.choices(("{:subscribe, nil, []}", f"{{:ask, {chance.choice(counts)}}}", "{:cancel, :over}",
                           f"{{:subscribe, {{{chance.choice(tags)}, :again}}, []}}"), weights=(4, 12, 2, 1))[0]
    return f"{{:below, {tag}, {what}}}"


def producers_script(chance):
    return [below(chance, (":a", ":b", "{1, 2}"), (0, 1, 2, 3, 7, 20)) for _ in range(60)]


def doublers_script(chance):
    # There are no asks of 0, which GenStage.ask never sends. By such an ask the library's stage in the middle may
    # move buffered events to the end of the buffer, and so out of order; ours does not.
    steps = []
    for _ in range(80):
        top = chance.choice((2, 4, 10))
        step = chance.choices((below(chance, (":a", ":b"), (1, 2, 3, 7, 20)),
                               f"{{:subscribe, [max_demand: {top}, min_demand: {chance.randrange(top)}, cancel: :temporary]}}",
                               f"{{:deliver, {chance.randrange(3)}, {chance.randrange(1, 12)}}}",
                               f"{{:end, {chance.randrange(3)}, :gone}}"), weights=(8, 2, 8, 1))[0]
        steps.append(step)
    return steps


def compare(cleanup, kind, module, make):
    _, ex = setting(cleanup, *(actor(f"{kind}{i}", kind) for i in range(SCRIPTS)))
    ex("Logger.configure(level: :none)")
    chance = random.Random(SEED)
    said = 0
    for i in range(SCRIPTS):
        ex(f"script = [{', '.join(make(chance))}]")
        ex(f"{{:ok, real}} = GenStage.start({module}, 0); theirs = Twins.play(real, script)")
        ex(f"ours = Twins.play({{:{kind}{i}, n}}, script); GenStage.stop(real)")
        same = ex("Enum.zip([script, theirs, ours]) |> Enum.find(:same, fn {_, a, b} -> a != b end)")
        equal(same, ":same", f"script {i} of seed {SEED}")
        said += int(ex("theirs |> List.flatten() |> Enum.count(fn {what, _} -> what != :buffered; _ -> true end)"))
    check(said > 10 * SCRIPTS, "scripts in which something is said", said)


@test("random scripts of consumers: the library's producer and ours send the same messages", proves="stages", peer=library)
def producers(cleanup):
    compare(cleanup, "counter", "Count", producers_script)


@test("random scripts of both sides: the library's stage in the middle and ours send the same messages", proves="stages", peer=library)
def middles(cleanup):
    compare(cleanup, "doubler", "Double", doublers_script)


run()
