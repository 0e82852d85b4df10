# SPDX-License-Identifier: MIT
# Dependencies: Debian packages in groups, each with its reason, and mbedTLS 3.6 under build/deps where the
# distribution's own is older. A stamp newer than dpkg's database says that there is nothing to do.
# shellcheck shell=bash

dependency_groups=(build test lint sanitizers bench coverage observer boot package author doc verify)

# Prints a line for each package, "PACKAGE[|ALTERNATIVE]… reason". The first alternative that the distribution knows
# is taken.
packages_of() {
  case $1 in
    build) cat <<'LIST' ;;
g++ compiler of the release
meson build system
ninja-build what Meson drives
make how g++ optimises across files on every core
pkgconf|pkg-config how Meson finds the libraries
ccache a second build of the same source costs nothing
libuv1-dev loops, sockets, timers
libyaml-cpp-dev configuration files
nlohmann-json3-dev manifests, schemas, control replies
libfmt-dev formatting of logs and errors
libcli11-dev command lines
liblz4-dev compression between nodes
zlib1g-dev compressed terms
libboost-context-dev stacks that park
libspdlog-dev log files that are turned over by size
libsystemd-dev journal and readiness
libhowardhinnant-date-dev time zones
tzdata the data of the time zones
libllhttp-dev|libhttp-parser-dev requests over HTTP
libwslay-dev frames of WebSockets
doctest-dev unit tests
LIST
    test) cat <<'LIST' ;;
erlang-base the real node the interop tests talk to
erlang-ssl its distribution over TLS
erlang-dev its library for C nodes
elixir GenServer, Task and iex against the node
openssl the tests' certificates
curl a client of HTTP
nghttp2-client h2load, another client of HTTP
cargo the crate for plugins in Rust, and its examples
node-ws a client of WebSockets
python3 test drivers
python3-websockets another client of WebSockets
wrk a load of many requests
cmark-gfm the documentation's pages
redis-tools the server that the plugin redis talks to, which is one program with redis-check-rdb
faketime a clock that jumps
LIST
    lint) cat <<'LIST' ;;
clang-14|clang the second compiler, for its warnings
clang-format-14|clang-format formatting
shellcheck shell scripts
mandoc manual pages
git the list of files
systemd checks of the units
LIST
    sanitizers) cat <<'LIST' ;;
clang-14|clang thread sanitizer and libFuzzer
lld-14|lld linker of sanitized builds
libclang-rt-14-dev|libclang-rt-dev run-time of the sanitizers
llvm-14|llvm names in the sanitizers' reports
util-linux setarch, for the thread sanitizer's address space
LIST
    bench) cat <<'LIST' ;;
erlang-base the peer
libcaf-dev the other peer, actors in C++
erlang-poolboy the peer of our pools
erlang-mnesia the peer of our sagas
nodejs a peer of our sites
wrk the load of the sites
libbenchmark-dev the ETF library under Google Benchmark
python3 the table
LIST
    coverage) cat <<'LIST' ;;
gcovr the report
LIST
    observer) cat <<'LIST' ;;
erlang-observer the tools of OTP that look at a node
erlang-wx what observer draws with
xvfb a screen for observer
LIST
    boot) cat <<'LIST' ;;
debootstrap a Debian to boot
systemd-container systemd-nspawn, which boots it
LIST
    package) cat <<'LIST' ;;
debhelper what a Debian package is made with
build-essential what dpkg-buildpackage asks for
dpkg-dev dpkg-buildpackage
lintian faults of a package
blhc code of a package that was compiled without hardening
python3 Meson
LIST
    author) cat <<'LIST' ;;
g++ plugins in C and C++
clang the same with the other compiler
cargo plugins in Rust
pkgconf|pkg-config the flags to compile with
procps what the tests look at processes with
python3 the tests
LIST
    doc) cat <<'LIST' ;;
cmark-gfm HTML of Markdown
python3 what makes the pages
LIST
    verify) cat <<'LIST' ;;
abigail-tools the plugin ABI's types against what is recorded
cmake the example project's other build
tcc the example plugin for another C compiler
debootstrap other Debians, for their Erlang/OTP
chromium a browser on the web example
chromium-driver what drives it
LIST
  esac
}

help_deps() {
  cat <<EOF
usage: packaging/dev deps [GROUP…]
Installs missing dependencies: Debian packages and mbedTLS 3.6.

Groups: ${dependency_groups[*]}. Without GROUP it installs all of them. The other commands install the groups
that they need. Root or sudo is needed only if something is missing. mbedTLS comes from the distribution if
its version is 3.6 or later. Otherwise the next Debian's signed package is unpacked under build/deps/mbedtls.
EOF
  local group
  for group in "${dependency_groups[@]}"; do
    printf '\n%s:\n' "$group"
    packages_of "$group" | while read -r package reason; do printf '  %-28s %s\n' "$package" "$reason"; done
  done
}

dev_deps() {
  local group
  for group in "$@"; do
    [[ " ${dependency_groups[*]} " == *" $group "* ]] || usage_error "deps: no such group: $group"
  done
  if (($# == 0)); then set -- "${dependency_groups[@]}"; fi
  need "$@"
}

# need GROUP…: installs what is missing of these groups. The script ends if that fails.
need() {
  local group stale=() missing=()
  mkdir -p "$build/deps"
  for group in "$@"; do
    group_is_fresh "$group" || stale+=("$group")
  done
  for group in "${stale[@]}"; do
    mapfile -t -O "${#missing[@]}" missing < <(missing_packages "$group")
  done
  if ((${#missing[@]})); then install_packages "${missing[@]}"; fi
  need_mbedtls
  for group in "${stale[@]}"; do
    packages_of "$group" >"$build/deps/.$group"
  done
}

group_is_fresh() {
  local stamp=$build/deps/.$1
  [[ $stamp -nt /var/lib/dpkg/status && $(<"$stamp") == "$(packages_of "$1")" ]]
}

# installed PACKAGE [FOLDER]: whether the package is installed here, or in the Debian in FOLDER.
installed() { [[ $(dpkg-query --admindir="${2:-}/var/lib/dpkg" -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

missing_packages() {
  local names name
  packages_of "$1" | while read -r names _; do
    for name in ${names//|/ }; do
      if installed "$name"; then continue 2; fi
    done
    printf '%s\n' "$names"
  done
}

as_root() {
  if ((EUID == 0)); then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "root or sudo is needed for: $*"; fi
}

candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" {print $2}'; }

install_packages() {
  command -v apt-get >/dev/null || die "only Debian's packages are known; missing: $*"
  say "installing: $*"
  as_root apt-get update -q >&2
  local names name chosen=()
  for names in "$@"; do
    for name in ${names//|/ }; do
      if [[ -n $(candidate "$name") ]]; then chosen+=("$name"); continue 2; fi
    done
    die "no package $names in this machine's apt sources"
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "${chosen[@]}" </dev/null >&2 ||
    die "apt-get could not install: ${chosen[*]}"
}

need_mbedtls() {
  local own=$build/deps/mbedtls stamp=$build/deps/.mbedtls version
  if [[ -e $stamp ]]; then
    if [[ $(<"$stamp") == system && -e /usr/include/mbedtls/ssl.h ]]; then return; fi
    if [[ $(<"$stamp") == own && -e $own/lib/libmbedcrypto.a ]]; then return; fi
  fi
  if pkg-config --exists 'mbedtls >= 3.6' 2>/dev/null; then
    echo system >"$stamp"
    return
  fi
  version=$(sed -n 's/^#define MBEDTLS_VERSION_STRING  *"\(.*\)"/\1/p' "$own/include/mbedtls/build_info.h" 2>/dev/null || true)
  if [[ -n $version && -e $own/lib/libmbedcrypto.a ]] && dpkg --compare-versions "$version" ge 3.6; then
    echo own >"$stamp"
    return
  fi
  version=$(candidate libmbedtls-dev)
  if [[ -n $version ]] && dpkg --compare-versions "$version" ge 3.6; then
    install_packages libmbedtls-dev
    echo system >"$stamp"
  else
    fetch_mbedtls "$own"
    echo own >"$stamp"
  fi
}

# Prints the Debian archive that this machine uses, or nothing.
debian_archive() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" \
      '($2 == codename || $2 == "stable" || $2 == "oldstable") && $3 == "main" {print $1; exit}'
}

# Unpacks the next Debian's libmbedtls-dev: static libraries that need no newer libc. apt fetches it with a state of
# its own, from the mirror that this machine uses, and checks its signature by the installed Debian keyring.
fetch_mbedtls() {
  local own=$1 suite=trixie keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  local state=$build/deps/apt archive log
  [[ -e $keyring ]] || die "mbedTLS: $keyring is missing (package debian-archive-keyring)"
  archive=$(debian_archive)
  [[ -n $archive ]] || die "mbedTLS: no Debian archive in this machine's apt sources"
  say "mbedTLS: the distribution's is older than 3.6; unpacking the one of $suite under build/deps/mbedtls"
  rm -rf "$state" "$own"
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$state/unpacked" "$own/lib"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$archive" "$suite" >"$state/sources.list"
  local private=(
    -q -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferences=-
    -o Dir::Etc::preferencesparts=- -o Dir::State::lists="$state/lists" -o Dir::Cache="$state"
    -o Dir::Cache::archives="$state/archives" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none
    -o APT::Get::AllowUnauthenticated=false -o Acquire::AllowInsecureRepositories=false
  )
  log=$state/log
  if ! { apt-get "${private[@]}" update && cd "$state/archives" &&
    apt-get "${private[@]}" download libmbedtls-dev && cd "$root"; } >"$log" 2>&1; then
    sed 's#://[^/ ]*#://…#g' "$log" >&2
    die "mbedTLS: apt could not fetch libmbedtls-dev of $suite"
  fi
  dpkg -x "$state"/archives/libmbedtls-dev_*.deb "$state/unpacked"
  cp -r "$state/unpacked/usr/include" "$own/include"
  find "$state/unpacked/usr/lib" -name 'libmbed*.a' -exec cp {} "$own/lib/" \;
  [[ -e $own/lib/libmbedcrypto.a ]] || die "mbedTLS: the package of $suite holds no static libraries"
  rm -rf "$state"
}
