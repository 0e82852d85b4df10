// SPDX-License-Identifier: MIT
// Counts for the state machines of one type, including machines that have ended. Any thread.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::host {

struct statem_totals final : metrics::counters {
  metrics::gauge machines{*this, "statem_machines", "State machines of a type that run"};
  metrics::counter dropped_postponed{*this, "statem_dropped_postponed",
                                     "Postponed events that were dropped since as many waited as may"};
};

} // namespace coppice::host
