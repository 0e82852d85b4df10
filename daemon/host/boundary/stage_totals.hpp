// SPDX-License-Identifier: MIT
// Counts for the stages of one type, including stages that have ended. Each stage adds the growth of its own
// counters. Any thread.
#pragma once

#include <cstdint>

#include "behaviours/stage/counters.hpp"
#include "metrics/counters.hpp"

namespace coppice::host {

class stage_totals final : public metrics::counters {
 public:
  void begin() { running_.add(); }
  void add(const behaviours::stage_counters& now, const behaviours::stage_counters& before) {
    add(emitted_, now.emitted - before.emitted);
    add(received_, now.received - before.received);
    add(delivered_, now.delivered - before.delivered);
    add(dropped_, now.dropped - before.dropped);
    add(unrouted_, now.unrouted - before.unrouted);
    add(overloaded_, now.overloaded - before.overloaded);
    add(excess_, now.excess - before.excess);
    add(malformed_, now.malformed - before.malformed);
  }
  void end(std::uint64_t lost) {
    add(lost_, lost);
    running_.subtract();
  }

 private:
  static void add(metrics::number& to, std::uint64_t more) {
    if (more != 0) to.add(more);
  }

  metrics::gauge running_{*this, "stages", "Stages of a type that run"};
  metrics::counter emitted_{*this, "stage_emitted", "Events that stages have emitted"};
  metrics::counter received_{*this, "stage_received", "Events that were given to stages"};
  metrics::counter delivered_{*this, "stage_delivered", "Events that stages have sent to consumers"};
  metrics::counter dropped_{*this, "stage_dropped", "Events that found a stage's buffer full"};
  metrics::counter unrouted_{*this, "stage_unrouted", "Events that went to no partition"};
  metrics::counter overloaded_{
      *this, "stage_overloaded",
      "Events sent that waited, and were dropped, as too much waited for their consumer"};
  metrics::counter excess_{*this, "stage_excess", "Events that came beyond what was asked for"};
  metrics::counter malformed_{*this, "stage_malformed", "Messages to stages that were refused"};
  metrics::counter lost_{*this, "stage_lost", "Events that a stage held when it ended"};
};

} // namespace coppice::host
