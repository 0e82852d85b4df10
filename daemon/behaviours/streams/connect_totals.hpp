// SPDX-License-Identifier: MIT
// Connections that actors of a type are to have all the time, counted over all of them and those that have
// ended. Any thread.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours {

struct connect_totals final : metrics::counters {
  metrics::gauge up{*this, "tcp_connect_up",
                    "Connections that a type of actor is to have all the time, and has"};
  metrics::counter tries{*this, "tcp_connect_tries", "Tries to make such a connection"};
  metrics::counter failed{*this, "tcp_connect_failed", "Tries of which no connection came"};

  // Once such an actor has tried.
  bool is_shown() const override { return tries.value() != 0; }
};

} // namespace coppice::behaviours
