// SPDX-License-Identifier: MIT
// The options of a member of a Raft group, as the configuration has them. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"

namespace coppice::spec {

// When a member of a Raft group takes a snapshot, and what it keeps below one.
struct raft_snapshot {
  std::uint64_t entries = 100'000;
  std::uint64_t bytes = std::uint64_t{64} << 20;
  std::uint64_t keep_entries = 10'000;
  bool operator==(const raft_snapshot&) const = default;
};

struct raft_limits {
  std::uint64_t entry = std::uint64_t{1} << 20;     // bytes of a command
  std::uint64_t in_flight = std::uint64_t{4} << 20; // bytes sent to a member and not acknowledged
  std::uint32_t pending = 10'000;                   // calls that wait
  std::uint32_t clients = 100'000;                  // sessions
  bool operator==(const raft_limits&) const = default;
};

// The options of an actor that is a replicated state machine.
struct raft_options {
  std::vector<std::string> members; // NAME@ALIVE@HOST; one of the two lists is empty
  std::vector<std::string> join;
  milliseconds heartbeat{100};
  milliseconds election{1000};
  raft_snapshot snapshot;
  raft_limits limits;
  milliseconds append_timeout{5000};
  milliseconds query_timeout{5000};
  std::uint64_t check = 0;       // commands between two comparisons of states; 0: never
  std::vector<std::string> from; // patterns of nodes; empty: all
  bool operator==(const raft_options&) const = default;
};

} // namespace coppice::spec
