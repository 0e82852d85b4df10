// SPDX-License-Identifier: MIT
// Decides which users may use the control socket: the group and mode of its file; and tells which user has
// connected. Any thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.hpp"
#include "control/server.hpp"
#include "net/listening/unix_place.hpp"

namespace coppice::control {

// `group`: as configured; empty: the file's group is not changed. `usual`: the group of a configuration that
// names none. A group that does not exist is logged. Then the users of the file's group may do no more than
// all users may by `mode`. So it is if this process may not give the file to the usual group, as when its
// user is no member.
net::unix_place place_of_socket(std::string path, mode_t mode, const std::string& group,
                                const std::string& usual);

// The process at the other end of a connection to the control socket. An error if the kernel does not tell
// it: then it is not known which user asks, and the connection has to be refused.
base::result<caller> caller_at(int socket);

} // namespace coppice::control
