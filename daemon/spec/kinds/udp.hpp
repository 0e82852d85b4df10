// SPDX-License-Identifier: MIT
// An actor with UDP sockets and its keys. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"

namespace coppice::spec {

struct udp_listen_options {
  std::string address; // once loaded an address; empty: `socket` is set
  std::uint16_t port = 0;
  std::string socket; // name of a socket that systemd passes
  bool operator==(const udp_listen_options&) const = default;
};

struct multicast_options {
  std::vector<std::string> join; // groups' addresses
  std::string interface;         // empty: the interface of the route
  std::uint32_t ttl = 1;
  bool loop = false;
  bool operator==(const multicast_options&) const = default;
};

struct udp_options {
  std::vector<udp_listen_options> listen;
  std::string actor;                  // as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                  // as a child's args
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers
  std::uint32_t handlers = 1;
  std::uint64_t max_datagram = 2048;
  std::uint64_t receive_buffer = std::uint64_t{4} << 20;
  std::uint32_t batch = 64;
  multicast_options multicast;
  std::optional<spec::unhandled> unhandled;
};

} // namespace coppice::spec
