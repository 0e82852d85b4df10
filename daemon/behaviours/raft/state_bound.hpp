// SPDX-License-Identifier: MIT
// The bound of a group's replicated state on this node, in the form of its snapshot. A member takes and
// receives no larger snapshot. The node makes the object from its limits and gives it to its tree
// (engine_resources), before the tree starts. Immutable from then on, any thread.
#pragma once

#include <cstdint>
#include <string>

namespace coppice::behaviours::raft {

struct state_bound {
  std::uint64_t bytes = std::uint64_t{256} << 20;
  std::string by = "the bound of a node without limits"; // the option that says so, for people
};

} // namespace coppice::behaviours::raft
