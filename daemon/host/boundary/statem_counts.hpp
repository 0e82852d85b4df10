// SPDX-License-Identifier: MIT
// What the state machines of one type come to, for metrics. A plain copy; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace coppice::host {

struct statem_counts {
  std::string type; // PLUGIN:ACTOR
  std::uint64_t machines = 0;
  std::uint64_t dropped_postponed = 0; // events, since as many waited as may
};

} // namespace coppice::host
