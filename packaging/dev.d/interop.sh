# SPDX-License-Identifier: MIT
# Runs the tests against real Erlang nodes: those of this machine's erl, or of a newer Erlang/OTP, whose erl runs in a
# chroot of the Debian that has it (debian.sh).
# shellcheck shell=bash

help_interop() {
  cat <<'EOF'
usage: packaging/dev interop [--otp {trixie|sid}] [--observer] | --page
Runs the tests against real Erlang nodes only.

The nodes run this machine's erl, or with --otp the erl of another Debian, which is installed once under
${XDG_CACHE_HOME:-/var/cache}/coppice, from the mirror that apt uses. Where this is not possible (it needs root and
debootstrap), the tests count as one skipped test, with the reason.

The results of each run are kept under build/interop. --page makes packaging/INTEROP.md of all of them.
--observer runs only the tests of OTP's observer, and leaves a picture of each tab in build/observer/OTP-RELEASE.
EOF
}

dev_interop() {
  local suite=here observer=no folder
  if [[ $* == --page ]]; then
    python3 tests/interop_page.py "$build/interop" packaging/INTEROP.md >"$build/interop/page"
    mv "$build/interop/page" packaging/INTEROP.md
    return
  fi
  while (($#)); do
    case $1 in
      --otp)
        suite=${2:-}
        [[ $suite == trixie || $suite == sid ]] || usage_error "interop: --otp trixie or --otp sid"
        shift 2
        ;;
      --observer)
        observer=yes
        shift
        ;;
      *) usage_error "interop: unknown argument: $1" ;;
    esac
  done
  need test
  if [[ $suite != here ]]; then
    if ! folder=$(debian_folder "$suite" "$suite" \
      erlang-base erlang-ssl erlang-runtime-tools erlang-observer erlang-wx); then
      echo "skipped: interop with the OTP of $suite: $folder"
      echo '0 passed, 0 failed, 1 skipped'
      return
    fi
    export ERL="$root/tests/harness/in-chroot $folder erl"
  fi
  if [[ $observer == yes ]]; then look_at_observer; else run_interop "$suite"; fi
}

look_at_observer() {
  need observer
  COPPICE_SCREENSHOTS=$build/observer/$(of_erl 'erlang:system_info(otp_release)')
  export COPPICE_SCREENSHOTS
  dev_test interop/observer
}

# run_interop NAME: runs the tests with $ERL, and writes what they prove to build/interop/NAME.jsonl.
run_interop() {
  COPPICE_PEER="OTP $(of_erl 'erlang:system_info(otp_release)') (erts $(of_erl 'erlang:system_info(version)'))"
  say "interop with $COPPICE_PEER"
  mkdir -p "$build/interop"
  export COPPICE_PEER COPPICE_OUTCOMES=$build/interop/$1.jsonl
  rm -f "$COPPICE_OUTCOMES"
  dev_test --suite interop
}

# Prints the text that an expression returns in $ERL, which is a command with its arguments.
of_erl() { ${ERL:-erl} -noshell -eval "io:put_chars($1), halt()."; }
