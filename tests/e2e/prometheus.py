#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The alerts and the dashboard for Prometheus: every metric in them is on the page of a node; promtool accepts the
rules, the alerts fire when they should, and promtool reads the page of a node."""
import json
import re
import shutil
import subprocess
import urllib.request

from harness.node import Folder, Node, free_port, root
from harness.tap import Skip, check, contains, equal, run, test

folder = root / "packaging/prometheus"
METRIC = re.compile(r"\b((?:coppice|process)_[a-z0-9_]+)\b")


def known():
    """The names of all series of a node's page; a histogram has three."""
    page = (root / "tests/e2e/metrics_page.txt").read_text(encoding="utf-8")
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M):
        names |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names


def expressions(of):
    """The texts of the keys expr, query and definition, at any depth."""
    if isinstance(of, list):
        return [text for one in of for text in expressions(one)]
    if not isinstance(of, dict):
        return []
    own = [value for key, value in of.items() if key in ("expr", "definition", "query") and isinstance(value, str)]
    return own + [text for value in of.values() for text in expressions(value)]


def promtool(*arguments, text=None):
    if not shutil.which("promtool"):
        raise Skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, check=False, timeout=60)
    equal(done.returncode, 0, done.stdout + done.stderr)
    return done.stdout + done.stderr


@test("every metric that an alert or the dashboard names is on the page of a node")
def names(_):
    there = known()
    check("coppice_web_request_seconds_bucket" in there, "a histogram's series are known")
    rules = (folder / "coppice.rules.yml").read_text(encoding="utf-8")
    alerts = re.findall(r"expr: (.*)", rules)
    shown = expressions(json.loads((folder / "coppice-dashboard.json").read_text(encoding="utf-8")))
    check(len(alerts) >= 10 and len(shown) >= 20, "expressions are found", len(alerts), len(shown))
    for text in alerts + shown:
        for name in METRIC.findall(text):
            check(name in there, f"{name} of {text} is on the page")


@test("each alert has a severity, says what is wrong and what to do, and its test has it fire and keep quiet")
def whole(_):
    rules = (folder / "coppice.rules.yml").read_text(encoding="utf-8").split("- alert: ")[1:]
    tests = (folder / "coppice.rules.test.yml").read_text(encoding="utf-8")
    for rule in rules:
        name = rule.split()[0]
        for part in ("expr: ", "severity: ", "summary: ", "action: "):
            contains(rule, part)
        check(f"alertname: {name} }}" in tests, f"{name} keeps quiet somewhere")
        check(f"alertname: {name}\n        exp_alerts:" in tests, f"{name} fires somewhere")


@test("promtool finds the rules right, and each alert fires when its test says so")
def checked(_):
    contains(promtool("check", "rules", folder / "coppice.rules.yml"), "SUCCESS")
    contains(promtool("test", "rules", folder / "coppice.rules.test.yml"), "SUCCESS")


@test("promtool takes the configuration that the page shows, with the rules beside it")
def configured(cleanup):
    shown, = re.findall(r"^```yaml\n(.*?)^```$", (folder / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    place = Folder()
    cleanup.callback(place.close)
    shutil.copy(folder / "coppice.rules.yml", place.path)
    contains(promtool("check", "config", place.write("prometheus.yml", shown)), "SUCCESS")


@test("promtool reads the page of a node")
def scraped(cleanup):
    port = free_port()
    Node(cleanup, settings=[("control.http", f"{{ address: 127.0.0.1, port: {port} }}")])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        page = answer.read().decode()
    contains(page, "\nprocess_start_time_seconds ")
    promtool("check", "metrics", text=page)


run()
