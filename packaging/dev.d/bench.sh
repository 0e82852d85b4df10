# SPDX-License-Identifier: MIT
# Benchmarks: ratios against a peer or a floor measured in the same run.
# shellcheck shell=bash

help_bench() {
  cat <<'EOF'
usage: packaging/dev bench [--json] [--only PATTERN]
Measures Coppice beside its peers: workload, ours, the peer's figure, the ratio.

A ratio above 1 is better than the peer. PATTERN is a shell pattern over row names (`local_*`); a plain word
matches anywhere. --json prints a list of {name, unit, ours, peer, peer_name, ratio}. PEER_BENCH_RUNS and
PEER_BENCH_SCALE (work of a run, in percent) make it quicker or steadier.
EOF
}

dev_bench() {
  need bench
  build_kind release all bench
  exec python3 tests/bench/bench.py --build "$build/release" "$@" </dev/null
}
