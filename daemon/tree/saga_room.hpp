// SPDX-License-Identifier: MIT
// Bounds in bytes for sagas, by the node's memory for messages: for what the sagas of a node keep of
// requests of other nodes, and for what each saga keeps of transactions and steps that are over. Pure, any
// thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace coppice::tree {

struct saga_room {
  // Open transactions and steps of all other nodes, in all sagas of this node together.
  std::uint64_t for_others = std::uint64_t{256} << 20;
  // For each saga: outcomes, and as many bytes of keys of steps that are over.
  std::uint64_t kept = std::uint64_t{64} << 20;
};

// `memory`: bytes of node.limits.memory. The node reads nothing from its peers while that memory is full, and
// the answers that end a transaction come from peers, so all sagas together get a quarter of it at most.
constexpr saga_room largest_saga_room(std::uint64_t memory) {
  saga_room out;
  out.for_others = std::min(out.for_others, memory / 4);
  out.kept = std::min(out.kept, memory / 16);
  return out;
}

} // namespace coppice::tree
