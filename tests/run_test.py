#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of run.py: how each kind of output is counted, and that a script run by hand behaves as its test
does."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from run import MOST_LINES, MOST_UNSTEADY, Outcome, known_unsteady, settle

DOCTEST = "[doctest] test cases:  {} |  {} passed | {} failed | {} skipped\n[doctest] assertions: 9 | 9 passed | 0 failed |\n"
CASES = [
    # what is tested, result, exit status, output, (passed, failed, skipped)
    ("a doctest program counts its cases", "OK", 0, DOCTEST.format(7, 7, 0, 0), (7, 0, 0)),
    ("failed doctest cases count as failed", "FAIL", 1, DOCTEST.format(7, 5, 2, 0), (5, 2, 0)),
    ("a doctest case may say that it skipped", "OK", 0, "SKIP ipv6: no loopback\n" + DOCTEST.format(3, 3, 0, 0), (2, 0, 1)),
    ("a sanitizer's report after passed cases is a failure", "FAIL", 1, DOCTEST.format(3, 3, 0, 0) + "SUMMARY: …", (3, 1, 0)),
    ("a program that crashed counts one failed", "FAIL", -11, "", (0, 1, 0)),
    ("a time limit counts one failed", "TIMEOUT", -15, "ok 1 - first\n", (1, 1, 0)),
    ("TAP lines count one by one", "FAIL", 1, "ok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no erl\n1..3\n", (1, 1, 1)),
    ("a failed TAP line counts though the script exits 0", "OK", 0, "ok 1 - a\nnot ok 2 - b\n", (1, 1, 0)),
    ("TAP that skips all is one skipped", "OK", 0, "1..0 # SKIP no erl\n", (0, 0, 1)),
    ("exit status 77 is one skipped", "SKIP", 77, "erl is not installed\n", (0, 0, 1)),
    ("a silent program counts as one", "OK", 0, "", (1, 0, 0)),
]


CHECK_PASSED = DOCTEST.format(3, 3, 0, 0)
# The lines that are shown of a failure: its check, and nothing of a daemon's log.
LOG = "2026-01-01T00:00:00Z warning dist: a daemon's line\n" * 200
SHOWN = [
    ("doctest", LOG + "x.cpp:7: ERROR: CHECK( a == b ) is NOT correct!\n  values: CHECK( 1 == 2 )\n\n" + LOG,
     ["x.cpp:7: ERROR: CHECK( a == b ) is NOT correct!\n  values: CHECK( 1 == 2 )"]),
    ("TAP", "ok 1 - a\nnot ok 2 - b\n# Traceback\n# AssertionError: no\n" + LOG,
     ["b", "what it said:\n# Traceback\n# AssertionError: no"]),
    ("a sanitizer's report", CHECK_PASSED + LOG + "==7==ERROR: AddressSanitizer: use\n    #0 in f\n" + "    #1 in g\n" * 500,
     ["fail, exit status 1", "\n".join(["what it reported:", "==7==ERROR: AddressSanitizer: use", "    #0 in f",
                                        *["    #1 in g"] * (MOST_LINES - 2)])]),
    ("a long story", "not ok 1 - b\n" + "# line\n" * 500, ["b", "\n".join(["what it said:", *["# line"] * MOST_LINES])]),
]


# Failures that are forgiven if the test passes when it runs alone.
CHECK = DOCTEST.format(3, 2, 1, 0)
AGAIN = [
    ("a failed check of a unit program", "unit/x", "FAIL", 1, CHECK, True),
    ("a failed check of a script", "e2e/x", "FAIL", 1, "ok 1 - a\nnot ok 2 - b\n", True),
    ("a time limit", "interop/x", "TIMEOUT", -15, "ok 1 - a\n", True),
    ("a rule of the house", "house/x", "FAIL", 1, "not ok 1 - a\n", False),
    ("a signal", "unit/x", "FAIL", -11, "", False),
    ("a signal that doctest reports", "unit/x", "FAIL", 1, "x.cpp:1: FATAL ERROR: test case CRASHED: SIGSEGV\n" + CHECK, False),
    ("a sanitizer's report", "unit/x", "FAIL", 1, CHECK + "SUMMARY: AddressSanitizer: 1 leak\n", False),
    ("a sanitizer's report of what a script started", "e2e/x", "FAIL", 1, "not ok 1 - a\n# ==7==ERROR: LeakSanitizer: leaks\n", False),
    ("undefined behaviour", "unit/x", "FAIL", 1, CHECK + "x.cpp:1:2: runtime error: overflow\n", False),
    ("a node that a signal ended", "e2e/x", "FAIL", 1, "not ok 1 - a\n# ended by a signal: demo: SIGSEGV\n", False),
    ("a process left behind", "e2e/x", "FAIL", 1, "ok 1 - a\nnot ok 2 - b\n# left behind: process 7: erl\n", False),
]


def failed(name):
    return Outcome(name, {"duration": 0.0, "stdout": CHECK, "result": "FAIL", "returncode": 1})


def settled():
    """(what is tested, whether it is as expected): the results after failures have run again, by whether they pass."""
    steady, unsteady = failed("unit/a"), failed("unit/b")
    unsteady.failures.append("x.cpp:1: ERROR: CHECK( a == b )")
    lines = settle([steady, unsteady], set(), lambda one: one is unsteady)
    yield "what fails again has failed", steady.failed == 1 and len(steady.failures) == 1
    yield "what passes again has passed, and is listed with its checks", (
        unsteady.failed == 0 and unsteady.passed == 3
        and lines == ["unsteady: unit/b: 1 cases", "unsteady: unit/b: x.cpp:1: ERROR: CHECK( a == b )"])
    known = failed("unit/a")
    yield "what is known to be unsteady has failed", settle([known], {"unit/a"}, lambda one: True) == [] and known.failed == 1
    many = [failed(f"unit/{number}") for number in range(MOST_UNSTEADY + 1)]
    lines = settle(many, set(), lambda one: True)
    yield "one unsteady test too many has failed", len({line.split()[1] for line in lines}) == MOST_UNSTEADY and sum(one.failed for one in many) == 1
    yield "known ones are read from their file", known_unsteady("# NAME DATE\n\nunit/a 2026-01-01 late\n") == {"unit/a"}


# Scripts run by hand: whether the script is a test, what the environment names, what the script finds.
PROGRAM = 'import os, sys\nprint(os.environ.get("COPPICED"), os.environ["PYTHONPATH"].split("/")[-1], *sys.argv[1:])\n'
BY_HAND = [
    ("a script runs by hand in the environment of its test", "mine.py", {}, "mine/coppiced tests a part"),
    ("one without a test, in that of another", "new.py", {}, "other/coppiced tests a part"),
    ("programs that the environment names stand", "mine.py", {"COPPICED": "installed/coppiced"}, "installed/coppiced tests a part"),
]


def by_hand(name, environment):
    """The output of the script when run.py runs it."""
    with tempfile.TemporaryDirectory() as folder:
        build, script = Path(folder) / "build", Path(folder).resolve() / name
        (build / "meson-info").mkdir(parents=True)
        script.write_text(PROGRAM)
        tests = [{"cmd": ["python3", str(script.with_name(of))], "env": env} for of, env in (
            ("unit", {}), ("other.py", {"COPPICED": "other/coppiced", "PYTHONPATH": "/x/tests"}),
            ("mine.py", {"COPPICED": "mine/coppiced", "PYTHONPATH": "/x/tests"}))]
        (build / "meson-info/intro-tests.json").write_text(json.dumps(tests))
        plain = {key: value for key, value in os.environ.items() if not key.startswith("COPPICE")}
        command = [sys.executable, str(Path(__file__).with_name("run.py")), str(build), "--script", str(script), "a", "part"]
        done = subprocess.run(command, env={**plain, **environment}, capture_output=True, text=True, timeout=60, check=False)
        return (done.stdout + done.stderr).strip()


def main():
    bad = 0
    for number, (what, result, status, output, expected) in enumerate(CASES, 1):
        one = Outcome("x", {"duration": 0.0, "stdout": output, "result": result, "returncode": status})
        got = (one.passed, one.failed, len(one.skipped))
        bad += got != expected
        print(f"{'ok' if got == expected else 'not ok'} {number} - {what}" + (f" # got {got}" if got != expected else ""))
    for number, (what, output, expected) in enumerate(SHOWN, len(CASES) + 1):
        one = Outcome("x", {"duration": 0.0, "stdout": output, "result": "FAIL", "returncode": 1})
        good = all(each in one.failures for each in expected) and not any("daemon's line" in each for each in one.failures)
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - shown of a failure: {what}" + ("" if good else f" # got {one.failures}"))
    others = [(f"{what} {'may be' if may else 'is not'} run again",
               Outcome(name, {"duration": 0.0, "stdout": output, "result": result, "returncode": status}).may_pass_again == may)
              for what, name, result, status, output, may in AGAIN]
    others += settled()
    others += [(what, by_hand(name, environment) == expected) for what, name, environment, expected in BY_HAND]
    for number, (what, good) in enumerate(others, len(CASES) + len(SHOWN) + 1):
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(CASES) + len(SHOWN) + len(others)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
