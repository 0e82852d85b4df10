#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a plugin asks of its node's own processes by coppice/services.hpp: groups, global names, and the children of a
supervisor, which it starts and ends while the node runs."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.node import Node, plugin_folder
from harness.sdk import working_folder
from harness.tap import check, equal, run, test

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


@test("an actor joins a group, is found in it, and leaves")
def groups(cleanup):
    node = start(cleanup)
    equal(node.call("caretaker", "{members, {room, 1}}"), "{ok,[]}")
    equal(node.call("caretaker", "{join, {room, 1}}"), "{ok,ok}")
    found = node.call("caretaker", "{members, {room, 1}}")
    check(found.startswith("{ok,[<"), "it is a member", found)
    equal(node.call("caretaker", "{leave, {room, 1}}"), "{ok,ok}")
    equal(node.call("caretaker", "{leave, {room, 1}}"), "{error,-19,not_joined}")


@test("an actor takes a global name, is found by it, and gives it back")
def names(cleanup):
    node = start(cleanup)
    equal(node.call("caretaker", "{find, warden}"), "{ok,undefined}")
    equal(node.call("caretaker", "{claim, warden}"), "{ok,true}")
    equal(node.call("caretaker", "{claim, warden}"), "{ok,false}")
    found = node.call("caretaker", "{find, warden}")
    check(found.startswith("{ok,<"), "it is found", found)
    equal(node.call("caretaker", "{release, warden}"), "{ok,ok}")
    equal(node.call("caretaker", "{find, warden}"), "{ok,undefined}")


@test("an actor starts a child of a supervisor, ends it and has it forgotten")
def children(cleanup):
    node = start(cleanup)
    started = node.call("caretaker", '{start, <<"kv">>, <<"table">>, #{max_entries => 2}}')
    check(started.startswith("{ok,<"), "a child is started", started)
    again = node.call("caretaker", '{start, <<"kv">>, <<"table">>, #{}}')
    check(again.startswith("{error,-19,{already_started,<"), "a second of that id is refused", again)
    equal(node.call(started[len("{ok,"):-1], "size"), "0")
    equal(node.call("caretaker", '{terminate, <<"table">>}'), "{ok,ok}")
    equal(node.call("caretaker", '{terminate, <<"table">>}'), "{error,-19,not_found}")
    unknown = node.call("caretaker", '{start, <<"nowhere">>, <<>>, #{}}')
    check(unknown.startswith("{error,-19,"), "an actor that is not there is refused", unknown)


if __name__ == "__main__":
    run()
