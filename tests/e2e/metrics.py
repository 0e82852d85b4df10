#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The whole /metrics page of a node that has each kind of engine, line by line as in tests/e2e/metrics_page.txt: names, help,
types, the order of families and series, labels, and every value that does not depend on time or on the machine.

A failure shows a unified diff: `patch` with it updates the file."""
import contextlib
import difflib
import http.client
import pathlib
import re
import socket

from harness.node import Node, Shelf, free_port
from harness.site import address
from harness.tap import equal, eventually, run, test

PAGE = pathlib.Path(__file__).with_name("metrics_page.txt")
CONFIG = """
node: {{ workers: 2 }}
control: {{ http: {{ port: {port} }} }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
events:
  - {{ name: notes, buffer: 5, open: true }}
cron:
  timezone: UTC
  jobs:
    - {{ name: clear, at: "0 0 1 1 *", do: {{ call: {{ to: kv, message: size }} }} }}
    - {{ name: never, at: "0 0 1 1 *", do: {{ call: {{ to: kv, message: size }} }}, enabled: false }}
applications:
  - name: main
    type: permanent
    supervisor:
      intensity: 100
      children:
        - {{ id: kv, actor: kv, name: kv }}
        - {{ id: east, actor: kv, name: east }}
        - {{ id: west, actor: kv, name: west }}
        - {{ id: pages, actor: pages, name: pages }}
        - {{ id: workers, name: workers, pool: {{ actor: probe, size: 2 }} }}
        - {{ id: ended, name: ended, pool: {{ actor: probe, size: 1 }} }}
        - {{ id: beside, name: beside, pool: {{ actor: probe, size: 1 }} }}
        - id: lines
          name: lines
          tcp: {{ listen: [ {{ address: 127.0.0.1, port: 0 }} ], actor: "echo:lines", frame: {{ kind: line, max: 1KiB }} }}
        - id: site
          name: site
          web:
            listen: [ {{ address: 127.0.0.1, port: 0 }} ]
            routes:
              - {{ method: GET, path: "/users/{{id}}", to: pages }}
              - {{ path: /nobody, to: nobody }}
              - {{ path: /old, redirect: {{ to: /new, status: 301 }} }}
        - id: alarms
          name: alarms
          event_manager: {{ handlers: [ {{ id: many, actor: alarms }}, {{ id: few, actor: alarms, restart: permanent, args: {{ limit: 1 }} }} ] }}
        - id: pings
          name: pings
          udp: {{ listen: [ {{ address: 127.0.0.1, port: 0 }} ], actor: pings, max_datagram: 1KiB }}
        - {{ id: door, actor: door, name: door, args: {{ open_for: 1h }}, statem: {{ postponed: {{ limit: 1, on_full: drop_new }} }} }}
        - {{ id: counter, actor: "numbers:counter", name: counter }}
        - id: doubler
          actor: numbers:doubler
          name: doubler
          stage: {{ subscribe_to: [ {{ to: counter, max_demand: 1000, min_demand: 500 }} ] }}
        - id: printer # its first batch takes longer than the test
          actor: numbers:printer
          name: printer
          shutdown: brutal_kill
          args: {{ every: 1h }}
          stage: {{ subscribe_to: [ {{ to: doubler, max_demand: 100 }} ] }}
        - id: shard
          actor: shard
          name: shard
          args: {{ among: [east, west] }}
          router: {{ routes: [ {{ name: east, to: east }}, {{ name: west, to: west }} ] }}
        - id: talk
          name: talk
          port: {{ command: [/bin/cat], actor: "programs:talk", frame: {{ kind: line, max: 1KiB }} }}
        - id: brief
          name: brief
          restart: temporary
          port: {{ command: [/bin/sh, -c, exit 3], actor: "programs:talk", frame: {{ kind: line, max: 1KiB }} }}
        - id: cache
          name: cache
          tcp: {{ connect: {{ address: 127.0.0.1, port: {server} }}, actor: echo }}
  - name: weak
    type: temporary
    supervisor:
      intensity: 0
      on_exceeded: park
      children: [ {{ id: weak, actor: probe, name: weak }} ]
"""

# Families whose values depend on the machine or on its speed.
VARIES = re.compile(
    r"_seconds(_bucket|_sum|_total)?\b(?!_count)|coppice_(resident_memory_bytes|plugin_memory_bytes|open_fds|message_memory_bytes|processes\b|processes_spawned"
    r"|dead_letters|slow_handlers|workers_taken_over|stuck_threads|lingering_processes|abandoned_stacks|worker_|http_connections"
    r"|configuration_on_disk_since|connection_(queued_bytes|silent_ticks))|process_(open|max)_fds|process_(resident|virtual)|process_cpu")
VARYING_SERIES = re.compile(r'coppice_named_event_(published_total|kept){event="coppice.node"}|coppice_http_responses_total')
VARYING_LABELS = re.compile(r'(version|creation|error)="[^"]*"')


# It is chance which classes of actors have had a measured turn, so one series of each name stands for all of them.
BY_CHANCE = re.compile(r"(coppice_(?:actor_cpu|handler|mailbox_wait)_seconds\w*)\{")
LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')


def masked(text):
    """The page without everything that may differ from run to run."""
    lines, seen = [], set()
    for line in text.splitlines():
        if by_chance := BY_CHANCE.match(line):
            if by_chance[1] not in seen:
                seen.add(by_chance[1])
                lines.append(LABEL.sub(r'\1="*"', line.rpartition(" ")[0]) + " *")
            continue
        if not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name = series.partition("{")[0]
            line = VARYING_LABELS.sub(r'\1="*"', series) + " " + ("*" if VARIES.search(name) or VARYING_SERIES.match(series) else value)
        lines.append(line)
    return lines


class Machine:
    """A node with one engine of each kind. The work of each engine leads to the same numbers in every run."""

    def __init__(self, cleanup):
        server = socket.create_server(("127.0.0.1", 0))
        cleanup.callback(server.close)
        self.port = free_port()
        self.shelf = Shelf(cleanup, "alarms", "door", "echo", "kv", "numbers", "pages", "pings", "probe", "programs", "shard")
        self.node = Node(cleanup, config=CONFIG.format(port=self.port, server=server.getsockname()[1]), settings=[self.shelf.setting])
        self.work()

    def at(self, name):
        return address(self.node.ask("listener", name=name)["listening"][0])

    def work(self):
        node = self.node
        node.answer("weak", "{exit, oops}")
        for _ in range(3):
            equal(node.call("workers", "ping"), "pong")
        equal(node.call("kv", "{put, a, 1}"), "ok")
        node.call("kv", "{get, a}")
        for key in range(4):
            equal(node.call("shard", f"{{put, {key}, x}}"), "ok")
        node.call("shard", "routes")
        equal(node.call("talk", '{say, <<"hello\\n">>}'), "ok")
        with socket.create_connection(self.at("lines"), 60) as client:
            client.sendall(b"hello\n")
            equal(client.recv(100), b"hello\n")
        for path, status in (("/users/7", 200), ("/users/8", 200), ("/nobody", 502), ("/old", 301), ("/none", 404)):
            with contextlib.closing(http.client.HTTPConnection(*self.at("site"), timeout=60)) as client:
                client.request("GET", path)
                equal(client.getresponse().status, status, path)
        node.ask("send", name="alarms", term="{notify, {set_alarm, {disk, full}}}")
        node.ask("send", name="alarms", term="{notify, {set_alarm, {door, open}}}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(60)
            client.connect(address(node.engine("pings")["sockets"][0]))
            client.send(b"x" * 10)
            equal(client.recv(100), b"10")
        for _ in range(3):
            node.ask("send", name="door", term="{'$gen_cast', push}")
        for number in range(7):
            node.ask("events", change="publish", name="notes", term=str(number))
        node.ask("cron", change="run", name="clear")
        node.ask("terminate", path="main/ended")
        node.reply("connect", node="nobody@127.0.0.1", timeout_ms=5000)

    def page(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(client):
            client.request("GET", "/metrics")
            answer = client.getresponse()
            equal(answer.status, 200)
            return answer.read().decode()


@test("the page of a node with an engine of each kind is to the letter what it was")
def whole_page(cleanup):
    machine = Machine(cleanup)
    wanted = PAGE.read_text(encoding="utf-8").splitlines()
    with contextlib.suppress(AssertionError):
        eventually(lambda: masked(machine.page()) == wanted, "", 30)
    found = masked(machine.page())
    if found != wanted:
        raise AssertionError("\n".join(difflib.unified_diff(wanted, found, PAGE.name, PAGE.name, lineterm="")))


if __name__ == "__main__":
    run()
