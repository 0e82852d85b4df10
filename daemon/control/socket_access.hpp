// SPDX-License-Identifier: MIT
// Who may use the control socket: its file's group and mode. Any thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "net/listening/unix_place.hpp"

namespace coppice::control {

// `group`: as configured; empty: it is not changed. `usual`: the one that a configuration has which names
// none. A group that does not exist is logged. Then, and where this process may not give the file to the
// usual group, as when somebody who is no member runs a node for himself, the users of the file's group may
// do no more than everybody may by `mode`.
net::unix_place place_of_socket(std::string path, mode_t mode, const std::string& group,
                                const std::string& usual);

} // namespace coppice::control
