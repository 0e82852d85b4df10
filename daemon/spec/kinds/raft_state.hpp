// SPDX-License-Identifier: MIT
// The largest replicated state of a Raft group on a node: a state is one term, and is in the memory of
// messages while it is written and received. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace coppice::spec {

struct raft_state_bound {
  std::uint64_t bytes = 0;
  std::string_view by; // the option that sets the bound, for people
};

// `term_bytes` of node.limits; `memory`: bytes of node.limits.memory. UINT64_MAX: not known.
constexpr raft_state_bound largest_raft_state(std::uint64_t term_bytes, std::uint64_t memory) {
  if (memory / 4 < term_bytes) return {memory / 4, "a quarter of node.limits.memory"};
  return {term_bytes, "node.limits.term_bytes"};
}

} // namespace coppice::spec
