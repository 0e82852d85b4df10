#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a build's tests through `meson test` and counts their cases.

A doctest program counts by its summary, a script by its TAP lines (`ok N - what`, `not ok N - what`, `ok N - what #
SKIP reason`). A program that prints neither counts as one case. Exit status 77 is a skipped test, and the last line
that it printed is the reason. In any program a line `SKIP what: reason` turns one passed case into a skipped one. A
program that fails without a failed case (a crash, a sanitizer's report, a timeout) counts as one failed case. For a
failure the output shows the failed check; everything that the programs under test have written is in meson-logs.

If a unit program or a script fails by a check or its time limit, it runs three more times by itself. If it passes all
three times, it counts as passed and is listed, with a line `unsteady: NAME: what failed` for each check. Its output is
kept in build/unsteady/NAME.txt. A signal, a sanitizer's report, and a process or a file left behind are failures the
first time. So are more than two unsteady tests in a run, and a failure of a test that already has a line in
tests/unsteady.txt. The last line is `N passed, N failed, N skipped`. The exit status is 0 only if none failed.

`run.py [BUILD] --script SCRIPT [ARGUMENT…]` runs one script by hand, in the environment that its test has.
"""
import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPILE = ROOT / "packaging/dev.d/compile.py"
SUMMARY = re.compile(r"^\[doctest\] test cases: *(\d+) *\| *(\d+) passed *\| *(\d+) failed *\| *(\d+) skipped", re.M)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TAP = re.compile(r"^(not ok|ok)\b[ \t]*(\d*)(?:[ \t]*-)?[ \t]*([^#\n]*)(?:#[ \t]*(SKIP|TODO)\S*[ \t]*(.*))?$", re.M | re.I)
TAP_SKIP_ALL = re.compile(r"^1\.\.0[ \t]*#[ \t]*SKIP\S*[ \t]*(.*)$", re.M | re.I)
SKIP_LINE = re.compile(r"^SKIP (.+)$", re.M)
# The lines of a failure that are shown: doctest's assertions and crashes, a sanitizer's summary.
SAID = re.compile(r"^(?:\S+:\d+: (?:FATAL )?ERROR: .+(?:\n +values: .+)?|SUMMARY: \w+Sanitizer: .+)$", re.M)
# A sanitizer's first report, with its stacks: without them nobody can find the fault.
REPORT = re.compile(r"^==\d+==ERROR: \w+Sanitizer: .*\n(?:.*\n?)+", re.M)
MEASURED = re.compile(r"^# measured: (.+)$", re.M)  # a script prints this line for people
TAP_SAID = re.compile(r"^not ok\b.*\n((?:#.*\n?)+)", re.M)
# Failures that another run cannot undo, whatever else failed.
CERTAIN = re.compile(r"Sanitizer: |^\S+: runtime error: |test case CRASHED|^# ended by a signal: |^# left behind: ", re.M)
TRIED_AGAIN = ("unit/", "e2e/", "interop/", "attack/")
TIMES = 3
MOST_UNSTEADY = 2  # in one run
MOST_SAID = 5
MOST_LINES = 30  # shown of a script's output about one failed test: the check comes last, then only what was found


class Outcome:
    """The result of one Meson test: numbers of cases, and lines for people."""

    def __init__(self, name, entry):
        self.name = name
        self.passed = self.failed = 0
        self.skipped, self.failures = [], []
        self.seconds = entry["duration"]
        self.may_pass_again = False
        self.output = output = COLOUR.sub("", (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or ""))
        self.measured = MEASURED.findall(output)
        result = entry["result"]
        summary, tap, nothing = SUMMARY.search(output), list(TAP.finditer(output)), TAP_SKIP_ALL.search(output)
        if result == "SKIP":
            self.skipped.append(last_line(output))
            return
        if summary:
            self.passed, self.failed = int(summary.group(2)), int(summary.group(3))
            self.failures += [f"{self.failed} cases"] * bool(self.failed)
        elif tap:
            for line in tap:
                self.tap_line(line)
        elif nothing:
            self.skipped.append(nothing.group(1))
        elif result == "OK":
            self.passed = 1
        if not tap:
            reasons = SKIP_LINE.findall(output)
            self.skipped += reasons
            self.passed -= min(self.passed, len(reasons))
        if result != "OK" and self.failed == 0:
            self.failed = 1
            self.failures.append(f"{result.lower()}, exit status {entry['returncode']}")
        if self.failed:
            self.failures += SAID.findall(output)[:MOST_SAID]
            if report := REPORT.search(output):
                self.failures.append("\n".join(["what it reported:", *report[0].rstrip().splitlines()[:MOST_LINES]]))
            for said in TAP_SAID.findall(output)[:MOST_SAID]:
                lines = said.rstrip().splitlines()
                self.failures.append("\n".join(["what it said:", *lines[:MOST_LINES]]))
            self.may_pass_again = (name.startswith(TRIED_AGAIN) and not CERTAIN.search(output)
                                   and (result == "TIMEOUT" or 0 <= entry["returncode"] < 128))

    def tap_line(self, line):
        verdict, _, what, directive, reason = line.groups()
        if (directive or "").upper() == "SKIP":
            self.skipped.append(f"{what.strip()}: {reason}")
        elif verdict.lower() == "ok":
            self.passed += 1
        else:
            self.failed += 1
            self.failures.append(what.strip())


def last_line(output):
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason given"


def finish(passed, failed, skipped):
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


def in_suites(test, suites):
    return any(one.split(":")[-1] in suites for one in test["suite"])


def built(options):
    """Builds what the chosen tests need, with the requested number of jobs: `meson test` itself would use every
    core."""
    compiler = [sys.executable, COMPILE, str(options.build), options.jobs]
    if subprocess.run([*compiler, "build.ninja"], check=False).returncode != 0:
        return False
    info = options.build / "meson-info"
    files = {each["id"]: each["filename"] for each in json.loads((info / "intro-targets.json").read_text())}
    chosen = [each for each in json.loads((info / "intro-tests.json").read_text())
              if (not options.names or any(fnmatch.fnmatch(each["name"], name) for name in options.names))
              and (not options.suite or in_suites(each, options.suite)) and not in_suites(each, options.without)]
    needed = {file for each in chosen for target in each["depends"] for file in files.get(target, [])}
    needed = sorted(str(Path(file).relative_to(options.build.resolve())) for file in needed)
    return not needed or subprocess.run([*compiler, *needed], check=False).returncode == 0


def known_unsteady(text):
    """The names in tests/unsteady.txt, whose lines are NAME DATE SYMPTOM."""
    return {line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")}


def passes_again(options, one):
    """Whether a test that failed passes every time when it runs alone. Keeps the output of the failure."""
    log = options.build / "meson-logs/again.json"
    kept = options.build.resolve().parent / "unsteady" / (one.name.replace("/", "-") + ".txt")
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(one.output)
    for _ in range(TIMES):
        log.unlink(missing_ok=True)
        subprocess.run(["meson", "test", "-C", str(options.build), "--no-rebuild", "--num-processes", "1", "--logbase", "again",
                        "--timeout-multiplier", options.slower, one.name], stdout=subprocess.DEVNULL, check=False)
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        if len(entries) != 1 or Outcome(one.name, entries[0]).failed or entries[0]["result"] != "OK":
            return False
    return True


def settle(outcomes, known, again):
    """Counts outcomes that pass again as passed and returns their lines; `again` says whether an outcome does."""
    lines, allowed = [], MOST_UNSTEADY
    for one in [one for one in outcomes if one.failed and one.may_pass_again]:
        if one.name in known:
            one.failures.append("it is known to be unsteady (tests/unsteady.txt)")
        elif allowed == 0:
            one.failures.append(f"more than {MOST_UNSTEADY} tests are unsteady: it was not run again")
        elif again(one):
            allowed -= 1
            lines += [f"unsteady: {one.name}: {line}" for what in one.failures for line in what.splitlines()]
            one.passed, one.failed, one.failures = one.passed + one.failed, 0, []
    return lines


def slowest(outcomes, most=10):
    for one in sorted(outcomes, key=lambda each: -each.seconds)[:most]:
        print(f"slowest: {one.seconds:>7.1f} s  {one.name}")


def run_script(build, script, *arguments):
    """Replaces this process by the script. Its programs are those of the latest build, or of the named one; programs
    that the environment names stay as they are."""
    builds = [Path(one) for one in build]
    if not builds:
        made = (Path(__file__).resolve().parents[1] / "build").glob("*/.ninja_log")
        builds = [log.parent for log in sorted(made, key=lambda one: one.stat().st_mtime)[-1:]]
    if not builds:
        sys.exit("run.py: nothing has been built: packaging/dev build")
    tests = json.loads((builds[0] / "meson-info/intro-tests.json").read_text())
    path = str(Path(script).resolve())
    scripts = [each for each in tests if "PYTHONPATH" in each["env"]]
    test = next((each for each in scripts if path in each["cmd"]), scripts[0])  # not a test yet: like any other
    environment = {**test["env"], **os.environ, "PYTHONPATH": test["env"]["PYTHONPATH"]}
    os.execve(sys.executable, [sys.executable, path, *arguments], environment)


def main():
    if "--script" in sys.argv[1:-1]:
        at = sys.argv.index("--script")
        run_script(sys.argv[1:at], *sys.argv[at + 1:])
    parser = argparse.ArgumentParser(description="Runs a build's tests and counts their cases.")
    parser.add_argument("build", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--suite", action="append", default=[])
    parser.add_argument("--without", action="append", default=[], metavar="SUITE",
                        help="leave these out, unless tests or suites are named")
    parser.add_argument("--jobs", default="2", help="compilers at once")
    parser.add_argument("--at-once", metavar="N", help="tests at once (as many as jobs)")
    parser.add_argument("--slower", default="1", help="multiply every time limit")
    options = parser.parse_intermixed_args()
    if options.names or options.suite:
        options.without = []

    log = options.build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    if not built(options):
        print("the tests could not be built")
        return finish(0, 1, 0)
    command = ["meson", "test", "-C", str(options.build), "--num-processes", options.at_once or options.jobs, "--no-rebuild",
               "--timeout-multiplier", options.slower]
    for suite in options.suite:
        command += ["--suite", suite]
    for suite in options.without:
        command += ["--no-suite", suite]
    status = subprocess.run(command + options.names, check=False).returncode
    if not log.exists():
        print("no test of that name")
        return finish(0, 1, 0)

    entries = [json.loads(line) for line in log.read_text().splitlines() if line.strip()]
    outcomes = [Outcome(entry["name"].split(" / ")[-1], entry) for entry in entries]
    outcomes.sort(key=lambda one: one.name)
    file = ROOT / "tests/unsteady.txt"
    unsteady = settle(outcomes, known_unsteady(file.read_text()), lambda one: passes_again(options, one))
    print()
    for one in outcomes:
        print(f"{one.name:<28} {one.passed:>5} passed {one.failed:>3} failed {len(one.skipped):>3} skipped {one.seconds:>7.1f} s")
    for one in outcomes:
        for reason in one.skipped:
            print(f"skipped: {one.name}: {reason}")
    for one in outcomes:
        for what in one.measured:
            print(f"measured: {one.name}: {what}")
    for one in outcomes:
        for what in one.failures:
            print(f"FAILED: {one.name}: {what}")
    slowest(outcomes)
    for line in unsteady:
        print(line)
    total = [sum(one.passed for one in outcomes), sum(one.failed for one in outcomes),
             sum(len(one.skipped) for one in outcomes)]
    if status and not total[1] and not unsteady:
        print("meson test failed without a failed test")
        total[1] = 1
    return finish(*total)


if __name__ == "__main__":
    sys.exit(main())
