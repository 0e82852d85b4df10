// SPDX-License-Identifier: MIT
// How processes are found where they live, and move from one worker to another: the base of a worker, with
// the queues and the token that others touch. What it keeps true is in placement.cpp; a template, so that the
// tests run this code in every interleaving. A Process has home_worker, next_notified, next_in_queue,
// scheduled and arriving.
//
// A Worker adds what is its own: wake_thread(), shares_processes_with(Worker&), movable(Process&),
// let_go(Process&) and take_in(Process&), which move what a process has with its worker,
// take_notification(Process&), after which it has a turn if it is to have one, and take_arrival(Process&).
#pragma once

#include <atomic>

#include "runtime/scheduling/worker_token.hpp"
#include "runtime/structures/atomics.hpp"
#include "runtime/structures/lifo.hpp"

namespace coppice::runtime {

template <class Worker, class Process, class Atomics = machine_atomics, class TokenAtomics = Atomics>
class movement {
 public:
  // Any thread, once for each time that the process's mailbox was idle when something was pushed into it.
  // `here`: the worker whose thread it is, or null.
  static void notify(Process& p, Worker* here) {
    Worker& home = *p.home_worker.load(std::memory_order_acquire);
    if (here != nullptr && here->fetch(p, home)) return here->take_notification(p);
    home.add_notification(p);
  }
  // Any thread.
  void add_notification(Process& p) {
    if (notifications_.push(&p)) self().wake_thread();
  }

  // This worker's thread, from here on. Takes `p` from a worker that sleeps. True: it is here now, or was.
  bool fetch(Process& p, Worker& home) {
    if (&home == &self()) return true;
    if (!self().shares_processes_with(home) || !home.token_.borrow()) return false;
    const bool moves =
        p.home_worker.load(std::memory_order_relaxed) == &home && Worker::movable(p) && !p.scheduled;
    if (moves) {
      home.let_go(p);
      p.home_worker.store(&self(), std::memory_order_release);
    }
    home.token_.give_back();
    if (moves) self().take_in(p);
    return moves;
  }
  // `p` is here, movable, and in no queue.
  void give(Process& p, Worker& to) {
    self().let_go(p);
    p.arriving = true;
    p.scheduled = true;
    p.home_worker.store(&to, std::memory_order_release);
    if (to.arrivals_.push(&p)) to.wake_thread();
  }
  // A notification of one that has moved is passed on.
  void take_notifications() {
    for (Process* p = notifications_.take_all(); p != nullptr;) {
      Process* const next = p->next_notified; // which may be in another list already afterwards
      Worker& home = *p->home_worker.load(std::memory_order_acquire);
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
      Process* const next = p->next_in_queue;
      p->arriving = false;
      self().take_in(*p);
      self().take_arrival(*p);
      p = next;
    }
  }

 protected:
  lifo<Process, &Process::next_notified, Atomics> notifications_{true};
  lifo<Process, &Process::next_in_queue, Atomics> arrivals_{true};
  basic_worker_token<TokenAtomics> token_;

 private:
  Worker& self() { return static_cast<Worker&>(*this); }
};

} // namespace coppice::runtime
