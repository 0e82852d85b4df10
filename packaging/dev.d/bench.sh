# SPDX-License-Identifier: MIT
# Benchmarks: ratios against a peer or a floor measured in the same run.
# shellcheck shell=bash

help_bench() {
  cat <<'EOF'
usage: packaging/dev bench [--json] [--only PATTERN] [--against REVISION [--pairs N]]
Measures Coppice beside its peers, and prints the workload, our figure, the peer's figure and the ratio.

A ratio above 1 means that Coppice is better than the peer. PATTERN is a shell pattern over row names (`local_*`); a plain word
matches anywhere. --json prints a list of {name, unit, ours, peer, peer_name, ratio}. PEER_BENCH_RUNS and
PEER_BENCH_SCALE (work of a run, in percent) make it quicker or steadier.

--against also builds that revision, and measures the local_ and dist_ rows of both builds in N (15) alternating pairs. It
prints the rates, their ratio and its spread, the processor time of an operation, and the rows that have changed by more
than the spread.
EOF
}

dev_bench() {
  local arguments=() revision=''
  while (($#)); do
    if [[ $1 == --against ]]; then
      (($# >= 2)) || usage_error "bench: --against needs a revision"
      revision=$2
      shift
    else
      arguments+=("$1")
    fi
    shift
  done
  need bench
  build_kind release all bench
  if [[ -z $revision ]]; then exec python3 tests/bench/bench.py --build "$build/release" "${arguments[@]}" </dev/null; fi
  build_revision "$revision"
  exec python3 tests/bench/against.py --build "$build/release" --base "$build/against/build/release" "${arguments[@]}" </dev/null
}

# build_revision REVISION: builds it as a release, in a checkout of its own under build/against.
build_revision() {
  local commit
  commit=$(git rev-parse --verify --quiet "$1^{commit}") || die "there is no revision $1"
  if [[ ! -e $build/against/.git ]]; then
    rm -rf "$build/against"
    git worktree prune
    git worktree add --quiet --detach "$build/against" "$commit"
  fi
  git -C "$build/against" checkout --quiet --detach "$commit"
  mkdir -p "$build/against/build"
  ln -sfn "$build/deps" "$build/against/build/deps"
  say "building $1 in build/against"
  (cd "$build/against" && build=$PWD/build && build_kind release node bench)
}
