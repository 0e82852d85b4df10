// SPDX-License-Identifier: MIT
// Where a process is with regard to a plugin's code, and whether the watchdog has taken hold of it there. A
// process outside of our code stays there until the claim on it is decided: it waits at the border. The race
// of the two is asymmetric, so that the common side costs two stores and a load:
//   the handler's thread, coming back   outside = null; compiler fence; look at claimed
//   the watchdog                        claimed = true; membarrier(2), a full fence on every thread; look at
//   outside
// Whichever thread's look comes later in the order that the barrier makes sees the other's store: the handler
// waits for the watchdog's decision, or the watchdog sees that the process has come back and lets it be.
#pragma once

#include <atomic>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Code: says what code it is in.
template <class Code, class Atomics = machine_atomics>
class basic_code_border {
 public:
  // The thread that has the process's turn. Into foreign code; `code` lives until it comes back.
  void go_out(const Code* code) { outside_.store(code, std::memory_order_release); }
  // True: it is claimed, and nothing of the worker may be touched until that is decided.
  [[nodiscard]] [[gnu::always_inline]] bool come_back() {
    outside_.store(nullptr, std::memory_order_relaxed);
    Atomics::compiler_fence();
    return claimed();
  }
  const Code* outside() const { return outside_.load(std::memory_order_relaxed); }

  // The watchdog, under the lock that whoever waits for its decision takes; not if it is claimed already.
  // `fence_everywhere` is a full fence on every thread. Null: it is not outside, or on its way back; the
  // claim is to be withdrawn in any case that the worker is not taken.
  template <class Fence>
  const Code* claim(Fence fence_everywhere) {
    claimed_.store(true, std::memory_order_relaxed);
    fence_everywhere();
    return outside_.load(std::memory_order_acquire);
  }
  // And the process, when it goes on with another thread.
  void withdraw() { claimed_.store(false, std::memory_order_release); }

  bool claimed() const { return claimed_.load(std::memory_order_acquire); }

 private:
  typename Atomics::template atomic<const Code*> outside_{nullptr};
  typename Atomics::template atomic<bool> claimed_{false};
};

class foreign_code;
using code_border = basic_code_border<foreign_code>;

} // namespace coppice::runtime
