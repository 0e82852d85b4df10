#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two named events under chaos: they are published as fast as possible, while producers and subscribers are killed,
some subscribers are slow, and the wire to the other node is cut and healed. Each subscriber, with or without `since`,
gets each number once, as an event or in a gap. Afterwards all of them have the last one, and nothing is left over.
COPPICE_CHAOS_SECONDS is the time, COPPICE_CHAOS_SEED the seed."""
import collections
import os
import pathlib
import random
import re
import shutil
import threading
import time

from harness.node import Folder, Node, free_port
from harness.tap import check, equal, eventually, run, test
from harness.wire import Wire

SECONDS = float(os.environ.get("COPPICE_CHAOS_SECONDS", "5"))
SEED = int(os.environ.get("COPPICE_CHAOS_SEED", "1"))
EVENTS = ("orders", "market")  # the first is declared and outlives its producers
CONFIG = """
node: {{ workers: 2, log: {{ level: error }} }}
distribution:
  listen: [ {{ address: 127.0.0.1, ports: {listen}-{listen} }} ]
{routes}
{events}
applications:
  - name: demo
    type: permanent
    supervisor:
      intensity: 1000000
      children:
{children}
"""
DECLARED = "events:\n  - { name: orders, producer: orders, buffer: 100, queue: 5000, slow: drop_old }"


class Side:
    """One of the two nodes, with the subscribers on it."""

    def __init__(self, cleanup, name, folder, home=None, routes="", events="", **options):
        self.listen = free_port()
        self.watchers = []
        children = [] if home else [f'{{ id: {event}, actor: "feeds:shop", name: {event}, args: {{ event: {event}, buffer: 100 }} }}' for event in EVENTS]
        node = f", node: '{home}'" if home else ""
        for event in EVENTS:
            for kind, args, more in (("goes_on", ", since: true", ""), ("anew", "", ""), ("slow", ", since: true, slow: 10", ", mailbox: { limit: 100 }")):
                watcher = f"{event}_{kind}"
                self.watchers.append((watcher, event))
                children.append(f'{{ id: {watcher}, actor: "feeds:watcher", name: {watcher}, args: {{ event: {event}{node}{args}, wrong: {folder}/wrong }}{more} }}')
        text = CONFIG.format(listen=self.listen, routes=routes, events=events, children="\n".join("        - " + one for one in children))
        self.node = Node(cleanup, name=name, config=text, settings=[("plugins.path", f"[ {folder} ]")], **options)

    def events(self):
        return {(one["name"], one["node"]): one for one in self.node.ask("events")["events"]}

    def sum(self, watcher):
        """(last number, events, gaps, ends). None: the watcher cannot be asked at the moment."""
        done = self.node.coppice("call", watcher, "sum", "--timeout", "30s")
        return tuple(int(one) for one in re.findall(r"\d+", done.stdout)) if done.returncode == 0 else None


class Chaos:
    def __init__(self, cleanup):
        folder = Folder()
        cleanup.callback(folder.close)
        shutil.copy(f"{os.environ['COPPICE_TEST_PLUGINS']}/feeds.so", folder.path)
        self.wrong = pathlib.Path(folder.path) / "wrong"
        # The wire is the only connection between the two nodes.
        nowhere = "  routes: [ { node: away@127.0.0.1, address: 127.0.0.1, port: 1 } ]"
        self.home = Side(cleanup, "home", folder.path, routes=nowhere, events=DECLARED)
        self.wire = Wire(cleanup, self.home.listen)
        way = f"  routes: [ {{ node: {self.home.node.name}, address: 127.0.0.1, port: {self.wire.port} }} ]"
        self.away = Side(cleanup, "away", folder.path, home=self.home.node.name, routes=way, epmd_port=self.home.node.epmd_port)
        self.sides = (self.home, self.away)
        self.done = collections.Counter()
        self.failed = []
        self.over = threading.Event()

    def all_follow(self):
        """Waits until each subscriber that runs has subscribed."""
        eventually(lambda: all(self.home.events().get((event, None), {}).get("subscribers") == 4 for event in EVENTS),
                   f"all have subscribed: {self.home.events()}", 60)
        eventually(lambda: all(self.away.events().get((event, self.home.node.name), {}).get("subscribers") == 3 for event in EVENTS),
                   f"all have subscribed: {self.away.events()}", 60)

    def publish(self, node, event, here):
        """Publishes a burst of events. If the producer is killed in the middle of it, a part of the burst is
        published."""
        reply = node.reply("call", name=event, term=f"{{publish_many, {here.choice([1, 100, 5000])}}}", timeout_ms=60000)
        if "result" not in reply:
            self.over.wait(0.01)

    def kill(self, node, names, here):
        reply = node.reply("exit", name=here.choice(names), reason=here.choice(["kill", "boom"]))
        if "result" in reply:
            self.done["killed"] += 1
        self.over.wait(here.uniform(0, 0.2))

    def cut(self, _node, _names, here):
        self.over.wait(here.uniform(0.3, 1.5))
        self.wire.cut()
        self.over.wait(here.uniform(0, 0.3))
        self.wire.heal()
        self.done["cuts"] += 1

    def rage(self):
        """Runs all of it at once, for the given time."""
        def repeat(act, *arguments):
            try:
                while not self.over.is_set():
                    act(*arguments)
            except (AssertionError, OSError, ValueError) as why:
                self.failed.append((act.__name__, str(why)))

        everybody = [[*EVENTS, *(name for name, _ in self.home.watchers)], [name for name, _ in self.away.watchers]]
        plan = [(self.publish, self.home, event) for event in EVENTS]
        plan += [(self.kill, side, names) for side, names in zip(self.sides, everybody)]
        plan += [(self.cut, self.home, None)]
        threads = [threading.Thread(target=repeat, args=(act, side.node, what, random.Random(SEED + number)))
                   for number, (act, side, what) in enumerate(plan)]
        for thread in threads:
            thread.start()
        self.over.wait(SECONDS)
        self.over.set()
        for thread in threads:
            thread.join()
        self.wire.heal()

    def told_wrong(self):
        return self.wrong.read_text(encoding="utf-8").splitlines()[:20] if self.wrong.exists() else []


@test("over kills, cuts and slow subscribers nobody misses a number untold, nobody gets one twice, and all have the last")
def chaos(cleanup):
    all_of = Chaos(cleanup)
    home, away = all_of.sides
    all_of.all_follow()
    before = {side: side.node.ask("status")["processes"] for side in all_of.sides}
    began = time.monotonic()
    all_of.rage()
    took = time.monotonic() - began
    equal(all_of.failed, [])
    all_of.all_follow()
    # Watchers that subscribed a moment ago get their first event here.
    last = {event: int(home.node.call(event, "{publish, last}")) for event in EVENTS}
    for side in all_of.sides:
        for watcher, event in side.watchers:
            eventually(lambda side=side, watcher=watcher, event=event: (side.sum(watcher) or (0,))[0] == last[event],
                       f"{watcher} has {last[event]}", 60)
    equal(all_of.told_wrong(), [])
    published = sum(home.events()[event, None]["published"] for event in EVENTS)
    print(f"# {published} published, {published / took:.0f} a second, {dict(all_of.done)}", flush=True)
    check(all_of.done["killed"] > 0 and all_of.done["cuts"] > 0 and max(last.values()) > 1000, "all of it happened", (all_of.done, last))
    for side in all_of.sides:
        eventually(lambda side=side: side.node.ask("status")["processes"] == before[side], "no process is left over", 20)
        equal(side.node.process.poll(), None, side.node.log()[-3000:])
    equal(sorted(name for name, node in away.events() if node), sorted(EVENTS))


run()
