#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of harness/: a sanitizer's report on a program that a test started is that test's failure, so is a node that
broke; what outlives a script is a failure of its own; metrics are read strictly."""
import os
import pathlib
import signal
import subprocess
import sys

from harness.metrics import Metrics

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
    ("a node that broke fails its test", False, "reports.ended('demo', -11)", "", ("not ok", "ok"), "# ended by a signal: demo: SIGSEGV"),
    ("one that was killed does not", False, "reports.ended('demo', -9)", "", ("ok", "ok"), ""),
    ("nor one that the test sent the signal", False, "reports.expect_signal(6); reports.ended('demo', -6)", "", ("ok", "ok"), ""),
    ("a process that outlives the script is a failure", False, "import harness.reports; harness.reports._patience = 0.1",
     "cleanup.pop_all(); print('process', subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3).pid)",
     ("ok", "ok", "not ok"), "# left behind: process "),
    ("so is a folder", False, "", "import tempfile, harness.reports as r; print('folder', tempfile.mkdtemp(prefix=r.folder_prefix()))",
     ("ok", "ok", "not ok"), "# left behind: /"),
]

HISTOGRAM = "# HELP h What\n# TYPE h histogram\n"
METRICS = [
    # what, whether it is OpenMetrics, the samples of a histogram h, whether they are taken
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


def main():
    bad = 0
    for number, (what, sanitized, before, after, expected, part) in enumerate(CASES, 1):
        # Whoever runs this may set options for every program, of whatever build.
        environment = dict(os.environ, ASAN_OPTIONS="halt_on_error=1", TSAN_OPTIONS="halt_on_error=0")
        environment["PYTHONPATH"] = str(pathlib.Path(__file__).parent)
        environment["COPPICE_SANITIZE"] = "thread" if sanitized else "none"
        done = subprocess.run([sys.executable, "-c", SCRIPT.format(before=before or "pass", after=after or "pass")],
                              env=environment, capture_output=True, text=True, timeout=60, check=False)
        wanted = [f"{verdict} {at} - {name}" for at, (verdict, name) in enumerate(zip(expected, ("first", "second", "nothing is left behind")), 1)]
        lines = done.stdout.splitlines()
        for kind, what_is_left in (line.split() for line in lines if line.startswith(("process ", "folder "))):
            if kind == "process":
                os.kill(int(what_is_left), signal.SIGKILL)
            else:
                os.rmdir(what_is_left)
        good = all(line in lines for line in wanted) and part in done.stdout and done.returncode == ("not ok" in expected)
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
        if not good:
            print("# " + (done.stdout + done.stderr).replace("\n", "\n# "))
    for number, (what, openmetrics, samples, taken) in enumerate(METRICS, len(CASES) + 1):
        good = is_taken(HISTOGRAM + samples, openmetrics) == taken
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(CASES) + len(METRICS)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
