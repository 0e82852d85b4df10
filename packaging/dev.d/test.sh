# SPDX-License-Identifier: MIT
# Runs tests: on a build without sanitizers, under the sanitizers, for coverage. tests/run.py counts their cases and
# prints the last line, `N passed, N failed, N skipped`.
# shellcheck shell=bash

help_test() {
  cat <<'EOF'
usage: packaging/dev test [NAME…] [--suite SUITE] [--all] [--on KIND]
Installs missing packages, builds, and runs every test of this tier.

NAME is Meson's name of a test (unit/etf, e2e/…). SUITE is one of house, unit, e2e, interop, attack, fuzz, simulated.
Without NAME and SUITE it leaves out the tests that `packaging/dev sanitize address` runs and that prove as much there (unit
tests of most rooms, most of e2e, replayed fuzz seeds), and the tests that take minutes (chaos, a browser), which
`packaging/dev verify` runs. --all leaves nothing out. KIND is the build that the tests run on: ci, or release, which is
shipped. A test that fails runs again by itself, see tests/README.md. Each skipped test is listed with its reason above the
last line, `N passed, N failed, N skipped`. The exit status is 0 only if no test failed.
EOF
}

# build_to_test KIND: builds what a node needs; tests/run.py builds what the chosen tests need besides. (Before Meson
# 1.7 its own target, all, contains every test.) A build that fails counts as one failed test, so that the last line
# is always there.
build_to_test() {
  if ! (need test && build_kind "$1" node); then
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
  fi
}

# run_tests KIND ARGUMENT…: runs tests with the command prefix `wrapper`, a variable of the caller. A test waits most
# of its time, so more tests than processors run at once.
run_tests() {
  "${wrapper[@]}" python3 tests/run.py "$build/$1" --jobs "$jobs" --at-once $((2 * jobs)) "${@:2}" </dev/null
}

dev_test() {
  local kind=ci wrapper=() left_out=(sanitized long) arguments=()
  tier_arguments "$@"
  build_to_test "$kind"
  run_tests "$kind" "${left_out[@]/#/--without=}" "${arguments[@]}"
}

# tier_arguments ARGUMENT…: reads --all and --on KIND, and sets kind, left_out and arguments, which are variables of
# the caller.
tier_arguments() {
  while (($#)); do
    case $1 in
      --all) left_out=() ;;
      --on)
        [[ ${2:-} == ci || ${2:-} == release ]] || usage_error "test: --on ci or release, not '${2:-}'"
        kind=$2
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
}

help_sanitize() {
  cat <<'EOF'
usage: packaging/dev sanitize {address|thread} [NAME…] [--suite SUITE] [--all]
Builds under a sanitizer and runs every test there.

address also finds undefined behaviour. It leaves out the tests against other nodes and attackers, which `packaging/dev test`
runs, unless they are named or --all is given. The last line is that of `packaging/dev test`.
EOF
}

dev_sanitize() {
  local kind=${1:-} wrapper=() left_out=(long) arguments=()
  [[ $kind == address || $kind == thread ]] || usage_error "sanitize: address or thread, not '$kind'"
  shift
  if [[ $kind == address ]]; then left_out+=(plain); fi
  tier_arguments "$@"
  build_to_test "$kind"
  sanitizer_options
  # The thread sanitizer cannot place its shadow memory if the address space is randomized widely.
  if [[ $kind == thread ]]; then wrapper=(setarch "$(uname -m)" -R); fi
  run_tests "$kind" --slower 4 "${left_out[@]/#/--without=}" "${arguments[@]}"
}

# Exports the options that every sanitized program runs with.
sanitizer_options() {
  local symbolizer
  symbolizer=$(command -v llvm-symbolizer-14 || command -v llvm-symbolizer || true)
  if [[ -n $symbolizer ]]; then export ASAN_SYMBOLIZER_PATH=$symbolizer UBSAN_SYMBOLIZER_PATH=$symbolizer; fi
  # Every plugin exports the same symbol; that is no violation of the one-definition rule.
  export ASAN_OPTIONS="strict_string_checks=1:detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
  export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
  export TSAN_OPTIONS="second_deadlock_stack=1:suppressions=$root/tests/thread.supp${symbolizer:+:external_symbolizer_path=$symbolizer}${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
}

help_coverage() {
  cat <<'EOF'
usage: packaging/dev coverage
Runs every test in a build that counts executed lines, and prints the share of lines that the tests cover.

The report is in build/coverage/report/index.html.
EOF
}

dev_coverage() {
  need test
  build_kind coverage
  find "$build/coverage" -name '*.gcda' -delete
  python3 tests/run.py "$build/coverage" --jobs "$jobs" --slower 2 </dev/null ||
    say "some tests failed; covered is what ran"
  mkdir -p "$build/coverage/report"
  gcovr --root "$root" --object-directory "$build/coverage" --exclude 'build/.*' --exclude 'tests/.*' \
    --exclude-unreachable-branches --exclude-throw-branches \
    --html-details "$build/coverage/report/index.html" --print-summary
}
