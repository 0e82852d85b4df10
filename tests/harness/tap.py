# SPDX-License-Identifier: MIT
"""Tests as functions that print TAP: `ok N - what`, `not ok N - what`, `ok N - what # SKIP why`.

A script marks its tests with @test("what it promises") and ends with run(). A test that proves="calls links"
of a peer says so: COPPICE_OUTCOMES names the file where that is noted, a JSON document a line, for
tests/interop_page.py; the peer is the one that COPPICE_PEER names unless the test has another. A test fails by an
exception; check() and equal() raise with what was found. What a test puts on its `cleanup` stack is
closed in reverse, also when it fails; what @shared makes, at the end of the last test. A check's message, a
log perhaps, comes behind what was found. A sanitizer's report on any program it started fails it too, and so does a
node that broke (harness/reports.py). A process or a folder that outlives the script is one more failed test.
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
    """`peer`: a function that names whom it is proven with, of another kind than the rest."""
    def register(function):
        _tests.append((promise, function))
        _proofs[promise] = (proves.split(), peer)
        return function
    return register


def shared(make):
    """For tests that leave nothing behind: make(cleanup) is called when the first of them wants what it makes, a node
    perhaps, and the others get the same, until one has failed."""
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
    """Waits until condition() is true and returns its value; fails after `seconds`. It looks often at first, then less
    and less, up to ten times a second."""
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
        with contextlib.suppress(Exception):  # the test's own failure is the one that counts
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
        except Exception:  # the report is the point: whatever went wrong is one failed test
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
