// SPDX-License-Identifier: MIT
// Finds processes at their home workers and moves them between workers. This is the base class of a worker,
// with the queues and the token that other threads touch. placement.cpp says which invariants it keeps. A
// template, so that tests run this code in every interleaving. A Process has a
// schedule_entry, or what its `schedule` needs here: home, next_notified, next_in_queue, queued and arriving.
//
// A Worker adds wake_thread(); shares_processes_with(Worker&); movable(Process&); let_go(Process&) and
// take_in(Process&), which move what a process has at its worker; take_notification(Process&), after which
// the process gets a turn if it needs one; and take_arrival(Process&).
#pragma once

#include <atomic>

#include "runtime/scheduling/worker_token.hpp"
#include "runtime/structures/atomics.hpp"
#include "runtime/structures/lifo.hpp"

namespace coppice::runtime {

template <class Worker, class Process, class Atomics = machine_atomics, class TokenAtomics = Atomics>
class movement {
 public:
  // Any thread, once for each time that something was pushed into the process's idle mailbox. `here`: the
  // worker whose thread this is; null: none.
  static void notify(Process& p, Worker* here) {
    Worker& home = *p.schedule.home.load(std::memory_order_acquire);
    if (here != nullptr && here->fetch(p, home)) return here->take_notification(p);
    home.add_notification(p);
  }
  // Any thread.
  void add_notification(Process& p) {
    if (notifications_.push(&p)) self().wake_thread();
  }

  // This worker's thread, from here on. Takes `p` from a sleeping worker. True: it is now, or was already, at
  // this worker.
  bool fetch(Process& p, Worker& home) {
    if (&home == &self()) return true;
    if (!self().shares_processes_with(home) || !home.token_.borrow()) return false;
    const bool moves =
        p.schedule.home.load(std::memory_order_relaxed) == &home && Worker::movable(p) && !p.schedule.queued;
    if (moves) {
      home.let_go(p);
      p.schedule.home.store(&self(), std::memory_order_release);
    }
    home.token_.give_back();
    if (moves) self().take_in(p);
    return moves;
  }
  // Moves `p` to another worker. It has to be here, movable, and in no queue.
  void give(Process& p, Worker& to) {
    self().let_go(p);
    p.schedule.arriving = true;
    p.schedule.queued = true;
    p.schedule.home.store(&to, std::memory_order_release);
    if (to.arrivals_.push(&p)) to.wake_thread();
  }
  // Passes on the notifications of processes that have moved.
  void take_notifications() {
    for (Process* p = notifications_.take_all(); p != nullptr;) {
      Process* const next = p->schedule.next_notified; // take_notification() may put it into another list
      Worker& home = *p->schedule.home.load(std::memory_order_acquire);
      if (&home == &self())
        self().take_notification(*p);
      else
        self().pass_on(*p, home);
      p = next;
    }
  }
  void pass_on(Process& p, Worker& home) { home.add_notification(p); }
  void take_arrivals() {
    for (Process* p = arrivals_.take_all(); p != nullptr;) {
      Process* const next = p->schedule.next_in_queue;
      p->schedule.arriving = false;
      self().take_in(*p);
      self().take_arrival(*p);
      p = next;
    }
  }

 protected:
  static Process*& next_notified(Process& p) { return p.schedule.next_notified; }
  static Process*& next_arriving(Process& p) { return p.schedule.next_in_queue; }
  lifo<Process, &movement::next_notified, Atomics> notifications_{true};
  lifo<Process, &movement::next_arriving, Atomics> arrivals_{true};
  basic_worker_token<TokenAtomics> token_;

 private:
  Worker& self() { return static_cast<Worker&>(*this); }
};

} // namespace coppice::runtime
