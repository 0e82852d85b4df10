#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The requests of a plugin to its node's processes through coppice/services.hpp: groups, global names, and children of
a supervisor, which the plugin starts and ends while the node runs."""
import os
import pathlib
import shutil
import time

from harness.node import Node, plugin_folder
from harness.sdk import working_folder
from harness.tap import check, contains, equal, eventually, run, shared, test

CONFIG = """node:
  name: services@127.0.0.1
applications:
  - name: app
    supervisor:
      children:
        - { id: caretaker, actor: caretaker, name: caretaker }
        - { id: kv, actor: kv }
        - id: crew
          supervisor: { name: crew, children: [] }
"""


def start(cleanup):
    folder = working_folder(cleanup)
    shutil.copy(pathlib.Path(os.environ["COPPICE_TEST_PLUGINS"]) / "caretaker.so", folder.path)
    shutil.copy(pathlib.Path(plugin_folder()) / "kv.so", folder.path)
    return Node(cleanup, name="services", config=CONFIG, settings=[("plugins.path", f"[ {folder.path} ]")])


usual = shared(start)


@test("an actor joins a group, is found in it, and leaves")
def groups(cleanup):
    node = usual()
    equal(node.call("caretaker", "{members, {room, 1}}"), "{ok,[]}")
    equal(node.call("caretaker", "{join, {room, 1}}"), "{ok,ok}")
    found = node.call("caretaker", "{members, {room, 1}}")
    check(found.startswith("{ok,[<"), "it is a member", found)
    equal(node.call("caretaker", "{leave, {room, 1}}"), "{ok,ok}")
    equal(node.call("caretaker", "{leave, {room, 1}}"), "{error,-19,not_joined}")


@test("an actor that monitors a group is told who joins and leaves, until it ends the monitor")
def changes(cleanup):
    node = usual()
    told = node.call("caretaker", "{observe, {hall, 1}}")
    check(told.startswith("{ok,{#Ref<") and told.endswith(",[]}}"), "it has a reference and the members", told)
    node.call("caretaker", "{join, {hall, 1}}")
    node.call("caretaker", "{leave, {hall, 1}}")
    self = node.info("caretaker")["pid"]
    eventually(lambda: node.call("caretaker", "changes") == f"[{{join,{{hall,1}},[{self}]}},{{leave,{{hall,1}},[{self}]}}]", "it is told")
    reference = told[len("{ok,{"):-len(",[]}}")]
    equal(node.call("caretaker", f"{{ignore, {reference}}}"), "{ok,true}")
    equal(node.call("caretaker", f"{{ignore, {reference}}}"), "{ok,false}")


@test("an actor takes a global name, is found by it, and gives it back")
def names(cleanup):
    node = usual()
    equal(node.call("caretaker", "{find, warden}"), "{ok,undefined}")
    equal(node.call("caretaker", "{claim, warden}"), "{ok,true}")
    equal(node.call("caretaker", "{claim, warden}"), "{ok,false}")
    found = node.call("caretaker", "{find, warden}")
    check(found.startswith("{ok,<"), "it is found", found)
    equal(node.call("caretaker", "{release, warden}"), "{ok,ok}")
    equal(node.call("caretaker", "{find, warden}"), "{ok,undefined}")


@test("an actor starts a child of a supervisor, ends it and has it forgotten")
def children(cleanup):
    node = usual()
    started = node.call("caretaker", '{start, <<"kv">>, <<"table">>, #{max_entries => 2}}')
    check(started.startswith("{ok,<"), "a child is started", started)
    again = node.call("caretaker", '{start, <<"kv">>, <<"table">>, #{}}')
    check(again.startswith("{error,-19,{already_started,<"), "a second of that id is refused", again)
    equal(node.call(started[len("{ok,"):-1], "size"), "0")
    equal(node.call("caretaker", '{terminate, <<"table">>}'), "{ok,ok}")
    equal(node.call("caretaker", '{terminate, <<"table">>}'), "{error,-19,not_found}")
    unknown = node.call("caretaker", '{start, <<"nowhere">>, <<>>, #{}}')
    check(unknown.startswith("{error,-19,"), "an actor that is not there is refused", unknown)


def pid_of(reply):
    """The pid of {ok, Pid}."""
    check(reply.startswith("{ok,<"), "a child was started", reply)
    return reply[len("{ok,"):-1]


@test("an actor starts a child by its class, which is restarted, ended, started again and forgotten")
def by_class(cleanup):
    node = start(cleanup)
    ann = pid_of(node.call("caretaker", '{hire, <<"ann">>, 3}'))
    equal(node.call("ann", "level"), "3")
    node.answer("ann", "fail")
    eventually(lambda: node.answer("ann", "level") == "3", "it is back, with its args")
    check(node.info("ann")["pid"] != ann, "as another process")
    running = node.call("caretaker", '{rehire, <<"ann">>}')
    equal(running, "{error,-19,running}")
    equal(node.call("caretaker", '{terminate, <<"ann">>}'), "{ok,ok}")
    pid_of(node.call("caretaker", '{rehire, <<"ann">>}'))
    equal(node.call("ann", "level"), "3")
    equal(node.call("caretaker", '{terminate, <<"ann">>}'), "{ok,ok}")
    equal(node.call("caretaker", '{forget, <<"ann">>}'), "{ok,ok}")
    equal(node.call("caretaker", '{rehire, <<"ann">>}'), "{error,-19,not_found}")
    bad = node.call("caretaker", '{hire, <<"bob">>, -1}')
    check(bad.startswith('{error,-19,{{bad_args,<<"args.level'), "its schema does not take them", bad)
    equal(node.call(pid_of(node.call("caretaker", "hire_any")), "level"), "0")


@test("a child started by code is kept as its options say: its mailbox's bound, its waits, its answer to what it does not take")
def kept(cleanup):
    node = start(cleanup)
    pid_of(node.call("caretaker", '{keep, <<"ann">>, 7, 1500}'))
    worker = node.info("app/crew/ann")["pid"]
    node.refused(worker, "{level, 2}")
    equal(node.info(worker)["pid"], worker)
    began = time.monotonic()
    node.answer(worker, "fail")
    eventually(lambda: node.pid("app/crew/ann") not in (None, worker), "it is back")
    check(time.monotonic() - began > 1.2, "it waited for its restart", time.monotonic() - began)
    spec = node.call("crew", "{get_childspec, ann}")
    for part in ("mailbox => #{limit => 7,bytes => 0,on_full => exit}", "first => 1500", "unhandled => reply_error"):
        contains(spec, part)
    for limit, first, why in ((0, 1, 'invalid_mailbox,<<"mailbox\'s limit wants a whole number from 1 to 16000000, got 0">>'),
                              (1, -1, 'invalid_backoff,<<"backoff\'s first wants a whole number from 0')):
        contains(node.call("caretaker", f'{{keep, <<"bob">>, {limit}, {first}}}'), "{error,-19,{" + why)


@test("an actor starts a supervisor with children of its own: it restarts them, tree and paths have it, it ends with them")
def nested(cleanup):
    node = start(cleanup)
    pid_of(node.call("caretaker", '{found, <<"team">>, <<"one_for_all">>}'))
    equal([node.call(name, "level") for name in ("first", "second")], ["1", "2"])
    before = {name: node.info(name)["pid"] for name in ("first", "second")}
    node.answer("first", "fail")
    for name in before:
        eventually(lambda: node.pid(name) not in (None, before[name]), "one for all")
    crew = node.ask("tree", application="app")["applications"][0]["supervisor"]["children"][-1]
    team, = crew["children"]
    equal((team["id"], team["name"], team["behaviour"], team["state"]), ("team", "team", "supervisor", "running"))
    equal([(child["id"], child["behaviour"], child["plugin"], child["restarts"]) for child in team["children"]],
          [("first", "server", "caretaker", 1), ("second", "server", "caretaker", 1)])
    equal(node.call("app/crew/team/second", "level"), "2")
    equal(node.ask("restart", path="app/crew/team/second"), {"path": "app/crew/team/second"})
    # A child of a template that another supervisor uses too.
    equal(node.call(pid_of(node.call("caretaker", '{open_office, <<"office">>, 9}')), "level"), "9")
    refused = node.call("caretaker", '{open_office, <<"annex">>, -9}')
    check(refused.startswith("{error,-19,{bad_args,"), "a template's child is held against the schema", refused)
    wrong = node.call("caretaker", '{found, <<"other">>, <<"all_for_one">>}')
    equal(wrong, "{error,-19,{supervisor_data,{invalid_strategy,all_for_one}}}")
    equal(node.call("caretaker", '{terminate, <<"team">>}'), "{ok,ok}")
    for name in ("team", "first", "second"):
        equal(node.coppice("info", name).returncode, 1, name)
    pid_of(node.call("caretaker", '{rehire, <<"team">>}'))
    equal(node.call("second", "level"), "2")
    equal(node.stop(), 0, node.log())


@test("an actor spawns another of its plugin by its class, which no supervisor knows, and hears of its end")
def spawned(cleanup):
    node = start(cleanup)
    told = node.call("caretaker", '{raise, <<"monitor">>, 5}')
    check(told.startswith("{0,<") and told.endswith(",true}"), "it was started, and is watched", told)
    worker = told[len("{0,"):-len(",true}")]
    equal(node.call(worker, "level"), "5")
    node.answer(worker, "fail")
    node.said("what it watched has ended")
    equal(node.coppice("info", worker).returncode, 1)
    before = node.info("caretaker")["pid"]
    linked = node.call("caretaker", '{raise, <<"link">>, 6}')[len("{0,"):-len(",false}")]
    node.answer(linked, "fail")
    eventually(lambda: node.pid("caretaker") not in (None, before), "it ends with a linked one")
    refused = node.call("caretaker", '{raise, <<"none">>, -6}')
    check(refused.startswith("{0,<"), "only a supervisor holds args against the schema", refused)


@test("a plugin whose code starts a class that COPPICE_PLUGIN does not list is refused, with its name")
def unlisted(cleanup):
    folder = working_folder(cleanup)
    shutil.copy(pathlib.Path(os.environ["COPPICE_TEST_PLUGINS"]) / "caretaker_unlisted.so", folder.path / "caretaker.so")
    shutil.copy(pathlib.Path(plugin_folder()) / "kv.so", folder.path)
    node = Node(cleanup, name="services", config=CONFIG, settings=[("plugins.path", f"[ {folder.path} ]")], wait=False)
    check(node.process.wait(30) != 0, "it does not start", node.log())
    node.said("its code starts actors of the class caretaker::worker, which COPPICE_PLUGIN does not list")


if __name__ == "__main__":
    run()
