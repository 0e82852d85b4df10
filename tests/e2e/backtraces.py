#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where an exception was thrown that ends an actor: the log event has the frames of the plugin, with the names of the
functions, in whatever way the exception left the callback."""
import os
import pathlib
import re
import shutil
import subprocess

from harness.node import Node, root
from harness.reports import sanitized
from harness.sdk import working_folder
from harness.tap import Skip, check, contains, equal, eventually, run, test

VARIANTS = pathlib.Path(os.environ.get("COPPICE_TEST_PLUGINS") or root / "build/release/tests/e2e/plugins")
CONFIG = """node:
  name: wood@127.0.0.1
applications:
  - name: wood
    supervisor:
      intensity: 100
      children:
        - { id: thrower, actor: thrower, name: thrower, unhandled: exit }
"""
FRAME = re.compile(r"^(\S+)\+0x([0-9a-f]+)(?: (.+))?$")


def start(cleanup, config=CONFIG, stripped=False, **more):
    if sanitized("address", "thread", "undefined"):
        raise Skip("a sanitizer has a __cxa_throw of its own")
    folder = working_folder(cleanup)
    shutil.copy(VARIANTS / "thrower.so", folder.path)
    if stripped:
        subprocess.run(["strip", str(folder.path / "thrower.so")], check=True)
    return Node(cleanup, config=config, settings=[("plugins.path", f"[ {folder.path} ]")], **more)


def crash(node, request):
    """Crashes the child with `request`. Returns the event of its end."""
    before = node.info("thrower")["pid"]
    node.answer("thrower", request)
    eventually(lambda: node.pid("thrower") not in (None, before), "it is back")
    line, = eventually(lambda: [line for line in node.logged(module="supervisor") if "restarts_left" in line["fields"] and line["fields"]["pid"] == before],
                       "it is told")
    return line


def functions(backtrace):
    """The names of the functions in it, without arguments. Every line is a line of the plugin or of a library."""
    names = []
    for line in backtrace.splitlines():
        found = FRAME.match(line)
        check(found and (".so" in found[1]), "a frame", line)
        names.append(re.sub(r"\(.*", "", (found[3] or "?")).rsplit("::", 1)[-1])
    return names


@test("an actor that an exception ends says by which of its functions it was thrown, and who called that")
def nested(cleanup):
    node = start(cleanup)
    line = crash(node, '{throw_by, <<"nested">>}')
    equal(line["fields"]["reason"], "{exception,'std::runtime_error',<<\"nested\">>}")
    names = functions(line["fields"]["backtrace"])
    equal(names[:2], ["inner_of_two", "outer_of_two"])
    check("handle_call" in line["fields"]["backtrace"], "down to the callback", line["fields"]["backtrace"])
    check(line["fields"]["backtrace"].startswith("thrower-"), "by the name of the node's copy, which has the build id")
    contains(line["message"], "\nthrown at\nthrower-")
    check(len(names) <= 32 and not any("coppiced" in one for one in line["fields"]["backtrace"].splitlines()), "nothing of the node")


@test("an exception that is thrown again, later, or by a library is told with its first throw, a new one with its own")
def ways(cleanup):
    node = start(cleanup)
    for how, first in (("again", ["inner_of_two", "outer_of_two", "thrown_again"]),
                       ("kept", ["inner_of_two", "outer_of_two", "thrown_later"]),
                       ("anew", ["thrown_anew"])):
        equal(functions(crash(node, f'{{throw_by, <<"{how}">>}}')["fields"]["backtrace"])[:len(first)], first, how)
    of_library = crash(node, '{throw_by, <<"library">>}')["fields"]["backtrace"]
    contains(of_library, "libstdc++")
    check("thrown_by_library" in functions(of_library), "and who called it", of_library)
    # Thrown in a thread that runs no actor; blocking_run passes the exception on to the actor.
    equal(functions(crash(node, '{throw_by, <<"thread">>}')["fields"]["backtrace"])[:2], ["inner_of_two", "outer_of_two"])


@test("an exception that is caught leaves nothing, and an end without one has no backtrace")
def without(cleanup):
    node = start(cleanup)
    equal(node.call("thrower", '{throw_by, <<"caught">>}'), "ok")
    equal(node.call("thrower", "{many, 10000}"), "ok")
    line = crash(node, "nonsense")
    contains(line["fields"]["reason"], "bad_call")
    equal(line["fields"].get("backtrace"), None)


@test("an actor whose init throws is told with the place, too")
def in_init(cleanup):
    config = CONFIG.replace("name: thrower,", "name: thrower, args: { init: true },")
    node = start(cleanup, config=config, wait=False)
    for part in ("did not start: {exception,'std::runtime_error',<<\"init\">>}", "in init", "thrown at", "inner_of_two", "outer_of_two"):
        node.said(part)


@test("of a stripped plugin the frames have no names, but the offsets that its unstripped file has names for")
def stripped(cleanup):
    node = start(cleanup, stripped=True)
    backtrace = crash(node, '{throw_by, <<"nested">>}')["fields"]["backtrace"]
    equal(functions(backtrace)[:2], ["?", "?"])
    offsets = [FRAME.match(line)[2] for line in backtrace.splitlines()[:2]]
    found = subprocess.run(["addr2line", "-f", "-C", "-e", str(VARIANTS / "thrower.so"), *offsets], capture_output=True, text=True, check=True)
    for name in ("inner_of_two", "outer_of_two"):
        contains(found.stdout, name)


if __name__ == "__main__":
    run()
