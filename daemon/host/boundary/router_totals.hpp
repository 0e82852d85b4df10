// SPDX-License-Identifier: MIT
// Counts for the routers of one type, including routers that have ended. Any thread.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::host {

struct router_totals final : metrics::counters {
  metrics::gauge running{*this, "routers", "Routers of a type that run"};
  metrics::counter passed{*this, "router_passed", "Calls, casts and messages that routers have sent on"};
  metrics::counter failed{*this, "router_failed",
                          "Those that could not be sent on, and calls that were not answered"};
  metrics::counter discarded{*this, "router_discarded", "Those that a router's callback has discarded"};
  metrics::counter own{*this, "router_own", "Those that routers have handled themselves"};
};

} // namespace coppice::host
