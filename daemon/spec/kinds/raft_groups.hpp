// SPDX-License-Identifier: MIT
// Members of Raft groups in a configuration, which jobs may name: a note of the check.
#pragma once

#include <functional>
#include <set>
#include <string>

namespace coppice::spec {

struct raft_groups {
  std::set<std::string, std::less<>> names; // registered names of members
};

} // namespace coppice::spec
