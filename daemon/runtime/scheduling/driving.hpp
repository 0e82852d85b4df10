// SPDX-License-Identifier: MIT
// Which worker a thread drives, and in whose handler it lost one. So a thread that comes back from foreign
// code knows whether it still has the turn. A template, so that tests run this code in every interleaving. A
// Worker has running(), the process whose turn it is (acquire), and set_running() (release).
#pragma once

#include <atomic>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

template <class Worker, class Process, class Atomics = machine_atomics>
class driving {
 public:
  // For the thread itself.
  void begin(Worker& of) { worker_.store(&of, std::memory_order_relaxed); }
  void end() { worker_.store(nullptr, std::memory_order_relaxed); }
  // Null: it drives none, or the worker was taken away.
  Worker* worker() const { return worker_.load(std::memory_order_relaxed); }
  // Whether it has the turn of `p`, even if its worker was taken away meanwhile.
  bool has_turn_of(const Process& p) const {
    const Worker* const drives = worker_.load(std::memory_order_relaxed);
    // Read again: if the worker was taken away since the first read, running() is another thread's process.
    if (drives != nullptr && drives->running() == &p && worker_.load(std::memory_order_relaxed) == drives)
      return true;
    // The thread no longer has p's turn on this worker, perhaps since a moment ago. lost_ was written before
    // that: all stores to the two places read above are releases, also those by the thread that has the
    // worker now.
    std::atomic_thread_fence(std::memory_order_acquire);
    return lost() == &p;
  }

  // The process whose turn it has, even if its worker was taken away meanwhile; null: none.
  Process* running() const {
    const Worker* const drives = worker_.load(std::memory_order_relaxed);
    if (drives != nullptr) {
      Process* const its = drives->running();
      if (worker_.load(std::memory_order_relaxed) == drives) return its;
    }
    std::atomic_thread_fence(std::memory_order_acquire); // as in has_turn_of()
    return lost();
  }

  // The watchdog, while the thread cannot leave the foreign code of `p`: takes the worker away.
  void lose(Worker& of, Process& p) {
    lost_.store(&p, std::memory_order_relaxed);
    worker_.store(nullptr, std::memory_order_release);
    of.set_running(nullptr);
  }
  // The process in whose foreign code the thread lost its worker; null: none.
  Process* lost() const { return lost_.load(std::memory_order_relaxed); }
  Process* take_lost() { return lost_.exchange(nullptr, std::memory_order_relaxed); }

 private:
  typename Atomics::template atomic<Worker*> worker_{nullptr};
  typename Atomics::template atomic<Process*> lost_{nullptr};
};

} // namespace coppice::runtime
