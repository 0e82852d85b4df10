// SPDX-License-Identifier: MIT
// The sockets that a service manager has opened, or kept, for this process: sd_listen_fds(3). The main
// thread, before there are others.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::net {

struct passed_socket {
  std::string name; // FileDescriptorName= of its unit, or FDNAME= that it was stored with
  base::unique_fd fd;
};

// None where there are none, or for another process. They may be anything that is open; a program that this
// one starts has none of them, nor the variables that tell of them. errc::system: LISTEN_FDS or
// LISTEN_FDNAMES do not fit what is open, and nothing is taken; errc::unsupported: a build without
// libsystemd.
base::result<std::vector<passed_socket>> passed_sockets();

} // namespace coppice::net
