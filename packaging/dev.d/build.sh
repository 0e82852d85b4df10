# SPDX-License-Identifier: MIT
# Building: one folder under build/ for each kind of build, configured once and again only when its options
# change. build/bin and build/plugins link to what the latest release build made.
# shellcheck shell=bash

build_kinds=(release ci debug address thread coverage)
programs=(coppiced coppice coppice-epmd coppice-plugin-host)
export CCACHE_NOHASHDIR=1
# ccache keeps objects that were compiled with a precompiled header as well.
export CCACHE_SLOPPINESS=pch_defines,time_macros
# ccache takes the names of included files from the compiler itself. A preprocessor run for each file would read the
# sources twice.
export CCACHE_DEPEND=1

help_build() {
  cat <<'EOF'
usage: packaging/dev build [KIND]
Builds into build/KIND. Without KIND it builds release.

  release    optimized; build/bin and build/plugins link to its programs and plugins
  ci         like release, but no file is optimised together with others, and several are compiled at a time; tests run on it
  debug      with assertions, without optimization
  address    address and undefined behaviour sanitizers; clang with warnings as errors (lint and fuzz build it)
  thread     thread sanitizer (clang)
  coverage   counts lines

With COPPICE_WERROR=true a build of any kind fails if one of its steps printed a warning.
EOF
}

dev_build() {
  local kind=${1:-release}
  (($# <= 1)) || usage_error "build: one kind, not $#"
  [[ " ${build_kinds[*]} " == *" $kind "* ]] || usage_error "build: no such kind: $kind (${build_kinds[*]})"
  build_kind "$kind"
}

# build_kind KIND [TARGET…]: installs dependencies, configures and compiles.
build_kind() {
  local kind=$1
  shift
  case $kind in
    address | thread) need build sanitizers ;;
    coverage) need build coverage ;;
    *) need build ;;
  esac
  configure "$kind"
  compile "$build/$kind" "$@" || die "build/$kind did not build"
  if [[ $kind == release ]]; then link_release; fi
}

compile() {
  local folder=$1
  shift
  python3 packaging/dev.d/compile.py "$folder" "$jobs" "$@"
}

clang_tool() { command -v "$1-14" || command -v "$1" || die "no $1 found"; }

# Builds that only run tests have no debugging information but line numbers, which halves the time to compile. clang
# compiles sanitized code twice as fast as g++, and lld links a sanitized program six times as fast as GNU ld: 4 s,
# not 25.
options_of() {
  local werror=false checked=(--buildtype=debug --optimization=1 -Ddebug=false -Db_lundef=false -Dgrouped=true
    -D{c,cpp}_args=-g1 -D{c,cpp}_link_args=-fuse-ld=lld)
  case $1 in
    release) printf '%s\n' --buildtype=release --optimization=2 ;;
    ci) printf '%s\n' --buildtype=release --optimization=2 -Dacross_files=false -Dgrouped=true ;;
    debug) printf '%s\n' --buildtype=debug ;;
    address)
      printf '%s\n' "${checked[@]}" -Db_sanitize=address,undefined
      werror=true
      ;;
    thread) printf '%s\n' "${checked[@]}" -Db_sanitize=thread ;;
    coverage) printf '%s\n' --buildtype=debug -Db_coverage=true ;;
  esac
  printf '%s\n' "-Dwerror=$werror"
}

# Meson runs again by itself when a meson.build changes. The stamp is for what Meson does not see: our own options,
# the lists of headers and fuzz targets that have a target each, and the list of headers to precompile.
configure() {
  local kind=$1 folder=$build/$1 log=$build/$1.log stamp options compiler=()
  mapfile -t options < <(options_of "$kind")
  stamp="${options[*]}"
  case $kind in
    address | thread) compiler=("CC=ccache $(clang_tool clang)" "CXX=ccache $(clang_tool clang++)") ;;
  esac
  stamp+=$'\n'$(python3 tests/layers.py --fuzz-targets)
  if [[ $kind == address ]]; then stamp+=$'\n'$(python3 tests/layers.py --headers); fi
  if [[ $kind == address || $kind == thread ]]; then stamp+=$'\n'$(python3 tests/layers.py --often-included); fi
  stamp=${stamp%$'\n'}
  if [[ -e $folder/build.ninja && -e $folder/.configured && $(<"$folder/.configured") == "$stamp" ]] && groups_hold "$folder"; then return; fi
  say "configuring build/$kind"
  local again=(--reconfigure)
  if [[ ! -e $folder/build.ninja ]]; then
    rm -rf "$folder"
    again=()
  fi
  if ! env "${compiler[@]}" meson setup "${again[@]}" "$folder" "${options[@]}" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "meson could not configure build/$kind (all it said: build/$kind.log)"
  fi
  # A build that is configured again takes `debug` from its build type and keeps its old link arguments, whatever the
  # options say.
  if ((${#again[@]} != 0)) && [[ " ${options[*]} " == *" -Ddebug=false "* ]]; then
    meson configure "$folder" -Ddebug=false -D{c,cpp}_link_args=-fuse-ld=lld >>"$log"
  fi
  mv "$log" "$folder/meson-logs/setup.txt"
  printf '%s' "$stamp" >"$folder/.configured"
}

# groups_hold FOLDER: whether the sources that are compiled together in FOLDER can still be compiled together.
groups_hold() { python3 tests/groups.py --hold "$1/groups"; }

link_release() {
  local name file
  mkdir -p "$build/bin" "$build/plugins"
  for name in "${programs[@]}"; do
    file=$(find "$build/release" -name meson-private -prune -o -name "$name" -type f -perm -u+x -print -quit)
    if [[ -n $file ]]; then ln -sfn "../${file#"$build"/}" "$build/bin/$name"; fi
  done
  if [[ -d $build/release/plugins ]]; then
    while read -r file; do
      ln -sfn "../${file#"$build"/}" "$build/plugins/${file##*/}"
    done < <(find "$build/release/plugins" -name '*.so' -type f)
  fi
}

help_run() {
  cat <<'EOF'
usage: packaging/dev run [COPPICED ARGUMENTS]
Installs missing packages, builds a release, and starts coppiced on config/demo.yaml.

The node stays in the foreground; Ctrl-C stops it. The arguments are passed to coppiced after
`--config config/demo.yaml`.
EOF
}

dev_run() {
  build_kind release node
  [[ -x $build/bin/coppiced ]] || die "the build made no coppiced"
  exec "$build/bin/coppiced" --config "$root/config/demo.yaml" "$@"
}

help_install() {
  cat <<'EOF'
usage: packaging/dev install [--destdir FOLDER]
Builds a release and installs it, as `meson install` does.

FOLDER (or DESTDIR in the environment) is put in front of every path.
EOF
}

dev_install() {
  local destdir=${DESTDIR:-}
  if [[ ${1:-} == --destdir ]]; then
    (($# >= 2)) || usage_error "install: --destdir needs a folder"
    destdir=$(realpath -m "$2")
    shift 2
  fi
  (($# == 0)) || usage_error "install: unknown argument: $1"
  build_kind release
  DESTDIR=$destdir meson install -C "$build/release" --no-rebuild
}
