#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of harness/: a sanitizer's report on a program that a test started is that test's failure."""
import os
import pathlib
import subprocess
import sys

# A script with two tests; the first starts a program that finds fault with itself, and waits for nothing of it.
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
    # what, under a sanitizer, lines in front and behind, what each test is, a part of the output
    ("a report fails the test it was made in, and no other", True, "", "", ("not ok", "ok"), "data race"),
    ("an expected report does not", True, "reports.expect('coppiced', 'data race')", "", ("ok", "ok"), ""),
    ("what is expected of one program is none of another's", True, "reports.expect('coppice', 'data race')", "",
     ("not ok", "ok"), "data race"),
    ("what is expected is not any report", True, "reports.expect('coppiced', 'SEGV')", "", ("not ok", "ok"), "data race"),
    ("a test that fails shows the report too", True, "", "1 / 0", ("not ok", "ok"), "data race"),
    ("without a sanitizer nothing is looked for", False, "", "", ("ok", "ok"), ""),
]


def main():
    bad = 0
    for number, (what, sanitized, before, after, expected, part) in enumerate(CASES, 1):
        # Whoever runs this may set options for every program, of whatever build.
        environment = dict(os.environ, ASAN_OPTIONS="halt_on_error=1", TSAN_OPTIONS="halt_on_error=0")
        environment["PYTHONPATH"] = str(pathlib.Path(__file__).parent)
        environment["COPPICE_SANITIZE"] = "thread" if sanitized else "none"
        done = subprocess.run([sys.executable, "-c", SCRIPT.format(before=before or "pass", after=after or "pass")],
                              env=environment, capture_output=True, text=True, timeout=60, check=False)
        wanted = [f"{verdict} {at} - {name}" for at, (verdict, name) in enumerate(zip(expected, ("first", "second")), 1)]
        lines = done.stdout.splitlines()
        good = all(line in lines for line in wanted) and part in done.stdout and done.returncode == ("not ok" in expected)
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print("# " + (done.stdout + done.stderr).replace("\n", "\n# "))
    print(f"1..{len(CASES)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
