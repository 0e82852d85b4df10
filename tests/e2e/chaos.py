#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A tree of a thousand actors under random crashes, restarts by hand, changed configurations, replaced plugins and
message load. In the end everything that should run does, once, and nothing else. COPPICE_CHAOS_SECONDS is the time,
COPPICE_CHAOS_ACTORS the number of actors under each of the ten supervisors, COPPICE_CHAOS_SEED the seed of the
chaos."""
import collections
import os
import pathlib
import random
import re
import shutil
import threading
import time
import urllib.request

from harness.node import Folder, Node, free_port, plugin_folder, variants
from harness.tap import check, equal, eventually, run, test

seconds = float(os.environ.get("COPPICE_CHAOS_SECONDS", "5"))
supervisors, actors = 10, int(os.environ.get("COPPICE_CHAOS_ACTORS", "100"))
strategies = ["one_for_one", "rest_for_one", "one_for_one", "one_for_all", "one_for_one"]


class Wanted:
    """The configuration as a value that changes at random."""

    def __init__(self, choose):
        self.choose = choose
        self.next = 0
        self.port = free_port()
        self.groups = [[self.fresh() for _ in range(actors)] for _ in range(supervisors)]

    def fresh(self):
        self.next += 1
        return {"id": f"c{self.next}", "name": f"n{self.next}", "room": 10}

    def change(self):
        group = self.choose.choice(self.groups)
        at = self.choose.randrange(len(group))
        how = self.choose.randrange(5)
        if how == 0:
            group[at] = self.fresh()
        elif how == 1:
            group.insert(at, self.fresh())
            group.pop()
        elif how == 2:
            group[at] = dict(group[at], room=group[at]["room"] + 1)
        elif how == 3:
            group[at] = dict(group[at], name=f"{group[at]['name']}x")
        else:
            self.choose.shuffle(group)

    @staticmethod
    def kind(child):
        return ["kv", "probe", "kv", "probe", "ticker"][int(child["id"][1:]) % 5]

    def tickers(self):
        """Each has one timer, which runs for an hour."""
        return sum(self.kind(child) == "ticker" for group in self.groups for child in group)

    def names(self):
        return {child["name"] for group in self.groups for child in group}

    def yaml(self):
        lines = ["node: { workers: 2, log: { level: error } }",
                 f"control: {{ http: {{ address: 127.0.0.1, port: {self.port} }} }}",
                 "distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }",
                 "applications:", "  - name: chaos", "    type: permanent", "    supervisor:",
                 "      intensity: 1000000", "      children:"]
        for number, group in enumerate(self.groups):
            lines += [f"        - id: s{number}", "          supervisor:", "            intensity: 1000000",
                      f"            strategy: {strategies[number % len(strategies)]}", "            children:"]
            for child in group:
                actor = self.kind(child)
                args = {"kv": f", args: {{ max_entries: {child['room']} }}", "probe": "",
                        "ticker": ", args: { to: nobody, every: 1h }"}[actor]
                lines.append(f"              - {{ id: {child['id']}, actor: {actor}, name: {child['name']}{args} }}")
        return "\n".join(lines) + "\n"


def running(node):
    """(name, state, pid) of every child that is not a supervisor."""
    found = []

    def walk(entry):
        for child in entry.get("children", []):
            if child["behaviour"] != "supervisor":
                found.append((child["name"], child["state"], child["pid"]))
            walk(child)
    for application in node.ask("tree")["applications"]:
        walk(application["supervisor"])
    return found


class Shelf:
    """The folder from which the node takes its plugins. Its kv is another version each time."""

    def __init__(self, cleanup):
        folder = Folder()
        cleanup.callback(folder.close)
        self.path = folder.path
        self.turn = 0
        for name in ("probe.so", "ticker.so"):
            shutil.copy(pathlib.Path(plugin_folder()) / name, self.path / name)
        self.replace()

    def replace(self):
        self.turn += 1
        fresh = self.path / ".kv.new"
        shutil.copy(variants / f"kv_{1 + self.turn % 2}.so", fresh)
        fresh.chmod(0o755)
        fresh.rename(self.path / "kv.so")


def links_left_over(node):
    """Links other than the link between a supervisor and its child."""
    expected = collections.Counter()

    def walk(entry):
        for child in entry.get("children", []):
            expected[child["pid"]] += 1
            expected[entry["pid"]] += 1
            walk(child)
    for application in node.ask("tree")["applications"]:
        walk(application["supervisor"])
        expected[application["supervisor"]["pid"]] += 1  # the link to its application
    found = {pid: len(node.info(pid)["links"]) for pid in expected}
    return {pid: (found[pid], count) for pid, count in expected.items() if found[pid] != count}


def metric(port, name):
    """The sum of a metric over its labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.M)
    check(values, f"the metric {name} is there", text[:2000])
    return sum(float(value) for value in values)


@test("a thousand actors come through crashes, kills, restarts, applies and reloads under load")
def chaos(cleanup):
    seed = int(os.environ.get("COPPICE_CHAOS_SEED", "1"))
    choose = random.Random(seed)
    wanted = Wanted(choose)
    shelf = Shelf(cleanup)
    node = Node(cleanup, config=wanted.yaml(), settings=[("plugins.path", f"[ {shelf.path} ]")])
    before = node.ask("status")["processes"]
    timers_of_node = metric(wanted.port, "coppice_worker_timers") - wanted.tickers()
    over = threading.Event()
    done = collections.Counter()
    names = [sorted(wanted.names())]

    def repeat(act, random_here):
        while not over.is_set():
            act(random_here)

    def load(here):
        name = here.choice(names[0])
        node.reply("call", name=name, term=here.choice(["size", "ping", "{put, k, 1}"]), timeout_ms=1000)
        node.reply("send", name=name, term="hello")
        done["messages"] += 2
        if here.randrange(20) == 0:  # so that some actors are parked when they are killed
            node.reply("call", name=name, term="{sleep, 1000}", timeout_ms=1)
            done["sleeps"] += 1

    def crash(here):
        node.reply("call", name=here.choice(names[0]), term=here.choice(["{exit, boom}", "throw"]), timeout_ms=1000)
        done["crashes"] += 1
        time.sleep(0.005)

    def by_hand(here):
        group = here.randrange(supervisors)
        child = here.choice(wanted.groups[group])["id"]
        path = here.choice([f"chaos/s{group}/{child}"] * 9 + [f"chaos/s{group}"])
        node.reply("restart", path=path)
        done["restarts"] += 1
        time.sleep(0.02)

    def in_turn(command, **arguments):
        """Applies and reloads exclude each other, so a command that was refused for that reason is tried again."""
        while True:
            reply = node.reply(command, **arguments)
            if "under way" not in str(reply.get("error")) or over.wait(0.005):
                return reply

    def reload(here):
        shelf.replace()
        reply = in_turn("reload", plugin="kv")
        done["reloads" if "result" in reply else "reloads refused"] += 1
        over.wait(here.random())

    threads = [threading.Thread(target=repeat, args=(act, random.Random(seed + number)))
               for number, act in enumerate([load, load, crash, by_hand, reload])]
    for thread in threads:
        thread.start()
    refused = []
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until and node.process.poll() is None:
            for _ in range(choose.randint(1, 5)):
                wanted.change()
            node.folder.write("node.yaml", wanted.yaml())
            reply = in_turn("apply")
            if "result" not in reply:
                refused.append(reply)
            done["applies"] += 1
            over.wait(0.02)  # time for a reload in between
            names[0] = sorted(wanted.names())
    finally:
        over.set()
        for thread in threads:
            thread.join()
    equal(node.process.poll(), None, node.log()[-3000:])
    # A change may be refused as a whole if a supervisor is restarted meanwhile. The last one has to go through.
    eventually(lambda: "result" in node.reply("apply"), "the last configuration is applied")

    def settled():
        found = running(node)  # a supervisor that is started again has no children for a moment
        whole = len(found) == supervisors * actors
        return found if whole and all(state == "running" for _, state, _ in found) else None

    found = eventually(settled, "every child runs", 30)
    equal(sorted(name for name, _, _ in found), sorted(wanted.names()))
    equal(len({pid for _, _, pid in found}), supervisors * actors)
    for name in choose.sample(sorted(wanted.names()), 50):
        check(node.coppice("call", name, "size").returncode in (0, 1), f"{name} answers")
    eventually(lambda: node.ask("status")["processes"] == before, "no process is left over", 10)
    equal(node.ask("diff")["changes"], [])
    equal(links_left_over(node), {}, "every link is one between a supervisor and its child")
    for what in ("worker_parked", "lingering_processes", "abandoned_stacks_total"):
        eventually(lambda: metric(wanted.port, f"coppice_{what}") == 0, f"no {what}", 10)
    eventually(lambda: metric(wanted.port, "coppice_worker_timers") == timers_of_node + wanted.tickers(), "no timer is left over", 10)
    shelf.replace()
    eventually(lambda: "result" in node.reply("reload", plugin="kv"), "a last reload goes through", 20)
    kept = {one["id"]: one.get("kept", []) for one in node.ask("plugins")["plugins"]}
    equal(kept["kv"], [], "code of former generations is unmapped")
    check(all(done[what] > 0 for what in ("messages", "sleeps", "crashes", "restarts", "applies", "reloads")),
          "all of it happened", done)
    check(len(refused) <= done["applies"] // 2, "most changes went through", refused[:3])
    print(f"# {dict(done)}, {len(refused)} changes refused", flush=True)
    equal(node.stop(), 0, node.log()[-3000:])


run()
