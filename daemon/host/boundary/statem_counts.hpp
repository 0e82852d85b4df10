// SPDX-License-Identifier: MIT
// Totals of the state machines of one type, for metrics. A plain copy; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace coppice::host {

struct statem_counts {
  std::string type; // PLUGIN:ACTOR
  std::uint64_t machines = 0;
  std::uint64_t dropped_postponed = 0; // events dropped because too many were postponed
};

} // namespace coppice::host
