# SPDX-License-Identifier: MIT
"""Tests as functions that print TAP: `ok N - what`, `not ok N - what`, `ok N - what # SKIP why`.

A script marks its tests with @test("what it promises") and ends with run(). A test that proves something of a peer says so, by
proves="calls links": COPPICE_OUTCOMES names the file where that is noted, one JSON document a line, for tests/interop_page.py.
COPPICE_PEER is the peer unless the test names another. A test fails by an exception; check() and equal() raise one that shows the
values found, and after them the check's message (a log, for example). The `cleanup` stack of a test is closed in reverse, also
when the test fails; a fixture made by @shared is closed at the end of the last test. A test also fails if a sanitizer reports on
a program that it started, or if a node crashed (harness/reports.py). A process or a folder that outlives the script is one more
failed test.
"""
import contextlib
import json
import os
import pathlib
import sys
import time
import traceback

from harness.reports import left_behind, mark, reports

_tests = []
_proofs = {}
_kept = {}  # what the fixtures of @shared have made
_kept_stack = contextlib.ExitStack()


class Skip(Exception):
    """Raised by a test that cannot run here; its text is the reason."""


def test(promise, proves="", peer=None):
    """`peer`: a function that returns the name of the peer, if it is another kind of peer than the usual one."""
    def register(function):
        _tests.append((promise, function))
        _proofs[promise] = (proves.split(), peer)
        return function
    return register


def shared(make):
    """For tests that leave nothing behind: make(cleanup) is called for the first test that uses it and makes, for
    example, a node. The other tests get the same one, until a test has failed."""
    def kept():
        if make not in _kept:
            _kept[make] = make(_kept_stack)
        return _kept[make]
    return kept


def close_shared():
    _kept.clear()
    _kept_stack.close()


def note(promise, outcome, reason=""):
    features, peer = _proofs.get(promise, ((), None))
    path = os.environ.get("COPPICE_OUTCOMES")
    if not path or not features:
        return
    with open(path, "a", encoding="utf-8") as outcomes:
        json.dump({"peer": peer() if peer else os.environ.get("COPPICE_PEER", "OTP"), "features": features, "outcome": outcome,
                   "reason": reason, "test": f"{pathlib.Path(sys.argv[0]).name}: {promise}"}, outcomes)
        outcomes.write("\n")


def check(condition, message="", *found):
    if not condition:
        raise AssertionError(message + "".join(f"\n  found: {item!r}" for item in found))


def equal(found, expected, message=""):
    if found != expected:
        raise AssertionError(f"\n  expected: {expected!r}\n  found:    {found!r}\n{message}")


def contains(text, part, message=""):
    if part not in text:
        raise AssertionError(f"\n  expected to contain: {part!r}\n  found: {text!r}\n{message}")


def eventually(condition, what, seconds=30.0):
    """Waits until condition() is true and returns its value; fails after `seconds`. It is called often at first, then
    less and less, down to ten times a second."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def run(argv=None):
    """Runs every registered test, or those whose promise contains an argument. Exits 1 if one failed."""
    wanted = (argv if argv is not None else sys.argv)[1:]
    chosen = [(p, f) for p, f in _tests if not wanted or any(w in p for w in wanted)]
    print(f"1..{len(chosen)}", flush=True)
    mark()
    failed = 0

    def report_failure(number, promise, why):
        nonlocal failed
        failed += 1
        note(promise, "failed")
        with contextlib.suppress(Exception):  # the failure of the test itself is the one that counts
            close_shared()
        why += reports.take()
        print(f"not ok {number} - {promise}", flush=True)
        for line in why.rstrip().splitlines():
            print(f"# {line}", flush=True)

    def run_one(number, promise, function):
        try:
            with contextlib.ExitStack() as cleanup:
                if number == len(chosen):
                    cleanup.callback(close_shared)
                function(cleanup)
            outcome, reason = "passed", ""
            verdict = f"ok {number} - {promise}"
        except Skip as why:
            outcome, reason = "skipped", str(why)
            verdict = f"ok {number} - {promise} # SKIP {reason}"
        except Exception:  # anything that goes wrong is one failed test
            return report_failure(number, promise, traceback.format_exc())
        said = reports.take()
        if said:
            return report_failure(number, promise, said)
        note(promise, outcome, reason)
        print(verdict, flush=True)

    try:
        for number, (promise, function) in enumerate(chosen, 1):
            run_one(number, promise, function)
    finally:
        close_shared()
    left = left_behind()
    if left:
        report_failure(len(chosen) + 1, "nothing is left behind", "\n".join(left))
    sys.exit(1 if failed else 0)
