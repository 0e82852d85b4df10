#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of run.py: what each kind of output counts as."""
import sys

from run import MOST_LINES, Outcome

DOCTEST = "[doctest] test cases:  {} |  {} passed | {} failed | {} skipped\n[doctest] assertions: 9 | 9 passed | 0 failed |\n"
CASES = [
    # what, result, exit status, output, (passed, failed, skipped)
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


# What is shown of a failure: its check, and nothing of a daemon's log.
LOG = "2026-01-01T00:00:00Z warning dist: a daemon's line\n" * 200
SHOWN = [
    ("doctest", LOG + "x.cpp:7: ERROR: CHECK( a == b ) is NOT correct!\n  values: CHECK( 1 == 2 )\n\n" + LOG,
     ["x.cpp:7: ERROR: CHECK( a == b ) is NOT correct!\n  values: CHECK( 1 == 2 )"]),
    ("TAP", "ok 1 - a\nnot ok 2 - b\n# Traceback\n# AssertionError: no\n" + LOG,
     ["b", "what it said:\n# Traceback\n# AssertionError: no"]),
    ("a long story", "not ok 1 - b\n" + "# line\n" * 500, ["b", "\n".join(["what it said:", *["# line"] * MOST_LINES])]),
]


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
    print(f"1..{len(CASES) + len(SHOWN)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
