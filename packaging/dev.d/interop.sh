# SPDX-License-Identifier: MIT
# The tests against real Erlang nodes: this machine's, or those of newer releases of Erlang/OTP, each in the Debian
# that has it (debian.sh), its erl run in a chroot.
# shellcheck shell=bash

help_interop() {
  cat <<'EOF'
usage: packaging/dev interop [--otp {trixie|sid}] | --page
Runs the tests against real Erlang nodes only.

The nodes are this machine's erl, or with --otp that of another Debian: it is installed once under
${XDG_CACHE_HOME:-/var/cache}/coppice, from the mirror apt uses. Where that cannot be done (it needs root and
debootstrap) the tests count as one skipped test, with the reason.

What a run proves of its peers is kept under build/interop; --page makes packaging/INTEROP.md of all that is there.
EOF
}

dev_interop() {
  local suite=${2:-} folder
  if (($# == 0)); then
    run_interop here
    return
  fi
  if [[ $* == --page ]]; then
    python3 tests/interop_page.py "$build/interop" >"$build/interop/page"
    mv "$build/interop/page" packaging/INTEROP.md
    return
  fi
  [[ $1 == --otp && ($suite == trixie || $suite == sid) ]] || usage_error "interop: --otp trixie or --otp sid"
  if ! folder=$(debian_folder "$suite" "$suite" erlang-base erlang-ssl erlang-runtime-tools); then
    echo "skipped: interop with the OTP of $suite: $folder"
    echo '0 passed, 0 failed, 1 skipped'
    return
  fi
  export ERL="$root/tests/harness/in-chroot $folder erl"
  run_interop "$suite"
}

# run_interop NAME: the tests with $ERL, and what they prove in build/interop/NAME.jsonl.
run_interop() {
  need test
  # shellcheck disable=SC2086 # ERL is a command and its arguments
  COPPICE_PEER=$(${ERL:-erl} -noshell -eval 'io:format("OTP ~s (erts ~s)", [erlang:system_info(otp_release), erlang:system_info(version)]), halt().')
  say "interop with $COPPICE_PEER"
  mkdir -p "$build/interop"
  export COPPICE_PEER COPPICE_OUTCOMES=$build/interop/$1.jsonl
  rm -f "$COPPICE_OUTCOMES"
  dev_test --suite interop
}
