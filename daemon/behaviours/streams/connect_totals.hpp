// SPDX-License-Identifier: MIT
// Counts the connections that actors keep up all the time, for one type of actor, including actors that have
// ended. Any thread.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours {

struct connect_totals final : metrics::counters {
  metrics::gauge up{*this, "tcp_connect_up",
                    "Connections that a type of actor is to have all the time, and has"};
  metrics::counter tries{*this, "tcp_connect_tries", "Tries to make such a connection"};
  metrics::counter failed{*this, "tcp_connect_failed", "Tries of which no connection came"};

  // Shown once such an actor has tried to connect.
  bool is_shown() const override { return tries.value() != 0; }
};

} // namespace coppice::behaviours
