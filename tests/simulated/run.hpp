// SPDX-License-Identifier: MIT
// One run: a cluster, a workload, faults and invariants, all of it from the seed.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "workloads/ledger.hpp"

namespace coppice::simulated {

// Copied as bytes to the program that runs it. It is the only thing that differs between runs.
struct task {
  std::uint64_t seed = 0;
  std::int64_t length = 0;        // simulated nanoseconds in which faults happen
  std::array<char, 32> only = {}; // name of the workload; empty: the seed chooses
  bool trace = false;
};

struct result {
  std::uint64_t hash = 0;
  std::uint64_t steps = 0; // switches between threads
  std::int64_t lived = 0;  // simulated nanoseconds
  ledger::counts seen;
};

// Called in a process of its own. `folder`: empty, absolute; its name becomes part of what nodes write. Ends
// the process if an invariant is broken.
result run(const task& what, const std::string& folder);

} // namespace coppice::simulated
