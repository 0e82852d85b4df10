# SPDX-License-Identifier: MIT
# Builds Debian packages of this checkout, and tests them in a Debian that has nothing else of Coppice.
# shellcheck shell=bash

help_package() {
  cat <<'EOF'
usage: packaging/dev package [--for trixie] [FOLDER]
Builds the packages coppice, coppice-epmd and coppice-dev for this machine's Debian, or for Debian 13.

The packages are written to FOLDER (build/packages, or build/packages-trixie) if lintian finds no error in them and blhc finds
no file that was compiled without hardening. They have the release build of the checkout. The source is copied to
build/package, with packaging/debian as its debian. Two builds of the same source have equal bytes. Packages for Debian 13
are built in a Debian 13 under ${XDG_CACHE_HOME:-/var/cache}/coppice, which needs root and debootstrap.

Set DEBEMAIL and DEBFULLNAME before you hand packages out: they become the maintainer's address in the packages. The
project has no domain, and nobody reads authors@coppice.invalid.
EOF
}

dev_package() {
  local suite to why
  suite=$(other_suite package "$@")
  if [[ ${1:-} == --for ]]; then shift 2; fi
  (($# <= 1)) || usage_error "package: one folder, not $#"
  to=$(realpath -m "${1:-$build/packages${suite:+-$suite}}")
  need build package
  why=$(packaging_debian "$suite") || die "package: $why"
  make_packages "$suite" "$to"
  ls "$to"/*.deb
}

# other_suite COMMAND ARGUMENT…: prints the Debian that a leading `--for` asks for; nothing if it is this one.
other_suite() {
  [[ ${2:-} == --for ]] || return 0
  [[ ${3:-} == trixie ]] || usage_error "$1: --for trixie"
  [[ $(this_suite) == trixie ]] || echo trixie
}

this_suite() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

# packaging_debian SUITE: prepares the Debian in which packages are built. False if there can be none; then it prints
# the reason. Empty SUITE: this machine's.
packaging_debian() {
  local wanted=(libmbedtls-dev)
  [[ -n $1 ]] || return 0
  mapfile -t -O 1 wanted < <(for group in build package author; do packages_of "$group"; done | awk '{print $1}')
  debian_folder "package-$1" "$1" "${wanted[@]}"
}

# in_packaging_debian SUITE FOLDER PROGRAM ARGUMENT…: runs the program in that folder, which is under build/.
in_packaging_debian() {
  local suite=$1 folder=$2
  shift 2
  if [[ -n $suite ]]; then
    shared_folder=$build in_debian "$suite" "$debians/package-$suite" \
      env -C "$folder" CCACHE_DIR=/var/cache/ccache "$@"
  else
    env -C "$folder" CCACHE_DIR="${CCACHE_DIR:-$(ccache --get-config cache_dir)}" "$@"
  fi
}

# maintained_by FOLDER: makes DEBEMAIL the maintainer, because users write to the person who hands packages out. The
# address in the source reaches nobody.
maintained_by() {
  [[ -n ${DEBEMAIL:-} ]] || return 0
  [[ "${DEBFULLNAME:-}$DEBEMAIL" != *[$'<>\n']* ]] || die "package: DEBFULLNAME and DEBEMAIL: neither of < and > nor lines"
  # shellcheck disable=SC2016
  maintainer="${DEBFULLNAME:-The Coppice authors} <$DEBEMAIL>" \
    perl -pi -e 's/^(Maintainer: | -- )[^<]*<[^>]*>/$1$ENV{maintainer}/' "$1/control" "$1/changelog"
}

# Prints a checksum of all that packages are made of: names, modes and contents.
source_sum() { source_files . | LC_ALL=C sort | tar -c --mtime=@0 --owner=0 --group=0 --numeric-owner -T - | sha256sum | cut -d ' ' -f 1; }

# make_packages SUITE FOLDER [WHERE]: builds the packages into FOLDER, with the checksum of the source in
# FOLDER/source.sum. The source is copied into a folder of WHERE (build/package).
make_packages() {
  local suite=$1 to=$2 where=${3:-$build/package} version tree log=$build/package.log sum
  sum=$(source_sum)
  version=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
  grep -q "version: '$version'" meson.build || die "package: packaging/debian/changelog is of $version, meson.build not"
  tree=$where/coppice-$version
  rm -rf "$where"
  mkdir -p "$tree/build/deps"
  source_files . | tar -c -T - | tar -x -C "$tree"
  cp -r packaging/debian "$tree/debian"
  maintained_by "$tree/debian"
  if [[ -z $suite && $(<"$build/deps/.mbedtls") == own ]]; then cp -r "$build/deps/mbedtls" "$tree/build/deps/"; fi
  say "building the packages in ${tree#"$root"/}${suite:+, for $suite}"
  # debhelper sets a HOME of its own for the programs that it runs, so in_packaging_debian sets the folder of ccache.
  if ! in_packaging_debian "$suite" "$tree" env NINJA_STATUS='[%f/%t] ' \
    dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes --jobs="$jobs" >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    die "package: dpkg-buildpackage failed (all it said: build/package.log)"
  fi
  say "blhc"
  # Debugging information (-g) is left out on purpose. Position-independent code is the compiler's default.
  in_packaging_debian "$suite" "$where" blhc --all --debian --ignore-flag -g "$log" ||
    die "package: something was not hardened"
  say "lintian"
  in_packaging_debian "$suite" "$where" sh -c 'exec lintian --allow-root --fail-on error ./*.changes' ||
    die "package: lintian found an error"
  mkdir -p "$to"
  rm -f "$to"/coppice* "$to/source.sum"
  mv "$where"/coppice*_* "$to/"
  echo "$sum" >"$to/source.sum"
}

help_packaged() {
  cat <<'EOF'
usage: packaging/dev packaged [--for trixie]
Installs, upgrades, removes and purges the packages in a Debian of this machine's release, or 13, that boots.

The packages are built twice, in different folders, and have to be equal; objects may come from ccache. Plugins are built
with the contents of the packages: the plugins of tests/e2e/author and the plugins in Rust, with their tests, and every
example at each level of optimisation by that Debian's g++ and clang. A plugin's own package is made with dh_coppice, as
coppice-plugin(7) says. dev.d/packaged runs in that Debian, whose unattended-upgrades also upgrades the packages. Where
this is not possible, it counts as one skipped test, with the reason.
EOF
}

dev_packaged() {
  local suite why folder package first second=$build/packages-again
  suite=$(other_suite packaged "$@")
  if [[ ${1:-} == --for ]]; then shift 2; fi
  (($# == 0)) || usage_error "packaged: unknown argument: $1"
  folder=$build/packaged${suite:+-$suite} first=$build/packages${suite:+-$suite}
  need boot package author
  if ! why=$(packaging_debian "$suite"); then
    skip_booted "the packages" "$why"
    return
  fi
  make_packages "$suite" "$first"
  compgen -G "$first/coppice-dbgsym_*.deb" >/dev/null || die "packaged: there is no coppice-dbgsym, which cores need"
  make_packages "$suite" "$second" "$build/package-again"
  for package in "$first"/*.deb; do
    cmp "$package" "$second/${package##*/}" || die "packaged: two builds of the same source differ"
  done
  rm -rf "$second" "$build/package-again"
  write_plugins "$suite" "$first"
  local packages=(systemd systemd-sysv dbus procps erlang-base unattended-upgrades python3)
  for package in $(packages_needed "$first"/*.deb); do packages+=("$package"); done
  fresh_debian "the packages" packaged "${suite:-$(this_suite)}" "$folder" "${packages[@]}" || return 0
  mkdir "$folder/root/packages"
  cp "$first"/*.deb "$folder/root/packages/"
  rm -f "$folder"/root/packages/*-dbgsym_*
  later_version "$first"/coppice_*.deb "$folder/root/packages/later.deb"
  plugin_packages "$suite" "$first" "$folder/root/packages"
  boot_with "$folder" packaged
}

# write_plugins SUITE FOLDER: runs the tests that do what a plugin author does, with the contents of the packages in
# FOLDER and nothing of the build.
write_plugins() {
  local unpacked=$build/unpacked tree package name failed=()
  tree=$(echo "$build"/package/coppice-*/)
  rm -rf "$unpacked"
  for package in "$2"/coppice_*.deb "$2"/coppice-dev_*.deb; do dpkg-deb -x "$package" "$unpacked"; done
  for name in author rust examples tutorial; do
    in_packaging_debian "$1" "$tree" env PYTHONPATH=tests COPPICE_INSTALLED="$unpacked" COPPICE_EXAMPLES=all \
      COPPICED="$unpacked/usr/bin/coppiced" COPPICE="$unpacked/usr/bin/coppice" \
      COPPICE_PLUGIN_HOST="$(find "$unpacked" -name coppice-plugin-host)" \
      python3 "tests/e2e/$name.py" </dev/null || failed+=("$name")
  done
  ((${#failed[@]} == 0)) || die "packaged: plugin authors' tests failed: ${failed[*]}"
  rm -rf "$unpacked"
}

# Prints the names of packages that these packages depend on, without alternatives. coppice-dev and debugging symbols
# are left out.
packages_needed() {
  local file
  for file in "$@"; do
    [[ $file == *coppice-dev_* || $file == *-dbgsym_* ]] || dpkg-deb -f "$file" Depends
  done | tr ',' '\n' | awk '!/[|]/{print $1}' | sort -u
}

# later_version FILE TO: writes the same package with a later version to TO.
later_version() {
  local unpacked=$build/later
  rm -rf "$unpacked"
  dpkg-deb -R "$1" "$unpacked"
  sed -i 's/^Version: .*/&+later/' "$unpacked/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$unpacked" "$2" >/dev/null
  rm -rf "$unpacked"
}

# plugin_packages SUITE FOLDER TO: builds the packages coppice-hello 1, 2 (other code) and 3 (a configuration that is
# refused), each in a tree of its own. The contents of coppice-dev in FOLDER are used as if they were installed.
plugin_packages() {
  local dev=$build/coppice-dev version tree
  rm -rf "$dev" "$build/hello"
  dpkg-deb -x "$2"/coppice-dev_*.deb "$dev"
  for version in 1 2 3; do
    tree=$build/hello/$version
    mkdir -p "$tree/debian"
    cp packaging/dev.d/hello/* "$tree/debian/"
    mv "$tree/debian/hello.cpp" "$tree/"
    sed -i "s/VERSION/$version/" "$tree/hello.cpp" "$tree/debian/changelog"
    if ((version == 3)); then echo 'nonsense: 1' >>"$tree/debian/coppice.yaml"; fi
    # shellcheck disable=SC2016
    if ! in_packaging_debian "$1" "$tree" env PERL5LIB="$dev/usr/share/perl5" PKG_CONFIG_SYSROOT_DIR="$dev" \
      DH_AUTOSCRIPTDIR="$dev/usr/share/debhelper/autoscripts" \
      PKG_CONFIG_PATH="$(dirname "$(find "$dev" -name coppice-plugin.pc)")" sh -ec '
        cp /usr/share/debhelper/autoscripts/* "$DH_AUTOSCRIPTDIR/"
        export PATH=$1/usr/bin:$PATH
        exec dpkg-buildpackage -d -b -us -uc' sh "$dev" >"$build/hello.log" 2>&1; then
      tail -n 30 "$build/hello.log"
      die "packaged: the plugin's package was not built"
    fi
    cp "$build"/hello/coppice-hello_"$version"_*.deb "$3/hello-$version.deb"
  done
}
