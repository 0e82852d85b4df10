// SPDX-License-Identifier: MIT
// The sockets that a service manager has opened or kept for this process: sd_listen_fds(3). socket_store.hpp
// keeps them until they are used. The main thread, before other threads exist, because the environment is
// changed.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::net {

struct passed_socket {
  std::string name; // FileDescriptorName= of its unit, or the FDNAME= under which it was stored
  base::unique_fd fd;
};

// Takes the passed sockets; empty if none were passed, or if they were for another process. A descriptor may
// be of any kind. Programs that this process starts inherit neither the sockets nor the variables that
// announce them. errc::system: LISTEN_FDS or LISTEN_FDNAMES do not fit what is open; nothing is taken.
// errc::unsupported: built without libsystemd.
base::result<std::vector<passed_socket>> passed_sockets();

} // namespace coppice::net
