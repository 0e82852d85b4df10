# SPDX-License-Identifier: MIT
# The service in a Debian that boots with it: systemd, users and groups as on a machine.
# shellcheck shell=bash

help_boot() {
  cat <<'EOF'
usage: packaging/dev boot
Boots a Debian of this machine's release with the service installed, and uses it as an administrator does.

Start, reload, refused reload, restart, crash, stop, instances, who may use it, and the start after a boot:
dev.d/booted. The Debian is made once under ${XDG_CACHE_HOME:-/var/cache}/coppice, from the mirror apt uses, and copied
for the run to build/boot. Where it cannot be done (it needs root, debootstrap, systemd-nspawn) it counts as one
skipped test, with the reason.
EOF
}

# What the programs are linked with, and what boots.
boot_packages=(systemd systemd-sysv dbus procps zlib1g libstdc++6)

dev_boot() {
  local base folder=$build/boot suite package
  (($# == 0)) || usage_error "boot: takes no argument"
  need boot
  build_kind release node
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  for package in $(linked_packages); do boot_packages+=("$package"); done
  if ! base=$(debian_folder "boot-$suite" "$suite" "${boot_packages[@]}") || ! base=$(bootable "$base"); then
    echo "skipped: the service in a booted Debian: $base"
    echo '0 passed, 0 failed, 1 skipped'
    return
  fi
  rm -rf "$folder"
  cp -a "$base" "$folder"
  DESTDIR=$folder meson install -C "$build/release" --no-rebuild --quiet >/dev/null
  boot_with "$folder" booted
}

# boot_with FOLDER SCRIPT: boots it, has it run this script of dev.d, once more if it asks for another boot, and judges.
boot_with() {
  local folder=$1 script=$2 status=0
  install -m 755 "packaging/dev.d/$script" "$folder/root/booted"
  install -m 644 packaging/dev.d/checks "$folder/root/checks"
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
  # It asked for another boot.
  if ((status == 133)); then run_booted "$folder" >>"$build/boot.log" 2>&1 || true; fi
  judge_boot "$folder/root"
}

# run_booted FOLDER: until it powers off.
run_booted() {
  # nspawn keeps its sockets where sandboxes have no room for them.
  # shellcheck disable=SC2016
  timeout 240 unshare --mount sh -ec '
    mkdir -p /run/systemd/nspawn
    mount -t tmpfs tmpfs /run/systemd/nspawn
    exec systemd-nspawn --quiet --directory="$1" --boot --register=no --keep-unit --console=pipe' sh "$1" </dev/null
}

# bootable FOLDER: prints it, or why it cannot be booted here.
bootable() {
  command -v systemd-nspawn >/dev/null || { echo "systemd-nspawn is not installed"; return 1; }
  echo "$1"
}

# Packages of the libraries that the programs need.
linked_packages() {
  ldd "$build/release/daemon/coppiced" "$build/release/daemon/coppice" | awk '$3 ~ /^\//{print $3}' | sort -u |
    xargs -n 1 readlink -f | xargs dpkg -S 2>/dev/null | cut -d : -f 1 | sort -u
}

# judge_boot FOLDER: what is written there, and the count.
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
