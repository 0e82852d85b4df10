// SPDX-License-Identifier: MIT
// What a parked process waits for. Lives on the stack that it is parked on. The owner's thread only.
#pragma once

#include <cstdint>

#include "runtime/inspectable.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/scheduling/timer_wheel.hpp"

namespace coppice::runtime {

class fiber;
class process_record;

struct wait : timer {
  wait() { deadline = INT64_MAX; } // none
  process_record* who = nullptr;
  fiber* stack = nullptr;    // that it is parked on; null: not yet, or it goes on
  std::uint64_t number = 0;  // of the call reference, or unique among the process's waits
  pid at;                    // whose full mailbox it is parked at; none: something else
  std::uint32_t at_node = 0; // whose connection it waits for; 0: none
  base::nanos since = 0;     // monotonic, to the length of a turn
  bool ready = false;
  bool timed_out = false;
  bool done = false;  // a stop_waiting with this number came
  bool holds = false; // not even death ends it: a thread of the blocking pool uses this stack
  process_status shows = process_status::parked; // what the process is meanwhile
};

} // namespace coppice::runtime
