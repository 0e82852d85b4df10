// SPDX-License-Identifier: MIT
// The right to touch a worker's processes, timer wheel and stacks. The worker's own thread has it while it is
// awake; while it sleeps, other workers' threads borrow it for a few instructions.
//   held      by the worker's own thread, which gives it up when it sleeps
//   resting   no thread has it
//   borrowed  by another worker's thread, which gives it back
// Invariant: at most one thread has the token, and it sees what earlier holders did (taking is an acquire,
// giving up a release).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

template <class Atomics = machine_atomics>
class basic_worker_token {
 public:
  // The worker's own thread, before it sleeps.
  void rest() { state_.store(state::resting, std::memory_order_release); }
  // The worker's own thread, after it slept; it may also hold the token already. Spins while it is borrowed.
  void take_back() {
    for (state seen = state::resting; state_.load(std::memory_order_relaxed) != state::held;
         seen = state::resting)
      if (!state_.compare_exchange_weak(seen, state::held, std::memory_order_acquire,
                                        std::memory_order_relaxed))
        Atomics::pause();
  }

  // Another worker's thread. False: the worker is awake, or another thread has borrowed it.
  bool borrow() {
    if (state_.load(std::memory_order_relaxed) != state::resting) return false;
    Atomics::begin_brief();
    state seen = state::resting;
    const bool borrowed = state_.compare_exchange_strong(seen, state::borrowed, std::memory_order_acquire,
                                                         std::memory_order_relaxed);
    if (!borrowed) Atomics::end_brief();
    return borrowed;
  }
  void give_back() {
    state_.store(state::resting, std::memory_order_release);
    Atomics::end_brief();
  }

 private:
  enum class state : std::uint8_t { held, resting, borrowed };
  typename Atomics::template atomic<state> state_{state::held};
};

} // namespace coppice::runtime
