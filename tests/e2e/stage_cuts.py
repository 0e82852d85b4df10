#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A pipeline over two nodes whose wire is cut and healed while its stages are killed, come and go. No stage gets more
than it asked for; every event is delivered, buffered or counted; and events flow again afterwards.
COPPICE_CHAOS_SECONDS is the time, COPPICE_CHAOS_SEED the seed."""
import json
import os
import random
import time
import urllib.request

from harness.erlang import Erl
from harness.node import Node, free_port
from harness.tap import check, eventually, run, test
from harness.wire import Wire

SECONDS = float(os.environ.get("COPPICE_CHAOS_SECONDS", "8"))
SEED = int(os.environ.get("COPPICE_CHAOS_SEED", "1"))
AGAIN = "resubscribe: { first: 20ms, max: 100ms }"
CONFIG = """
node: {{ workers: 2, log: {{ level: error }} }}
control: {{ http: {{ address: 127.0.0.1, port: {metrics} }} }}
distribution:
  listen: [ {{ address: 127.0.0.1, ports: {listen}-{listen} }} ]
{routes}
applications:
  - name: numbers
    type: permanent
    supervisor:
      strategy: one_for_one
      intensity: 1000000
      children:
{children}
"""


class Stages:
    """A node with stages of the bundled plugin."""

    def __init__(self, cleanup, name, children, routes="", **options):
        self.metrics, self.listen = free_port(), free_port()
        text = CONFIG.format(metrics=self.metrics, listen=self.listen, routes=routes, children="\n".join("        - " + one for one in children))
        self.node = Node(cleanup, name=name, config=text, **options)

    def counted(self, what, actor):
        """A metric of the stages of this type, summed over all of them, including stages that have ended."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=20) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(f'coppice_stage_{what}_total{{type="numbers:{actor}"'):
                    return int(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric of what is {what} by {actor}")

    def engine(self, name):
        """The counts of the stage, and its subscriptions. None: the stage is not there at the moment, or is busy."""
        done = self.node.coppice("info", name, "--json")
        return json.loads(done.stdout)["engine"] if done.returncode == 0 else None


def no_more_than_asked(stages, name):
    engine = stages.engine(name)
    for one in (engine or {}).get("subscriptions", []):
        check(one["passed"] <= one["asked"], f"{name}: a subscription has had more than it asked for", one)


def all_accounted(stages, name, actor):
    """Checks that everything that stages of this type emitted is accounted for. `name` is the only such stage, and
    stands still."""
    now = eventually(lambda: stages.engine(name), f"{name} says what it has")
    emitted, gone = stages.counted("emitted", actor), sum(stages.counted(what, actor) for what in ("delivered", "dropped", "unrouted"))
    kept = now["buffered"] + stages.counted("lost", actor)
    check(gone <= emitted <= gone + kept, f"{actor}: emitted {emitted}; delivered, dropped or unrouted {gone}; buffered or lost {kept}", now)


@test("over cuts, kills and consumers that come and go nobody gets more than he asked for, and no event goes unaccounted")
def cuts(cleanup):
    dice = random.Random(SEED)
    # The wire is the only connection: if the first node monitors a process of the second while the wire is cut, it
    # reaches nothing.
    nowhere = "  routes: [ { node: second@127.0.0.1, address: 127.0.0.1, port: 1 } ]"
    first = Stages(cleanup, "first", ['{ id: counter, actor: "numbers:counter", name: counter }'], routes=nowhere)
    wire = Wire(cleanup, first.listen)
    route = f"  routes: [ {{ node: {first.node.name}, address: 127.0.0.1, port: {wire.port} }} ]"
    children = [f'{{ id: doubler, actor: "numbers:doubler", name: doubler, stage: {{ subscribe_to: [ {{ to: counter@{first.node.name}, {AGAIN} }} ] }} }}',
                f'{{ id: printer, actor: "numbers:printer", name: printer, stage: {{ subscribe_to: [ {{ to: doubler, {AGAIN} }} ] }} }}',
                f'{{ id: other, actor: "numbers:printer", name: other, stage: {{ subscribe_to: [ {{ to: doubler, {AGAIN} }} ] }} }}']
    second = Stages(cleanup, "second", children, routes=route, epmd_port=first.node.epmd_port)
    erl = Erl(cleanup, epmd_port=first.node.epmd_port)
    # A consumer at the other end of the pipeline, which asks now and then.
    erl(f"D = {{doubler, '{second.node.name}'}}, Visit = fun(N) -> T = make_ref(), D ! {{'$gen_producer', {{self(), T}}, {{subscribe, nil, []}}}}, "
        "D ! {'$gen_producer', {self(), T}, {ask, N}}, T end, Leave = fun(T) -> D ! {'$gen_producer', {self(), T}, {cancel, done}} end, "
        "Got = fun(T, F) -> receive {'$gen_consumer', {_, T}, L} when is_list(L) -> length(L) + F(T, F) after 300 -> 0 end end")

    def printed():
        return second.counted("received", "printer")

    def flows(message):
        """Waits until events flow over the whole pipeline: the counts at its ends grow."""
        before = first.counted("delivered", "counter"), printed()
        eventually(lambda: first.counted("delivered", "counter") > before[0] and printed() > before[1], f"events flow {message}", seconds=60)

    def kill(stages, name):
        """Kills the stage, and waits until another process is in its place and gets events again."""
        before = eventually(lambda: stages.node.pid(name), f"{name} is there")
        stages.node.reply("exit", name=name, reason="kill")

        def goes_on():
            engine = stages.engine(name)
            return stages.node.pid(name) not in (None, before) and engine is not None and engine["emitted"] + engine["received"] > 0

        eventually(goes_on, f"{name} is killed, and its successor has events", seconds=60)

    flows("at first")
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        what = dice.choice(("cut", "cut", "kill", "visit"))
        if what == "cut":
            wire.cut()
            time.sleep(dice.uniform(0, 0.5))
            wire.heal()
            flows("after a cut")
        elif what == "kill":
            name = dice.choice(("doubler", "printer", "other", "counter"))
            kill(first if name == "counter" else second, name)
        else:
            count = dice.choice((1, 7, 400))
            leaves = dice.choice(("Leave(T)", "T"))
            got = int(erl(f"(fun(T) -> N = Got(T, Got), {leaves}, N + Got(T, Got) end)(Visit({count}))"))
            check(got <= count, f"who asked for {count} got {got}")
        for stages, name in ((first, "counter"), (second, "doubler"), (second, "printer")):
            no_more_than_asked(stages, name)
    # While the wire is cut the pipeline stands still, and its counters can be compared.
    wire.cut()
    emitted = []

    def stands():
        time.sleep(0.2)
        emitted.append((first.counted("emitted", "counter"), second.counted("emitted", "doubler"), printed()))
        return emitted[-1:] * 5 == emitted[-5:]

    eventually(stands, "the pipeline stands still", seconds=60)
    all_accounted(first, "counter", "counter")
    all_accounted(second, "doubler", "doubler")
    check(second.counted("received", "doubler") <= first.counted("delivered", "counter"), "the doubler has no more than was sent to it")
    check(printed() <= second.counted("delivered", "doubler"), "nor have the printers")
    wire.heal()
    flows("in the end")


run()
