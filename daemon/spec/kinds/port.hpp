// SPDX-License-Identifier: MIT
// An actor with a program: its command and environment, how its bytes are cut, and its keys. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/kinds/tcp.hpp"
#include "spec/schema/values.hpp"

namespace coppice::spec {

enum class port_errors { log, discard };

struct port_limits {
  std::uint64_t memory = 0; // bytes of each process's address space; 0: as the daemon's
  milliseconds cpu{0};      // processor time of each process; whole seconds; 0: as the daemon's
  bool operator==(const port_limits&) const = default;
};

struct port_write_options {
  std::uint64_t high = std::uint64_t{1} << 20;
  std::uint64_t low = std::uint64_t{256} << 10;
  bool operator==(const port_write_options&) const = default;
};

struct port_options {
  std::vector<std::string> command;     // an absolute path and its arguments
  std::string actor;                    // as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                    // as a child's args
  std::vector<std::string> durations;   // where durations stand in args, as JSON pointers
  std::vector<std::string> environment; // NAME=VALUE
  bool clean_environment = false;       // true: the daemon's own environment is not passed on
  std::optional<std::string> directory; // absolute; none: the daemon's
  frame_options frame;
  std::uint64_t credit = std::uint64_t{64} << 10;
  port_write_options write;
  port_errors errors = port_errors::log;
  milliseconds kill_after{3000};
  port_limits limits;
  std::optional<spec::unhandled> unhandled;
};

} // namespace coppice::spec
