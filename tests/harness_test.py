#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of harness/. A sanitizer's report on a program that a test started fails that test, and so does a node
that crashed; what outlives a script is a failure of its own; metrics are read strictly; a node is asked over
connections that are kept; tests may share fixtures that they leave unchanged."""
import os
import pathlib
import re
import signal
import subprocess
import sys

from harness.metrics import Metrics

# A script with two tests. The first starts a program that writes a sanitizer's report about itself, and does not wait
# for it.
SCRIPT = """
import os, re, subprocess
from harness.reports import reports
from harness.tap import run, test

@test("first")
def first(cleanup):
    {before}
    option = os.environ.get("TSAN_OPTIONS", "")
    prefix = re.search("log_path=([^:]*)", option)
    if prefix:
        subprocess.run(["sh", "-c", "echo 'WARNING: ThreadSanitizer: data race' >" + prefix[1] + ".coppiced.17"])
    {after}

@test("second")
def second(cleanup):
    pass

run(["script"])
"""
CASES = [
    # what is tested, whether under a sanitizer, lines before and behind, the result of each test, a part of the
    # output
    ("a report fails the test it was made in, and no other", True, "", "", ("not ok", "ok"), "data race"),
    ("an expected report does not", True, "reports.expect('coppiced', 'data race')", "", ("ok", "ok"), ""),
    ("what is expected of one program is none of another's", True, "reports.expect('coppice', 'data race')", "",
     ("not ok", "ok"), "data race"),
    ("what is expected is not any report", True, "reports.expect('coppiced', 'SEGV')", "", ("not ok", "ok"), "data race"),
    ("a test that fails shows the report too", True, "", "1 / 0", ("not ok", "ok"), "data race"),
    ("without a sanitizer nothing is looked for", False, "", "", ("ok", "ok"), ""),
    ("a node that broke fails its test", False, "reports.ended('demo', -11)", "", ("not ok", "ok"), "# ended by a signal: demo: SIGSEGV"),
    ("one that was killed does not", False, "reports.ended('demo', -9)", "", ("ok", "ok"), ""),
    ("nor one that the test sent the signal", False, "reports.expect_signal(6); reports.ended('demo', -6)", "", ("ok", "ok"), ""),
    ("a process that outlives the script is a failure", False, "import harness.reports; harness.reports._patience = 0.1",
     "cleanup.pop_all(); print('process', subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3).pid)",
     ("ok", "ok", "not ok"), "# left behind: process "),
    ("so is a folder", False, "", "import tempfile, harness.reports as r; print('folder', tempfile.mkdtemp(prefix=r.folder_prefix()))",
     ("ok", "ok", "not ok"), "# left behind: /"),
    ("one that an earlier process with this script's pid has left is not", False, "",
     "import tempfile; print('folder', tempfile.mkdtemp(prefix=f'coppice-test-{os.getpid()}-'))",
     ("ok", "ok"), ""),
]

# A stand-in for the daemon that answers each request with the request itself and the number of its connection.
STAND_IN = """#!{python}
import json, socket, sys, threading

def serve(connection, number):
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            asked = json.loads(line)
            if asked["command"] == "close":
                return
            known = asked["command"] != "unknown"
            reply = {{"result": {{**asked, "on": number}}}} if known else {{"error": {{"code": "unsupported", "why": "no such command"}}}}
            if asked["command"] == "diff":
                reply["result"]["valid"] = False
            if asked["command"] != "never":
                connection.sendall(json.dumps(reply).encode() + b"\\n")
            if asked["command"] == "last":
                return

path = next(one for one in sys.argv if one.startswith("control.socket=")).partition("=")[2]
print("it has begun", flush=True)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
number = 0
while True:
    number += 1
    threading.Thread(target=serve, args=(listener.accept()[0], number), daemon=True).start()
"""
# Each test has to pass.
NODES = """
import os, threading
from harness import control
from harness.node import Folder, Node
from harness.tap import contains, equal, run, test

def start(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    return Node(cleanup, config="", coppiced=folder.write("coppiced", {stand_in!r}, 0o755))

def failure(act, *arguments, **named):
    try:
        act(*arguments, **named)
    except AssertionError as why:
        return str(why)
    raise AssertionError("it did not fail")

@test("arguments go by their names, and the result comes back")
def asks(cleanup):
    found = start(cleanup).ask("info", name="kv")
    equal((found["command"], found["arguments"]), ("info", {{"name": "kv"}}))

@test("an error is a failure with the log, and so is a configuration that is not valid")
def errors(cleanup):
    node = start(cleanup)
    equal(node.reply("unknown")["error"]["code"], "unsupported")
    for command, part in (("unknown", "no such command"), ("diff", "'valid': False")):
        said = failure(node.ask, command, some="argument")
        for one in (command, "argument", part, "it has begun"):
            contains(said, one)

@test("one thread has one connection, another thread another")
def threads(cleanup):
    node = start(cleanup)
    first, found = node.ask("x")["on"], []
    one = threading.Thread(target=lambda: found.extend(node.ask("x")["on"] for _ in range(3)))
    one.start()
    one.join()
    equal(len(set(found)), 1)
    equal((first == found[0], node.ask("x")["on"]), (False, first))

@test("a connection that the node has closed is made anew, one that is closed instead of an answer is a failure")
def closed(cleanup):
    node = start(cleanup)
    first = node.ask("last")["on"]
    node.asked_by.connection.socket.recv(1)  # until the end of it is here
    equal(node.ask("x")["on"], first + 1)
    contains(failure(node.ask, "close"), "without a reply")
    equal(node.ask("x")["on"], first + 2)

@test("an answer that does not come in time is a failure, and the next request has a connection of its own")
def late(cleanup):
    node = start(cleanup)
    control.GRACE = 0.1
    first = node.ask("x")["on"]
    contains(failure(node.ask, "never", timeout_ms=100), "TimeoutError")
    control.GRACE = 60
    equal(node.ask("x")["on"], first + 1)

@test("a node that has begun again is asked anew")
def again(cleanup):
    node = start(cleanup)
    node.process.kill()
    node.process.wait()
    equal((node.pid("x"), node.answer("x", "y")), (None, None))
    os.unlink(node.socket)
    node.begin()
    node.wait_ready()
    equal(node.ask("x")["on"] <= 2, True)

run(["script"])
"""
SHARED = """
import os
from harness.tap import run, shared, test

@shared
def thing(cleanup):
    print("made", flush=True)
    cleanup.callback(print, "closed", flush=True)
    return object()

kept = []

@test("first")
def first(cleanup):
    kept.append(thing())

@test("second")
def second(cleanup):
    assert thing() is kept[0]
    {second}

@test("third")
def third(cleanup):
    kept.append(thing())

@test("fourth")
def fourth(cleanup):
    assert thing() is kept[1]

run(["script", {chosen}])
"""
SHARES = [
    # what is tested, what goes wrong in the second test, which tests run, what the script prints
    ("what is shared is made once, and closed with the last test", "", "", "1..4 made ok1 ok2 ok3 closed ok4"),
    ("after a failure it is made anew", "raise ValueError", "", "1..4 made ok1 closed not2 made ok3 closed ok4"),
    ("a test that is run alone closes it too", "", "'third'", "1..1 made closed ok1"),
]

HISTOGRAM = "# HELP h What\n# TYPE h histogram\n"
METRICS = [
    # what is tested, whether it is OpenMetrics, the samples of a histogram h, whether they are accepted
    ("a histogram has its bounds, sum and number", False,
     'h_bucket{le="-1"} 1\nh_bucket{le="1e-05"} 2\nh_bucket{le="+Inf"} 13\nh_sum 0.3\nh_count 13\n', True),
    ("each series of it by itself", True, 'h_bucket{l="v",le="1.0"} 1\nh_bucket{l="v",le="+Inf"} 3\nh_sum{l="v"} +Inf\n'
     'h_count{l="v"} 3\nh_bucket{l="w",le="-1.0"} 1\nh_bucket{l="w",le="+Inf"} 2\n# EOF\n', True),
    ("one whose buckets fall is refused", False, 'h_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n', False),
    ("so is another number than that of all buckets", False, 'h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 3\n', False),
    ("one without a sum", False, 'h_bucket{le="+Inf"} 2\nh_count 2\n', False),
    ("one without the last bucket", False, 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n', False),
    ("one that is a plain sample", False, "h 2\n", False),
    ("and in OpenMetrics a sum of what may be below 0", True,
     'h_bucket{le="-1.0"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n# EOF\n', False),
]


def is_taken(text, openmetrics):
    try:
        Metrics(text, openmetrics)
    except ValueError:
        return False
    return True


def run_script(text, **environment):
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parent), **environment}
    return subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, timeout=60, check=False)


def main():
    bad = number = 0

    def tell(good, what, why=""):
        nonlocal bad, number
        number += 1
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good and why:
            print("# " + why.replace("\n", "\n# "))

    for what, sanitized, before, after, expected, part in CASES:
        # The environment may already set options of sanitizers, for programs of any build.
        done = run_script(SCRIPT.format(before=before or "pass", after=after or "pass"), ASAN_OPTIONS="halt_on_error=1",
                          TSAN_OPTIONS="halt_on_error=0", COPPICE_SANITIZE="thread" if sanitized else "none")
        wanted = [f"{verdict} {at} - {name}" for at, (verdict, name) in enumerate(zip(expected, ("first", "second", "nothing is left behind")), 1)]
        lines = done.stdout.splitlines()
        for kind, what_is_left in (line.split() for line in lines if line.startswith(("process ", "folder "))):
            if kind == "process":
                os.kill(int(what_is_left), signal.SIGKILL)
            else:
                os.rmdir(what_is_left)
        good = all(line in lines for line in wanted) and part in done.stdout and done.returncode == ("not ok" in expected)
        tell(good, what, done.stdout + done.stderr)
    for what, openmetrics, samples, taken in METRICS:
        tell(is_taken(HISTOGRAM + samples, openmetrics) == taken, what)
    for what, second, chosen, expected in SHARES:
        done = run_script(SHARED.format(second=second or "pass", chosen=chosen))
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        said = [line if " " not in line else re.sub(r"^(ok|not) (?:ok )?(\d+) - .*", r"\1\2", line) for line in lines]
        tell(" ".join(said) == expected, what, done.stdout + done.stderr)
    done = run_script(NODES.format(stand_in=STAND_IN.format(python=sys.executable)))
    verdicts = re.findall(r"^(ok|not ok) \d+ - (.*)$", done.stdout, re.M)
    for verdict, what in verdicts:
        tell(verdict == "ok", what, done.stdout)
    tell(done.returncode == 0 and len(verdicts) > 5, "all tests of asking a node were run", done.stdout + done.stderr)
    print(f"1..{number}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
