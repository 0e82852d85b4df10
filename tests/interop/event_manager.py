#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An event manager of ours, used through OTP's own gen_event and sys. Its handlers come from the configuration, or are added by
another node, supervised or not; they fail, leave and replace each other.
"""
import time

from harness.erlang import Erl
from harness.node import Node, connectable, plugin_folder, root, tree, variants
from harness.tap import check, equal, run, test

KEPT = "actor: alarms, restart: permanent, args: { limit: %d }"
config = tree("""
        - { id: events, name: events, event_manager: { handlers: [ { id: kept, %s } ] } }
""", "main", "temporary", distribution=connectable + ", allow: { spawn: [ %s ] }", name="sup", intensity=10)


def start(cleanup, spawn="alarms", limit=3):
    node = Node(cleanup, config=config % (spawn, KEPT % limit))
    erl = Erl(cleanup, name="one@127.0.0.1", epmd_port=node.epmd_port)
    erl(f"E = {{events, '{node.name}'}}, Kept = {{alarms, kept}}, "
        "Set = fun(I) -> gen_event:sync_notify(E, {set_alarm, {I, text}}) end, "
        "Alarms = fun(H) -> gen_event:call(E, H, get_alarms) end, "
        "Told = fun() -> receive {gen_event_EXIT, H, R} -> {H, R} after 5000 -> nothing end end, ok")
    return node, erl


def until(erl, expression, wanted):
    deadline = time.monotonic() + 10
    while erl(expression) != wanted:
        check(time.monotonic() < deadline, f"{expression} becomes {wanted}", erl(expression))
        time.sleep(0.02)


@test("gen_event's functions, each as with a manager of OTP's", proves="calls gen_event")
def protocol(cleanup):
    node, erl = start(cleanup)
    equal(erl("gen_event:which_handlers(E)"), "[{alarms,kept}]")
    equal(erl("gen_event:notify(E, {set_alarm, {a, 1}}), Set(b), Alarms(Kept)"), "[{b,text},{a,1}]")
    equal(erl("gen_event:notify(E, {clear_alarm, a}), Alarms(Kept)"), "[{b,text}]")
    equal(erl("gen_event:add_handler(E, {alarms, mine}, [])"), "ok")
    equal(erl("gen_event:which_handlers(E)"), "[{alarms,mine},{alarms,kept}]")
    equal(erl("Set(c), {Alarms({alarms, mine}), Alarms(Kept)}"), "{[{c,text}],[{c,text},{b,text}]}")
    equal(erl("gen_event:swap_handler(E, {{alarms, mine}, why}, {{alarms, next}, #{}})"), "ok")
    equal(erl("gen_event:delete_handler(E, {alarms, next}, why)"), "[]")
    equal(erl("gen_event:delete_handler(E, {alarms, next}, why)"), "{error,module_not_found}")
    equal(erl("gen_event:call(E, {alarms, next}, get_alarms)"), "{error,bad_module}")
    equal(erl("[{alarms, kept, {3, _}}] = sys:get_state(E), ok"), "ok")
    engine = node.engine("events")
    equal([one["handler"] for one in engine["handlers"]], ["{alarms,kept}"])
    check(engine["events"] >= 4, "what happened is counted", engine)
    equal(node.stop(), 0, node.log())


@test("a handler whose request is answered keeps the answer; one that fails at it is gone alone, and its adder told",
      proves="gen_event")
def answers(cleanup):
    node = Node(cleanup, config=config % ("asking_handler", "actor: asking_handler") + """
        - { id: kv, actor: kv, name: kv }
""", settings=(("plugins.path", f"[ {plugin_folder()}, {variants} ]"),))
    erl = Erl(cleanup, name="one@127.0.0.1", epmd_port=node.epmd_port)
    node.call("kv", "{put, a, 1}")
    erl(f"E = {{events, '{node.name}'}}, Asks = fun(Id) -> {{asking_handler, Id}} end, "
        "Told = fun() -> receive {gen_event_EXIT, H, R} -> {H, R} after 5000 -> nothing end end, ok")
    equal(erl("[gen_event:add_sup_handler(E, Asks(I), How) || {I, How} <- [{one, #{strict => true}}, {two, #{}}]]"), "[ok,ok]")
    erl("gen_event:notify(E, a)")
    for one in ("one", "two"):
        until(erl, f"gen_event:call(E, Asks({one}), values)", "[1]")
    erl("gen_event:notify(E, nowhere)")
    equal(erl("{{asking_handler, one}, {'EXIT', _}} = Told(), gen_event:which_handlers(E)"),
          "[{asking_handler,two},{asking_handler,kept}]")
    until(erl, "gen_event:call(E, Asks(two), values)", "[1,-1]")
    node.said("kv does not have it")
    equal(node.stop(), 0, node.log())


@test("add_sup_handler: who added one that fails is told, and the others go on", proves="gen_event")
def supervised(cleanup):
    node, erl = start(cleanup)
    equal(erl("gen_event:add_sup_handler(E, {alarms, one}, #{limit => 1})"), "ok")
    equal(erl("gen_event:add_sup_handler(E, {alarms, two}, #{limit => 9})"), "ok")
    equal(erl("gen_event:notify(E, {set_alarm, {a, x}}), gen_event:notify(E, {set_alarm, {b, x}}), "
              "{{alarms, one}, {'EXIT', _}} = Told(), ok"), "ok")
    equal(erl("{gen_event:which_handlers(E), Alarms(Kept), Alarms({alarms, two})}"),
          "{[{alarms,two},{alarms,kept}],[{b,x},{a,x}],[{b,x},{a,x}]}")
    equal(erl("gen_event:delete_handler(E, {alarms, two}, why), Told()"), "{{alarms,two},normal}")
    equal(erl("spawn(fun() -> ok = gen_event:add_sup_handler(E, {alarms, gone}, []) end), ok"), "ok")
    until(erl, "gen_event:which_handlers(E)", "[{alarms,kept}]")
    equal(erl("gen_event:add_sup_handler(E, {alarms, left}, []), gen_event:which_handlers(E)"),
          "[{alarms,left},{alarms,kept}]")
    node.ask("terminate", path="main/events")
    equal(erl("Told()"), "{{alarms,left},shutdown}")
    equal(node.stop(), 0, node.log())


@test("a permanent handler of the configuration is begun again, the manager stays", proves="gen_event")
def permanent(cleanup):
    node, erl = start(cleanup)
    pid = node.info("events")["pid"]
    equal(erl("[Set(N) || N <- [1, 2, 3, 4]], gen_event:which_handlers(E)"), "[{alarms,kept}]")
    equal(erl("Alarms(Kept)"), "[]")
    equal(node.info("events")["pid"], pid)
    equal(node.engine("events")["handlers"][0]["restarts"], 1)
    equal(node.stop(), 0, node.log())


@test("over reloads of its plugin a handler keeps its state and its place, and no event is lost", proves="gen_event")
def reloaded(cleanup):
    node, erl = start(cleanup, limit=1000)
    equal(erl("gen_event:add_sup_handler(E, {alarms, mine}, #{limit => 1000})"), "ok")
    equal(erl("spawn(fun() -> [begin gen_event:notify(E, {set_alarm, {N, x}}), N rem 50 == 0 andalso timer:sleep(1) end "
              "|| N <- lists:seq(1, 1000)], register(told_all, self()), receive stop -> ok end end), ok"), "ok")
    for _ in range(3):
        report = node.ask("reload", plugin="alarms")
        equal([actor["outcome"] for plugin in report["plugins"] for actor in plugin["actors"]], ["carried", "carried"], report)
    until(erl, "is_pid(whereis(told_all))", "true")
    equal(erl("gen_event:sync_notify(E, sync), [[N || {N, _} <- Alarms(H)] =:= lists:seq(1000, 1, -1) || H <- gen_event:which_handlers(E)]"),
          "[true,true]")
    equal(erl("gen_event:which_handlers(E)"), "[{alarms,mine},{alarms,kept}]")
    equal(node.stop(), 0, node.log())


@test("config/events.yaml: one of two handlers fails, and is begun again while the other goes on", proves="gen_event")
def example(cleanup):
    text = (root / "config" / "events.yaml").read_text(encoding="utf-8")
    node = Node(cleanup, name="events", config=text)
    erl = Erl(cleanup, name="one@127.0.0.1", epmd_port=node.epmd_port)
    erl(f"E = {{events, '{node.name}'}}, Alarms = fun(Id) -> gen_event:call(E, {{alarms, Id}}, get_alarms) end, ok")
    equal(erl("gen_event:add_sup_handler(E, {alarms, mine}, #{limit => 1})"), "ok")
    equal(erl("[gen_event:notify(E, {set_alarm, {N, full}}) || N <- [1, 2]], gen_event:sync_notify(E, sync)"), "ok")
    equal(erl("{gen_event:which_handlers(E), Alarms(many), Alarms(few)}"),
          "{[{alarms,few},{alarms,many}],[{2,full},{1,full}],[]}")
    equal(erl("receive {gen_event_EXIT, H, {'EXIT', _}} -> H after 5000 -> nothing end"), "{alarms,mine}")
    equal(node.stop(), 0, node.log())


@test("swap_sup_handler: who swaps one is told of its end, and of its successor's", proves="gen_event")
def swapped(cleanup):
    node, erl = start(cleanup)
    equal(erl("gen_event:add_sup_handler(E, {alarms, one}, []), Set(a), "
              "gen_event:swap_sup_handler(E, {{alarms, one}, why}, {{alarms, two}, []})"), "ok")
    equal(erl("Self = self(), {{alarms, one}, {swapped, {alarms, two}, Self}} = Told(), gen_event:which_handlers(E)"),
          "[{alarms,two},{alarms,kept}]")
    equal(erl("gen_event:delete_handler(E, {alarms, two}, why), Told()"), "{{alarms,two},normal}")
    equal(erl("gen_event:swap_sup_handler(E, {{alarms, none}, why}, {{alarms, three}, []}), gen_event:which_handlers(E)"),
          "[{alarms,three},{alarms,kept}]")
    equal(erl("gen_event:swap_handler(E, {{alarms, three}, why}, {nowhere, []})"),
          "{error,{'EXIT',{undef,[{nowhere,init,[{[],[]}],[]}]}}}")
    equal(erl("gen_event:which_handlers(E)"), "[{alarms,kept}]")
    equal(node.stop(), 0, node.log())


@test("sys looks at it and suspends it, gen_event:stop ends it", proves="gen_event")
def managed(cleanup):
    node, erl = start(cleanup)
    pid = node.info("events")["pid"]
    equal(erl("{status, _, {module, M}, [_, S, _, _, _]} = sys:get_status(E), {M, S}"), "{gen_event,running}")
    equal(erl("ok = sys:suspend(E), gen_event:notify(E, {set_alarm, {a, text}}), "
              "{status, _, _, [_, suspended, _, _, _]} = sys:get_status(E), [{alarms, kept, _}] = sys:get_state(E), "
              "R = gen_event:send_request(E, Kept, get_alarms), timeout = gen_event:wait_response(R, 100), "
              "ok = sys:resume(E), gen_event:wait_response(R, 5000)"), "{reply,[{a,text}]}")
    equal(erl("gen_event:add_sup_handler(E, {alarms, mine}, []), ok = gen_event:stop(E), Told()"), "{{alarms,mine},shutdown}")
    until(erl, "catch gen_event:which_handlers(E)", "[{alarms,kept}]")
    check(node.info("events")["pid"] != pid, "it was begun again", pid)
    equal(erl("gen_event:stop(E, normal, 5000)"), "ok")
    until(erl, "catch gen_event:which_handlers(E)", "[{alarms,kept}]")
    equal(node.stop(), 0, node.log())


@test("what is no request of gen_event's is refused, and the log has it once a sender", proves="gen_event")
def unknown(cleanup):
    node, erl = start(cleanup)
    erl("Ask = fun(What) -> R = make_ref(), E ! {self(), {self(), R}, What}, receive {R, A} -> A after 5000 -> nothing end end, ok")
    equal(erl("[Ask(What) || What <- [nonsense, {call}, {add_handler, x}]]"), "[{error,bad_request},{error,bad_request},{error,bad_request}]")
    equal(erl("{error, {bad_request, _}} = gen_server:call(E, hello), gen_event:which_handlers(E)"), "[{alarms,kept}]")
    equal(node.log().count("asks what no event manager is asked"), 1, node.log())
    node.said("asks what no event manager is asked: nonsense")
    equal(node.stop(), 0, node.log())


@test("another node adds what it may spawn, and nothing else", proves="gen_event")
def refused(cleanup):
    node, erl = start(cleanup, spawn="")
    equal(erl("gen_event:add_handler(E, {alarms, mine}, [])"), "{'EXIT',{undef,[{alarms,init,[[]],[]}]}}")
    equal(erl("gen_event:add_handler(E, nowhere, x)"), "{'EXIT',{undef,[{nowhere,init,[x],[]}]}}")
    equal(erl("gen_event:which_handlers(E)"), "[{alarms,kept}]")
    equal(node.stop(), 0, node.log())


run()
