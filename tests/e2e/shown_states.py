#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice info` of actors whose format_status is slow or long: however many clients ask, each is answered soon, the
actor does no work for clients that have gone, and the answer is current."""
import os
import pathlib
import shutil
import threading
import time

from harness.node import Node, root
from harness.sdk import working_folder
from harness.tap import check, equal, eventually, run, test

VARIANTS = pathlib.Path(os.environ.get("COPPICE_TEST_PLUGINS") or root / "build/release/tests/e2e/plugins")
CONFIG = """node:
  name: wood@127.0.0.1
applications:
  - name: wood
    supervisor:
      children:
        - { id: exhibit, actor: exhibit, name: exhibit }
        - { id: other, actor: exhibit, name: other }
"""


def start(cleanup):
    folder = working_folder(cleanup)
    shutil.copy(VARIANTS / "exhibit.so", folder.path)
    return Node(cleanup, config=CONFIG, settings=[("plugins.path", f"[ {folder.path} ]")])


def at_once(cleanup, node, count):
    """Runs this many `info` at once. Returns [(document, seconds)]."""
    answers = []

    def ask():
        began = time.monotonic()
        answers.append((node.info("exhibit"), time.monotonic() - began))
    askers = [threading.Thread(target=ask) for _ in range(count)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    return answers


@test("what an idle actor began meanwhile is told when its state does not come in time")
def of_now(cleanup):
    node = start(cleanup)
    equal(node.call("exhibit", "{show, 4000, 1}"), "ok")
    equal(node.status("other"), "waiting")
    found = node.info("exhibit")
    equal((found["status"], found["state"], found["waits"]), ("running", None, None))


@test("many who ask a slow actor are all answered soon, and it shows itself for the first of them only")
def slow(cleanup):
    node = start(cleanup)
    equal(node.call("exhibit", "{show, 2000, 1}"), "ok")
    began = time.monotonic()
    answers = at_once(cleanup, node, 30)
    equal(len(answers), 30)
    check(max(took for _, took in answers) < 10, "each is answered soon", answers)
    equal({document["state"] for document, _ in answers}, {None})
    equal(node.call("other", "shown"), "0")
    shown = int(node.call("exhibit", "shown", timeout_ms=60000))
    check(1 <= shown <= 3, "those who have gone are not worked for", shown)
    check(time.monotonic() - began < 30, "so it serves others soon", time.monotonic() - began)


@test("of a large state the head is told, to many at once as to one")
def large(cleanup):
    node = start(cleanup)
    equal(node.call("exhibit", "{show, 0, 300000}"), "ok")
    answers = at_once(cleanup, node, 30)
    told = {document["state"] for document, _ in answers} - {None}
    check(all(len(one) <= 10_100 and one.startswith("[123456789,") for one in told), "a head", {len(one) for one in told})
    eventually(lambda: node.info("exhibit")["state"] is not None, "and soon all of it is done")
    equal(node.call("exhibit", "{show, 0, 2}"), "ok")
    eventually(lambda: node.info("exhibit")["state"] == "[123456789,123456789]", "the small one is told whole")


if __name__ == "__main__":
    run()
