#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The self-test of interop_page.py: the text of a cell for the outcomes that it has."""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import interop_page
from harness.tap import check, contains, equal, run, test

SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from harness.tap import Skip, run, test

@test("calls go", proves="calls links")
def calls(_): pass

@test("links do not", proves="links", peer=lambda: "another")
def links(_): raise AssertionError("no")

@test("groups cannot be tried", proves="pg")
def groups(_): raise Skip("no peer")

@test("what proves nothing is not noted")
def nothing(_): pass

run()
"""


@test("a tick stands where a test passed, a cross where one failed, and a skipped test is no tick")
def cells(_):
    equal([interop_page.cell([(outcome, "", "") for outcome in outcomes]) for outcomes in
           ([], ["passed"], ["passed", "skipped"], ["skipped"], ["passed", "failed"], ["skipped", "failed"])],
          ["", "✓", "✓", "(skipped)", "✗", "✗"])


@test("what a script's tests prove is noted with their peer, and becomes the page")
def noted(_):
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "script.py"
        script.write_text(SCRIPT.format(tests=str(pathlib.Path(__file__).resolve().parent)))
        subprocess.run([sys.executable, str(script)], capture_output=True, check=False,
                       env=dict(os.environ, COPPICE_OUTCOMES=f"{folder}/run.jsonl", COPPICE_PEER="OTP 99"))
        peers = interop_page.read(folder)
    equal({peer: {feature: interop_page.cell(outcomes) for feature, outcomes in seen.items()} for peer, seen in peers.items()},
          {"OTP 99": {"calls": "✓", "links": "✓", "pg": "(skipped)"}, "another": {"links": "✗"}})
    text = interop_page.page(peers)
    contains(text, "| OTP 99 | ✓ | ✓ |")
    contains(text, "- OTP 99: script.py: groups cannot be tried: no peer")
    check("what proves nothing" not in text, "no more than what was declared", text)


@test("the table of TLS keeps the rows of peers that are in no run, and a page is made from itself without a change")
def sockets(_):
    passed, failed = [("passed", "", "a.py: a")], [("failed", "", "a.py: a")]
    nodes = {"OTP 99": {"calls": passed}}
    first = interop_page.page({**nodes, "one": {"1.3-EC": passed, "KeyUpdate": failed}, "other": {"cut": passed}})
    equal(interop_page.sockets_of(first)["one"],
          {"1.3-EC": "✓", "1.3-RSA": "", "1.2-EC": "", "1.2-RSA": "", "KeyUpdate": "✗", "session": "", "cut": ""})
    equal(interop_page.page(nodes, first), first)
    second = interop_page.page({**nodes, "one": {"1.3-EC": failed}}, first)
    shown = interop_page.sockets_of(second)
    equal((shown["one"]["1.3-EC"], shown["one"]["KeyUpdate"], shown["other"]["cut"]), ("✗", "", "✓"))
    check("| one |" not in first.partition("## What stands behind a tick")[0], "peers of sockets are no nodes", first)
    check("TLS of listeners" not in interop_page.page(nodes), "no table without rows")


if __name__ == "__main__":
    run()
