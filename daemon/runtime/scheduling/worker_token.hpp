// SPDX-License-Identifier: MIT
// Who has a worker in hand: touches its processes, its wheel, its stacks. The worker's own thread while it is
// awake; while it sleeps another worker's, for some instructions at a time.
//   held      by its own thread, which lets go of it when it sleeps
//   resting   by nobody
//   borrowed  by another worker's thread, which gives it back
// Invariant: one thread at most has it, and what it did is seen by the next (taken with acquire, let go of
// with release).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

template <class Atomics = machine_atomics>
class basic_worker_token {
 public:
  // The worker's own thread. Before it sleeps.
  void rest() { state_.store(state::resting, std::memory_order_release); }
  // And after; or if it holds it already. Spins while a borrower has it.
  void take_back() {
    for (state seen = state::resting; state_.load(std::memory_order_relaxed) != state::held;
         seen = state::resting)
      if (!state_.compare_exchange_weak(seen, state::held, std::memory_order_acquire,
                                        std::memory_order_relaxed))
        Atomics::pause();
  }

  // Another worker's thread. False: the worker is awake, or a third has it.
  bool borrow() {
    if (state_.load(std::memory_order_relaxed) != state::resting) return false;
    state seen = state::resting;
    return state_.compare_exchange_strong(seen, state::borrowed, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void give_back() { state_.store(state::resting, std::memory_order_release); }

 private:
  enum class state : std::uint8_t { held, resting, borrowed };
  typename Atomics::template atomic<state> state_{state::held};
};

} // namespace coppice::runtime
