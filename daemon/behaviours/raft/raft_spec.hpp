// SPDX-License-Identifier: MIT
// The options of a member of a Raft group. Immutable, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace coppice::behaviours::raft {

struct raft_spec {
  // NAME@ALIVE@HOST of each first member, and of the members that a new member asks. One of the two is empty.
  // They are used until this member belongs to a group, and to find the others again.
  std::vector<std::string> members;
  std::vector<std::string> join;
  base::nanos heartbeat = 100 * base::nanos_per_ms;
  base::nanos election = base::nanos_per_second;          // more than two heartbeats
  std::uint64_t snapshot_entries = 100'000;               // a snapshot is taken after this many entries, or
  std::uint64_t snapshot_bytes = std::uint64_t{64} << 20; // after this many bytes of them
  std::uint64_t keep_entries = 10'000;                    // entries kept below a snapshot
  std::uint64_t entry_bytes = std::uint64_t{1}
                              << 20; // of one command; at most 2 MiB, see spec/schema_raft.cpp
  std::uint64_t in_flight_bytes = std::uint64_t{4} << 20; // sent to one member and not acknowledged
  std::uint32_t pending = 10'000;                         // calls of clients that wait
  std::uint32_t clients = 100'000;                        // sessions; equal in all members
  base::nanos append_timeout = 5 * base::nanos_per_second;
  base::nanos query_timeout = 5 * base::nanos_per_second;
  // Members compare hashes of their states after every so many commands; equal in all members. 0: never.
  std::uint64_t check = 0;
  std::vector<std::string> from; // patterns of the nodes that may append and query. Empty: all
};

} // namespace coppice::behaviours::raft
