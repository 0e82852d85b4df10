// SPDX-License-Identifier: MIT
// Options of the UDP sockets of an actor under test, as under `udp:` in the tree. They are given before the
// actor starts, since its init may send. Header-only; included by coppice/testing.hpp.
#pragma once

#include <coppice/etf/needs_cpp20.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace coppice::testing {

struct udp_options {
  /// One socket each: IPv4 or IPv6 addresses with ports, such as "0.0.0.0:514" and "[::1]:514".
  std::vector<std::string> listen = {"127.0.0.1:7007"};
  std::size_t max_datagram = 2048; ///< bytes; longer datagrams are dropped and counted
  std::size_t batch = 64;          ///< most datagrams that the actor gets at once
};

} // namespace coppice::testing
