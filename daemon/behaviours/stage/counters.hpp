// SPDX-License-Identifier: MIT
// The counters of a stage, and its rows for people: one for each subscription. Plain values.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// The flow of one subscription. asked - passed is the number of events that were asked for and have not
// passed.
struct stage_flow {
  std::uint64_t asked = 0;  // events, ever
  std::uint64_t passed = 0; // events delivered to the consumer, or received from the producer
  base::nanos last = 0;     // when the last of them were; 0: none
};

struct stage_subscription {
  bool upstream = false;  // to a producer; else of a consumer
  runtime::message party; // {Pid, Tag}
  stage_flow flow{};
  std::uint64_t buffered = 0; // events that wait for this consumer alone, or have come from this producer
  std::uint64_t backlog = 0;  // memory of events that wait until this consumer has room for them
};

struct stage_counters {
  std::uint64_t emitted = 0;   // events that the author emitted
  std::uint64_t received = 0;  // events given to the author
  std::uint64_t delivered = 0; // events sent to consumers
  std::uint64_t dropped = 0;   // events that found the buffer full
  std::uint64_t unrouted =
      0; // events that went to no partition, by the author's choice or for want of one, or were lost with one
  std::uint64_t overloaded = 0; // part of delivered: waited, and were dropped as their subscription ended
  std::uint64_t excess = 0;     // events received beyond what was asked for
  std::uint64_t malformed = 0;  // messages of other processes that were refused
  // The present sizes.
  std::uint64_t buffered = 0;    // events that no consumer has asked for
  std::uint64_t waiting = 0;     // events received that wait for demand from below
  std::uint64_t accumulated = 0; // demand held back
  bool accumulating = false;
};

} // namespace coppice::behaviours
