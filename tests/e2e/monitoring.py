#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page about metrics and alerts: its configuration is accepted, its rules name metrics that a node has (metrics_page.txt, which metrics.py holds
against a node), and each command that a rule names exists with its options."""
import re
import subprocess

from harness.chapters import blocks
from harness.node import program, root
from harness.sdk import working_folder
from harness.tap import check, equal, run, test

PAGE = {block.language: block.text for block in blocks((root / "packaging/doc/monitoring.md").read_text(encoding="utf-8"))}


def coppice(*arguments):
    return subprocess.run([program("COPPICE", "coppice"), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@test("each rule names metrics that a node has, and a label only where the metric has it")
def metrics(_):
    served = (root / "tests/e2e/metrics_page.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^# HELP (\w+) ", served, re.M))
    rules = re.findall(r"- alert: (\w+)\n\s+expr: (.*)\n", PAGE["yaml rules"])
    check(len(rules) >= 12, "the page has rules", *rules)
    for rule, expression in rules:
        used = re.findall(r"\b((?:coppice|process)_\w+)(\{[^}]*\})?", expression)
        check(used or expression.startswith("up{"), rule, expression)
        for name, labels in used:
            check(name in names, f"{rule}: a node has the metric", name)
            check(not labels or name + labels in served, f"{rule}: it has the label", name + labels)


@test("each command of a rule exists, with its words and options")
def commands(_):
    named = re.findall(r'run: "(.*?)"', PAGE["yaml rules"])
    equal(len(named), PAGE["yaml rules"].count("- alert:"))
    for command in set(named):
        program_name, *words = command.split()
        if program_name == "systemctl":
            continue
        equal(program_name, "coppice", command)
        plain = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        options = [word for word in words if word.startswith("-")]
        chosen = plain[:1] if options else plain  # what follows an option is its value
        done = coppice(*chosen, "--help")
        equal(done.returncode, 0, command + done.stderr)
        check("Usage" in done.stdout or "usage" in done.stdout, command, done.stdout)
        for option in options:
            check(re.search(rf"(?<![\w-]){re.escape(option)}\b", done.stdout), f"{command}: it has the option {option}", done.stdout)


@test("the configuration of the page is one that the node takes")
def configuration(cleanup):
    folder = working_folder(cleanup)
    folder.write("node.yaml", "node: { name: page@127.0.0.1 }\n" + PAGE["yaml"])
    done = coppice("check", str(folder.path / "node.yaml"))
    equal(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    run()
