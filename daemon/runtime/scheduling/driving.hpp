// SPDX-License-Identifier: MIT
// Which worker a thread drives, and in whose handler it lost one: what tells a thread that comes back from
// foreign code whether it still has the turn. A template, so that the tests run this code in every
// interleaving. A Worker has running(), the process whose turn it is (acquire), and set_running() (release).
#pragma once

#include <atomic>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

template <class Worker, class Process, class Atomics = machine_atomics>
class driving {
 public:
  // The thread itself.
  void begin(Worker& of) { worker_.store(&of, std::memory_order_relaxed); }
  void end() { worker_.store(nullptr, std::memory_order_relaxed); }
  // Null: none, or it was taken.
  Worker* worker() const { return worker_.load(std::memory_order_relaxed); }
  // Whether it has the turn of `p`, be it that its worker was taken meanwhile.
  bool has_turn_of(const Process& p) const {
    const Worker* const drives = worker_.load(std::memory_order_relaxed);
    // Asked again: if the worker was taken since the first time, what it runs is another thread's.
    if (drives != nullptr && drives->running() == &p && worker_.load(std::memory_order_relaxed) == drives)
      return true;
    // Not p's any more, perhaps since a moment ago: then lost_ says so, which is written before. All that is
    // stored into the two places looked at is stored with release, also by the thread that has the worker
    // now.
    std::atomic_thread_fence(std::memory_order_acquire);
    return lost() == &p;
  }

  // The watchdog, while the thread cannot leave the foreign code of `p`: it loses its worker.
  void lose(Worker& of, Process& p) {
    lost_.store(&p, std::memory_order_relaxed);
    worker_.store(nullptr, std::memory_order_release);
    of.set_running(nullptr);
  }
  // In whose foreign code it lost its worker; null: in nobody's.
  Process* lost() const { return lost_.load(std::memory_order_relaxed); }
  Process* take_lost() { return lost_.exchange(nullptr, std::memory_order_relaxed); }

 private:
  typename Atomics::template atomic<Worker*> worker_{nullptr};
  typename Atomics::template atomic<Process*> lost_{nullptr};
};

} // namespace coppice::runtime
