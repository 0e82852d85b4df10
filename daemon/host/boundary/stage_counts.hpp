// SPDX-License-Identifier: MIT
// Totals of the stages of one type, for metrics. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "behaviours/stage/counters.hpp"

namespace coppice::host {

// A plain copy. Events and messages are counted since the node's start, including stages that have ended.
struct stage_counts {
  std::string type; // PLUGIN:ACTOR
  std::string role; // producer, producer_consumer or consumer
  std::uint64_t running = 0;
  std::uint64_t emitted = 0; // this and the following as in behaviours::stage_counters
  std::uint64_t received = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t unrouted = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t excess = 0;
  std::uint64_t malformed = 0;
  std::uint64_t lost = 0; // events that a stage had received or buffered and not passed on when it ended
};

// The counters: each stage adds the growth of its own counters.
class stage_totals {
 public:
  void begin() { running_.fetch_add(1, std::memory_order_relaxed); }
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
    running_.fetch_sub(1, std::memory_order_relaxed);
  }
  stage_counts read(std::string type, std::string role) const {
    return {std::move(type),    std::move(role),   value(running_),   value(emitted_),
            value(received_),   value(delivered_), value(dropped_),   value(unrouted_),
            value(overloaded_), value(excess_),    value(malformed_), value(lost_)};
  }

 private:
  using number = std::atomic<std::uint64_t>;
  static void add(number& to, std::uint64_t more) {
    if (more != 0) to.fetch_add(more, std::memory_order_relaxed);
  }
  static std::uint64_t value(const number& of) { return of.load(std::memory_order_relaxed); }

  number running_{0}, emitted_{0}, received_{0}, delivered_{0}, dropped_{0}, unrouted_{0}, overloaded_{0},
      excess_{0}, malformed_{0}, lost_{0};
};

} // namespace coppice::host
