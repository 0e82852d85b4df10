#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures two builds of Coppice beside each other, so that a change of speed shows before it is merged.

Nodes of both builds run all the time and take turns, row by row. The side that begins changes with each pair. Each
third of the pairs starts nodes of its own, because the placement of a node's memory and threads differs from start to
start. A row has changed if all its pairs, without the outermost at each end, lie on one side of 1, and the median
differs from 1 by more than LITTLE.
"""
import argparse
import contextlib
import json
import statistics
import sys
from pathlib import Path

from bench import DIST, LOCAL, Bench, dist_run, selected, timed_run
from peers import Unavailable, scaled

PAIRS, STARTS = 15, 3
LITTLE = 0.02


class Side:
    """The nodes of one build that a row needs."""

    def __init__(self, stack, bench, row):
        server = stack.enter_context(bench.node(name="against_server"))
        self.nodes, self.row, self.server = [server], row, server.name
        if row in DIST:
            self.nodes.append(stack.enter_context(bench.node(name="against_client", epmd_port=server.epmd_port)))

    def once(self):
        """Runs the row once: (operations a second, processor time of an operation in ns)."""
        if self.row in LOCAL:
            return timed_run(self.nodes, scaled(LOCAL[self.row][0]), lambda count: self.nodes[0].rate(self.row, count))
        term, operations = dist_run(self.row, self.server)
        return timed_run(self.nodes, operations, lambda _: self.nodes[1].rate_of("bench_dist", term))


def measured(base, new, row, pairs):
    """The pairs of a row: ((rate, time) of base, (rate, time) of new)."""
    found = []
    for start in range(STARTS):
        with contextlib.ExitStack() as stack:
            sides = [Side(stack, bench, row) for bench in (base, new)]
            for side in sides:
                side.once()  # the first run is slower, and is not counted
            for number in range(pairs * start // STARTS, pairs * (start + 1) // STARTS):
                first = number % 2
                pair = {which: sides[which].once() for which in (first, 1 - first)}
                found.append((pair[0], pair[1]))
    return found


def verdict(ratios):
    """(the median, the least and the greatest ratio without the outermost pair at each end, whether that is a
    change)."""
    ordered = sorted(ratios)
    inner = ordered[1:-1]
    median = statistics.median(ordered)
    changed = abs(median - 1) > LITTLE and (inner[0] > 1 or inner[-1] < 1)
    return median, inner[0], inner[-1], changed


def line_of(row, pairs):
    unit = LOCAL[row][1] if row in LOCAL else "calls/s" if DIST[row][2] == 0 else "msgs/s"
    median, low, high, changed = verdict([new[0] / base[0] for base, new in pairs])
    return {"name": row, "unit": unit, "base": round(statistics.median(base[0] for base, _ in pairs), 1),
            "new": round(statistics.median(new[0] for _, new in pairs), 1), "ratio": round(median, 3),
            "low": round(low, 3), "high": round(high, 3), "changed": changed,
            "base_ns": round(statistics.median(base[1] for base, _ in pairs), 1),
            "new_ns": round(statistics.median(new[1] for _, new in pairs), 1)}


def shown(line):
    word = "" if not line["changed"] else "FASTER" if line["ratio"] > 1 else "SLOWER"
    return (f"{line['name']:<28} {line['base']:>13,.0f} {line['new']:>13,.0f} {line['unit']:<12} {line['ratio']:5.2f} "
            f"({line['low']:.2f}..{line['high']:.2f})  {line['base_ns']:>8,.0f} {line['new_ns']:>8,.0f}  {word}").rstrip()


def main():
    parser = argparse.ArgumentParser(description="Measures a build beside another one.")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--only", metavar="PATTERN")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = selected([*LOCAL, *DIST], options.only)
    if not rows:
        parser.error(f"no row of two builds matches {options.only}: {', '.join([*LOCAL, *DIST])}")
    if options.pairs < 2 * STARTS:
        parser.error(f"--pairs: {2 * STARTS} at least")
    base, new = Bench(options.base.resolve()), Bench(options.build.resolve())
    if not options.json:
        print(f"{'workload':<28} {'base':>13} {'new':>13} {'unit':<12} ratio (all but the ends)  ns of processor time each")
    lines, missing = [], []
    for row in rows:
        try:
            lines.append(line_of(row, measured(base, new, row, options.pairs)))
        except Unavailable as why:
            missing.append(f"{row}: {why}")
            continue
        if not options.json:
            print(shown(lines[-1]), flush=True)
    if options.json:
        print(json.dumps(lines, indent=2))
    for line in missing:
        print(f"not measured: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
