# SPDX-License-Identifier: MIT
# Fuzzing: every tests/fuzz/NAME.cpp is a libFuzzer target; two run at a time. Seeds are in tests/fuzz/corpus/NAME.
# Inputs that a run finds stay under build/fuzz, and the next run starts from them.
# shellcheck shell=bash

help_fuzz() {
  cat <<'EOF'
usage: packaging/dev fuzz [SECONDS] [NAME…]
Runs each fuzz target for SECONDS (60), two at a time.

An input that fails is kept in build/fuzz/found/NAME-…, and the command that repeats it is printed. The last line
counts targets: `N passed, N failed, N skipped`.
EOF
}

dev_fuzz() {
  local seconds=60 name names=() failed=0
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
  fi
  mapfile -t names < <(python3 tests/layers.py --fuzz-targets | cut -d: -f1)
  for name in "$@"; do
    [[ " ${names[*]} " == *" $name "* ]] || usage_error "fuzz: no such target: $name (${names[*]})"
  done
  if (($#)); then names=("$@"); fi
  if ((${#names[@]} == 0)); then
    echo '0 passed, 0 failed, 0 skipped'
    return
  fi
  build_kind address "${names[@]/#/tests\/fuzz\/fuzz-}"
  mkdir -p "$build/fuzz/found" "$build/fuzz/logs"
  say "fuzzing ${names[*]}: $seconds s each"
  for name in "${names[@]}"; do rm -f "$build/fuzz/logs/$name.passed"; done
  export build root seconds
  export -f fuzz_one
  printf '%s\n' "${names[@]}" | xargs -P 2 -I{} bash -c 'fuzz_one "$1"' _ {} || true
  for name in "${names[@]}"; do
    [[ -e $build/fuzz/logs/$name.passed ]] || failed=$((failed + 1))
  done
  printf '%d passed, %d failed, 0 skipped\n' $((${#names[@]} - failed)) "$failed"
  ((failed == 0))
}

# Runs one target. xargs calls this in a shell of its own.
fuzz_one() {
  local name=$1 program=$build/address/tests/fuzz/fuzz-$1 seeds=() dictionary=() log=$build/fuzz/logs/$1.txt
  mkdir -p "$build/fuzz/corpus/$name"
  if [[ -d $root/tests/fuzz/corpus/$name ]]; then seeds=("$root/tests/fuzz/corpus/$name"); fi
  if [[ -e $root/tests/fuzz/$name.dict ]]; then dictionary=("-dict=$root/tests/fuzz/$name.dict"); fi
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "${dictionary[@]}" \
    -artifact_prefix="$build/fuzz/found/$name-" "$build/fuzz/corpus/$name" "${seeds[@]}" >"$log" 2>&1 </dev/null; then
    touch "$build/fuzz/logs/$name.passed"
    printf 'ok - fuzz/%s: %s inputs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    tail -n 40 "$log"
    printf 'not ok - fuzz/%s: repeat with %s FILE, FILE one of build/fuzz/found/%s-*\n' \
      "$name" "${program#"$root"/}" "$name"
  fi
}
