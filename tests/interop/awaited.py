#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A handler that asks an Erlang process and waits for the answer later. Answers, late answers, exits and a lost node
have the same results as in a call, and nothing of the request is left on either side."""
import shutil

from harness.erlang import Erl
from harness.node import Node, variants
from harness.sdk import working_folder
from harness.tap import check, contains, equal, eventually, run, test


CONFIG = """
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: main
    supervisor: { children: [ { id: asker, actor: asker, name: asker } ] }
"""
TIMEOUT, NOPROC, NODEDOWN = "{error,-5,undefined}", "{error,-6,undefined}", "{error,-7,undefined}"

# A server that answers {say, X} at once, {later, Ms, X} after Ms milliseconds and {leave, R} by its end. It answers
# nothing else.
ORACLE = """
Oracle = fun Loop() ->
  receive
    {'$gen_call', From, {say, X}} -> gen_server:reply(From, X), Loop();
    {'$gen_call', From, {later, Ms, X}} -> timer:sleep(Ms), gen_server:reply(From, X), Loop();
    {'$gen_call', _, {leave, R}} -> exit(R);
    {'$gen_call', From, twice} -> gen_server:reply(From, one), gen_server:reply(From, two), Loop();
    {watchers, P} -> P ! process_info(self(), monitored_by), Loop();
    _ -> Loop()
  end end
""".replace("\n", " ")


def pair(cleanup):
    folder = working_folder(cleanup)
    shutil.copy(variants / "asker.so", folder.path)
    node = Node(cleanup, name="asks", config=CONFIG, settings=[("plugins.path", f"[ {folder.path} ]")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    erl(ORACLE)
    start(erl)
    return node, erl


def start(erl):
    equal(erl("register(oracle, spawn(Oracle))"), "true")


def oracle(erl):
    return f"{{oracle, '{erl.name}'}}"


@test("an answer of an Erlang process is awaited whether it has come by then or comes later, and is heard of once",
      proves="calls")
def answers(cleanup):
    node, erl = pair(cleanup)
    to = oracle(erl)
    equal(node.call("asker", f"{{ask, {to}, {{say, {{deep, [1, \"x\"]}}}}, 5000, 0}}"), '{ok,{deep,[1,"x"]}}')
    equal(node.call("asker", f"{{ask, {to}, {{say, early}}, 5000, 300}}"), "{ok,early}")
    equal(node.call("asker", f"{{ask, {to}, {{later, 300, late}}, 5000, 0}}"), "{ok,late}")
    equal(node.call("asker", f"{{ask_by_member, {to}, {{say, x}}}}"), "{ok,x}")
    equal(node.call("asker", f"{{ask_number, {to}, {{say, 12}}}}"), "{ok,12}")
    equal(node.call("asker", f"{{ask_twice, {to}, twice}}"), "[{ok,one},{error,-13,undefined}]")
    # A server of OTP's own, and a name without a process.
    contains(node.call("asker", f"{{ask, {{kernel_sup, '{erl.name}'}}, count_children, 5000, 0}}"), "{ok,[{specs,")
    equal(node.call("asker", f"{{ask, {{nobody, '{erl.name}'}}, x, 5000, 0}}"), NOPROC)
    equal(node.call("asker", f"{{ask_all, [{to}, {to}, {to}], {{say, same}}}}"), "[{ok,same},{ok,same},{ok,same}]")
    equal(node.call("asker", "heard"), "0")
    left = 'oracle ! {watchers, self()}, receive {monitored_by, L} -> L end'
    eventually(lambda: erl(left) == "[]", "no monitor is left")


@test("a request is awaited until its deadline, and its late answer goes nowhere", proves="aliases")
def deadlines(cleanup):
    node, erl = pair(cleanup)
    to = oracle(erl)
    equal(node.call("asker", f"{{ask, {to}, {{later, 400, late}}, 100, 0}}"), TIMEOUT)
    equal(node.call("asker", f"{{ask, {to}, {{later, 400, late}}, 100, 800}}"), TIMEOUT)
    equal(node.call("asker", f"{{ask, {to}, {{say, early}}, 2000, 2200}}"), "{ok,early}", "it came in time, and is looked at now")
    equal(node.call("asker", f"{{ask, {to}, {{say, next}}, 5000, 0}}"), "{ok,next}", "which lies behind the late ones")
    equal(node.call("asker", "heard"), "0")
    left = 'oracle ! {watchers, self()}, receive {monitored_by, L} -> L end'
    eventually(lambda: erl(left) == "[]", "no monitor is left")
    equal(node.info("asker")["monitors"], [])


@test("the Erlang process's end while it is awaited is its reason, the node's is nodedown", proves="exits")
def ends(cleanup):
    node, erl = pair(cleanup)
    to = oracle(erl)
    equal(node.call("asker", f"{{ask, {to}, {{leave, {{my, \"reason\"}}}}, 5000, 0}}"), '{error,-8,{my,"reason"}}')
    start(erl)
    equal(node.call("asker", f"{{ask, {to}, {{leave, early}}, 5000, 300}}"), "{error,-8,early}")
    start(erl)
    erl("spawn(fun() -> receive after 500 -> halt(0, [{flush, false}]) end end), ok")
    equal(node.ask("call", name="asker", term=f"{{ask, {to}, never, 20000, 0}}", timeout_ms=30000)["reply"], NODEDOWN)


@test("who awaits is shown as waiting for whom, and ends when it is killed, with nothing left at the other side")
def killed(cleanup):
    node, erl = pair(cleanup)
    to = oracle(erl)
    erl(f"S = self(), spawn(fun() -> S ! {{told, catch gen_server:call({{asker, N}}, {{ask, {to}, never, 60000, 0}}, 60000)}} end), ok")
    waits = eventually(lambda: node.info("asker")["waits"], "it waits")
    equal((waits["for"], waits["whom"]), ("answer", f"oracle@{erl.name}"))
    node.ask("exit", name="asker", reason="kill")
    check("killed" in erl("receive {told, R} -> R after 10000 -> none end"), "its caller hears of its end")
    eventually(lambda: erl("oracle ! {watchers, self()}, receive {monitored_by, L} -> L end") == "[]", "no monitor is left")
    eventually(lambda: node.answer("asker", "heard") == "0", "it is back")


if __name__ == "__main__":
    run()
