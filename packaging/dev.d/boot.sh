# SPDX-License-Identifier: MIT
# Tests the service in a Debian that boots with it, where systemd, users and groups are as on a machine.
# shellcheck shell=bash

help_boot() {
  cat <<'EOF'
usage: packaging/dev boot [--for trixie]
Boots a Debian of this machine's release, or 13, with the service installed, and uses it as an administrator does.

dev.d/booted tests start, reload, refused reload, restart, crash, stop, instances, access to the node, and the start after a
boot. dev.d/booted_net tests sockets that systemd passes, listeners at paths, and programs in the unit's sandbox. For
Debian 13 the service comes from the packages in build/packages-trixie. The Debian is made once under
${XDG_CACHE_HOME:-/var/cache}/coppice, from the mirror that apt uses, and copied to build/boot for the run. Where this is
not possible (it needs root, debootstrap and systemd-nspawn), it counts as one skipped test, with the reason.
EOF
}

# Packages of the booted Debian: what boots it, and libraries that the programs are linked with.
boot_packages=(systemd systemd-sysv dbus procps zlib1g libstdc++6)

dev_boot() {
  local suite folder=$build/boot package
  suite=$(other_suite boot "$@")
  if [[ ${1:-} == --for ]]; then shift 2; fi
  (($# == 0)) || usage_error "boot: unknown argument: $1"
  need boot
  if [[ -n $suite ]]; then
    dev_package --for "$suite" >&2
    for package in $(packages_needed "$build/packages-$suite"/*.deb); do boot_packages+=("$package"); done
  else
    build_kind release node
    for package in $(linked_packages); do boot_packages+=("$package"); done
  fi
  fresh_debian "the service" boot "${suite:-$(this_suite)}" "$folder" "${boot_packages[@]}" || return 0
  if [[ -n $suite ]]; then
    for package in coppice coppice-epmd; do dpkg-deb -x "$build/packages-$suite/${package}"_*.deb "$folder"; done
  else
    DESTDIR=$folder meson install -C "$build/release" --no-rebuild --quiet >/dev/null
  fi
  boot_with "$folder" booted
}

# skip_booted WHAT WHY
skip_booted() {
  echo "skipped: $1 in a booted Debian: $2"
  echo '0 passed, 0 failed, 1 skipped'
}

# fresh_debian WHAT NAME SUITE FOLDER PACKAGE…: puts a Debian with these packages into FOLDER, to be booted. False if
# there can be none; the reason has been printed.
fresh_debian() {
  local what=$1 name=$2-$3 suite=$3 folder=$4 base
  shift 4
  command -v systemd-nspawn >/dev/null || { skip_booted "$what" "systemd-nspawn is not installed"; return 1; }
  base=$(debian_folder "$name" "$suite" "$@") || { skip_booted "$what" "$base"; return 1; }
  rm -rf "$folder"
  cp -a "$base" "$folder" || die "$base could not be copied"
}

# boot_with FOLDER SCRIPT: boots the Debian, which runs this script of dev.d, boots it again if the script asks for
# that, and prints the result.
boot_with() {
  local folder=$1 script=$2 status=0
  install -m 755 "packaging/dev.d/$script" "$folder/root/booted"
  install -m 644 packaging/dev.d/{checks,booted_net} packaging/{OPERATING,TLS}.md "$folder/root/"
  cp -r tests/harness "$folder/root/" # harness.page, for scripts in a Debian with Python
  cat >"$folder/etc/systemd/system/booted.service" <<'EOF'
[Unit]
After=multi-user.target
[Service]
ExecStart=/root/booted
[Install]
WantedBy=multi-user.target
EOF
  mkdir -p "$folder/etc/systemd/system/multi-user.target.wants"
  ln -s ../booted.service "$folder/etc/systemd/system/multi-user.target.wants"
  run_booted "$folder" >"$build/boot.log" 2>&1 || status=$?
  # The script has asked for another boot.
  if ((status == 133)); then run_booted "$folder" >>"$build/boot.log" 2>&1 || true; fi
  judge_boot "$folder/root"
}

# run_booted FOLDER: boots the Debian and waits until it powers off.
run_booted() {
  # systemd-nspawn keeps its sockets in a folder where sandboxes have no room for them, so it gets a tmpfs there. The
  # network is private, because this machine may have an EPMD. Control groups are one tree, as when a Debian boots,
  # whatever this machine has.
  # shellcheck disable=SC2016
  timeout 600 unshare --mount sh -ec '
    mkdir -p /run/systemd/nspawn
    mount -t tmpfs tmpfs /run/systemd/nspawn
    if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount --recursive /sys/fs/cgroup
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
    fi
    exec systemd-nspawn --quiet --directory="$1" --boot --private-network --register=no --keep-unit --console=pipe' sh "$1" </dev/null
}

# Packages of the libraries that the programs need.
linked_packages() {
  ldd "$build/release/daemon/coppiced" "$build/release/daemon/coppice" | awk '$3 ~ /^\//{print $3}' | sort -u |
    xargs -n 1 readlink -f | xargs dpkg -S 2>/dev/null | cut -d : -f 1 | sort -u
}

# judge_boot FOLDER: prints the failures that the script in the Debian has written to FOLDER, and the count.
judge_boot() {
  local said=$1/booted.txt passed failed
  if [[ ! -e $said ]]; then
    cat "$build/boot.log"
    echo "the Debian did not boot: $build/boot.log"
    echo '0 passed, 1 failed, 0 skipped'
    return 1
  fi
  passed=$(grep -c '^ok ' "$said" || true)
  failed=$(grep -c '^not ok ' "$said" || true)
  if ! grep -q '^the end$' "$said"; then
    echo 'not ok it comes to the end' >>"$said"
    failed=$((failed + 1))
  fi
  grep '^not ok ' "$said" || true
  if [[ -e $1/failed.txt ]]; then cat "$1/failed.txt"; fi
  printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
  ((failed == 0)) || return 1
  rm -rf "${said%/root/booted.txt}"
}
