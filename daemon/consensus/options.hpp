// SPDX-License-Identifier: MIT
// The options of a core, which are set once, its source of random numbers, and its counters. Times are
// monotonic nanoseconds. Any thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "consensus/types.hpp"

namespace coppice::consensus {

struct options {
  cluster_id cluster{}; // the disk's cluster id, if the disk has one
  member_id self{};
  base::nanos heartbeat = 100 * base::nanos_per_ms;
  // A follower stands for election after 1 to 2 times this without a leader. A leader steps down when it has
  // not heard from a majority for this long. More than 2 heartbeats.
  base::nanos election = 1000 * base::nanos_per_ms;
  // Heartbeats are due at the multiples of `heartbeat` on the owner's clock, so that the heartbeats of many
  // groups are due at the same time and may leave together. False: they are due `heartbeat` after the last
  // ones.
  bool aligned_heartbeats = false;
  // A leader's group counts as idle after so many heartbeats, see core::may_quiesce(). 0: never.
  std::uint32_t quiesce_after = 0;
  // Bounds of one message to a follower; batch_entries is at most largest_batch. A single entry may be larger
  // than batch_bytes.
  std::size_t batch_entries = 1024;
  std::size_t batch_bytes = 256 * 1024;
  // Bounds of the messages that were sent to one follower and are not acknowledged.
  std::size_t in_flight_messages = 64;
  std::size_t in_flight_bytes = 4 * 1024 * 1024;
  // Most bytes of an entry that this member appends; at most largest_entry. The member takes larger entries
  // from a leader whose bound differs.
  std::size_t max_entry = 1024 * 1024;
  // Most bytes of entries that a leader has appended and not committed.
  std::size_t uncommitted_bytes = 64 * 1024 * 1024;
  // Most bytes of a leader's entries in one write. A single entry may be larger.
  std::size_t write_bytes = 1024 * 1024;
  // Most appends, and most reads, that wait for an outcome.
  std::size_t pending = 10'000;
  // Entries that are kept in the log below a snapshot, for followers that are not far behind.
  std::uint64_t keep_entries = 10'000;
  // Most bytes of the entries that are kept below a snapshot. Entries that a snapshot in transfer needs are
  // kept beyond it.
  std::size_t keep_bytes = 64 * 1024 * 1024;
  // Most bytes to which the log grows while this member sends a snapshot, for the entries after that
  // snapshot. Beyond it the transfer begins anew with a later snapshot.
  std::size_t kept_for_transfer = 256 * 1024 * 1024;
  std::uint32_t snapshot_chunk = 256 * 1024; // bytes; at most largest_chunk
  std::uint32_t snapshot_window = 4;         // chunks that are sent and not acknowledged
  version_range versions{}; // known to this member's code at the start; see core::set_versions()
};

// Source of a core's random numbers. They have to differ each time that a member starts: the numbers of
// forwarded reads begin at one of them. One thread at a time, the core's.
class random_source {
 public:
  virtual std::uint64_t next() = 0;

 protected:
  ~random_source() = default;
};

// Why a message was dropped.
enum class drop : std::uint8_t {
  cluster,    // for another cluster
  receiver,   // for another member, or sent by this one
  sender,     // the sender is no member where one is required
  malformed,  // a number out of range, entries out of order, a chunk beyond its snapshot's end
  impossible, // contradicts a committed entry, or comes from a second leader of a term
  disturbing, // asks for a vote while there is a leader
  stale,      // of an earlier term, or an answer to something that has ended
  full,       // a bound of this member is reached, or its disk is full
};
inline constexpr std::size_t drop_reasons = 8;

enum class role : std::uint8_t { follower, pre_candidate, candidate, leader };

struct counters {
  std::array<std::uint64_t, drop_reasons> dropped{};
  std::uint64_t elections = 0; // elections in which this member stood, without pre-votes
  std::uint64_t stepped_down = 0;
  std::uint64_t resent = 0; // times that messages in flight to a follower were taken for lost
  std::uint64_t snapshots_sent = 0, snapshots_installed = 0;
};

} // namespace coppice::consensus
