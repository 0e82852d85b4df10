// SPDX-License-Identifier: MIT
// Pools of a configuration, which listeners may name: a note of the check, written by pools and read by
// listeners at its end.
#pragma once

#include <map>
#include <string>

namespace coppice::spec {

struct worker_pools {
  std::map<std::string, bool> take_streams; // by registered name: whether the workers take connections
};

} // namespace coppice::spec
