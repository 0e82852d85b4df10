#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests the running tree: starts the node of this project, waits until all of it has started, and asks for each of its
# processes. The node listens only on the ports of the tree. The argument is the folder with the built plugins. Exit
# status 77, which means skipped: there is no coppiced.
set -eu
build=$1
here=$(cd "$(dirname "$0")/.." && pwd)
command -v coppiced >/dev/null && command -v coppice >/dev/null || exit 77
work=$(mktemp -d)
node=
stop() {
  test -z "$node" || { kill "$node" && wait "$node"; } || true
  rm -rf "$work"
}
trap stop EXIT
printf 'a_cookie_of_the_test_alone' >"$work/cookie"
chmod 600 "$work/cookie"
COPPICE_SOCKET=$work/node.sock
export COPPICE_SOCKET
coppiced --config "$here/config/my_node.yaml" --set node.data="$work/data" --set "control={ socket: $COPPICE_SOCKET }" \
  --set "plugins.path=[ $build ]" --set "node.cookie={ file: $work/cookie }" --set 'distribution.listen=[]' --set 'node.log.files=[]' --set epmd.mode=off &
node=$!
coppice wait-ready --timeout 30s
# shellcheck disable=SC2043 # one process is a list, too
for process in my_processes; do
  coppice info "$process" >/dev/null || { echo "there is no $process" && exit 1; }
done
coppice tree
