// SPDX-License-Identifier: MIT
// The state of one wait of a process: what it waits for, until when, and on which stack it is parked. It
// lives on that stack, and the process's record points to it. For the owner's thread.
#pragma once

#include <cstdint>

#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/scheduling/timer_wheel.hpp"

namespace coppice::runtime {

class fiber;
class process_record;

struct wait : timer {
  wait() { deadline = INT64_MAX; } // INT64_MAX: no deadline
  process_record* who = nullptr;
  fiber* stack = nullptr;    // on which it is parked; null: not yet, or it runs again
  std::uint64_t number = 0;  // that of the call reference, or unique among the process's waits
  pid at;                    // the process at whose full mailbox it is parked; none: something else
  std::uint32_t at_node = 0; // the node whose connection it waits for; 0: none
  base::nanos since = 0;     // monotonic; exact to the length of a turn
  bool ready = false;
  bool timed_out = false;
  bool done = false;  // a stop_waiting with this number came
  bool holds = false; // death does not end it either, since a thread of the blocking pool uses this stack
  process_status shows = process_status::parked; // the status of the process meanwhile
};

} // namespace coppice::runtime
