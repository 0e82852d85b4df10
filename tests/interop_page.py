#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""interop_page.py [--sockets] FOLDER PAGE: prints packaging/INTEROP.md, made of the results of the interop tests.
FOLDER has the outcomes of runs (*.jsonl, as harness/tap.py notes them). A tick means that a test passed and none
failed. PAGE is the previous page: rows of its TLS table stay if no run has their peers. --sockets makes only that table
anew."""
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

# Features of listeners and of connections that actors make: the column, and what it means.
SOCKETS = {
    "1.3-EC": ("1.3 EC", "TLS 1.3 with an EC certificate, verified, and bytes both ways"),
    "1.3-RSA": ("1.3 RSA", "TLS 1.3 with an RSA certificate, verified, and bytes both ways"),
    "1.2-EC": ("1.2 EC", "TLS 1.2 with an EC certificate, verified, and bytes both ways"),
    "1.2-RSA": ("1.2 RSA", "TLS 1.2 with an RSA certificate, verified, and bytes both ways"),
    "KeyUpdate": ("KeyUpdate refused", "a peer that changes its keys gets the alert `unexpected_message`, and the log says why its connection ends"),
    "session": ("no resumption", "the peer offers or keeps sessions: each connection begins with a whole handshake all the same, in 1.3 and 1.2"),
    "cut": ("cut messages", "handshake messages in several records of 512 bytes or less, with RSA certificates, in 1.2; of OpenSSL also as a client that asks for such records"),
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
    """{peer: {feature: [(outcome, reason, test)]}} of the runs in the folder."""
    peers = {}
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            for feature in one["features"]:
                if feature not in FEATURES and feature not in SOCKETS:
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


SOCKETS_HEAD = """
## TLS of listeners and of what actors connect to

As `tests/interop/tls_peers.py` saw it; `--table` behind it prints the rows for the peers of a machine. [TLS.md](TLS.md) says what
keeps a peer from changing its keys. A peer that has no such thing has an empty cell.

"""


def sockets_table(peers):
    """The table of sockets. `peers`: {peer: {feature: [(outcome, reason, test)]}}."""
    rows = [[peer, *(cell(seen.get(feature, [])) for feature in SOCKETS)] for peer, seen in sorted(peers.items())]
    return table([["TLS", *(column for column, _ in SOCKETS.values())], ["---"] * (len(SOCKETS) + 1), *rows])


def sockets_of(text):
    """{peer: {feature: cell}} of the table in a page."""
    rows = [[one.strip() for one in line.removeprefix("|").removesuffix("|").split("|")]
            for line in text.partition(SOCKETS_HEAD)[2].splitlines() if line.startswith("|")]
    return {row[0]: dict(zip(SOCKETS, row[1:], strict=True)) for row in rows[2:] if len(row) == len(SOCKETS) + 1}


def sockets(peers, before):
    """The section of sockets. Rows of the previous page stay if no run has their peers."""
    symbols = {"✓": "passed", "✗": "failed", "(skipped)": "skipped"}
    rows = {peer: {feature: [(symbols[shown], "", "")] for feature, shown in cells.items() if shown} for peer, cells in sockets_of(before).items()}
    rows.update({peer: of for peer, seen in peers.items() if (of := {feature: seen[feature] for feature in SOCKETS if feature in seen})})
    if not rows:
        return ""
    return SOCKETS_HEAD + sockets_table(rows) + "\n" + table([["column", "what it is"], ["---"] * 2, *([column, words] for column, words in SOCKETS.values())])


def page(peers, before=""):
    nodes = {peer: seen for peer, seen in peers.items() if any(feature in FEATURES for feature in seen)}
    return of_nodes(nodes) + sockets(peers, before)


def of_nodes(peers):
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
    *alone, folder, path = sys.argv[1:]
    found = read(folder)
    if not found:
        sys.exit(f"interop_page: no outcomes in {folder}: packaging/dev interop makes them")
    before = pathlib.Path(path).read_text(encoding="utf-8")
    if alone == ["--sockets"]:
        sys.stdout.write(before.partition(SOCKETS_HEAD)[0] + sockets(found, before))
    else:
        sys.stdout.write(page(found, before))
