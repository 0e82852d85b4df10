// SPDX-License-Identifier: MIT
// What holds for the UDP sockets of an actor under test, as `udp:` has it in the tree: given to it before it
// starts, for its init may send already. Header-only; included by coppice/testing.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace coppice::testing {

struct udp_options {
  /// A socket each: IPv4 or IPv6 addresses with their ports, as "0.0.0.0:514" and "[::1]:514".
  std::vector<std::string> listen = {"127.0.0.1:7007"};
  std::size_t max_datagram = 2048; ///< bytes; longer ones are dropped and counted
  std::size_t batch = 64;          ///< datagrams that the actor gets at once at most
};

} // namespace coppice::testing
