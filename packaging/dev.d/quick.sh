# SPDX-License-Identifier: MIT
# Commands to run between two edits: `quick` checks what changed, `steady` finds out whether a test fails only for
# faults.
# shellcheck shell=bash

help_quick() {
  cat <<'EOF'
usage: packaging/dev quick [REVISION]
Checks the files that changed since REVISION (HEAD): their form, the build, the unit program of each room.

It takes less than a minute for a few files. It checks the formatting of the changed files, the include table, prologues, changed scripts and manual pages. Then it builds
the programs, and runs the unit tests of the rooms that changed, on build/ci. `.ci/run` checks everything else.
EOF
}

dev_quick() {
  local since=${1:-HEAD} changed=() sources=() scripts=() rooms=() room failed=0
  (($# <= 1)) || usage_error "quick: one revision, not $#"
  git rev-parse --verify --quiet "$since^{commit}" >/dev/null || usage_error "quick: there is no revision $since"
  need build test lint
  mapfile -t changed < <({ git diff --name-only --diff-filter=d "$since" && git ls-files --others --exclude-standard; } | sort -u)
  if ((${#changed[@]} == 0)); then
    say "nothing changed since $since"
    return
  fi
  mapfile -t sources < <(printf '%s\n' "${changed[@]}" | grep -E '\.(cpp|hpp|c|h)$')
  if ((${#sources[@]})); then
    local status=0
    packaging/dev format "${sources[@]}" || status=$?
    ((status == 0 || status == 77)) || failed=1
  fi
  python3 tests/layers.py || failed=1
  mapfile -t scripts < <(printf '%s\n' "${changed[@]}" | grep -E '^(packaging/dev|packaging/dev\.d/.*\.sh|\.ci/run)$')
  if ((${#scripts[@]})); then shellcheck --severity=warning --exclude=SC2154 "${scripts[@]}" || failed=1; fi
  mapfile -t scripts < <(printf '%s\n' "${changed[@]}" | grep -E '\.py$')
  if ((${#scripts[@]})); then
    python3 -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' "${scripts[@]}" || failed=1
  fi
  mapfile -t scripts < <(printf '%s\n' "${changed[@]}" | grep -E '^packaging/man/.*\.[1-8]$')
  if ((${#scripts[@]})); then mandoc -T lint -W warning "${scripts[@]}" || failed=1; fi
  ((failed == 0)) || die "quick found something"

  build_kind ci node || die "it does not build"
  mapfile -t rooms < <(rooms_of "${changed[@]}")
  if ((${#rooms[@]})); then
    say "unit tests of ${rooms[*]}"
    python3 tests/run.py "$build/ci" --jobs "$jobs" "${rooms[@]/#/unit/}" </dev/null
  fi
}

# rooms_of FILE…: prints the rooms of these files, as far as they have unit tests.
rooms_of() {
  local room
  printf '%s\n' "$@" | sed -nE 's#^(daemon|tests/unit)/([a-z]+)/.*#\2#p; s#^(etf|epmd|plugins)/.*#\1#p; s#^(plugin-api|packaging/doc/plugins)/.*#plugins#p' | sort -u |
    while read -r room; do [[ ! -e tests/unit/$room/meson.build ]] || echo "$room"; done
}

help_steady() {
  cat <<'EOF'
usage: packaging/dev steady [NAME…] [--suite SUITE] [--times N] [--on KIND] [--stops]
Runs tests N times (20) while other processes load every core, and prints how often each test failed.

With --stops there is no load: each thread of the programs under test stops for 300 ms about every two seconds, at random.

Without NAME it runs the unit programs. KIND is ci, release or address. If a test fails even once, the exit status is 1.
EOF
}

dev_steady() {
  local kind=ci arguments=()
  while (($#)); do
    case $1 in
      --on)
        [[ ${2:-} =~ ^(ci|release|address)$ ]] || usage_error "steady: --on ci, release or address, not '${2:-}'"
        kind=$2
        shift
        ;;
      *) arguments+=("$1") ;;
    esac
    shift
  done
  build_to_test "$kind"
  if [[ $kind == address ]]; then sanitizer_options; fi
  python3 tests/steady.py "$build/$kind" --jobs "$jobs" "${arguments[@]}" </dev/null
}
