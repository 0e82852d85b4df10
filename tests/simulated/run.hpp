// SPDX-License-Identifier: MIT
// One run: a cluster, a workload, faults and invariants, all of it from the seed.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>

#include "machine/hosts.hpp"
#include "workloads/ledger.hpp"

namespace coppice::simulated {

// The parts that are left out of a run, so that a shorter run may show the same failure.
struct cuts {
  static constexpr std::size_t most_faults = 4096; // faults after these cannot be left out

  std::bitset<most_faults> left_out;       // bit N: the fault N+1 does not happen
  std::int64_t busy = INT64_MAX;           // simulated nanoseconds after which clients begin nothing
  unsigned hosts = most_hosts;             // no more than this, but as many as the workload needs
  std::uint64_t most_changes = UINT64_MAX; // see settings::most_changes
  bool usual_bounds = false;               // no bound of the product is small
};

// Copied as bytes to the program that runs it. It is the only thing that differs between runs.
struct task {
  std::uint64_t seed = 0;
  std::int64_t length = 0;        // simulated nanoseconds in which faults happen
  std::array<char, 32> only = {}; // name of the workload; empty: the seed chooses
  bool trace = false;
  bool story = false;
  cuts without;
  disorder spoiled;
};

struct result {
  std::uint64_t hash = 0;
  std::int64_t lived = 0; // simulated nanoseconds
  ledger::counts seen;
  progress at;
};

// Called in a process of its own. `folder`: empty, absolute; its name becomes part of what nodes write. Ends
// the process if an invariant is broken. `into`: its progress is kept up to date, the rest is filled in at
// the end.
void run(const task& what, const std::string& folder, result& into);

} // namespace coppice::simulated
