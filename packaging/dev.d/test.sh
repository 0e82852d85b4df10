# SPDX-License-Identifier: MIT
# Running tests: on the release build, under the sanitizers, for coverage. tests/run.py counts their cases
# and prints the last line, `N passed, N failed, N skipped`.
# shellcheck shell=bash

help_test() {
  cat <<'EOF'
usage: packaging/dev test [NAME…] [--suite SUITE]
Installs what is missing, builds, and runs every test of this tier.

NAME is a test as Meson names it (unit/etf, e2e/…); SUITE one of house, unit, e2e, interop, attack, fuzz.
Each skipped test stands with its reason above the last line, `N passed, N failed, N skipped`;
the exit status is 0 only if none failed.
EOF
}

# A build that fails is one failed test, so that the last line is there in any case.
build_to_test() {
  if ! (need test && build_kind "$1"); then
    echo '0 passed, 1 failed, 0 skipped'
    exit 1
  fi
}

dev_test() {
  build_to_test release
  python3 tests/run.py "$build/release" --jobs "$jobs" "$@" </dev/null
}

help_sanitize() {
  cat <<'EOF'
usage: packaging/dev sanitize {address|thread} [NAME…] [--suite SUITE]
Builds under a sanitizer and runs every test there.

address includes undefined behaviour. The last line counts as in `packaging/dev test`.
EOF
}

dev_sanitize() {
  local kind=${1:-} symbolizer wrapper=()
  [[ $kind == address || $kind == thread ]] || usage_error "sanitize: address or thread, not '$kind'"
  shift
  build_to_test "$kind"
  symbolizer=$(command -v llvm-symbolizer-14 || command -v llvm-symbolizer || true)
  if [[ -n $symbolizer ]]; then export ASAN_SYMBOLIZER_PATH=$symbolizer UBSAN_SYMBOLIZER_PATH=$symbolizer; fi
  # Every plugin exports the same symbol; that is no violation.
  export ASAN_OPTIONS="strict_string_checks=1:detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
  export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
  export TSAN_OPTIONS="second_deadlock_stack=1:suppressions=$root/tests/thread.supp${symbolizer:+:external_symbolizer_path=$symbolizer}${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
  # Its shadow memory can't be placed when the address space is randomized widely.
  if [[ $kind == thread ]]; then wrapper=(setarch "$(uname -m)" -R); fi
  "${wrapper[@]}" python3 tests/run.py "$build/$kind" --jobs "$jobs" --slower 4 "$@" </dev/null
}

help_coverage() {
  cat <<'EOF'
usage: packaging/dev coverage
Runs every test in a counting build; prints the share of lines covered.

The pages are left in build/coverage/report/index.html.
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
