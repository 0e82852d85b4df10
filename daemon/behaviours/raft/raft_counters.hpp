// SPDX-License-Identifier: MIT
// Counters of a member of a Raft group. Only the member writes; any thread reads.
#pragma once

#include <array>

#include "base/clock.hpp"
#include "metrics/counters.hpp"
#include "metrics/series.hpp"

namespace coppice::behaviours::raft {

// How long a slow write is shown.
inline constexpr base::nanos slow_write_shown = 60 * base::nanos_per_second;

struct raft_counters final : metrics::counters {
  raft_counters() {
    show(metrics::kind::histogram, "raft_append_seconds",
         "From an append's call at the leader to its answer, in seconds",
         [this](metrics::samples& to) { write(to, appends); });
    show(metrics::kind::histogram, "raft_fsync_seconds",
         "From a write to the durable log to its acknowledgement, in seconds",
         [this](metrics::samples& to) { write(to, writes); });
  }

  metrics::gauge term{*this, "raft_term", "Term of a member of a Raft group"};
  metrics::gauge role{*this, "raft_role", "Role of the member: 0 follower, 1 candidate, 2 leader"};
  metrics::gauge quiescent{*this, "raft_quiescent", "1 while the member is quiescent: its group is at rest"};
  metrics::gauge committed{*this, "raft_committed", "Index of the last entry known to be committed"};
  metrics::gauge applied{*this, "raft_applied", "Index of the last entry that was applied"};
  metrics::gauge log_bytes{*this, "raft_log_bytes", "Bytes of the entries that the member keeps"};
  metrics::counter elections{*this, "raft_elections", "Elections in which the member stood"};
  metrics::gauge clients{*this, "raft_clients", "Sessions of clients"};
  metrics::counter dropped{*this, "raft_dropped", "Messages of members that were dropped"};
  metrics::counter snapshots{*this, "raft_snapshots", "Snapshots that were taken or received"};
  metrics::counter crashes{*this, "raft_crashes", "Times that the actor that applies has crashed"};
  // For health, without families.
  metrics::number leaderless_since; // monotonic, in ns. 0: a leader is known
  metrics::number parked_at;        // the serial whose command crashes the actor. 0: none
  metrics::number differs_at;       // the serial at which its state differs from the majority's. 0: none
  metrics::number lacks_version;    // 1 + the group's version that its code does not know. 0: it knows it
  metrics::number patience;         // 2 elections, in ns
  metrics::number stopped;          // 1: its log has ended, or its group of the log is damaged
  metrics::number bad_snapshot;     // 1: its actor does not take the snapshot
  metrics::number no_snapshots;     // 1: the last snapshot could not be taken, so the log grows
  // Bytes of its state, and of its leader's snapshot, that are above largest_state. 0: they are not.
  metrics::number too_large_state, too_large_snapshot;
  metrics::number largest_state; // bytes that its state may have on this node
  // Monotonic, in ns: since when it has committed entries and has applied none of them. 0: it has none, or is
  // parked.
  metrics::number waits_since;
  // In ns: the longest write of the last minute that took more than a heartbeat, and when it ended,
  // monotonic. 0: there was none.
  metrics::number slow_write, slow_write_at;

  static constexpr std::array<double, 8> bounds{0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10}; // seconds
  // Seconds. Only the slowest of writes that end together counts.
  metrics::series appends{metrics::kind::histogram, bounds}, writes{metrics::kind::histogram, bounds};

 private:
  static void write(metrics::samples& to, const metrics::series& what) {
    to.histogram({}, {bounds.begin(), bounds.end()}, what.at_or_below(), what.sum());
  }
};

} // namespace coppice::behaviours::raft
