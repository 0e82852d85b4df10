# SPDX-License-Identifier: MIT
# Checks of the code: `form` needs no compiler (formatting, the include table, scripts, pages), `lint` adds the
# warnings of the second compiler, `verify` runs all checks and tests that there are.
# shellcheck shell=bash

help_format() {
  cat <<'EOF'
usage: packaging/dev format [--fix] [FILE…]
Checks the formatting of C and C++ files; --fix formats them. Exit status 77: this machine has no clang-format 14.
EOF
}

dev_format() {
  local fix=no files=() tool
  if [[ ${1:-} == --fix ]]; then
    fix=yes
    shift
  fi
  need lint
  tool=$(clang_tool clang-format)
  if [[ $("$tool" --version) != *" version 14."* ]]; then
    say "format: skipped: files are formatted by clang-format 14, which this distribution does not have"
    exit 77
  fi
  if (($#)); then files=("$@"); else mapfile -t files < <(source_files '*.cpp' '*.hpp' '*.c' '*.h'); fi
  if ((${#files[@]} == 0)); then return; fi
  if [[ $fix == yes ]]; then
    printf '%s\0' "${files[@]}" | xargs -0 -P "$jobs" -n 20 "$tool" -i
  elif ! printf '%s\0' "${files[@]}" | xargs -0 -P "$jobs" -n 20 "$tool" --dry-run --Werror -ferror-limit=1; then
    die "some files are not formatted: packaging/dev format --fix"
  fi
}

# Prints the files that match these patterns and that git tracks or would add.
source_files() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do [[ ! -e $file ]] || echo "$file"; done; }

help_form() {
  cat <<'EOF'
usage: packaging/dev form
Runs the checks that need no compiler: formatting, the include table, prologues, names, sizes, scripts, manual pages.
It takes half a minute.
EOF
}

dev_form() {
  local failed=0 status=0 files
  need lint
  say "the include table, names, sizes, prologues"
  python3 tests/layers.py || failed=1
  say "shell and Python scripts"
  # The pieces use variables of packaging/dev (SC2154).
  shellcheck --severity=warning --exclude=SC2154 packaging/dev packaging/dev.d/*.sh packaging/dev.d/newcomer packaging/dev.d/booted \
    packaging/dev.d/booted_net packaging/dev.d/packaged packaging/dev.d/reader packaging/dev.d/checks packaging/debian/*.p* .ci/run || failed=1
  mapfile -t files < <(source_files '*.py')
  python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' "${files[@]}" || failed=1
  say "manual pages"
  mandoc -T lint -W warning packaging/man/*.[1-8] || failed=1
  say "formatting"
  packaging/dev format || status=$?
  ((status == 0 || status == 77)) || failed=1
  ((failed == 0)) || die "form found something"
}

help_lint() {
  cat <<'EOF'
usage: packaging/dev lint [--whole] [--tidy]
Compiles every file, and each installed header alone, with clang and warnings as errors.

It also checks the headers and types of the plugin ABI, the units, and the built pages.
--whole also compiles each of the daemon's own headers alone. --tidy also runs clang-tidy, where it is installed.
EOF
}

dev_lint() {
  local failed=0 argument targets=(all everything) with_tidy=no
  for argument in "$@"; do
    case $argument in
      --whole) targets+=(headers-daemon) ;;
      --tidy) with_tidy=yes ;;
      *) usage_error "lint: unknown argument: $argument" ;;
    esac
  done
  need build lint
  say "the plugin ABI's headers and types"
  check_abi_headers || failed=1
  check_abi_types || failed=1
  say "every file, and headers alone, with clang: warnings are errors"
  (build_kind address "${targets[@]}") || failed=1
  say "units: how they are written, and how far they are shut off from the machine"
  check_units "$build/address/packaging" || failed=1
  say "manual pages"
  mandoc -T lint -W warning "$build"/address/packaging/*.[1-8] || failed=1
  if [[ $with_tidy == yes ]]; then tidy || failed=1; fi
  ((failed == 0)) || die "lint found something"
}

# check_units FOLDER: whether systemd accepts each unit of that build, and finds its exposure small. systemd looks for
# the programs of the units; links to /bin/true stand in for them.
check_units() {
  local unit at=$build/units said=$build/units/said failed=0
  rm -rf "$at"
  mkdir -p "$at/bin"
  cp packaging/systemd/*.socket "$at/"
  for unit in coppiced coppice coppice-epmd; do ln -s /bin/true "$at/bin/$unit"; done
  for unit in "$1"/*.service; do
    sed "s#=/.*/bin/#=$at/bin/#" "$unit" >"$at/${unit##*/}"
    systemd-analyze security --offline=true --no-pager --threshold=20 "$at/${unit##*/}" >"$said" 2>&1 ||
      { cat "$said" && failed=1; }
  done
  for unit in "$at"/*.service "$at"/*.socket; do
    # It fails only for units that cannot start. Lines that it ignores are reported in the output alone.
    systemd-analyze verify --man=no --recursive-errors=no "${unit/@./@instance.}" >"$said" 2>&1 || failed=1
    if grep "^$at/" "$said" || grep -F "${unit##*/}: " "$said"; then failed=1; fi
  done
  return $failed
}

tidy() {
  local tool
  tool=$(command -v run-clang-tidy-14 || command -v run-clang-tidy) || {
    say "clang-tidy is not installed: skipped"
    return
  }
  say "clang-tidy"
  "$tool" -quiet -p "$build/address" -j "$jobs" "^$root/(daemon|etf|epmd|plugins)/" 2>/dev/null
}

help_verify() {
  cat <<'EOF'
usage: packaging/dev verify
Runs everything: .ci/run, bare Debians, the service and packages on Debian 12 and 13, newer OTP, sanitizers, chaos, benchmarks.

It runs README's two commands in bare Debians; a booted service and packages, on this machine's Debian and on 13; interop
with newer OTP; the thread sanitizer; a long run of the runtime's random test, a minute of chaos and a minute of chaos of
connections (all of them also under both sanitizers); ten minutes each of chaos of Raft groups, of chaos of sagas, of random
signals and of requests; an hour of simulated clusters with new seeds; a long fuzz; and the benchmarks. The output ends with a
summary, which has the figures that the runs have measured, and the commit.
EOF
}

dev_verify() {
  local summary=() failed=0
  need verify observer boot package
  mkdir -p "$build"
  verify_step ci .ci/run
  verify_step 'headers alone' packaging/dev lint --whole
  COPPICE_EXAMPLES=all verify_step 'examples at each level' packaging/dev test e2e/examples
  verify_step 'what is shipped' packaging/dev test --on release --all
  verify_step 'address, whole' packaging/dev sanitize address --all
  verify_step 'bare Debian 12' packaging/dev bare bookworm
  verify_step 'bare Debian 13' packaging/dev bare trixie
  verify_step 'booted service' packaging/dev boot
  verify_step packages packaging/dev packaged
  verify_step tutorial packaging/dev tutorial
  verify_step 'packages on Debian 13' packaging/dev packaged --for trixie
  verify_step 'tutorial on Debian 13' packaging/dev tutorial --for trixie
  verify_step 'booted service on Debian 13' packaging/dev boot --for trixie
  verify_step 'OTP of trixie' packaging/dev interop --otp trixie
  verify_step 'OTP of sid' packaging/dev interop --otp sid
  verify_step thread packaging/dev sanitize thread
  COPPICE_STRESS=100 verify_step stress packaging/dev test unit/runtime
  COPPICE_STRESS=30 verify_step 'stress address' packaging/dev sanitize address unit/runtime
  COPPICE_STRESS=30 verify_step 'stress thread' packaging/dev sanitize thread unit/runtime
  COPPICE_CHAOS_SECONDS=60 verify_step chaos packaging/dev test e2e/chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'chaos address' packaging/dev sanitize address e2e/chaos
  COPPICE_CHAOS_SECONDS=60 COPPICE_CHAOS_ACTORS=10 verify_step 'chaos thread' packaging/dev sanitize thread e2e/chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'cuts of pipelines' packaging/dev test e2e/stage_cuts
  COPPICE_CHAOS_SECONDS=60 verify_step 'chaos of events' packaging/dev test e2e/events_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'chaos of events address' packaging/dev sanitize address e2e/events_chaos
  COPPICE_CHAOS_SECONDS=600 verify_step 'chaos of raft' packaging/dev test e2e/raft_chaos
  COPPICE_CHAOS_SECONDS=60 COPPICE_CHAOS_MEMBERS=11 verify_step 'chaos of raft, 11 members' packaging/dev test e2e/raft_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'chaos of raft address' packaging/dev sanitize address e2e/raft_chaos
  COPPICE_CHAOS_SECONDS=600 verify_step 'chaos of sagas' packaging/dev test e2e/saga_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'chaos of sagas address' packaging/dev sanitize address e2e/saga_chaos
  COPPICE_STAGE_RELOADS=1000 verify_step 'reloads of stages' packaging/dev test e2e/stage
  COPPICE_BROWSER=1 verify_step browser packaging/dev test e2e/browser
  COPPICE_BROWSER=1 verify_step node_page packaging/dev test e2e/node_page
  COPPICE_CHAOS_SECONDS=60 COPPICE_CHAOS_CONNECTIONS=10000 verify_step 'net chaos' packaging/dev test e2e/net_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'net chaos address' packaging/dev sanitize address e2e/net_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'net chaos thread' packaging/dev sanitize thread e2e/net_chaos
  COPPICE_CHAOS_SECONDS=60 COPPICE_CHAOS_CONNECTIONS=10000 verify_step 'web chaos' packaging/dev test e2e/web_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'web chaos address' packaging/dev sanitize address e2e/web_chaos
  COPPICE_CHAOS_SECONDS=60 verify_step 'web chaos thread' packaging/dev sanitize thread e2e/web_chaos
  COPPICE_ATTACK_SECONDS=600 verify_step 'random signals' packaging/dev test attack/random_signals
  COPPICE_ATTACK_SEED=new COPPICE_ATTACK_SECONDS=600 verify_step 'requests' packaging/dev test --on release attack/service_requests
  COPPICE_ATTACK_SECONDS=120 verify_step 'random signals address' packaging/dev sanitize address attack/random_signals
  verify_step 'simulated clusters' packaging/dev simulate --for 1h
  verify_step fuzz packaging/dev fuzz 300
  verify_step bench packaging/dev bench
  printf '\n'
  printf '%s\n' "${summary[@]}"
  printf 'commit %s%s\n' "$(git rev-parse HEAD)" "$(git diff --quiet HEAD || echo ' with local changes')"
  return $failed
}

# Runs one step and adds to the variables summary and failed of the caller.
verify_step() {
  local name=$1 log=$build/verify-${1// /-}.txt
  shift
  say "verify: $name"
  if "$@" </dev/null 2>&1 | tee "$log"; then
    summary+=("ok     $name: $(tail -n 1 "$log")")
    mapfile -t -O "${#summary[@]}" summary < <(sed -n 's/^measured: /         &/p' "$log")
  else
    summary+=("FAILED $name: $(tail -n 1 "$log")")
    failed=1
  fi
}
