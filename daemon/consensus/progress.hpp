// SPDX-License-Identifier: MIT
// The state that a member keeps about another member. A candidate keeps the other's vote; a leader keeps how
// far the other's log has come, which messages are in flight to it, and how much of a snapshot it has. One
// thread at a time.
#pragma once

#include <deque>
#include <optional>

#include "base/clock.hpp"
#include "consensus/types.hpp"

namespace coppice::consensus {

struct in_flight {
  log_index last = 0; // the last entry of the message
  std::size_t bytes = 0;
  std::uint64_t round = 0; // of the last heartbeat sent before it
};

struct snapshot_transfer {
  snapshot_meta of{};
  std::uint64_t acknowledged = 0; // bytes
  std::uint64_t sent = 0;         // bytes; at least `acknowledged`
  bool all_sent = false;          // set also for a snapshot without bytes
  base::nanos moved = 0;          // when the receiver last acknowledged bytes, or a chunk was last sent again
  std::uint64_t round = 0;        // of the last heartbeat sent before that

  void has_moved(base::nanos now, std::uint64_t last_round) {
    moved = now;
    round = last_round;
  }
};

struct progress {
  explicit progress(const member& one) : id(one.id), role(one.role) {}

  member_id id;
  member_role role;
  enum class vote : std::uint8_t { none, granted, refused } said = vote::none;

  // The rest is used by the leader.
  // Acknowledged: up to here its log equals the leader's and is on its disk. 0 again once it has refused what
  // it had acknowledged.
  log_index match = 0;
  log_index next = 1; // the next entry to send; above match
  // Only one message is in flight until the member has acknowledged it.
  bool probing = true;
  std::deque<in_flight> flight{};
  std::size_t flight_bytes = 0;
  log_index commit_sent = 0;
  std::uint64_t round = 0; // the last heartbeat round that it has answered
  base::nanos heard = 0;
  bool answered = false;                   // it has answered a message of this term
  std::optional<version_range> versions{}; // known to its code. Empty: it has not answered in this term
  std::optional<snapshot_transfer> transfer{};

  // While it joins: it has to reach `goal`, which was the log's end at `goal_since`.
  log_index goal = 0;
  base::nanos goal_since = 0;

  bool votes() const { return role == member_role::voter; }
  void clear_flight() {
    flight.clear();
    flight_bytes = 0;
  }
  void probe_from(log_index index) {
    probing = true;
    next = index;
    clear_flight();
  }
};

} // namespace coppice::consensus
