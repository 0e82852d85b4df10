#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A pool of servers in a running node: calls of Erlang processes through it, workers that end, sizes changed by hand
and by `apply`, a reload under load, and what operators see of it."""
import concurrent.futures
import re
import urllib.request

from harness.erlang import Erl
from harness.node import Node, Shelf, connectable, free_port, tree
from harness.tap import check, contains, equal, eventually, run, test

CHILDREN = """
        - id: workers
          name: workers
          pool: {{ actor: {actor}, size: {size}, intensity: 1000{more} }}
        - {{ id: beside, actor: probe, name: beside }}
"""


def config(actor="probe", size=2, more=""):
    return tree(CHILDREN.format(actor=actor, size=size, more=more and ", " + more), "main", distribution=connectable)


def pair(cleanup, **options):
    node = Node(cleanup, config=config(**options))
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    erl("T = fun(F) -> try F() catch exit:{R, _} -> {exit, R} end end")
    return node, erl


def report(node):
    return node.ask("pool", name="workers")


@test("an Erlang process calls and casts a pool as it would a server")
def calls(cleanup):
    node, erl = pair(cleanup)
    equal(erl("gen_server:call({workers, N}, ping)"), "pong")
    erl("A = gen_server:call({workers, N}, self), spawn(fun() -> gen_server:call({workers, N}, {sleep, 2000}) end)")
    eventually(lambda: report(node)["held"] == 1, "one is busy")
    equal(erl("A =/= gen_server:call({workers, N}, self)"), "true", "the other one answers")
    erl("S = self(), [spawn(fun() -> S ! {got, gen_server:call({workers, N}, ping)} end) || _ <- lists:seq(1, 300)]")
    equal(erl("lists:usort([receive {got, G} -> G after 5000 -> late end || _ <- lists:seq(1, 300)])"), "[pong]")
    equal(erl("P = global:whereis_name(none), W = rpc:call(N, erlang, whereis, [workers]), is_pid(W) orelse W"), "true")
    equal(erl("gen_server:call(W, ping)"), "pong")
    equal(erl("supervisor:count_children({workers, N})"), "[{specs,2},{active,2},{supervisors,0},{workers,2}]")
    equal(erl("[{2, _, worker, _}, {1, _, worker, _}] = supervisor:which_children({workers, N}), ok"), "ok")
    equal(erl("element(1, sys:get_status({workers, N}))"), "status")
    equal(erl("maps:get(handled, sys:get_state({workers, N})) > 300"), "true")


@test("the end of a worker ends the calls that it holds, at once, with why")
def ends(cleanup):
    node, erl = pair(cleanup)
    for whom in ("{workers, N}", "W"):
        erl("W = rpc:call(N, erlang, whereis, [workers])")
        erl(f"S = self(), spawn(fun() -> S ! {{got, T(fun() -> gen_server:call({whom}, {{sleep, 60000}}, 60000) end)}} end)")
        eventually(lambda: report(node)["held"] == 1, "a worker has the call")
        busy = next(one["pid"] for one in report(node)["workers"] if one["held"])
        node.reply("exit", name=busy, reason="kill")
        equal(erl("receive {got, G} -> G after 5000 -> late end"), "{exit,{worker_down,killed}}")
        eventually(lambda: all(one["pid"] for one in report(node)["workers"]), "all workers run")
    document = report(node)
    equal((document["lost"], document["unanswered"], document["size"]), (2, 0, 2))
    equal(sum(one["restarts"] for one in document["workers"]), 2)
    # A call without a monitor can end only by its time-out. The pool counts it.
    erl("{workers, N} ! {'$gen_call', {self(), make_ref()}, {sleep, 60000}}")
    eventually(lambda: report(node)["held"] == 1, "a worker has the call")
    busy = next(one["pid"] for one in report(node)["workers"] if one["held"])
    node.reply("exit", name=busy, reason="kill")
    eventually(lambda: report(node)["unanswered"] == 1, "it is counted")


@test("an actor of another Coppice node calls a pool, is told at once of a worker's end, and where the node goes")
def from_another_node(cleanup):
    node = Node(cleanup, config=config())
    other = Node(cleanup, name="other", epmd_port=node.epmd_port, config="""
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications: [ { name: callers, type: permanent, supervisor: { children: [ { id: relay, actor: relay, name: relay } ] } } ]
""")

    def ask(request):
        return other.coppice("call", "relay", f"{{relay, {{workers, '{node.name}'}}, {request}}}", "--timeout", "60s").stdout.strip()

    equal(ask("ping"), "pong")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, "{sleep, 60000}")
        eventually(lambda: report(node)["held"] == 1, "a worker has the call")
        node.reply("exit", name=next(one["pid"] for one in report(node)["workers"] if one["held"]), reason="kill")
        equal(waiting.result(timeout=30), "{error,{worker_down,killed}}")
        equal((report(node)["lost"], report(node)["unanswered"]), (1, 0))
        equal(ask("ping"), "pong")
        waiting = pool.submit(ask, "{sleep, 60000}")
        eventually(lambda: report(node)["held"] == 1, "a worker has the call")
        node.process.kill()
        equal(waiting.result(timeout=30), "{error,nodedown}")


@test("a thousand ends of workers later there are as many as ever")
def thousand(cleanup):
    node, erl = pair(cleanup, more="in_flight: 4, on_worker_death: retry_once")
    erl("K = fun(_) -> case [P || {_, P, _, _} <- supervisor:which_children({workers, N}), is_pid(P)] of"
        " [P | _] -> exit(P, kill), catch gen_server:call({workers, N}, ping), 1; [] -> timer:sleep(1), 0 end end")
    equal(erl("lists:foldl(fun(I, A) -> A + K(I) end, 0, lists:seq(1, 1000)) > 500"), "true")
    eventually(lambda: erl("gen_server:call({workers, N}, ping)") == "pong", "the pool answers")
    eventually(lambda: all(one["pid"] for one in report(node)["workers"]), "all workers run")
    equal(report(node)["size"], 2)


@test("another size by hand and by apply, while callers go on: nothing is lost")
def sizes(cleanup):
    node, erl = pair(cleanup, size=8)
    erl("S = self(), C = [spawn(fun() -> R = [gen_server:call({workers, N}, ping) || _ <- lists:seq(1, 3000)],"
        " S ! {all, lists:usort(R)} end) || _ <- lists:seq(1, 8)]")
    for size in (2, 16, 3):
        equal(node.ask("pool", name="workers", size=size)["size"], size)
    equal(len(node.ask("tree")["applications"][0]["supervisor"]["children"][0]["children"]), 3)
    pool = report(node)["workers"][0]["pid"]
    node.folder.write("node.yaml", config(size=5, more="in_flight: 2"))
    planned = node.ask("diff")["changes"]
    equal([(one["action"], one["path"], one["keys"]) for one in planned],
          [("update", "main/workers", ["pool.size", "pool.in_flight"])])
    node.ask("apply")
    equal((report(node)["size"], report(node)["workers"][0]["pid"]), (5, pool))
    equal(erl("[receive {all, A} -> A after 60000 -> late end || _ <- C]"), "[" + ",".join(["[pong]"] * 8) + "]")
    for wrong in ("0", "10001"):
        refused = node.coppice("pool", "workers", "resize", wrong)
        equal(refused.returncode, 1)
        contains(refused.stderr, "1 to 10000 workers")
    node.said("asked to pool workers resize 10001")
    contains(node.coppice("pool", "beside").stderr, "it is no pool, but a server")


@test("one of its workers is restarted and stopped by its path, and the pool goes on")
def paths(cleanup):
    node, erl = pair(cleanup)
    before = [one["pid"] for one in report(node)["workers"]]
    node.ask("restart", path="main/workers/1")
    after = [one["pid"] for one in report(node)["workers"]]
    check(before[0] != after[0] and before[1] == after[1], f"{before} {after}")
    node.ask("terminate", path="main/workers/2")
    equal(erl("[gen_server:call({workers, N}, ping) || _ <- lists:seq(1, 5)]"), "[pong,pong,pong,pong,pong]")
    equal(report(node)["workers"][1]["pid"], None)
    node.ask("restart", path="main/workers/2")
    eventually(lambda: report(node)["workers"][1]["pid"] is not None, "the second worker is back")
    equal(node.engine("workers")["size"], 2)
    text = node.coppice("pool", "workers").stdout
    check(re.search(r"^2 +<0\.\d+\.\d+> +0 +0 ", text, re.M), text)


@test("a worker that takes long starves nobody: the others answer every call, whoever is to be chosen")
def slow_worker(cleanup):
    for dispatch in ("least_loaded", "round_robin"):
        node, erl = pair(cleanup, size=4, more=f"dispatch: {dispatch}")
        erl("S = self(), spawn(fun() -> S ! {slow, T(fun() -> gen_server:call({workers, N}, {sleep, 300000}, 300000) end)} end)")
        eventually(lambda: report(node)["held"] == 1, "a worker is busy, for as long as it takes")
        slow = next(one["pid"] for one in report(node)["workers"] if one["held"])
        # A call whose answer takes five seconds fails.
        erl("[spawn(fun() -> R = [T(fun() -> gen_server:call({workers, N}, ping, 5000) end) || _ <- lists:seq(1, 500)],"
            " S ! {all, lists:usort(R)} end) || _ <- lists:seq(1, 16)]")
        equal(erl("lists:usort([receive {all, A} -> A after 120000 -> late end || _ <- lists:seq(1, 16)])"), "[[pong]]")
        document = report(node)
        equal([(one["held"], one["handled"]) for one in document["workers"] if one["pid"] == slow], [(1, 0)], "it had no other")
        equal((document["handled"], document["rejected"], document["expired"], document["queued"]), (8000, 0, 0, 0))
        node.reply("exit", name=slow, reason="kill")
        equal(erl("receive {slow, G} -> G after 30000 -> late end"), "{exit,{worker_down,killed}}", "long before its time-out")


@test("a reload of the workers' plugin under load: every call is answered")
def reloaded(cleanup):
    node, erl = pair(cleanup, actor="kv", size=4, more="dispatch: hash, key: element 2")
    erl("S = self(), C = [spawn(fun() -> R = [gen_server:call({workers, N}, {put, <<I:32>>, J}) || J <- lists:seq(1, 2000)],"
        " S ! {all, lists:usort(R), gen_server:call({workers, N}, {get, <<I:32>>})} end) || I <- lists:seq(1, 8)]")
    for _ in range(3):
        node.ask("reload", plugin="kv")
    answers = erl("[receive {all, A, G} -> {A, G} after 60000 -> late end || _ <- C]")
    check("late" not in answers and answers.count("2000") == 8, answers)


@test("a pool grows while calls wait, shrinks when there is little to do, and apply changes by how much")
def grows(cleanup):
    node, erl = pair(cleanup, size=2, more="max: 6, idle: 500ms")
    erl("S = self(), Ask = fun(Count, Time) -> [spawn(fun() -> S ! {got, gen_server:call({workers, N}, {sleep, Time}, 60000)} end)"
        " || _ <- lists:seq(1, Count)] end, Got = fun(Count) -> lists:usort([receive {got, G} -> G after 60000 -> late end || _ <- lists:seq(1, Count)]) end")
    erl("Ask(10, 1000)")
    eventually(lambda: report(node)["size"] == 6, "it has as many as it may")
    shown = node.coppice("pool", "workers").stdout
    contains(shown, "up to 6")
    equal(erl("Got(10)"), "[ok]")
    eventually(lambda: report(node)["size"] == 2, "there is less to do")
    document = report(node)
    equal((document["grown"], document["shrunk"], document["lost"]), (4, 4, 0))
    equal(erl("length(supervisor:which_children({workers, N}))"), "2")
    pool = report(node)["workers"][0]["pid"]
    node.folder.write("node.yaml", config(size=2, more="max: 3, idle: 1h"))
    equal([(one["action"], one["keys"]) for one in node.ask("diff")["changes"]], [("update", ["pool.max", "pool.idle"])])
    node.ask("apply")
    erl("Ask(6, 300)")
    equal(erl("Got(6)"), "[ok]")
    document = report(node)
    equal((document["size"], document["max"], document["workers"][0]["pid"]), (3, 3, pool))
    for wrong, why in (("max: 1", "less than the size, 2"), ("idle: 1s", "without effect"), ("max: 4, dispatch: hash", "least_loaded or round_robin")):
        node.folder.write("node.yaml", config(size=2, more=wrong))
        refused = node.coppice("apply")
        equal(refused.returncode, 78)
        contains(refused.stdout + refused.stderr, why)


@test("the workers' class chooses who gets a call and what an overload is answered, and a reload changes its mind")
def policy(cleanup):
    plugins = Shelf(cleanup, "rooms")
    child = "{ id: workers, name: workers, pool: { actor: rooms, size: 4, queue: { limit: 0 } } }"
    node = Node(cleanup, config="node: { workers: 2 }\ndistribution: { listen: [] }\napplications:\n  - name: main\n    type: permanent\n"
                f"    supervisor:\n      intensity: 100\n      children: [ {child} ]\n", settings=[plugins.setting])
    workers = [one["pid"] for one in report(node)["workers"]]
    for room in range(8):
        equal(node.call("workers", f"{{join, {room}}}"), workers[room % 4])
    for wrong in ("wrong", "fails"):
        equal(node.call("workers", wrong), "ok")
    equal(report(node)["misdirected"], 2)
    node.said("choose of rooms returned")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(node.coppice, "call", "workers", "{sleep, 600000}", "--timeout", "50s") for _ in range(4)]
        eventually(lambda: report(node)["held"] == 4, "all are busy")
        equal(node.call("workers", "who"), "{later,0,1}")
        equal(node.call("workers", "usual"), "{error,overloaded}")
        for worker in workers:
            node.reply("exit", name=worker, reason="kill")
        for one in busy:
            contains(one.result().stderr, "worker_down")
    eventually(lambda: all(one["pid"] for one in report(node)["workers"]), "all workers run again")
    workers = [one["pid"] for one in report(node)["workers"]]
    plugins.put("rooms_2", "rooms")
    node.ask("reload", plugin="rooms")
    equal([one["pid"] for one in report(node)["workers"]], workers)
    for room in range(8):
        equal(node.call("workers", f"{{join, {room}}}"), workers[3 - room % 4])


@test("where senders wait for room, as many as may do, all are served, and operators reach the full pool")
def parking(cleanup):
    queue = "queue: {{ on_full: park_sender, limit: 3, wait: {wait} }}"
    node, erl = pair(cleanup, size=1, more=queue.format(wait="60s"))
    erl("S = self(), spawn(fun() -> S ! {first, T(fun() -> gen_server:call({workers, N}, {sleep, 60000}, 60000) end)} end)")
    eventually(lambda: report(node)["held"] == 1, "the worker is busy")
    erl("[spawn(fun() -> S ! {got, gen_server:call({workers, N}, ping, 60000)} end) || _ <- lists:seq(1, 40)]")
    eventually(lambda: report(node)["queued"] in (3, 4), "as many wait in the queue as may")
    node.folder.write("node.yaml", config(size=1, more=queue.format(wait="50s")))
    node.ask("apply")
    check(report(node)["queued"] in (3, 4) and report(node)["rejected"] == 0, report(node))
    node.reply("exit", name=report(node)["workers"][0]["pid"], reason="kill")
    equal(erl("receive {first, F} -> F after 30000 -> late end"), "{exit,{worker_down,killed}}")
    equal(erl("lists:usort([receive {got, G} -> G after 30000 -> late end || _ <- lists:seq(1, 40)])"), "[pong]")
    node.folder.write("node.yaml", config(size=1, more="queue: { limit: 3 }"))
    equal([(one["action"], one["keys"]) for one in node.ask("diff")["changes"]], [("restart", ["pool.queue.on_full", "pool.queue.wait"])])


@test("metrics count what a pool does, and a pool that is gone is gone from them")
def metrics(cleanup):
    port = free_port()
    node = Node(cleanup, config=config(more="queue: { limit: 1 }"), settings=[("control.http", f"{{ port: {port} }}")])

    def samples():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            text = page.read().decode()
        return {name: float(value) for name, value in re.findall(r'^coppice_pool_(\w+?)(?:_total)?{pool="main/workers"} (\S+)', text, re.M)}

    with concurrent.futures.ThreadPoolExecutor(3) as three:
        waiting = [three.submit(node.coppice, "call", "workers", "{sleep, 3000}", "--timeout", "20s") for _ in range(3)]
        eventually(lambda: (samples().get("held"), samples().get("queued")) == (2, 1), "two calls are held, one waits")
        contains(node.coppice("call", "workers", "ping").stdout, "overloaded")
        equal(samples()["rejected"], 1)
        for one in waiting:
            equal(one.result().returncode, 0)
    equal((samples()["handled"], samples()["workers"], samples()["held"]), (3, 2, 0))
    node.ask("stop", application="main")
    equal(samples(), {})


if __name__ == "__main__":
    run()
