// SPDX-License-Identifier: MIT
// Counters of the heartbeats that a node's Raft groups send and get together with heartbeats of other
// groups. Only the process that carries them writes; any thread reads.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours::raft {

struct beat_counters final : metrics::counters {
  metrics::counter sent{*this, "raft_beat_messages",
                        "Messages to other nodes, each with heartbeats of many Raft groups"};
  metrics::counter dropped{*this, "raft_beats_dropped",
                           "Heartbeats for no member of this node, and messages of heartbeats that make no "
                           "sense or found no room"};
};

} // namespace coppice::behaviours::raft
