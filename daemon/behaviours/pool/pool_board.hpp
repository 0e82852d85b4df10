// SPDX-License-Identifier: MIT
// What the pools of a node count. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "behaviours/gen/engine_board.hpp"

namespace coppice::behaviours {

// The pool alone writes.
struct pool_counters {
  using number = std::atomic<std::uint64_t>;
  number workers{0};
  number queued{0}; // requests that wait, and
  number held{0};   // that workers have, just now
  number handled{0};
  number rejected{0};    // found the queue full
  number expired{0};     // waited for too long, or their caller has gone
  number retried{0};     // given to another worker
  number lost{0};        // held by a worker that ended
  number unanswered{0};  // of these: calls whose callers could not be told
  number misdirected{0}; // by choose() of the workers' type, to nobody
  number grown{0};       // workers that were added since requests waited, and
  number shrunk{0};      // that were removed since they had nothing to do

  static void set(number& of, std::uint64_t to) { of.store(to, std::memory_order_relaxed); }
  static void count(number& of, std::uint64_t more = 1) {
    set(of, of.load(std::memory_order_relaxed) + more);
  }
};

using pool_board = engine_board<pool_counters>;
using pool_row = pool_board::row;

} // namespace coppice::behaviours
