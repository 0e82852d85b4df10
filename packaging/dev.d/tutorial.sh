# SPDX-License-Identifier: MIT
# Follows the tutorial as a reader does who has a bare Debian and the packages.
# shellcheck shell=bash

help_tutorial() {
  cat <<'EOF'
usage: packaging/dev tutorial [--for trixie]
Follows the tutorial in a bare Debian of this machine's release, or 13, from apt to the actor that is back after its crash.

The Debian gets the three packages of build/packages (build/packages-trixie), which are built first unless they have the present
source. Its script, dev.d/reader, uses only the blocks of packaging/doc/tutorial.md. More than twelve commands or ten minutes are a
failure. The line before the last says how long it took. Packages that an earlier run has fetched are not fetched again. Where this is
not possible (it needs root and debootstrap), it counts as one skipped test, with the reason. A failed run leaves its Debian in
build/tutorial.
EOF
}

dev_tutorial() {
  local suite release base packages folder=$build/tutorial package
  suite=$(other_suite tutorial "$@")
  if [[ ${1:-} == --for ]]; then shift 2; fi
  (($# == 0)) || usage_error "tutorial: unknown argument: $1"
  release=${suite:-$(this_suite)} packages=$build/packages${suite:+-$suite}
  need build package
  if ! base=$(debian_folder "bare-$release" "$release") || ! package=$(packaging_debian "$suite"); then
    echo "skipped: the tutorial on $release: ${package:-$base}"
    echo '0 passed, 0 failed, 1 skipped'
    return
  fi
  if [[ ! -e $packages/source.sum || $(<"$packages/source.sum") != "$(source_sum)" ]]; then
    make_packages "$suite" "$packages"
  fi
  rm -rf "$folder"
  cp -a "$base" "$folder"
  mkdir -p "$folder/srv/tutorial"
  for package in coppice coppice-dev coppice-epmd; do cp "$packages/${package}"_*.deb "$folder/srv/tutorial/"; done
  cp packaging/doc/tutorial.md packaging/dev.d/reader "$folder/srv/tutorial/"
  cp -r tests/harness "$folder/srv/tutorial/"
  if ! in_debian "$release" "$folder" bash /srv/tutorial/reader </dev/null 2>&1 | tee "$build/tutorial.txt"; then
    echo '0 passed, 1 failed, 0 skipped'
    return 1
  fi
  echo '1 passed, 0 failed, 0 skipped'
  rm -rf "$folder"
}
