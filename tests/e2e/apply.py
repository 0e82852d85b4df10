#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A configuration as a desired state: diff says what would change; apply and SIGHUP make these changes and no others,
all of them or none."""
import os
import re
import shutil
import signal
import socket
import threading

from harness.node import Folder, Node, Shelf, plugin_folder, variants
from harness.tap import check, contains, equal, eventually, run, test


head = """
node: { workers: 2, log: { level: info } }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
"""

base = head + """
  - name: shop
    supervisor:
      name: shop_sup
      strategy: one_for_all
      intensity: 5
      children:
        - { id: a, actor: probe, name: a }
        - { id: store, actor: kv, name: store, args: { max_entries: 10 } }
        - { id: b, actor: probe, name: b }
        - id: inner
          supervisor:
            name: inner
            children: [ { id: c, actor: probe, name: c }, { id: d, actor: probe, name: d } ]
"""


none = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
"""


class Reconfigured:
    """A node whose configuration file changes."""

    def __init__(self, cleanup, text=base, settings=()):
        self.node = Node(cleanup, config=text, settings=settings)
        self.text = text

    def write(self, *changes, text=None):
        self.text = text or self.text
        for old, new in changes:
            check(old in self.text, "the text to be changed is there", old)
            self.text = self.text.replace(old, new)
        self.node.folder.write("node.yaml", self.text)

    def pids(self, *names):
        return {name: self.node.call(name, "self") for name in names}

    def changes(self, command, **arguments):
        return [f"{c['action']} {c['path']}" + (f" {','.join(c['keys'])}" if c["keys"] else "")
                for c in self.node.ask(command, **arguments)["changes"]]

    def apply(self):
        return self.changes("apply")


def states(node):
    return {one["name"]: one["state"] for one in node.ask("status")["applications"]}


def children(node, application):
    top = node.ask("tree", application=application)["applications"][0]["supervisor"]
    return [child["id"] for child in top["children"]]


@test("a configuration that did not change changes nothing")
def nothing(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a", "b", "c", "d")
    equal(at.changes("diff"), [])
    equal(at.apply(), [])
    said = at.node.coppice("diff")
    equal((said.returncode, said.stdout), (0, "no changes\n"))
    equal(at.pids("a", "b", "c", "d"), before)


@test("diff and apply --dry-run say what apply then does, and do nothing")
def said_and_done(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a", "b", "c", "d")
    at.write(("{ id: b, actor: probe, name: b }", "{ id: e, actor: probe, name: e }"),
             ("name: d }", "name: d, mailbox: { limit: 7 } }"))
    expected = ["stop shop/b", "start shop/e", "restart shop/inner/d mailbox"]
    equal(at.changes("diff"), expected)
    equal(at.changes("apply", dry_run=True), expected)
    equal(at.pids("a", "b", "c", "d"), before)
    said = at.node.coppice("diff")
    equal((said.returncode, said.stdout.split("\n")[2].split()), (1, ["restart", "shop/inner/d", "mailbox"]))
    equal(at.node.coppice("apply", "--dry-run").returncode, 0)
    equal(at.apply(), expected)
    after = at.pids("a", "c", "d", "e")
    equal((after["a"], after["c"]), (before["a"], before["c"]))
    check(after["d"] != before["d"], "d is another")
    contains(at.node.coppice("call", "b", "ping").stderr, "noproc")
    equal(at.changes("diff"), [])


@test("an actor that takes new args as it runs keeps its pid and its state, one that does not is restarted")
def config_change(cleanup):
    at = Reconfigured(cleanup)
    for key in range(10):
        at.node.call("store", f"{{put, {key}, x}}")
    equal(at.node.call("store", "{put, more, x}"), "{error,full}")
    store = at.node.info("store")["pid"]
    at.write(("max_entries: 10", "max_entries: 11"), ("{ id: b, actor: probe,", "{ id: b, actor: probe, args: { },"))
    equal(at.changes("diff"), ["update shop/store args.max_entries"])
    equal(at.apply(), ["update shop/store args.max_entries"])
    equal(at.node.info("store")["pid"], store)
    equal(at.node.call("store", "{put, more, x}"), "ok")
    equal(at.node.call("store", "size"), "11")
    at.node.ask("exit", name="store", reason="enough")
    eventually(lambda: at.node.answer("store", "size") == "0", "it was restarted")
    for key in range(11):
        equal(at.node.call("store", f"{{put, {key}, x}}"), "ok", "a restart starts it by the applied args")


@test("a child whose init does not return within its start_timeout is killed, and the change taken back")
def endless_init(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    shutil.copy(variants / "late.so", shelf.path / "late.so")
    at = Reconfigured(cleanup, settings=[("plugins.path", f"[ {shelf.path}, {plugin_folder()} ]")])
    late = '{ id: late, actor: late, name: late, start_timeout: 300ms, args: { gate: "%s", needs: "/" } }'
    before = at.pids("a", "b", "c", "d")
    at.write(("{ id: d, actor: probe, name: d }", "{ id: d, actor: probe, name: d }, " + late % "/never"),
             ("max_entries: 10", "max_entries: 20"))
    failed = at.node.coppice("apply")
    equal(failed.returncode, 1, failed.stdout)
    contains(failed.stderr, "coppice: apply: start shop/inner/late: ")
    contains(failed.stderr, "its init has not returned in 300 ms: it is killed")
    equal(at.pids("a", "b", "c", "d"), before)
    eventually(lambda: at.node.pid("late") is None, "its name is free again")
    at.write(("/never", "/"))
    equal(at.changes("apply"), ["update shop/store args.max_entries", "start shop/inner/late"])
    equal(at.node.call("late", "ping"), "pong")
    contains(at.node.coppice("call", "late", "{take, 1.5}").stderr, "bad_request: request: ")
    at.write(("start_timeout: 300ms", "start_timeout: 300ms, unhandled: exit"))
    equal(at.changes("apply"), ["restart shop/inner/late unhandled"])
    contains(at.node.coppice("call", "late", "{take, 1.5}").stderr, "{bad_call,{take,1.5}}")


def take_name(node, name):
    """Gives the name `name` to a child of shop_sup that no configuration knows, so that no other child of that name can
    start."""
    child = f"#{{id => {name}, name => {name}, start => {{coppice, start_link, [probe, #{{}}]}}}}"
    check(node.call("shop_sup", f"{{start_child, {child}}}").startswith("{ok,<"), "the name is taken")


@test("a change that fails is taken back whole, and says why")
def rolled_back(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a", "c", "d")
    at.node.call("store", "{put, kept, 1}")
    order = children(at.node, "shop")
    # The child that starts last finds its name taken. apply leaves alone a child that no configuration knows.
    take_name(at.node, "extra")
    at.write(("max_entries: 10", "max_entries: 20"), ("{ id: b, actor: probe, name: b }", "{ id: e, actor: probe, name: e }"),
             ("{ id: d, actor: probe, name: d }", "{ id: d, actor: probe, name: d }, "
              "{ id: f, actor: probe, name: extra }"))
    failed = at.node.coppice("apply")
    equal(failed.returncode, 1, failed.stdout)
    contains(failed.stderr, "coppice: apply: start shop/inner/f: {already_started,")
    equal(at.pids("a", "c", "d"), before)
    equal(at.node.call("store", "{get, kept}"), "{ok,1}")
    equal(at.node.call("b", "ping"), "pong", "what was stopped runs again")
    equal(children(at.node, "shop"), order + ["extra"])
    contains(at.node.coppice("call", "e", "ping").stderr, "noproc")
    for key in range(9):
        at.node.call("store", f"{{put, {key}, x}}")
    equal(at.node.call("store", "{put, more, x}"), "{error,full}", "the old args are back")
    check(at.changes("diff"), "the file still differs")


@test("a plugin that a refused change has loaded is read anew by the next one")
def corrected_plugin(cleanup):
    shelf = Shelf(cleanup)
    shelf.put("shift_1", "shift")
    at = Reconfigured(cleanup, settings=[("plugins.path", f"[ {shelf.path}, {plugin_folder()} ]")])
    take_name(at.node, "extra")
    at.write(("name: d }", "name: d }, { id: s, actor: shift, name: extra }"))
    contains(at.node.coppice("apply").stderr, "coppice: apply: start shop/inner/s: {already_started,")
    shelf.put("shift_2", "shift")
    at.write(("name: extra", "name: s"))
    equal(at.apply(), ["start shop/inner/s"])
    equal(at.node.call("s", "version"), '<<"2.0.0">>')


@test("a supervisor that was started at run time goes on through a change, behind what the configuration has")
def run_time_supervisor(cleanup):
    at = Reconfigured(cleanup)
    child = "#{id => deep, name => deep, start => {coppice, start_link, [probe, #{}]}}"
    pair = f"{{#{{name => extra, strategy => one_for_all}}, [{child}]}}"
    spec = f"#{{id => extra, type => supervisor, start => {{coppice, start_link, [supervisor, {pair}]}}}}"
    check(at.node.call("shop_sup", f"{{start_child, {spec}}}").startswith("{ok,<"), "it is started")
    order = children(at.node, "shop")

    def running():
        return [at.node.info(name)["pid"] for name in ("a", "extra", "deep")]

    before = running()
    at.write(("max_entries: 10", "max_entries: 20"), ("{ id: b, actor: probe, name: b }", "{ id: b2, actor: probe, name: b2 }"))
    at.apply()
    equal(running(), before)
    equal(children(at.node, "shop")[-1], "extra")
    equal(sorted(children(at.node, "shop")), sorted(set(order) - {"b"} | {"b2"}))
    equal(at.node.call("deep", "ping"), "pong")
    equal(at.changes("diff"), [], "no configuration knows it")


@test("a bad configuration is refused with all its mistakes and status 78, and what cannot change with status 1")
def refused(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a", "b", "c", "d")
    at.write(("id: c,", "idd: c,"), ("actor: kv", "actor: kvv"))
    for command in (["diff"], ["apply"], ["apply", "--dry-run"]):
        bad = at.node.coppice(*command)
        equal(bad.returncode, 78, bad.stderr)
        contains(bad.stderr, "did you mean")
        contains(bad.stderr, "kvv")
        equal(bad.stdout, "")
    at.write(text=base.replace("workers: 2", "workers: 3").replace("id: b,", "id: bb,"))
    equal(at.changes("diff")[0], "refuse node.workers")
    for command in (["apply"], ["apply", "--dry-run"]):
        fixed = at.node.coppice(*command)
        equal(fixed.returncode, 1)
        contains(fixed.stderr, "node.workers can't change while the node runs")
    equal(at.node.coppice("apply", "/nowhere.yaml").returncode, 78)
    equal(at.pids("a", "b", "c", "d"), before)


@test("diff exits as diff(1) does: 1 with differences, and with a status of its own for each way to have no answer")
def statuses(cleanup):
    at = Reconfigured(cleanup)
    equal(at.node.coppice("diff").returncode, 0)
    at.write(text=base.replace("workers: 2", "workers: 3"))
    equal(at.node.coppice("diff").returncode, 1, "a key that only a start changes is a difference too")
    equal(at.node.coppice("diff", "--json").returncode, 1)
    equal(at.node.coppice("diff", "a", "b").returncode, 2)
    equal(at.node.coppice("diff", "/nowhere.yaml").returncode, 78)
    (at.node.folder.path / "node.yaml").unlink()
    equal(at.node.coppice("diff").returncode, 78, "nothing to compare with")
    at.node.process.send_signal(signal.SIGSTOP)
    cleanup.callback(at.node.process.send_signal, signal.SIGCONT)
    equal(at.node.coppice("diff", "--timeout", "1ms").returncode, 4)
    at.node.process.send_signal(signal.SIGCONT)
    equal(at.node.stop(), 0, at.node.log())
    equal(at.node.coppice("diff").returncode, 3)


@test("diff --running names what was changed by hand as well, with what takes it back")
def by_hand(cleanup):
    at = Reconfigured(cleanup)
    equal((at.node.coppice("diff", "--running").stdout, at.node.coppice("diff", "--running").returncode), ("no changes\n", 0))
    at.node.ask("terminate", path="shop/store")
    at.node.ask("log-level", level="debug")
    equal(at.node.coppice("diff").returncode, 0, "the files say what was applied")
    done = at.node.coppice("diff", "--running")
    equal(done.returncode, 1, done.stderr)
    for line in ("child shop/store", "coppice restart shop/store", "log_level all", "coppice log-level default"):
        contains(done.stdout, line)
    check("no changes" not in done.stdout, "there are some", done.stdout)
    equal([(one["what"], one["name"], one["help"]) for one in at.node.ask("diff", running=True)["by_hand"]],
          [("child", "shop/store", "coppice restart shop/store"), ("log_level", "all", "coppice log-level default")])
    at.write(("max_entries: 10", "max_entries: 20"))
    contains(at.node.coppice("diff", "--running").stdout, "args.max_entries")
    at.write(text=base)
    at.node.ask("restart", path="shop/store")
    at.node.ask("log-level", level="default")
    equal(at.node.coppice("diff", "--running").returncode, 0)
    equal(at.node.coppice("diff", "x.yaml", "--running").returncode, 2)


@test("apply of a file that the next start does not read says so, and what that start reads in its place")
def not_lasting(cleanup):
    at = Reconfigured(cleanup)
    own = str(at.node.folder.path / "node.yaml")
    same = at.node.folder.write("same.yaml", base)
    equal(at.node.coppice("apply", str(same)).stderr, "", "it says the same")
    other = at.node.folder.write("other.yaml", base.replace("max_entries: 10", "max_entries: 20"))
    for options in (["--dry-run"], []):
        done = at.node.coppice("apply", str(other), *options)
        equal(done.returncode, 0, done.stderr)
        contains(done.stderr, "warning: the next start does not know this: ")
        contains(done.stderr, f"it reads {own} and finds other values there: shop")
    at.node.said("but the next start does not know it: it reads ")
    contains(at.node.coppice("health").stdout, "on disk it differs from what runs since ")
    contains(at.node.coppice("status").stdout, "differs since ")
    equal(at.node.coppice("apply").stderr, "")
    equal(at.node.ask("health")["warnings"], [])
    at.write(("id: c,", "idd: c,"))
    done = at.node.coppice("apply", str(other))
    equal(done.returncode, 0, done.stderr)
    contains(done.stderr, f"it reads {own} and would refuse: {own}:")


@test("a file that is a pipe is refused, and nobody waits for who might write to it")
def pipes(cleanup):
    at = Reconfigured(cleanup)
    pipe = at.node.folder.path / "pipe.yaml"
    os.mkfifo(pipe)
    for command in ("diff", "apply"):
        done = at.node.coppice(command, str(pipe))
        equal(done.returncode, 78, done.stdout + done.stderr)
        contains(done.stdout + done.stderr, "it is no regular file")
    equal(at.apply(), [])


@test("an order that changed leaves every child alone and counts from then on")
def reordered(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a", "b", "c", "d")
    one, two = "{ id: a, actor: probe, name: a }", "{ id: b, actor: probe, name: b }"
    at.write((one, "X"), (two, one), ("X", two))
    equal(at.apply(), ["update shop supervisor.children"])
    equal(at.pids("a", "b", "c", "d"), before)
    equal(children(at.node, "shop"), ["b", "store", "a", "inner"])


@test("a supervisor takes new flags and another name with its children running, and restarts them by its new strategy")
def flags(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a", "b", "c", "d")
    at.write(("name: inner", "name: outer\n            strategy: one_for_all"))
    equal(at.apply(), ["update shop/inner supervisor.name,supervisor.strategy"])
    equal(at.pids("a", "b", "c", "d"), before)
    contains(at.node.call("outer", "count_children"), "{active,2}")
    at.node.answer("c", "{exit, oops}")
    eventually(lambda: at.node.pid("d") not in (None, before["d"]), "another d")
    at.node.ask("restart", path="shop/inner")
    contains(at.node.call("outer", "count_children"), "{active,2}")


@test("applications start, stop and learn their env and type")
def whole_applications(cleanup):
    at = Reconfigured(cleanup)
    more = """
  - name: more
    depends_on: [ shop ]
    env: { greeting: hi }
    supervisor: { children: [ { id: g, actor: greeter, name: g } ] }
"""
    before = at.pids("a", "b", "c", "d")
    at.write(text=base + more)
    equal(at.apply(), ["start more"])
    equal(at.node.call("g", '{hello, <<"x">>}'), '{ok,<<"hi, x">>}')
    at.write(("greeting: hi", "greeting: ho"))
    equal(at.apply(), ["update more env.greeting", "restart more/g env"])
    equal(at.node.call("g", '{hello, <<"x">>}'), '{ok,<<"ho, x">>}')
    at.write(("depends_on: [ shop ]", "type: transient"))
    equal(at.apply(), ["update more type,depends_on"])
    equal(states(at.node), {"shop": "running", "more": "running"})
    at.write(text=base)
    equal(at.apply(), ["stop more"])
    equal(states(at.node), {"shop": "running"})
    equal(at.pids("a", "b", "c", "d"), before)
    bad = more.replace("name: g }", "name: a }").replace("id: g,", "id: g, restart: permanent,")
    bad = bad.replace("name: a }", "name: extra }")
    take_name(at.node, "extra")
    at.write(text=base + bad)
    contains(at.node.coppice("apply").stderr, "start more: {shutdown,{failed_to_start_child,g,")
    equal(states(at.node), {"shop": "running"})
    equal(at.node.stop(), 0, at.node.log())


@test("a changed env reaches actors that take it as they run, and restarts only the others")
def environment(cleanup):
    text = base + """
  - name: more
    env: { greeting: hi }
    supervisor:
      strategy: one_for_all
      children:
        - { id: g, actor: greeter, name: g }
        - { id: k, actor: kv, name: k }
        - id: below
          supervisor:
            children: [ { id: p, actor: probe, name: p }, { id: q, actor: kv, name: q } ]
        - id: crowd
          supervisor:
            name: crowd
            strategy: simple_one_for_one
            children: [ { id: t, actor: probe } ]
"""
    at = Reconfigured(cleanup, text)
    others, before = at.pids("a", "b", "c", "d"), {name: at.node.info(name)["pid"] for name in ("g", "k", "q", "p")}
    at.node.call("k", "{put, a, 1}")
    of_template = re.search(r"<[0-9.]+>", at.node.call("crowd", "{start_child, []}"))[0]
    at.write(("greeting: hi", "greeting: ho"))
    equal(at.apply(), ["update more env.greeting", "restart more/g env", "restart more/below/p env"])
    after = {name: at.node.info(name)["pid"] for name in before}
    equal({name: after[name] == before[name] for name in before}, {"g": False, "k": True, "q": True, "p": False})
    equal(at.node.call("k", "{get, a}"), "{ok,1}")
    equal(at.node.call("g", '{hello, <<"x">>}'), '{ok,<<"ho, x">>}')
    now = re.search(r"<[0-9.]+>", at.node.call("crowd", "which_children"))[0]
    check(now != of_template, "what was made from the template is another process")
    equal(at.pids("a", "b", "c", "d"), others)
    at.node.answer("p", "{exit, oops}")
    eventually(lambda: at.node.answer("p", "ping") == "pong", "another p")
    equal(at.node.call("g", '{hello, <<"x">>}'), '{ok,<<"ho, x">>}')


@test("a child whose args and env change in one apply is started once, with both, or goes on with neither")
def args_and_env(cleanup):
    text = base.replace("level: info", "level: debug") + """
  - name: more
    env: { greeting: hi }
    supervisor:
      children:
        - { id: p, actor: probe, name: p, args: { value: 1 } }
        - { id: k, actor: kv, name: k, args: { max_entries: 1 } }
        - { id: g, actor: greeter, name: g, mailbox: { limit: 101 } }
        - id: below
          supervisor: { children: [ { id: q, actor: probe, name: q, args: { value: 1 } }, { id: r, actor: probe, name: r } ] }
"""
    at = Reconfigured(cleanup, text)

    def starts():
        return [at.node.log().count(f"more/{path} started as") for path in ("p", "k", "g", "below/q", "below/r")]
    equal(starts(), [1, 1, 1, 1, 1])
    at.write(("greeting: hi", "greeting: ho"), ("value: 1", "value: 2"), ("max_entries: 1 }", "max_entries: 2 }"), ("limit: 101", "limit: 102"))
    equal(at.apply(), ["update more env.greeting", "restart more/below/r env", "restart more/p args.value", "update more/k args.max_entries",
                       "restart more/g mailbox", "restart more/below/q args.value"])
    eventually(lambda: starts() == [2, 1, 2, 2, 2], "each was started once more", 5)
    at.node.call("k", "{put, a, 1}")
    equal(at.node.call("k", "{put, b, 1}"), "ok")
    kept = at.pids("a")
    at.write(("greeting: ho", "greeting: hu"), ("value: 2", "value: 3"), ("limit: 102", "limit: 103"),
             ("name: r }", "name: extra }"))
    take_name(at.node, "extra")
    done = at.node.coppice("apply")
    equal(done.returncode, 1, done.stdout + done.stderr)
    contains(done.stderr, "already_started")
    equal(at.pids("a"), kept)
    equal(at.node.call("q", "ping"), "pong")
    equal(at.node.call("g", '{hello, <<"x">>}'), '{ok,<<"ho, x">>}', "it has the old env")
    equal(starts(), [4, 1, 4, 4, 3], "each was started once with the new, and once with the old")


@test("an env whose change cannot go through is taken back everywhere")
def environment_taken_back(cleanup):
    more = """
  - name: more
    env: { greeting: hi }
    supervisor: { children: [ { id: g, actor: greeter, name: g }, { id: k, actor: kv, name: k } ] }
"""
    at = Reconfigured(cleanup, base + more)
    kept = at.node.info("k")["pid"]
    at.write(("greeting: hi", "greeting: ho"), ("{ id: k, actor: kv, name: k }", "{ id: k, actor: kv, name: extra }"))
    take_name(at.node, "extra")
    done = at.node.coppice("apply")
    equal(done.returncode, 1, done.stdout + done.stderr)
    contains(done.stderr, "already_started")
    equal(at.node.call("g", '{hello, <<"x">>}'), '{ok,<<"hi, x">>}')
    check(at.node.info("k")["pid"] != kept, "what had to be stopped runs again")
    equal(at.changes("diff")[0], "update more env.greeting")


@test("max_runtime counts from the application's start when it changes")
def shorter_life(cleanup):
    at = Reconfigured(cleanup)
    at.write(("  - name: shop\n", "  - name: shop\n    max_runtime: 50ms\n"))
    equal(at.apply(), ["update shop max_runtime"])
    eventually(lambda: states(at.node) == {"shop": "stopped"}, "its time is over")


@test("what is stopped stays stopped, what failed starts with its change")
def not_running(cleanup):
    at = Reconfigured(cleanup)
    at.node.ask("stop", application="shop")
    at.write(("max_entries: 10", "max_entries: 1"))
    equal(at.apply(), ["update shop/store args.max_entries"])
    equal(states(at.node), {"shop": "stopped"})
    at.node.ask("start", application="shop")
    at.node.call("store", "{put, a, 1}")
    equal(at.node.call("store", "{put, b, 1}"), "{error,full}")
    taken = cleanup.enter_context(socket.create_server(("127.0.0.1", 0)))
    places = f"[ {{ address: 127.0.0.1, port: {taken.getsockname()[1]} }} ]"
    listener = f"tcp: {{ listen: {places}, actor: echo }}"
    broken = f"  - {{ name: broken, supervisor: {{ children: [ {{ id: x, {listener}, name: mine }} ] }} }}\n"
    failing = Node(cleanup, config=head + broken, wait=False)
    eventually(failing.answers, "the control socket", 30)
    eventually(lambda: states(failing) == {"broken": "failed"}, "it failed")
    failing.folder.write("node.yaml", head + broken.replace(listener, "actor: probe"))
    failing.ask("apply")
    equal(failing.call("mine", "ping"), "pong")


@test("SIGHUP applies the files as they are, and a bad one changes nothing")
def hang_up(cleanup):
    at = Reconfigured(cleanup)
    before = at.pids("a")
    at.write(("{ id: b,", "{ id: bb,"), ("level: info", "level: debug"))
    at.node.process.send_signal(signal.SIGHUP)
    at.node.said("the configuration is applied", "applied")
    equal(children(at.node, "shop"), ["a", "store", "bb", "inner"])
    at.write(text="nonsense: true\n")
    at.node.process.send_signal(signal.SIGHUP)
    at.node.said("the configuration is bad and changes nothing", "refused")
    at.node.said("unknown key 'nonsense'")
    equal(at.pids("a"), before)
    remembered = (at.node.folder.path / "data" / "applied.yaml").read_text()
    contains(remembered, "id: bb")


@test("children that did not change keep pid, state and every message, in order, while others change under load")
def under_load(cleanup):
    at = Reconfigured(cleanup)
    at.write(("max_entries: 10", "max_entries: 100000"))
    at.apply()
    before = at.pids("a", "c")
    store = at.node.info("store")["pid"]
    stopping = threading.Event()
    counted, failures = [], []

    def load(number):
        sent = 0
        while not stopping.is_set():
            sent += 1
            reply = at.node.reply("call", name="store", term=f"{{update_counter, n{number}, 1}}", timeout_ms=5000)
            if reply.get("result", {}).get("reply") != str(sent):
                failures.append((sent, reply))
                return
        counted.append(sent)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        names = ["d"]
        for round_number in range(20):
            fresh = f"d{round_number}"
            at.write((f"id: {names[-1]}, actor: probe, name: {names[-1]} ", f"id: {fresh}, actor: probe, name: {fresh} "),
                     (f"max_entries: {100000 + round_number}", f"max_entries: {100001 + round_number}"))
            equal(at.apply(), ["update shop/store args.max_entries", f"stop shop/inner/{names[-1]}",
                               f"start shop/inner/{fresh}"])
            names.append(fresh)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    equal(failures, [])
    check(min(counted) > 0, "there was load", counted)
    equal(at.pids("a", "c"), before)
    equal(at.node.info("store")["pid"], store)
    kept = sorted(int(at.node.call("store", f"{{update_counter, n{number}, 0}}")) for number in range(4))
    equal(kept, sorted(counted))


@test("a second change waits for the one that is under way, and its client is told for what; a dry run does not wait")
def one_at_a_time(cleanup):
    at = Reconfigured(cleanup)
    at.node.call("b", "{trap_exit, true}")
    at.node.connection().send("call", name="b", term="{sleep, 60000}")  # it is killed at the end of its shutdown time
    eventually(lambda: at.node.status("b") == "parked", "the handler waits")
    at.write(("{ id: b,", "{ id: bb,"))
    first = at.node.connection()
    first.send("apply")
    eventually(lambda: at.node.ask("status")["state"] == "reloading", "the first is under way")
    equal(at.node.coppice("apply", "--dry-run").returncode, 0)
    second = at.node.coppice("apply")
    equal(second.returncode, 0, second.stderr)
    equal(second.stdout, "no changes\n")
    equal(first.receive()["result"]["applied"], True)
    equal(at.node.ask("status")["state"], "running")


@test("a node that began without a plugin takes its first one by an apply")
def first_plugin(cleanup):
    at = Reconfigured(cleanup, none)
    at.write(text=none + "applications: [ { name: shop, supervisor: { children: [ { id: a, actor: kv, name: a } ] } } ]\n")
    equal(at.apply(), ["start shop"])
    equal(at.node.call("a", "{put, x, 1}"), "ok")


run()
