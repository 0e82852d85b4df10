// SPDX-License-Identifier: MIT
// What a core is told once, and the ports and counters around it. Times are monotonic nanoseconds. Any
// thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "consensus/types.hpp"

namespace coppice::consensus {

struct options {
  cluster_id cluster{}; // the one that the disk has, if it has one
  member_id self{};
  base::nanos heartbeat = 100 * base::nanos_per_ms;
  // A follower stands for election after 1 to 2 times this without a leader; a leader that has not heard of a
  // majority for as long steps down. More than 2 heartbeats.
  base::nanos election = 1000 * base::nanos_per_ms;
  // Of one message to a follower; at most largest_batch. A single entry may be larger than batch_bytes.
  std::size_t batch_entries = 1024;
  std::size_t batch_bytes = 256 * 1024;
  // To one follower, sent and not acknowledged.
  std::size_t in_flight_messages = 64;
  std::size_t in_flight_bytes = 4 * 1024 * 1024;
  // Of what this member appends, at most largest_entry. It takes larger ones from a leader whose bound
  // differs.
  std::size_t max_entry = 1024 * 1024;
  // Of a leader: entries that are not committed.
  std::size_t uncommitted_bytes = 64 * 1024 * 1024;
  // Appends, and reads, that wait for an outcome.
  std::size_t pending = 10'000;
  // Entries that stay in the log below a snapshot, for followers that are not far behind.
  std::uint64_t keep_entries = 10'000;
  // The log of a member that sends a snapshot grows up to here for the entries behind that; above, the
  // transfer is begun anew with a later snapshot.
  std::size_t kept_for_transfer = 256 * 1024 * 1024;
  std::uint32_t snapshot_chunk = 256 * 1024; // bytes; at most largest_chunk
  std::uint32_t snapshot_window = 4;         // chunks sent and not acknowledged
  std::uint32_t version =
      0; // the newest of the state machine that this member's code has, told to the leader
};

// Where a core gets its random numbers, which have to differ each time that a member starts: the numbers of
// the reads that it forwards begin at one of them. One thread at a time, the core's.
class random_source {
 public:
  virtual std::uint64_t next() = 0;

 protected:
  ~random_source() = default;
};

// Why a message was dropped.
enum class drop : std::uint8_t {
  cluster,    // for another cluster
  receiver,   // for another member, or from this one
  sender,     // from no member, where one is required
  malformed,  // a number out of range, entries out of order, a chunk beyond its snapshot's end
  impossible, // contradicts what is committed, or a second leader of a term
  disturbing, // asks for a vote while there is a leader
  stale,      // of an earlier term, or an answer to what is over
  full,       // a bound of this member, or its disk
};
inline constexpr std::size_t drop_reasons = 8;

enum class role : std::uint8_t { follower, pre_candidate, candidate, leader };

struct counters {
  std::array<std::uint64_t, drop_reasons> dropped{};
  std::uint64_t elections = 0; // stood for, without pre-votes
  std::uint64_t stepped_down = 0;
  std::uint64_t resent = 0; // times that messages in flight to a follower were taken for lost
  std::uint64_t snapshots_sent = 0, snapshots_installed = 0;
};

} // namespace coppice::consensus
