// SPDX-License-Identifier: MIT
// Who may use the control socket: its file's group and mode. Any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace coppice::control {

struct socket_access {
  std::optional<gid_t> group; // none: that of the process
  mode_t mode = 0;
};

// `group`: as configured; empty: it is not changed. `usual`: the one that a configuration has which names
// none. A group that does not exist is logged; so is the usual one where this process may not give a file to
// it, as when somebody who is no member runs a node for himself. The file is its owner's alone then.
socket_access access_of_socket(const std::string& group, mode_t mode, const std::string& usual);

} // namespace coppice::control
