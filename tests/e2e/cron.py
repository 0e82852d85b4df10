#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coppice cron explain, which needs no node: schedules in words, the next times across changes of the clock, and
refusals."""
import json
import subprocess

from harness.node import program
from harness.tap import contains, equal, run, test


def explain(*arguments):
    return subprocess.run([program("COPPICE", "coppice"), "cron", "explain", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def document(*arguments):
    done = explain(*arguments, "--json")
    equal((done.returncode, done.stderr), (0, ""), arguments)
    return json.loads(done.stdout)


@test("an expression in words and its next times, with the change of the clock marked")
def paris(_):
    said = document("30 2 * * *", "--timezone", "Europe/Paris", "--after", "2026-03-28T00:00:00Z", "--count", "3")
    equal(sorted(said), ["canonical", "expression", "next", "timezone", "words"])
    equal(said["words"], "at 02:30, every day")
    equal(said["next"], [{"at": "2026-03-28T02:30:00+01:00", "clock": "plain"},
                         {"at": "2026-03-29T03:00:00+02:00", "clock": "after_skipped"},
                         {"at": "2026-03-30T02:30:00+02:00", "clock": "plain"}])
    text = explain("30 2 * * *", "--timezone", "Europe/Paris", "--after", "2026-03-28T00:00:00Z").stdout
    contains(text, "at 02:30, every day")
    contains(text, "2026-03-29 03:00:00+02:00  CEST  the clock skips its time")


@test("a policy says what becomes of times that the clock skips or repeats")
def policies(_):
    skipped = document("30 2 * * *", "--timezone", "Europe/Paris", "--after", "2026-03-28T12:00:00Z", "--count", "1",
                       "--skipped", "skip")
    equal([one["at"] for one in skipped["next"]], ["2026-03-30T02:30:00+02:00"])
    twice = document("30 2 * * *", "--timezone", "Europe/Paris", "--after", "2026-10-24T12:00:00Z", "--count", "2",
                     "--repeated", "twice")
    equal(twice["next"], [{"at": "2026-10-25T02:30:00+02:00", "clock": "first_of_two"},
                          {"at": "2026-10-25T02:30:00+01:00", "clock": "second_of_two"}])


@test("the zone is the option's, else the expression's, else UTC")
def zones(_):
    equal(document("@daily")["timezone"], "UTC")
    equal(document("TZ=Australia/Lord_Howe @daily")["timezone"], "Australia/Lord_Howe")
    equal(document("TZ=Australia/Lord_Howe @daily", "--timezone", "UTC")["timezone"], "UTC")
    equal(document("0 0 L feb *", "--after", "2027-12-31T00:00:00Z", "--count", "1")["next"],
          [{"at": "2028-02-29T00:00:00+00:00", "clock": "plain"}])
    equal(document("@reboot")["next"], [])


@test("what is wrong is pointed at, and nothing is printed")
def refused(_):
    for arguments, said in ((("61 * * * *",), "61 is no minute\n  61 * * * *\n  ^"),
                            (("0 0 30 2 *",), "no month it names has such a day\n  0 0 30 2 *\n      ^"),
                            (("* * *",), "an expression has five fields"),
                            (("@daily", "--timezone", "Europe/Pariss"), "did you mean 'Europe/Paris'?"),
                            (("@daily", "--after", "2026-02-30T00:00:00Z"), "no time in UTC"),
                            (("@daily", "--count", "0"), "--count"),
                            (("@daily", "--skipped", "later"), "--skipped")):
        done = explain(*arguments)
        equal((done.returncode, done.stdout), (2, ""), arguments)
        contains(done.stderr, said)


run()
