// SPDX-License-Identifier: MIT
// What tells the sockets of actors from those of nodes in one folder, /run/coppice: who looks for a node's
// would otherwise have to ask each of them.
#pragma once

#include <sys/stat.h>

namespace coppice::base {

// Beside the permissions of a socket's file: it leads to actors, and is no control socket. The kernel gives
// this bit of a socket no meaning.
inline constexpr mode_t leads_to_actors = S_ISVTX;

} // namespace coppice::base
