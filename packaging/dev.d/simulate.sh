# SPDX-License-Identifier: MIT
# Searches clusters of whole nodes on a simulated machine for faults, see tests/simulated/README.md.
# shellcheck shell=bash

help_simulate() {
  cat <<'EOF'
usage: packaging/dev simulate [--seed N] [--for 60s] [--only WORKLOAD] [--trace] [--story]
Searches for a seed with which a simulated cluster breaks an invariant.

With --seed it makes one run, which depends on the seed alone, and --for is simulated time. Without --seed it draws new seeds
until --for of real time has passed. WORKLOAD is calls, casts, watches, mixed, raft, saga, changes, events, jobs, pg, stages, statem, web,
streams, dials, talks, datagrams, pools, managers, global or hours (for long runs: only if it is named). --trace prints each event that
goes into the hash, and --story prints in sentences what happens. For a seed that fails it prints the workload, the log and the
broken invariant, and then the shortest run that fails in the same way: the options that repeat it, and its story. The last line has
the number of runs and the hash.
EOF
}

dev_simulate() {
  local argument chosen=no
  need build
  build_kind ci tests/simulated/coppice-simulated "${plugins_to_simulate[@]}"
  for argument in "$@"; do [[ $argument == --seed* || $argument == --first* ]] && chosen=yes; done
  [[ $chosen == yes ]] || set -- --first "$((RANDOM * 32768 + RANDOM))" "$@"
  exec "$build/ci/tests/simulated/coppice-simulated" "$@" </dev/null
}

plugins_to_simulate=(plugins/alarms.so plugins/echo.so plugins/hello_web.so plugins/kv.so plugins/ledger.so plugins/numbers.so plugins/redis.so plugins/relay.so plugins/transfer.so)
