#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reloads under load: two Erlang nodes send numbered calls and casts to kv, which is replaced again and again by versions with
another layout of its state. In the end every ledger must agree.

COPPICE_RELOADS is the number of reloads (60), COPPICE_RELOAD_CALLERS the number of callers on each node (8). Figures go to
standard error.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

from harness.erlang import Erl
from harness.node import Node, plugin_folder, variants
from harness.reports import sanitized
from harness.tap import check, equal, run, test

here = pathlib.Path(__file__).resolve().parent
reloads = int(os.environ.get("COPPICE_RELOADS", "60"))
callers = int(os.environ.get("COPPICE_RELOAD_CALLERS", "8"))

config = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
plugins: { reload_deadline: 30s }
applications:
  - name: main
    supervisor:
      name: sup
      children:
        - { id: kv, actor: kv, name: kv }
        - { id: ticker, actor: ticker, args: { to: "clock@%s", every: 20ms } }
        - id: crowd
          supervisor: { name: crowd, strategy: simple_one_for_one, children: [ { id: one, actor: kv } ] }
"""


def put(folder, variant, name="kv"):
    fresh = folder / f".{name}.new"
    shutil.copy(variants / f"{variant}.so", fresh)
    fresh.chmod(0o755)
    fresh.rename(folder / f"{name}.so")


def rss(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1))


def images(process):
    """The files of kv that are mapped into the process."""
    with open(f"/proc/{process.pid}/maps") as maps:
        return set(re.findall(r"\S*/plugins/kv-\S+", maps.read()))


def figures(what, reports):
    lines = [f"{what}: {len(reports)} reloads"]
    for key in ("pause_ms", "drain_ms", "save_ms", "restore_ms"):
        values = sorted(report[key] for report in reports)
        lines.append(f"  {key:<11} median {values[len(values) // 2]:8.3f}  max {values[-1]:8.3f}")
    over = sorted(r["pause_ms"] - r["drain_ms"] - r["save_ms"] - r["restore_ms"] for r in reports)
    lines.append(f"  beyond these median {over[len(over) // 2]:8.3f}  max {over[-1]:8.3f}")
    print("\n".join("# " + line for line in lines), file=sys.stderr, flush=True)


@test("no call is lost, doubled or overtaken while kv is reloaded under the load of two Erlang nodes")
def under_load(cleanup):
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    cleanup.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
    shutil.copy(pathlib.Path(plugin_folder()) / "ticker.so", folder / "ticker.so")
    shutil.copy(here / "ledger.erl", folder)  # an Erlang node in a chroot does not see the checkout
    put(folder, "kv_1")
    node = Node(cleanup, config=config % "one@127.0.0.1", settings=[("plugins.path", f"[ {folder} ]")])
    peers = [Erl(cleanup, name=f"{name}@127.0.0.1", epmd_port=node.epmd_port) for name in ("one", "two")]
    pid = node.info("kv")["pid"]
    node.call("kv", f"{{put, pid, {pid}}}")
    peers[0]("register(clock, spawn(fun() -> F = fun L(N) -> receive {tick, M} when M =:= N + 1 -> L(M); "
             "{tick, M} -> L({gap, N, M}); {last, P} -> P ! N, L(N) end end, "
             "receive {tick, First} -> F(First) end end)), ok")
    for number, peer in enumerate(peers):
        peer(f"{{ok, ledger, Code}} = compile:file(\"{folder}/ledger\", [binary]), "
             "{module, ledger} = code:load_binary(ledger, \"ledger\", Code), ok")
        peer(f"L = ledger:start({{kv, '{node.name}'}}, {number}, {callers}), ok")

    reports, memory = [], []
    for number in range(reloads):
        put(folder, "kv_2" if number % 2 == 0 else "kv_1")
        reports.append(node.ask("reload"))
        equal(reports[-1]["plugins"][0]["actors"][0]["outcome"], "carried")
        if number % 10 == 5:
            node.ask("reload", plugin="ticker")
        if number >= reloads // 4:
            memory.append(rss(node.process))

    calls = 0
    for peer in peers:
        made, wrong = re.fullmatch(r"\{(\d+),(.*)\}", peer("ledger:stop(L)")).groups()
        equal(wrong, "[]")
        calls += int(made)
    check(calls > reloads, "the nodes have called all the time", calls)
    last = peers[0]("clock ! {last, self()}, receive N -> N end")
    check(last.isdigit() and int(last) > 0, "no tick was missed", last)
    equal(node.info("kv")["pid"], pid)
    equal(node.info("kv")["generation"], reloads + 1)
    equal(len(images(node.process)), 1, "former generations are unmapped")
    figures(f"1 actor, {calls} calls", reports)
    print(f"# RSS {memory[0]} kB after {reloads // 4} reloads, {memory[-1]} kB after {reloads}", file=sys.stderr)
    if not sanitized("address"):  # it keeps freed memory
        check(memory[-1] - memory[0] < 8 * 1024, "memory is flat", memory)
    equal(node.stop(), 0, node.log())


@test("a handler that waits for another node's process, which calls an actor that stands still, is drained")
def through_another_node(cleanup):
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    cleanup.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
    put(folder, "shift_1", "shift")
    node = Node(cleanup, config="""
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: main
    supervisor: { children: [ { id: a, actor: shift, name: a }, { id: b, actor: shift, name: b } ] }
""", settings=[("plugins.path", f"[ {folder} ]")])
    peer = Erl(cleanup, name="one@127.0.0.1", epmd_port=node.epmd_port)
    peer("register(proxy, spawn(fun() -> F = fun L() -> receive {'$gen_call', From, {relay, To, What}} -> "
         f"gen_server:reply(From, gen_server:call({{To, '{node.name}'}}, What)), L() end end, F() end)), ok")
    peer(f"pong = net_adm:ping('{node.name}'), ok")
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answers.append(node.call("a", "{ask_through, 'proxy@one@127.0.0.1', b, 3}"))

    caller = threading.Thread(target=ask)
    caller.start()
    for number in range(8):
        put(folder, "shift_2" if number % 2 == 0 else "shift_1", "shift")
        report = node.ask("reload")
        equal({actor["outcome"] for actor in report["plugins"][0]["actors"]}, {"carried"})
    over.set()
    caller.join()
    equal([int(answer) for answer in answers], list(range(1, len(answers) + 1)))
    equal(node.stop(), 0, node.log())


@test("ten thousand actors of a plugin are carried over together")
def many_actors(cleanup):
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    cleanup.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
    shutil.copy(pathlib.Path(plugin_folder()) / "ticker.so", folder / "ticker.so")
    put(folder, "kv_1")
    node = Node(cleanup, config=config % "one@127.0.0.1", settings=[("plugins.path", f"[ {folder} ]")])
    pids = [node.call("crowd", "{start_child, []}")[4:-1] for _ in range(10_000)]
    for number in range(0, 10_000, 97):
        node.call(pids[number], f"{{put, number, {number}}}")
    reports = []
    for number in range(max(2, reloads // 10)):
        put(folder, "kv_2" if number % 2 == 0 else "kv_1")
        reports.append(node.ask("reload"))
        outcomes = [actor["outcome"] for actor in reports[-1]["plugins"][0]["actors"]]
        equal((len(outcomes), set(outcomes)), (10_001, {"carried"}))
    for number in range(0, 10_000, 97):
        equal(node.call(pids[number], "{get, number}"), f"{{ok,{number}}}")
    equal(len(images(node.process)), 1)
    figures("10,001 actors", reports)
    equal(node.stop(), 0, node.log())


run()
