// SPDX-License-Identifier: MIT
// How many bytes one saga keeps of what other nodes have asked it for, and of what is over, as the node's
// memory for messages allows. Pure, any thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace coppice::tree {

struct saga_room {
  std::uint64_t for_others = std::uint64_t{256} << 20; // open transactions and steps of all other nodes
  std::uint64_t kept = std::uint64_t{64} << 20;        // outcomes, and as many of keys of steps that are over
};

// `memory`: bytes of node.limits.memory. The node reads nothing from its peers while that memory is full, and
// the answers that end a transaction come from peers, so one saga gets a quarter of it at most.
constexpr saga_room largest_saga_room(std::uint64_t memory) {
  saga_room out;
  out.for_others = std::min(out.for_others, memory / 4);
  out.kept = std::min(out.kept, memory / 16);
  return out;
}

} // namespace coppice::tree
