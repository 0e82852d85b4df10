// SPDX-License-Identifier: MIT
// Where a process is: in the daemon's code or in a plugin's ("outside"), and whether the watchdog has claimed
// it there. A claimed process that comes back waits until the claim is decided. Only one side of the race is
// frequent, so that side costs two stores and a load:
//   the returning thread   outside = null; compiler fence; read claimed
//   the watchdog           claimed = true; membarrier(2), a full fence on every thread; read outside
// The barrier puts the two reads in an order, and the later one sees the other thread's store. So either the
// handler waits for the watchdog's decision, or the watchdog sees that the process has come back, and
// withdraws.
#pragma once

#include <atomic>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Code: describes the foreign code that runs.
template <class Code, class Atomics = machine_atomics>
class basic_code_border {
 public:
  // The thread that has the process's turn goes into foreign code. `code` has to live until come_back().
  void go_out(const Code* code) { outside_.store(code, std::memory_order_release); }
  // True: the process is claimed; nothing of the worker may be touched until the claim is decided.
  [[nodiscard]] [[gnu::always_inline]] bool come_back() {
    outside_.store(nullptr, std::memory_order_relaxed);
    Atomics::compiler_fence();
    return claimed();
  }
  const Code* outside() const { return outside_.load(std::memory_order_relaxed); }

  // The watchdog, under the lock that a returning process takes to wait for the decision. Not if already
  // claimed. `fence_everywhere` is a full fence on every thread. Null: the process is not outside, or on its
  // way back. Unless the worker is taken away, the claim has to be withdrawn.
  template <class Fence>
  const Code* claim(Fence fence_everywhere) {
    claimed_.store(true, std::memory_order_relaxed);
    fence_everywhere();
    return outside_.load(std::memory_order_acquire);
  }
  // The watchdog; or the process, when it goes on with another thread.
  void withdraw() { claimed_.store(false, std::memory_order_release); }

  bool claimed() const { return claimed_.load(std::memory_order_acquire); }

 private:
  typename Atomics::template atomic<const Code*> outside_{nullptr};
  typename Atomics::template atomic<bool> claimed_{false};
};

class foreign_code;
using code_border = basic_code_border<foreign_code>;

} // namespace coppice::runtime
