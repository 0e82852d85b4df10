# SPDX-License-Identifier: MIT
# Records the plugin ABI of today in tests/abi/recorded/MAJOR.MINOR. Later hosts are compared with the record.
# shellcheck shell=bash

help_abi-record() {
  cat <<'EOT'
usage: packaging/dev abi-record
Records today's plugin ABI under tests/abi/recorded. Later versions are compared with the record.

The record has the members and numbers as text (surface.json), the types (abi.xml, by abigail-tools), and two small plugins
that are built for this ABI (greeter.so in C, clerk.so in C++; x86-64 only). A minor is recorded once, when it is released.
Later hosts have to go on supporting everything in the record.
EOT
}

dev_abi-record() {
  (($# == 0)) || usage_error "abi-record: takes no arguments"
  need build
  command -v abidw >/dev/null || die "abi-record: abidw is missing: packaging/dev deps verify"
  local folder flags
  folder=tests/abi/recorded/$(abi_number MAJOR).$(abi_number MINOR)
  mkdir -p "$folder"
  python3 tests/abi/surface.py --record "$folder/surface.json"
  if [[ $(uname -m) == x86_64 ]]; then
    flags=(-Os -fPIC -shared -fvisibility=hidden -ffunction-sections -Iplugin-api -Ietf/include
      "-Wl,--version-script=plugin-api/plugin.map,-z,relro,-z,now,-z,noexecstack,--gc-sections,-s")
    gcc -std=c11 "${flags[@]}" plugins/greeter/greeter.c -o "$folder/greeter.so"
    g++ -std=c++20 -fno-gnu-unique "${flags[@]}" tests/unit/plugins/fixtures/clerk.cpp -o "$folder/clerk.so"
    chmod 644 "$folder"/*.so
  fi
  build_abi_surface
  abidw --no-corpus-path --no-comp-dir-path --out-file "$folder/abi.xml" "$build/abi/surface.so"
  say "recorded: $(echo "$folder"/*)"
}

abi_number() { sed -n "s/^#define COPPICE_ABI_$1 \([0-9]*\)u.*/\1/p" plugin-api/coppice/plugin.h; }

# Builds a library that has every type of the plugin ABI, reachable from exported variables, with debugging
# information.
build_abi_surface() {
  mkdir -p "$build/abi"
  gcc -std=c11 -g -fPIC -shared -Iplugin-api tests/abi/surface.c -o "$build/abi/surface.so"
}

# Compiles the C headers as C and as C++ with both compilers, with warnings that a plugin's author may use. Part of
# lint.
check_abi_headers() {
  local source=$build/abi/headers.c how failed=0
  mkdir -p "$build/abi"
  (cd plugin-api && grep -L '^#pragma GCC warning' coppice/*.h coppice/*/*.h | sed 's/.*/#include <&>/') >"$source"
  for how in 'gcc -std=c11' "$(clang_tool clang) -std=c11" 'g++ -std=c++17 -x c++' "$(clang_tool clang++) -std=c++17 -x c++"; do
    # shellcheck disable=SC2086
    $how -Wall -Wextra -Wshadow -Wconversion -Wpedantic -Werror -Iplugin-api -fsyntax-only "$source" >&2 || failed=1
  done
  return $failed
}

# Compares the types with the record. Within a minor nothing may change, not even by growing. Part of lint, if abidiff
# is installed.
check_abi_types() {
  command -v abidiff >/dev/null || { say "abidiff is not installed: skipped"; return; }
  local recorded
  recorded=tests/abi/recorded/$(abi_number MAJOR).$(abi_number MINOR)/abi.xml
  [[ -e $recorded ]] || { say "plugin ABI: $recorded is not recorded yet (packaging/dev abi-record)"; return 1; }
  build_abi_surface
  abidiff "$recorded" "$build/abi/surface.so" >&2 ||
    { say "the plugin ABI changed: raise COPPICE_ABI_MINOR if it only grew, and record it anew"; return 1; }
}
