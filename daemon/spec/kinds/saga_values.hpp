// SPDX-License-Identifier: MIT
// The values of the sagas in a configuration, as a note of the check, and their comparison with the node's
// limits. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "spec/schema/values.hpp"
#include "tree/saga_room.hpp"

namespace coppice::spec {

struct saga_values {
  struct longest_value {
    place at;
    std::uint64_t bytes = 0;
  };
  std::vector<longest_value> values; // of each saga
};

struct saga_value_bound {
  std::uint64_t bytes = 0;
  std::string_view by; // the option that sets the bound, for people
};

// The longest value that a saga can take from another node. `term_bytes` of node.limits; `memory`: bytes of
// node.limits.memory. UINT64_MAX: not known. One other node may have three quarters of the sagas' room.
constexpr saga_value_bound largest_saga_value(std::uint64_t term_bytes, std::uint64_t memory) {
  const std::uint64_t room = tree::largest_saga_room(memory).for_others;
  const std::uint64_t share = room - room / 4;
  if (share < term_bytes) return {share, "three quarters of a quarter of node.limits.memory"};
  return {term_bytes, "node.limits.term_bytes"};
}

} // namespace coppice::spec
