#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Named events of running nodes: actors of this node and others, Erlang processes and operators subscribe and publish;
producers end, plugins are reloaded, connections are lost, subscribers are slow."""
import http.client
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import threading

from harness.erlang import Erl
from harness.node import Folder, Node, free_port, program
from harness.tap import check, contains, equal, eventually, run, test
from harness.websocket import CLOSE, TEXT, WebSocket, close_frame

TREE = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
events:
  - {{ name: notes, buffer: 5, open: true }}
  - {{ name: orders, producer: shop, buffer: 3, queue: {queue}, bytes: 1KiB, notify: true, slow: {slow} }}
{more}
applications:
  - name: demo
    type: permanent
    supervisor:
      name: demo_sup
      intensity: 50
      children:
        - {{ id: shop, actor: feeds:shop, name: shop, args: {{ event: orders }} }}
        - {{ id: market, actor: feeds:shop, name: market, args: {{ event: market, buffer: 2 }} }}
        - {{ id: desk, actor: feeds:desk, name: desk }}
        - {{ id: other, actor: feeds:desk, name: other }}
        - {{ id: countdown, actor: feeds:countdown, name: countdown }}
        - {{ id: small, actor: feeds:desk, name: small, mailbox: {{ limit: 3 }} }}
"""


class Plugins:
    def __init__(self, cleanup):
        self.folder = Folder()
        cleanup.callback(self.folder.close)
        self.take("feeds")

    def take(self, file):
        shutil.copy(f"{os.environ['COPPICE_TEST_PLUGINS']}/{file}.so", f"{self.folder.path}/feeds.so.new")
        os.replace(f"{self.folder.path}/feeds.so.new", f"{self.folder.path}/feeds.so")


def start(cleanup, queue=100000, slow="drop_old", more="", plugins=None, **settings):
    plugins = plugins or Plugins(cleanup)
    pairs = [("plugins.path", f"[ {plugins.folder.path} ]"), *settings.pop("settings", ())]
    return Node(cleanup, config=TREE.format(queue=queue, slow=slow, more=more), settings=pairs, **settings)


def got(node, who="desk"):
    """The events that a desk was given since the last call."""
    return re.findall(r'<<"([^"]*)">>', node.call(who, "got"))


def gets(node, who, *wanted):
    """Waits until the desk was given exactly these events."""
    seen = []

    def all_there():
        seen.extend(got(node, who))
        return len(seen) >= len(wanted)

    eventually(all_there, f"{who} gets {wanted}")
    equal(seen, list(wanted))


def counts(node):
    return events(node)["orders", None]


def begun(node, name="orders", where="", how="buffered", who="desk"):
    text = node.call(who, f'{{subscribe, <<"{name}">>, <<"{where}">>, {how}}}')
    return tuple(int(one) for one in re.findall(r"\d+", text))


def events(node):
    return {(one["name"], one["node"]): one for one in node.ask("events")["events"]}


@test("actors get what another one publishes, in its order, and its producer hears of the first and the last of them")
def actors(cleanup):
    node = start(cleanup)
    equal(node.call("shop", "{publish, one}"), "1")
    creation, first, last, buffer = begun(node)
    equal((first, last, buffer), (1, 1, 3))
    node.call("shop", "{publish, two}")
    gets(node, "desk", "orders 1 one", "orders 2 two")
    begun(node, how="now", who="other")
    node.call("shop", "{publish, three}")
    gets(node, "desk", "orders 3 three")
    gets(node, "other", "orders 3 three")
    refused = node.coppice("call", "desk", '{subscribe, <<"orders">>, <<>>, now}')
    check(refused.returncode != 0 and "-12" in refused.stderr + node.log(), "it has subscribed", refused.stderr)
    refused = node.coppice("call", "other", '{subscribe, <<"nothing">>, <<>>, now}')
    check(refused.returncode != 0, "there is no such event", refused.stderr)
    # Both subscribers have crashed by this, which ended their subscriptions.
    eventually(lambda: counts(node)["subscribers"] == 0, "nobody has subscribed")
    eventually(lambda: node.call("shop", "heard") == "[1,0]", "its producer heard of it")
    node.call("shop", "{publish, four}")
    begun(node, how=f"{{{creation}, 2}}")
    gets(node, "desk", "orders 3 three", "orders 4 four")
    equal(node.call("desk", '{unsubscribe, <<"orders">>, <<>>}'), "true")
    equal(node.call("desk", '{unsubscribe, <<"orders">>, <<>>}'), "false")
    node.call("shop", "{publish_many, 9}")
    equal(got(node), [])
    begun(node, how="5")
    gets(node, "desk", "orders gap 6-10", "orders 11 7", "orders 12 8", "orders 13 9")
    begun(node, how=f"{{{creation + 1}, 12}}", who="other")
    gets(node, "other", "orders gap 0-10", "orders 11 7", "orders 12 8", "orders 13 9")
    # A process that has the token can publish, a process with a wrong one cannot.
    token = node.call("shop", "token")
    equal(node.call("market", f"{{publish_by, {token}, lent}}"), "14")
    gets(node, "desk", "orders 14 lent")
    check(node.answer("market", f"{{publish_by, {int(token) + 1}, forged}}") is None, "a token of nobody's")
    check(node.answer("market", '{enroll, <<"orders">>}') is None, "the configuration says whose it is")
    check(node.answer("market", '{enroll, <<"coppice.node">>}') is None, "the node's own")
    for name in ("<<>>", "<<255>>", '<<"' + "x" * 256 + '">>'):
        check(node.answer("market", f"{{enroll, {name}}}") is None, "no name", name)
    large = "x" * 250
    check(node.answer("shop", "{publish, [" + ",".join([large] * 5) + "]}") is None, "more than its bytes")


@test("a declared event goes on over its producer's end, another one ends with it; their numbers go on")
def producers(cleanup):
    node = start(cleanup)
    begun(node)
    begun(node, name="market")
    node.call("shop", "{publish_many, 2}")
    gets(node, "desk", "orders 1 1", "orders 2 2")
    node.call("market", "{publish_many, 2}")
    gets(node, "desk", "market 1 1", "market 2 2")
    before = node.pid("shop")
    node.ask("cast", name="shop", term="crash")
    eventually(lambda: node.pid("shop") not in (None, before), "it is restarted")
    equal(node.call("shop", "{publish, again}"), "3")
    gets(node, "desk", "orders 3 again")
    node.reply("exit", name="market", reason="closed")
    gets(node, "desk", "market end closed")
    eventually(lambda: ("market", None) in events(node), "it has registered again")
    begun(node, name="market", how="2")
    equal(node.call("market", "{publish, more}"), "3")
    gets(node, "desk", "market 3 more")
    equal(node.call("market", "unregister"), "ok")
    gets(node, "desk", "market end unregistered")
    # With `link` the end of the producer is an exit signal.
    equal(node.call("market", '{enroll, <<"sales">>}').isdigit(), True)
    begun(node, name="sales", how="link", who="other")
    before = node.pid("other")
    node.reply("exit", name="market", reason="closed")
    eventually(lambda: node.pid("other") != before, "who is linked ends with it")


@test("Erlang's processes subscribe and publish by gen_server calls")
def erlang(cleanup):
    node = start(cleanup)
    erl = Erl(cleanup, name="peer@127.0.0.1", epmd_port=node.epmd_port)
    erl(f"E = {{coppice_events, '{node.name}'}}, A = fun(R) -> gen_server:call(E, R) end, "
        "G = fun() -> (fun F() -> receive M -> [M | F()] after 300 -> [] end end)() end")
    equal(erl("A({publish, notes, {first, 1.5}})"), "{ok,1}")
    reply = erl("{ok, M} = A({subscribe, notes}), maps:remove(creation, M)")
    equal(reply, "#{buffer => 5,first => 1,last => 1,queue => 1000}")
    erl("A({publish, notes, second})")
    text = erl("[{N, S, P, is_integer(T)} || {event, N, S, T, P} <- G()]")
    equal(text, "[{notes,1,{first,1.5},true},{notes,2,second,true}]")
    equal(erl("A({subscribe, notes})"), "{error,already}")
    equal(erl("A({unsubscribe, notes})"), "ok")
    equal(erl("A({unsubscribe, notes})"), "{error,not_subscribed}")
    for number in range(3, 11):
        equal(erl(f"A({{publish, notes, {number}}})"), f"{{ok,{number}}}")
    erl("{ok, #{creation := C}} = A({subscribe, notes, 4})")
    equal(erl("[case X of {event, _, S, _, _} -> S; {event_gap, notes, F, L} -> {F, L} end || X <- G()]"), "[{5,5},6,7,8,9,10]")
    erl("A({unsubscribe, notes}), A({subscribe, notes, {C, 9}})")
    equal(erl("[{S} || {event, _, S, _, _} <- G()]"), "[{10}]")
    erl("A({unsubscribe, notes}), A({subscribe, notes, now})")
    equal(erl("G()"), "[]")
    erl("A({unsubscribe, notes}), A({subscribe, notes, {C + 1, 9}})")
    equal(erl("[case X of {event, _, S, _, _} -> S; {event_gap, notes, F, L} -> {F, L} end || X <- G()]"), "[{0,5},6,7,8,9,10]")
    for asked, answer in (("{subscribe, nothing}", "no_such_event"), ("{publish, nothing, x}", "no_such_event"),
                          ("{publish, orders, x}", "not_owner"), ("{subscribe, \"notes\"}", "bad_request"),
                          ("{subscribe, notes, -1}", "bad_request"), ("{subscribe, notes, {1, 2, 3}}", "bad_request"),
                          ("{publish, notes}", "bad_request"), ("what", "bad_request"), ("{list, [], 1}", "bad_request"),
                          ("{publish, notes, binary:copy(<<0>>, 2000000)}", "too_large")):
        equal(erl(f"A({asked})"), f"{{error,{answer}}}")
    contains(erl("[N || #{name := N} <- A(list)]"), "notes")
    # A subscription ends with its process, and with the process's node.
    erl("P = spawn(fun() -> A({subscribe, orders}), receive stop -> ok end end)")
    eventually(lambda: counts(node)["subscribers"] == 1, "it has subscribed")
    erl("P ! stop")
    eventually(lambda: counts(node)["subscribers"] == 0, "it has ended")
    equal(events(node)["notes", None]["subscribers"], 1)
    erl.kill()
    eventually(lambda: events(node)["notes", None]["subscribers"] == 0, "its node has ended")
    node.call("shop", "{publish_many, 3}")


@test("an actor may publish its own event from the callback that gets it")
def own_event(cleanup):
    node = start(cleanup)
    equal(node.call("countdown", "500"), "1")
    eventually(lambda: node.call("countdown", "had") == "{501,501,0}", "it has counted down")


@test("subscribers that come and go give notices in pairs")
def flapping(cleanup):
    node = start(cleanup)
    for _ in range(20):
        begun(node, how="now")
        equal(node.call("desk", '{unsubscribe, <<"orders">>, <<>>}'), "true")
    begun(node, how="now")
    eventually(lambda: node.call("shop", "heard").endswith("1]"), "its producer heard of the last one")
    equal(node.call("desk", '{unsubscribe, <<"orders">>, <<>>}'), "true")
    eventually(lambda: node.call("shop", "heard").endswith("0]"), "and of its leave")
    heard = [int(one) for one in re.findall(r"\d+", node.call("shop", "heard"))]
    equal(heard, [1, 0] * (len(heard) // 2))


@test("options out of their range are refused")
def bad_options(cleanup):
    node = start(cleanup)
    invalid = node.call("shop", '{try_subscribe, <<>>, 0, 0}')
    check(int(invalid) < 0, "no name", invalid)
    equal(node.call("shop", '{try_options, <<"x">>, 3, 1000000, 1000000, 67108864, 3}'), "0")
    for wrong in ("4, 0, 0, 0, 0", "0, 1000001, 0, 0, 0", "0, 0, 1000001, 0, 0", "0, 0, 0, 67108865, 0", "0, 0, 0, 0, 4"):
        equal(node.call("shop", f'{{try_options, <<"y">>, {wrong}}}'), invalid)
    for wrong in ("2, 0", "0, 3"):
        equal(node.call("shop", f'{{try_subscribe, <<"x">>, {wrong}}}'), invalid)
    check(("y", None) not in events(node), "none of them was registered")


@test("who joins while events are published without a pause sees no gap and no repeat, here and on another node")
def joining(cleanup):
    plugins = Plugins(cleanup)
    node = start(cleanup, plugins=plugins, queue=1000000)
    away = start(cleanup, plugins=plugins, name="away", epmd_port=node.epmd_port)
    away.ask("connect", node=node.name)
    batch, batches = 20000, 0
    all_joined = threading.Event()

    def publish_meanwhile():
        nonlocal batches
        after = 0  # batches after all have joined
        while after < 2:
            after += all_joined.is_set()
            eventually(lambda: counts(node)["lag"] < 500000, "no more wait than the event keeps")
            node.call("shop", f"{{publish_many, {batch}}}")
            batches += 1

    publishing = threading.Thread(target=publish_meanwhile)
    cleanup.callback(all_joined.set)
    publishing.start()
    joiners = (("desk", node), ("other", node), ("desk", away), ("other", away))
    eventually(lambda: counts(node)["last"] > 1000, "it publishes")
    for who, where in joiners:
        begun(where, where="" if where is node else node.name, who=who)
    # Only now have the subscribers on the other node joined as well.
    eventually(lambda: events(away)["orders", node.name]["subscribers"] == 2 and counts(node)["subscribers"] == 3, "all have joined")
    joined_before = counts(node)["last"]
    all_joined.set()
    publishing.join()
    node.call("shop", "{publish, last}")
    final = batches * batch + 1
    for who, where in joiners:
        eventually(lambda: where.call(who, "sum").split(",")[1] == str(final), f"{who} has the last one", 30)
        count, last, breaks, gaps = (int(one) for one in re.findall(r"\d+", where.call(who, "sum")))
        equal((last, breaks, gaps), (final, 0, 0))
        first = last - count + 1
        check(1 < first <= joined_before, "it joined in the middle", (first, joined_before))
        check(count > batch, "it got far more than what was kept", count)
    equal(counts(node)["lost"], 0)


@test("an event of another node: one subscription for all here; it ends with the connection and goes on where one was")
def elsewhere(cleanup):
    plugins = Plugins(cleanup)
    node = start(cleanup, plugins=plugins)
    away = start(cleanup, plugins=plugins, name="away", epmd_port=node.epmd_port)
    node.call("shop", "{publish_many, 5}")
    begun(away, where=node.name)
    gets(away, "desk", *[f"orders@{node.name} {number} {number}" for number in (3, 4, 5)])
    creation, first, last, buffer = begun(away, where=node.name, who="other", how="4")
    equal((first, last, buffer), (5, 5, 3))
    gets(away, "other", f"orders@{node.name} 5 5")
    equal(counts(node)["subscribers"], 1)
    begun(away, name="nothing", where=node.name)
    gets(away, "desk", f"nothing@{node.name} end no_such_event")
    begun(away, name="orders", where="nobody@127.0.0.1")
    gets(away, "desk", "orders@nobody@127.0.0.1 end noconnection")
    node.call("shop", "{publish, next}")
    gets(away, "desk", f"orders@{node.name} 6 next")
    gets(away, "other", f"orders@{node.name} 6 next")
    away.ask("disconnect", node=node.name)
    gets(away, "desk", f"orders@{node.name} end noconnection")
    gets(away, "other", f"orders@{node.name} end noconnection")
    eventually(lambda: counts(node)["subscribers"] == 0, "nobody follows it")
    for number in (7, 8):
        node.call("shop", f"{{publish, {number}}}")
    begun(away, where=node.name, how=f"{{{creation}, 6}}")
    gets(away, "desk", f"orders@{node.name} 7 7", f"orders@{node.name} 8 8")
    begun(away, where=node.name, who="other")
    gets(away, "other", *[f"orders@{node.name} {number} {what}" for number, what in ((6, "next"), (7, 7), (8, 8))])
    # The node is killed. Its next life counts from 1, and subscribers from before are told so.
    node.process.kill()
    node.process.wait()
    gets(away, "desk", f"orders@{node.name} end noconnection")
    node.begin()
    node.wait_ready()
    node.call("shop", "{publish_many, 9}")
    begun(away, where=node.name, how=f"{{{creation}, 8}}")
    gets(away, "desk", f"orders@{node.name} gap 0-6", *[f"orders@{node.name} {number} {number}" for number in (7, 8, 9)])
    # With its last subscriber there, the other node stops following the event.
    away.call("desk", f'{{unsubscribe, <<"orders">>, <<"{node.name}">>}}')
    eventually(lambda: counts(node)["subscribers"] == 0, "nobody follows it", 20)
    check(("orders", node.name) not in events(away), "it is forgotten")


@test("a slow subscriber delays nobody, and is told what it lost")
def slow(cleanup):
    for policy in ("drop_old", "drop_new", "unsubscribe", "park"):
        node = start(cleanup, queue=10, slow=policy, name=policy)
        begun(node, who="small")
        begun(node)
        resting = pathlib.Path(node.folder.write("resting", ""))
        node.ask("cast", name="small", term=f'{{rest, <<"{resting}">>}}')
        eventually(lambda: node.status("small") == "running", "it rests")
        node.call("shop", "{publish_many, 3}")
        eventually(lambda: counts(node)["lag"] == 0, "three have room in its mailbox")
        if policy == "park":
            publisher = threading.Thread(target=node.call, args=("shop", "{publish_many, 27}", 60000))
            publisher.start()
            eventually(lambda: node.status("shop") == "parked", "who publishes waits for room")
            resting.unlink()
            publisher.join()
        else:
            for number in range(4, 31):
                node.call("shop", f"{{publish, {number}}}")
            gets(node, "desk", *[f"orders {number} {number}" for number in range(1, 31)])
            # What is kept for the slow subscriber: ten messages in its mailbox and the event's buffer, or only the
            # buffer, or nothing.
            if policy == "unsubscribe":
                eventually(lambda: counts(node)["subscribers"] == 1, "it has been dropped")
            else:
                kept = 13 if policy == "drop_old" else 3
                eventually(lambda: counts(node)["kept"] == kept, "no room was found for it")
            resting.unlink()
        seen = []

        def all_there():
            said = node.reply("call", name="small", term="got")
            if "error" in said:  # its mailbox is full
                return False
            seen.extend(re.findall(r'<<"([^"]*)">>', said["result"]["reply"]))
            return seen and (seen[-1].startswith("orders 30 ") or "overloaded" in seen[-1] or seen[-1].endswith("-30"))

        eventually(all_there, f"{policy}: it gets the rest")
        if policy == "park":
            equal(seen, [f"orders {number} {number if number < 4 else number - 3}" for number in range(1, 31)])
        elif policy == "unsubscribe":
            equal(seen, ["orders 1 1", "orders 2 2", "orders 3 3", "orders end overloaded"])
            equal(counts(node)["subscribers"], 1)
        else:
            # There was room for three. Then comes a gap and, with drop_old, what was kept.
            equal(seen[:3], ["orders 1 1", "orders 2 2", "orders 3 3"])
            found = re.fullmatch(r"orders gap 4-(\d+)", seen[3])
            check(found, "it is told", seen)
            after = int(found[1]) + 1
            equal(seen[4:], [f"orders {number} {number}" for number in range(after, 31)])
            equal(after, 18 if policy == "drop_old" else 31)
            equal(counts(node)["lost"], after - 4)
        node.end()


@test("a reload in between loses nothing: tokens and subscriptions go on")
def reload(cleanup):
    plugins = Plugins(cleanup)
    node = start(cleanup, plugins=plugins)
    begun(node)
    begun(node, name="market", who="other")
    publishing = threading.Thread(target=lambda: [node.call("shop", f"{{publish, {number}}}") for number in range(1, 201)])
    publishing.start()
    for file in ("feeds_2", "feeds", "feeds_2"):
        plugins.take(file)
        done = node.coppice("reload", "feeds")
        equal(done.returncode, 0)
    publishing.join()
    node.call("market", "{publish, after}")
    gets(node, "desk", *[f"orders {number} {number}" for number in range(1, 201)])
    equal(counts(node)["lost"], 0)
    gets(node, "other", "market 1 after")
    node.call("shop", "{publish, after}")
    gets(node, "desk", "orders 201 after")


@test("apply declares, changes and removes events while subscribers listen")
def apply(cleanup):
    node = start(cleanup)
    begun(node)
    begun(node, name="notes")
    text = TREE.format(queue=7, slow="drop_new", more="  - { name: news, open: true }").replace("buffer: 5, open", "buffer: 1, open")
    node.folder.write("node.yaml", text)
    said = node.coppice("diff")
    for line in ("events.news", "events.orders.queue  100000 -> 7", 'events.orders.slow   "drop_old" -> "drop_new"', "events.notes.buffer  5 -> 1"):
        contains(said.stdout, line)
    node.ask("apply")
    now = events(node)
    equal((now["orders", None]["slow"], now["notes", None]["buffer"], now["news", None]["open"]), ("drop_new", 1, True))
    equal(node.coppice("events", "publish", "news", "{some, news}").stdout, "1\n")
    node.call("shop", "{publish, one}")
    gets(node, "desk", "orders 1 one")
    node.folder.write("node.yaml", "\n".join(line for line in text.splitlines() if "name: notes" not in line))
    node.ask("apply")
    gets(node, "desk", "notes end removed")
    for wrong, why in (("{ name: notes }, { name: notes }", "stands here a second time"), ("{ name: coppice.x }", "must not begin with coppice."),
                       ("{ name: x, slow: never }", "slow"), ("{ name: x, bytes: 1GiB }", "bytes: must be from 1B to 64MiB"), ("{ buffer: 1 }", "name")):
        node.folder.write("node.yaml", re.sub(r"events:\n(  - .*\n)+", f"events: [ {wrong} ]\n", text))
        said = node.coppice("apply")
        equal(said.returncode, 78)
        contains(said.stderr, why)


@test("operators see events, publish, and follow one, also of another node")
def operators(cleanup):
    plugins = Plugins(cleanup)
    node = start(cleanup, plugins=plugins)
    said = node.coppice("events")
    for word in ("coppice.node", "notes", "orders", "market", "drop_old", "yes"):
        contains(said.stdout, word)
    equal(set(node.ask("events")["events"][0]), {"name", "node", "producer", "declared", "open", "slow", "buffer", "last", "published",
                                                 "subscribers", "subscribed", "kept", "lost", "sent_here", "sent_away", "lag"})
    begun(node, name="orders", how="now")
    node.call("shop", "{publish_many, 3}")
    eventually(lambda: counts(node)["sent_here"] == 3, "it was sent to the one who has subscribed")
    equal((counts(node)["sent_away"], counts(node)["lag"]), (0, 0))
    for sort in ("published", "lag"):
        numbers = [one[sort] for one in json.loads(node.coppice("events", "--sort", sort, "--json").stdout)["events"]]
        equal(numbers, sorted(numbers, reverse=True))
    equal(node.coppice("events", "--sort", "name").returncode, 2)
    for what, why in ((("events", "publish", "orders", "x"), "not open"), (("events", "publish", "orders", "x"), "open: true"), (("events", "publish", "note", "x"), "did you mean 'notes'"),
                      (("events", "publish", "notes", "{"), "the payload"), (("events", "tail", "orderz"), "did you mean 'orders'")):
        done = node.coppice(*what)
        check(done.returncode != 0, "refused", done)
        contains(done.stderr, why)
    equal(node.coppice("events", "tail", "notes", "--since", "soon").returncode, 2)
    for number in range(1, 8):
        equal(node.coppice("events", "publish", "notes", f"{{note, {number}}}").stdout, f"{number}\n")
    lines = node.coppice("events", "tail", "notes", "-n", "5").stdout.splitlines()
    check(re.fullmatch(r"3 2\S+Z \{note,3\}", lines[0]), "the first line", lines)
    equal([line.split()[0] for line in lines], ["3", "4", "5", "6", "7"])
    equal(node.coppice("events", "tail", "notes", "--since", "1", "-n", "1").stdout, "lost: 2 to 2\n")
    eventually(lambda: events(node)["notes", None]["subscribers"] == 0, "nobody follows it any more")
    # The command goes on with later events, until the event ends.
    tail = subprocess.Popen([program("COPPICE", "coppice"), "events", "tail", "market", "--since", "now", "--json", "--socket", node.socket], stdout=subprocess.PIPE, text=True)
    cleanup.callback(tail.kill)
    eventually(lambda: events(node)["market", None]["subscribers"] == 1, "it is followed")
    node.call("market", "{publish, {a, 1}}")
    first = json.loads(tail.stdout.readline())
    equal((first["seq"], first["payload"]), (1, "{a,1}"))
    node.call("market", "unregister")
    equal(json.loads(tail.stdout.readline()), {"end": "unregistered"})
    equal(tail.wait(10), 0)
    away = start(cleanup, plugins=plugins, name="away", epmd_port=node.epmd_port)
    # Following an event of another node connects to that node, and the log names the user.
    follows = lambda: contains(away.coppice("events", "tail", f"notes@{node.name}", "-n", "1").stdout, "{note,3}")
    lines = lambda: [line["message"] for line in away.logged(module="control") if line["message"].startswith("asked to follow ")]
    follows()
    equal([line.partition(" (")[0] for line in lines()], [f"asked to follow notes@{node.name}"])
    follows()
    equal(len(lines()), 1, "the nodes are connected already")


class Stream:
    """A client of server-sent events. It returns one event at a time."""

    def __init__(self, cleanup, port, path, last_id=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        cleanup.callback(self.connection.close)
        self.connection.request("GET", path, headers={"Last-Event-ID": last_id} if last_id else {})
        self.reply = self.connection.getresponse()

    def next(self):
        """The fields of the next event, as a map. Empty: the stream has ended."""
        fields = {}
        while True:
            line = self.reply.readline().decode().rstrip("\n")
            if line and not line.startswith((":", "retry:")):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields or self.reply.isclosed() or line == "" and not self.reply.peek(1):
                return fields


def with_site(cleanup, plugins):
    """A node, and the port of its web server."""
    port = free_port()
    site = (f"        - {{ id: site, name: site, web: {{ listen: [ {{ address: 127.0.0.1, port: {port} }} ], routes: [ "
            "{ path: /orders, event: orders, upgrade: sse }, { path: /market, event: market, upgrade: sse }, "
            "{ path: /none, event: none, upgrade: sse }, { path: /ws/orders, event: orders, upgrade: websocket }, "
            "{ path: /ws/market, event: market, upgrade: websocket }, { path: /ws/notes, event: notes, upgrade: websocket }, "
            "{ path: /ws/none, event: none, upgrade: websocket } ], websocket: { queue: 64KiB, pong: 2s } } }\n")
    text = TREE.format(queue=1000, slow="drop_old", more="") + site
    return Node(cleanup, config=text, settings=[("plugins.path", f"[ {plugins.folder.path} ]")]), port


@test("a web server's route has an event for browsers, who go on where they were")
def feed(cleanup):
    plugins = Plugins(cleanup)
    node, port = with_site(cleanup, plugins)
    node.call("shop", '{publish, <<"two\\nlines">>}')
    node.call("shop", "{publish, {a, 1}}")
    first = Stream(cleanup, port, "/orders")
    equal((first.reply.status, first.reply.headers["Content-Type"]), (200, "text/event-stream"))
    one = first.next()
    equal(one["data"], "lines")  # the second of two data lines
    two = first.next()
    equal(two["data"], "{a,1}")
    creation, _, seq = two["id"].partition("-")
    equal(seq, "2")
    node.call("shop", "{publish_many, 9}")
    equal([first.next()["data"] for _ in range(9)], [str(number) for number in range(1, 10)])
    again = Stream(cleanup, port, "/orders", last_id=two["id"])
    gap = again.next()
    equal((gap["event"], gap["data"], gap["id"]), ("gap", "3-8", f"{creation}-8"))
    equal([again.next()["data"] for _ in range(3)], ["7", "8", "9"])
    former = Stream(cleanup, port, "/orders", last_id=f"{int(creation) + 1}-9")
    equal((former.next()["data"], former.next()["data"]), ("0-8", "7"))
    equal(Stream(cleanup, port, "/none").reply.status, 404)
    equal(counts(node)["subscribers"], 3)
    first.connection.close()
    first.reply.close()
    eventually(lambda: counts(node)["subscribers"] == 2, "who has gone has left")
    market = Stream(cleanup, port, "/market")
    node.call("market", "{publish, x}")
    equal(market.next()["data"], "x")
    node.call("market", "unregister")
    equal(market.next(), {})


@test("a WebSocket's route has an event as JSON, and goes on behind the one that its client had; ends and slow clients are told")
def websocket_feed(cleanup):
    plugins = Plugins(cleanup)
    node, port = with_site(cleanup, plugins)
    node.call("shop", r'{publish, <<"a \"quote\" and\ntwo lines \303\251">>}')
    node.call("shop", "{publish, {a, 1}}")
    node.call("shop", "{publish, <<255>>}")

    def open_feed(path, *headers):
        one = WebSocket(cleanup, ("127.0.0.1", port), path, *headers)
        equal(one.status, 101, path)
        return one

    def next_of(one):
        opcode, text = one.next()
        equal(opcode, TEXT)
        return json.loads(text)

    first = open_feed("/ws/orders")
    said = [next_of(first) for _ in range(3)]
    equal([one["data"] for one in said], ['a "quote" and\ntwo lines \u00e9', "{a,1}", "\ufffd"])
    creation, _, seq = said[1]["id"].partition("-")
    equal(seq, "2")
    first.text("what it says is not listened to")
    node.call("shop", "{publish_many, 9}")
    equal([next_of(first) for _ in range(9)], [{"id": f"{creation}-{number + 3}", "data": f"{number}"} for number in range(1, 10)])
    gap = {"event": "gap", "id": f"{creation}-9", "data": "3-9"}
    for again in (open_feed(f"/ws/orders?since={said[1]['id']}"), open_feed("/ws/orders?since=nothing", f"Last-Event-ID: {said[1]['id']}")):
        equal([next_of(again) for _ in range(4)], [gap] + [{"id": f"{creation}-{number + 3}", "data": f"{number}"} for number in (7, 8, 9)])
    former = open_feed(f"/ws/orders?since={int(creation) + 1}-9")
    equal((next_of(former)["data"], next_of(former)["data"]), ("0-9", "7"))
    odd = open_feed("/ws/orders?since=%ff&since=x")
    equal(next_of(odd)["data"], "7", "what is no id is none")
    equal(WebSocket(cleanup, ("127.0.0.1", port), "/ws/none").status, 404)
    equal(WebSocket(cleanup, ("127.0.0.1", port), "/ws/orders", "Origin: http://evil.example").status, 403)
    equal(counts(node)["subscribers"], 5)
    first.send(close_frame(1000))
    equal(first.rest(), [1000])
    again.file.close()
    again.socket.close()
    eventually(lambda: counts(node)["subscribers"] == 3, "who has gone has left")
    market = open_feed("/ws/market")
    node.call("market", "{publish, x}")
    equal(next_of(market)["data"], "x")
    node.call("market", "unregister")
    equal(market.next(), (CLOSE, struct.pack("!H", 1000) + b"the event has ended"))
    # A client that does not read is closed at its bound, and delays no other one.
    deaf, quick = open_feed("/ws/notes"), open_feed("/ws/notes")
    large = '{publish, notes, <<"' + "x" * 50000 + '">>}'

    def is_dropped():
        contains(node.call("coppice_events", large), "ok")
        equal(len(next_of(quick)["data"]), 50000)
        return events(node)["notes", None]["subscribers"] == 1

    eventually(is_dropped, "the deaf one has been dropped", 60)
    node.said("a client is closed, which does not take what it is sent")
    deaf.socket.close()


@test("the node's own event tells of peers, applications, ends and reloads")
def node_events(cleanup):
    plugins = Plugins(cleanup)
    node = start(cleanup, plugins=plugins, queue=10)
    erl = Erl(cleanup, name="peer@127.0.0.1", epmd_port=node.epmd_port)
    erl(f"E = {{coppice_events, '{node.name}'}}, {{ok, _}} = gen_server:call(E, {{subscribe, 'coppice.node'}}), "
        "W = fun(What) -> (fun L() -> receive {event, 'coppice.node', _, _, #{event := What, fields := F}} -> F after 10000 -> late end end)() end")
    equal(erl("W(application_started)"), '#{application => <<"demo">>}')
    equal(erl("W(connected)"), '#{peer => <<"peer@127.0.0.1">>}')
    node.ask("cast", name="market", term="crash")
    contains(erl("W(child_ended)"), 'child => <<"demo/market">>')
    plugins.take("feeds_2")
    node.ask("reload", plugin="feeds")
    contains(erl("W(reloaded)"), "#{")
    resting = pathlib.Path(node.folder.write("resting", ""))
    begun(node, who="small")
    node.ask("cast", name="small", term=f'{{rest, <<"{resting}">>}}')
    eventually(lambda: "error" in node.reply("send", name="small", term="more"), "its mailbox is full")
    contains(erl("W(mailbox_full)"), 'process => <<"small">>')
    node.call("shop", "{publish_many, 100}")
    node.call("shop", "{publish_many, 100}")
    eventually(lambda: counts(node)["lag"] >= 197, "it is behind")
    resting.unlink()
    eventually(lambda: counts(node)["lost"] > 0, "it has lost some")
    contains(erl("W(event_lost)"), 'named_event => <<"orders">>')
    node.said("subscribers of the event orders had no room")
    node.ask("stop", application="demo")
    equal(erl("W(application_ended)"), '#{application => <<"demo">>}')


run()
