// SPDX-License-Identifier: MIT
// Counters of the messages by which a node says, for its quiescent Raft groups, that it lives. Only the
// process that carries them writes; any thread reads.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours::raft {

struct liveness_counters final : metrics::counters {
  metrics::counter sent{*this, "raft_liveness_messages",
                        "Messages to other nodes that this node lives, for all quiescent Raft groups"};
  metrics::counter dropped{*this, "raft_liveness_dropped",
                           "Messages of other nodes that they live, which make no sense or come from a node "
                           "without a member of any group of this node"};
  metrics::counter woken{
      *this, "raft_liveness_woken",
      "Times that a member of a quiescent Raft group was woken up by what became of another "
      "member's node"};
};

} // namespace coppice::behaviours::raft
