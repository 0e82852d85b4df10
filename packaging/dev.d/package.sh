# SPDX-License-Identifier: MIT
# Debian packages of this checkout, and what becomes of them in a Debian that has nothing else of it.
# shellcheck shell=bash

help_package() {
  cat <<'EOF'
usage: packaging/dev package [FOLDER]
Builds coppice, coppice-epmd and coppice-dev for the Debian it runs on.

They are left in FOLDER (build/packages), after lintian has found no error in them. They hold the release build of what
is in the checkout; the source is laid out under build/package, with packaging/debian as its debian. Two builds of the
same source give equal bytes.
EOF
}

dev_package() {
  local to
  (($# <= 1)) || usage_error "package: one folder, not $#"
  to=$(realpath -m "${1:-$build/packages}")
  need build package
  make_packages "$to"
  say "lintian"
  # The authors have no mail address in common.
  lintian --allow-root --fail-on error --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog \
    "$to"/*.changes || die "package: lintian found an error"
  ls "$to"/*.deb
}

# make_packages FOLDER [WHERE]: the source is laid out in a folder of WHERE (build/package).
make_packages() {
  local to=$1 where=${2:-$build/package} version tree log=$build/package.log
  version=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
  grep -q "version: '$version'" meson.build || die "package: packaging/debian/changelog is of $version, meson.build not"
  tree=$where/coppice-$version
  rm -rf "$where"
  mkdir -p "$tree/build/deps"
  source_files . | tar -c -T - | tar -x -C "$tree"
  cp -r packaging/debian "$tree/debian"
  if [[ $(<"$build/deps/.mbedtls") == own ]]; then cp -r "$build/deps/mbedtls" "$tree/build/deps/"; fi
  say "building the packages in ${tree#"$root"/}"
  # debhelper has a home of its own for what it runs.
  if ! (cd "$tree" && CCACHE_DIR=${CCACHE_DIR:-$(ccache --get-config cache_dir)} NINJA_STATUS='[%f/%t] ' \
    dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes --jobs="$jobs") >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    die "package: dpkg-buildpackage failed (all it said: build/package.log)"
  fi
  mkdir -p "$to"
  rm -f "$to"/coppice*
  mv "$where"/coppice*_* "$to/"
}

help_packaged() {
  cat <<'EOF'
usage: packaging/dev packaged
Installs, upgrades, removes and purges the packages in a Debian of this machine's release that boots.

They are built twice, in different folders, and have to be equal; what is compiled may come from ccache. A plugin's own
package is made with dh_coppice as coppice-plugin(7) says. dev.d/packaged is what runs inside. Where it cannot be done
it counts as one skipped test, with the reason.
EOF
}

dev_packaged() {
  local base folder=$build/packaged suite package first=$build/packages second=$build/packages-again
  (($# == 0)) || usage_error "packaged: takes no argument"
  need boot package
  dev_package "$first" >/dev/null
  make_packages "$second" "$build/package-again"
  for package in "$first"/*.deb; do
    cmp "$package" "$second/${package##*/}" || die "packaged: two builds of the same source differ"
  done
  rm -rf "$second" "$build/package-again"
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  local packages=(systemd systemd-sysv dbus procps erlang-base)
  for package in $(packages_needed "$first"/*.deb); do packages+=("$package"); done
  if ! base=$(debian_folder "packaged-$suite" "$suite" "${packages[@]}") || ! base=$(bootable "$base"); then
    echo "skipped: the packages in a booted Debian: $base"
    echo '0 passed, 0 failed, 1 skipped'
    return
  fi
  rm -rf "$folder"
  cp -a "$base" "$folder"
  mkdir "$folder/root/packages"
  cp "$first"/*.deb "$folder/root/packages/"
  later_version "$first"/coppice_*.deb "$folder/root/packages/later.deb"
  plugin_packages "$first" "$folder/root/packages"
  boot_with "$folder" packaged
}

# What the packages depend on, but for alternatives and what they bring themselves: names.
packages_needed() {
  local file
  for file in "$@"; do
    [[ $file == *coppice-dev_* ]] || dpkg-deb -f "$file" Depends
  done | tr ',' '\n' | awk '!/[|]/{print $1}' | sort -u
}

# later_version FILE TO: the same package, of a later version.
later_version() {
  local unpacked=$build/later
  rm -rf "$unpacked"
  dpkg-deb -R "$1" "$unpacked"
  sed -i 's/^Version: .*/&+later/' "$unpacked/DEBIAN/control"
  dpkg-deb --root-owner-group -b "$unpacked" "$2" >/dev/null
  rm -rf "$unpacked"
}

# plugin_packages FOLDER TO: coppice-hello 1, 2 (another code) and 3 (a configuration that is refused), each made in a
# tree of its own with what coppice-dev of FOLDER holds, as if that were installed.
plugin_packages() {
  local dev=$build/coppice-dev version tree
  rm -rf "$dev" "$build/hello"
  dpkg-deb -x "$1"/coppice-dev_*.deb "$dev"
  cp /usr/share/debhelper/autoscripts/* "$dev/usr/share/debhelper/autoscripts/"
  for version in 1 2 3; do
    tree=$build/hello/$version
    mkdir -p "$tree/debian"
    cp packaging/dev.d/hello/* "$tree/debian/"
    mv "$tree/debian/hello.cpp" "$tree/"
    sed -i "s/VERSION/$version/" "$tree/hello.cpp" "$tree/debian/changelog"
    if ((version == 3)); then echo 'nonsense: 1' >>"$tree/debian/coppice.yaml"; fi
    if ! (cd "$tree" && PATH=$dev/usr/bin:$PATH PERL5LIB=$dev/usr/share/perl5 \
      DH_AUTOSCRIPTDIR=$dev/usr/share/debhelper/autoscripts PKG_CONFIG_SYSROOT_DIR=$dev \
      PKG_CONFIG_PATH=$(dirname "$(find "$dev" -name coppice-plugin.pc)") \
      dpkg-buildpackage -d -b -us -uc) >"$build/hello.log" 2>&1; then
      tail -n 30 "$build/hello.log"
      die "packaged: the plugin's package was not built"
    fi
    cp "$build"/hello/coppice-hello_"$version"_*.deb "$2/hello-$version.deb"
  done
}
