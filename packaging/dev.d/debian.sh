# SPDX-License-Identifier: MIT
# Other Debians. Each is a folder under $debians that is made once, from the mirror apt uses, and entered by chroot.
# They are used for their Erlang/OTP, for packages, and bare, for README's two commands as a newcomer runs them.
# shellcheck shell=bash

debians=${XDG_CACHE_HOME:-/var/cache}/coppice

# debian_folder NAME SUITE [PACKAGE[|ALTERNATIVE]…]: prints the folder of that name, with these packages installed.
# False if there can be none; then it prints the reason. Of alternatives it takes the first that is installed, or else
# the first that the release knows.
debian_folder() {
  local folder=$debians/$1 suite=$2 missing=() package bare
  shift 2
  ((EUID == 0)) || { echo "making and entering it needs root"; return 1; }
  unshare --mount true 2>/dev/null || { echo "this machine lets nobody mount"; return 1; }
  for package in "$@"; do
    one_is_installed "$package" "$folder" || missing+=("$package")
  done
  if [[ -d $folder ]] && ((${#missing[@]} == 0)); then
    echo "$folder"
    return
  fi
  if [[ ! -d $folder ]]; then
    bare=$(bare_debian "$suite") || { echo "$bare"; return 1; }
    if [[ $bare != "$folder" ]]; then
      rm -rf "$folder.part"
      cp -a "$bare" "$folder.part"
      mv "$folder.part" "$folder"
    fi
  fi
  if ((${#missing[@]})); then
    say "installing in $folder: ${missing[*]}"
    # A mirror that is no longer updated has lists whose date has passed. apt still checks their signature.
    # shellcheck disable=SC2016
    if ! in_debian "$suite" "$folder" sh -ec '
      apt-get update -q -o Acquire::Check-Valid-Until=false
      for names; do
        shift
        for name in $(echo "$names" | tr "|" " "); do
          if apt-cache show "$name" >/dev/null 2>&1; then break; fi
        done
        set -- "$@" "$name"
      done
      exec apt-get install -q -y --no-install-recommends "$@"' \
      sh "${missing[@]}" </dev/null >"$folder.log" 2>&1; then
      echo "apt-get failed: $folder.log"
      return 1
    fi
  fi
  echo "$folder"
}

# bare_debian SUITE: prints the folder of a Debian that has only the essential packages. False if there can be none;
# then it prints the reason. All other Debians of that release are copies of it.
bare_debian() {
  local folder=$debians/bare-$1 suite=$1 archive
  if [[ ! -d $folder ]]; then
    command -v debootstrap >/dev/null || { echo "debootstrap is not installed"; return 1; }
    archive=$(debian_archive)
    [[ -n $archive ]] || { echo "no Debian archive in this machine's apt sources"; return 1; }
    say "installing a bare Debian, $suite, in $folder"
    rm -rf "$folder.part"
    mkdir -p "$folder.part"
    if ! debootstrap --variant=minbase "$suite" "$folder.part" "$archive" >"$folder.log" 2>&1; then
      echo "debootstrap failed: $folder.log"
      return 1
    fi
    mv "$folder.part" "$folder"
  fi
  echo "$folder"
}

# one_is_installed PACKAGE[|ALTERNATIVE]… FOLDER
one_is_installed() {
  local name
  for name in ${1//|/ }; do
    if installed "$name" "$2"; then return; fi
  done
  return 1
}

# in_debian SUITE FOLDER PROGRAM ARGUMENT…: runs the program as root of that Debian, without this shell's environment.
# Processes that the program leaves running end with it. Packages that were fetched once are kept for every folder of
# that release. If shared_folder is set, that folder is visible at the same path.
in_debian() {
  local archives=$debians/archives-$1 folder=$2
  shift 2
  mkdir -p "$archives"
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child sh -ec '
    folder=$1 archives=$2 jobs=$3 shared=$4
    shift 4
    mount -t proc proc "$folder/proc"
    mount --rbind /dev "$folder/dev"
    mount --rbind /sys "$folder/sys"
    mount --bind "$archives" "$folder/var/cache/apt/archives"
    if [ -n "$shared" ]; then mkdir -p "$folder$shared" && mount --bind "$shared" "$folder$shared"; fi
    exec env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      DEBIAN_FRONTEND=noninteractive COPPICE_JOBS="$jobs" chroot "$folder" "$@"' sh "$folder" "$archives" "$jobs" "${shared_folder:-}" "$@"
}

help_bare() {
  cat <<'EOF'
usage: packaging/dev bare {bookworm|trixie}
Runs README's two commands in a bare Debian 12 or 13, with the present commit.

The Debian is made once under ${XDG_CACHE_HOME:-/var/cache}/coppice, from the mirror that apt uses, and copied to
build/bare/SUITE for the run. The copy stays there if something fails. Afterwards every example is compiled by that Debian's
g++ and clang at each level of optimisation. The last line counts tests, the node as one, and has the duration, the download
and the disk space of the two commands. Where this is not possible (it needs root and debootstrap), it counts as one
skipped test, with the reason.
EOF
}

dev_bare() {
  local suite=${1:-} base folder=$build/bare/${1:-} log=$build/bare/${1:-} status=0 before cost since
  [[ $# == 1 && ($suite == bookworm || $suite == trixie) ]] || usage_error "bare: bookworm or trixie"
  if ! base=$(debian_folder "bare-$suite" "$suite"); then
    echo "skipped: README's two commands on $suite: $base"
    echo '0 passed, 0 failed, 1 skipped'
    return
  fi
  rm -rf "$folder"
  mkdir -p "$build/bare"
  cp -a "$base" "$folder"
  git clone --quiet "$root" "$folder/coppice"
  before=$(kilobytes "$folder") since=$SECONDS
  in_debian "$suite" "$folder" bash /coppice/packaging/dev.d/newcomer </dev/null 2>&1 | tee "$log.txt" || status=1
  cost=$(printf '%d min, %d MB downloaded, %d MB of disk' $(((SECONDS - since + 59) / 60)) \
    "$(downloaded <"$log.txt")" $((($(kilobytes "$folder") - before) / 1024)))
  in_debian "$suite" "$folder" sh -c 'cd /coppice && packaging/dev deps lint &&
    COPPICE_EXAMPLES=all exec packaging/dev test e2e/examples' </dev/null 2>&1 | tee "$log-examples.txt" || status=1
  printf '%s on Debian %s: %s\n' "$(tail -qn 1 "$log.txt" "$log-examples.txt" | sum_of_counts)" \
    "$(. "$folder/etc/os-release" && echo "$VERSION_ID")" "$cost"
  ((status == 0)) || return 1
  rm -rf "$folder"
}

# Prints the sum of lines `N passed, N failed, N skipped`.
sum_of_counts() {
  awk '{passed += $1; failed += $3; skipped += $5}
    END{printf "%d passed, %d failed, %d skipped", passed, failed, skipped}'
}

kilobytes() { du -skx "$1" | cut -f 1; }

# Prints the size of all packages that apt needed, in whole megabytes, with those that an earlier run had fetched.
downloaded() {
  awk '/^Need to get /{sub(".*/", "", $4); sub(",", "", $4); sum += $4 * ($5 == "kB" ? 0.001 : 1)}
    END{printf "%d", sum + 0.5}'
}
