// SPDX-License-Identifier: MIT
// One run: a cluster, a workload, faults and what must hold, all of it from the seed.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "workloads/ledger.hpp"

namespace coppice::simulated {

// As bytes: it is handed to the program that runs it, where it is the only thing that differs between runs.
struct task {
  std::uint64_t seed = 0;
  std::int64_t length = 0;        // simulated nanoseconds in which faults happen
  std::array<char, 32> only = {}; // the workload; empty: the seed mixes them
  bool trace = false;
};

struct result {
  std::uint64_t hash = 0;
  std::uint64_t steps = 0; // changes of the thread that runs
  std::int64_t lived = 0;  // simulated nanoseconds
  ledger::counts seen;
};

// In a process of its own. `folder`: an empty one, absolute; the name becomes part of what nodes write. Ends
// the process where something does not hold.
result run(const task& what, const std::string& folder);

} // namespace coppice::simulated
