#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""interop_page.py FOLDER: what the tests of interop proved, as packaging/INTEROP.md, to standard output. FOLDER holds the
outcomes of runs (*.jsonl, as harness/tap.py notes them). A tick stands only where a test passed and none failed."""
import json
import pathlib
import sys

FEATURES = {
    "calls": "`gen_server` calls and casts",
    "links": "links between processes",
    "monitors": "monitors of processes; of a C or Java node's, which know none, the end of their node",
    "exits": "exit signals and their reasons",
    "aliases": "process aliases: no late answer after a timeout",
    "spawn": "spawning on the other node",
    "rpc": "`rpc` and `erpc`",
    "pg": "process groups",
    "global": "names of `global`",
    "TLS": "distribution over TLS, see [TLS.md](TLS.md)",
    "compression": "compressed messages, between Coppice nodes; others are never sent one",
    "fragments": "very large messages in fragments",
    "gen_statem": "our state machines by OTP's `gen_statem` and `sys`",
    "gen_event": "our event managers by OTP's `gen_event` and `sys`",
    "stages": "pipelines with stages of GenStage, Elixir's library",
    "web": "routes of our web servers to a `gen_server`",
    "observer": "OTP's observer and etop look at our node",
}

HEAD = """# Interop

What a Coppice node and other nodes do with each other, both ways, as tests saw it. Nobody writes this page by hand:
`packaging/dev interop` runs the tests against this machine's Erlang, `--otp trixie` and `--otp sid` against newer
releases, and `packaging/dev interop --page` makes the page of what came out.

"""
LEGEND = """
✓ a test passed and none failed; ✗ one failed; (skipped) all were skipped; empty: none was there.
"""


def read(folder):
    """{peer: {feature: [(outcome, reason, test)]}}."""
    peers = {}
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            for feature in one["features"]:
                if feature not in FEATURES:
                    raise SystemExit(f"{one['test']}: no such feature: {feature}")
                peers.setdefault(one["peer"], {}).setdefault(feature, []).append((one["outcome"], one["reason"], one["test"]))
    return peers


def cell(outcomes):
    found = {outcome for outcome, _, _ in outcomes}
    if "failed" in found:
        return "✗"
    if "passed" in found:
        return "✓"
    return "(skipped)" if found else ""


def table(rows):
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page(peers):
    text = HEAD + table([["peer", *FEATURES], ["---"] * (len(FEATURES) + 1)])
    text += table([[peer, *(cell(seen.get(feature, [])) for feature in FEATURES)] for peer, seen in sorted(peers.items())])
    text += LEGEND
    skipped = sorted({(peer, test, reason) for peer, seen in peers.items() for outcomes in seen.values()
                      for outcome, reason, test in outcomes if outcome == "skipped"})
    if skipped:
        text += "\nSkipped:\n\n" + "".join(f"- {peer}: {test}: {reason}\n" for peer, test, reason in skipped)
    text += "\n## What stands behind a tick\n\n" + table([["feature", "what it is", "tests"], ["---"] * 3])
    for feature, words in FEATURES.items():
        tests = sorted({test for seen in peers.values() for _, _, test in seen.get(feature, [])})
        text += table([[feature, words, "<br>".join(tests)]])
    return text


if __name__ == "__main__":
    found = read(sys.argv[1])
    if not found:
        sys.exit(f"interop_page: no outcomes in {sys.argv[1]}: packaging/dev interop makes them")
    sys.stdout.write(page(found))
