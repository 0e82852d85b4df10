// SPDX-License-Identifier: MIT
// What the event managers of a node count. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "behaviours/gen/engine_board.hpp"

namespace coppice::behaviours {

// The manager alone writes.
struct event_counters {
  using number = std::atomic<std::uint64_t>;
  number handlers{0};  // just now
  number events{0};    // that came, other messages among them
  number failed{0};    // handlers that ended and had not been asked to
  number restarted{0}; // of these: begun again
  number slow{0};      // handlers that were waited for no longer
  number dropped{0};   // events that a handler had no room for, for each handler

  static void set(number& of, std::uint64_t to) { of.store(to, std::memory_order_relaxed); }
  static void count(number& of, std::uint64_t by = 1) { set(of, get(of) + by); }
  static std::uint64_t get(const number& of) { return of.load(std::memory_order_relaxed); }
};

using event_board = engine_board<event_counters>;
using event_row = event_board::row;

} // namespace coppice::behaviours
