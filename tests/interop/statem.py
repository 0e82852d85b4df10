#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A state machine of ours, `door`, used through OTP's own gen_statem, gen_server and sys, also while its plugin is reloaded with a
postponed event and a running time-out.

COPPICE_RELOADS is the number of reloads under load (20).
"""
import os
import pathlib
import shutil
import subprocess
import time

from harness.erlang import Erl
from harness.node import Node, plugin_folder, variants
from harness.tap import check, equal, run, test

reloads = int(os.environ.get("COPPICE_RELOADS", "20"))

config = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
plugins: { reload_deadline: 30s }
applications:
  - name: main
    supervisor:
      name: sup
      intensity: 10
      children: [ { id: door, actor: door, name: door, args: { %s }%s } ]
"""


def put(folder, file):
    fresh = folder / ".door.new"
    shutil.copy(file, fresh)
    fresh.chmod(0o755)
    fresh.rename(folder / "door.so")


def start(cleanup, args="open_for: 60s", more=""):
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    cleanup.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
    first = pathlib.Path(plugin_folder()) / "door.so"
    put(folder, first)
    node = Node(cleanup, config=config % (args, more), settings=[("plugins.path", f"[ {folder} ]")])
    erl = Erl(cleanup, name="one@127.0.0.1", epmd_port=node.epmd_port)
    erl(f"D = {{door, '{node.name}'}}, State = fun() -> sys:get_state(D) end, Now = fun() -> element(1, State()) end, ok")
    return node, erl, lambda number: put(folder, variants / f"door_{2 + number % 2}.so")


def until(erl, expression, wanted):
    deadline = time.monotonic() + 10
    while erl(expression) != wanted:
        check(time.monotonic() < deadline, f"{expression} becomes {wanted}", erl(expression))
        time.sleep(0.02)


@test("gen_statem and gen_server call and cast it, and sys looks at it", proves="calls gen_statem")
def protocol(cleanup):
    _, erl, _ = start(cleanup)
    equal(erl("gen_statem:call(D, {code, 1})"), "false")
    equal(erl("State()"), "{locked,{1,0}}")
    equal(erl("gen_server:call(D, {code, 4711})"), "true")
    equal(erl("gen_statem:cast(D, push), gen_statem:call(D, passed)"), "1")
    equal(erl("gen_statem:wait_response(gen_statem:send_request(D, passed), 5000)"), "{reply,1}")
    equal(erl("State()"), "{open,{0,1}}")
    equal(erl("{status, _, {module, M}, [_, S, _, _, Misc]} = sys:get_status(D), "
              "{data, L} = lists:keyfind(data, 1, Misc), {_, {N, [{T, _}]}} = lists:keyfind(\"Time-outs\", 1, L), "
              "{M, S, N, T, lists:last(Misc)}"), '{gen_statem,running,1,state_timeout,{data,[{"State",{open,{0,1}}}]}}')
    equal(erl("try sys:replace_state(D, fun(S) -> S end) catch error:Reason -> Reason end"), "unsupported")


@test("what a state does not take waits for another one", proves="gen_statem")
def postponed(cleanup):
    node, erl, _ = start(cleanup, "open_for: 60s, blocked_for: 300ms")
    equal(erl("gen_statem:cast(D, push), gen_statem:cast(D, push), gen_statem:call(D, passed)"), "0")
    equal(erl("{status, _, _, [_, _, _, _, Misc]} = sys:get_status(D), {data, L} = lists:keyfind(data, 1, Misc), "
              "element(2, lists:keyfind(\"Postponed\", 1, L))"), "[{cast,push},{cast,push}]")
    equal(erl("true = gen_statem:call(D, {code, 4711}), gen_statem:call(D, passed)"), "2")
    equal(erl("[gen_statem:call(D, {code, N}) || N <- [1, 2, 3]]"), "[false,false,false]")
    equal(erl("Now()"), "blocked")
    equal(erl("gen_statem:call(D, {code, 4711}, 5000)"), "true")
    equal(erl("Now()"), "open")
    equal(node.stop(), 0, node.log())


@test("its state's time-out leads on, and ends with the state", proves="gen_statem")
def timed(cleanup):
    _, erl, _ = start(cleanup, "open_for: 200ms")
    equal(erl("true = gen_statem:call(D, {code, 4711}), Now()"), "open")
    until(erl, "Now()", "locked")


@test("suspended it answers sys alone, and goes on in order", proves="gen_statem")
def suspended(cleanup):
    _, erl, _ = start(cleanup)
    equal(erl("ok = sys:suspend(D), gen_statem:cast(D, push), R = gen_statem:send_request(D, {code, 4711}), "
              "{locked, _} = State(), timeout = gen_statem:wait_response(R, 100), ok = sys:resume(D), "
              "{gen_statem:wait_response(R, 5000), gen_statem:call(D, passed)}"), "{{reply,true},1}")


@test("it ends as OTP says it does: stop, an unknown request, too much postponed", proves="exits gen_statem")
def ends(cleanup):
    _, erl, _ = start(cleanup, more=", unhandled: exit, statem: { postponed: { limit: 2 } }")
    ends_with = "P = {}, Ref = monitor(process, D), {}, receive {{'DOWN', Ref, _, _, Why}} -> Why after 5000 -> none end"
    equal(erl(ends_with.format("x", "gen_statem:stop(D)").replace("P = x, ", "")), "normal")
    until(erl, "catch Now()", "locked")
    equal(erl("Ref2 = monitor(process, D), {'EXIT', {{bad_call, what}, _}} = (catch gen_statem:call(D, what)), "
              "receive {'DOWN', Ref2, _, _, Why2} -> Why2 after 5000 -> none end"), "{bad_call,what}")
    until(erl, "catch Now()", "locked")
    equal(erl("Ref3 = monitor(process, D), [gen_statem:cast(D, push) || _ <- [1, 2, 3]], "
              "receive {'DOWN', Ref3, _, _, Why3} -> Why3 after 5000 -> none end"), "postponed_full")


@test("a reload in the middle of a state keeps what waits, and the time that is left", proves="gen_statem")
def reloaded(cleanup):
    node, erl, replace = start(cleanup, "open_for: 60s, blocked_for: 1500ms")
    pid = node.info("door")["pid"]
    erl("gen_statem:cast(D, push), [false, false, false] = [gen_statem:call(D, {code, N}) || N <- [1, 2, 3]], ok")
    began = time.monotonic()
    erl("Q = gen_statem:send_request(D, {code, 4711}), timeout = gen_statem:wait_response(Q, 50), ok")
    replace(0)
    report = node.ask("reload")
    equal(report["plugins"][0]["actors"][0]["outcome"], "carried")
    equal(erl("State()"), "{blocked,{0,0,1}}")
    equal(erl("gen_statem:wait_response(Q, 10000)"), "{reply,true}")
    took = time.monotonic() - began
    check(took > 1.3, "it waited for the time-out, which the reload has kept", took)
    equal(erl("State()"), "{open,{0,1,1}}")
    equal(node.info("door")["pid"], pid)
    equal(node.stop(), 0, node.log())


@test("no call is lost while it is reloaded under load", proves="gen_statem")
def under_load(cleanup):
    node, erl, replace = start(cleanup, "open_for: 5ms")
    erl("Parent = self(), Loop = fun L(N) -> true = gen_statem:call(D, {code, 4711}, 30000), gen_statem:cast(D, push), "
        "receive stop -> Parent ! {done, N + 1} after 0 -> L(N + 1) end end, "
        "Pids = [spawn_link(fun() -> Loop(0) end) || _ <- [1, 2, 3, 4]], ok")
    for number in range(1, reloads + 1):
        replace(number)
        report = node.ask("reload")
        equal(report["plugins"][0]["actors"][0]["outcome"], "carried")
    calls = int(erl("[P ! stop || P <- Pids], lists:sum([receive {done, N} -> N after 30000 -> none end || _ <- Pids])"))
    check(calls > reloads, "it was called all the time", calls)
    erl("true = gen_statem:call(D, {code, 4711}), ok")
    equal(int(erl("gen_statem:call(D, passed)")), calls)
    equal(node.stop(), 0, node.log())


run()
