// SPDX-License-Identifier: MIT
// Marks the files of actors' sockets in /run/coppice, where nodes' control sockets also are, so that a client
// that looks for a node need not connect to each of them.
#pragma once

#include <sys/stat.h>

namespace coppice::base {

// Added to the permissions of a socket's file: it leads to actors and is no control socket. The kernel
// ignores this bit for sockets.
inline constexpr mode_t leads_to_actors = S_ISVTX;

} // namespace coppice::base
