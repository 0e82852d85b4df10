// SPDX-License-Identifier: MIT
// Members of Raft groups in a configuration: a note of the check. Jobs may name them, and their commands have
// to fit into the state that the node's limits allow.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"

namespace coppice::spec {

struct raft_groups {
  struct longest_command {
    place at;
    std::uint64_t bytes = 0;
  };
  std::vector<longest_command> commands;    // of each member
  std::set<std::string, std::less<>> names; // registered names of members
};

} // namespace coppice::spec
