// SPDX-License-Identifier: MIT
// Where processes run, and how they get there (movement.hpp). Every process has a home, and only the thread
// that holds its home's token (worker_token.hpp) touches what is not marked as others' in its record: a
// worker's thread while it is awake, for a moment another worker's while it sleeps. So what happens between
// processes of one worker needs no atomic operation, and a process's home is changed by its owner alone.
// (Acar, Charguéraud, Rainey, "Scheduling parallel programs by work stealing with private deques", PPoPP
// 2013, have the idea and its analysis.)
//
// From elsewhere a signal is pushed into the process's mailbox. While that is idle no notification of it is
// on its way, and who pushes next must notify the home of the process; the next may do so only when the home
// has taken the notification, so one link in the record suffices. A home that is notified of a process which
// has moved passes the notification on. The owner may take what was pushed before the notification comes:
// then it must not set the mailbox idle until it has. A process whose mailbox is idle and that is not
// scheduled is held by nobody but the table.
//
// Orders. home_worker: stored with release by the owner, loaded with acquire by senders; who finds itself to
// be the home sees all that former owners did. A stale one is harmless: the notification is passed on. Order
// per pair: signals of one sender are pushed or, on the same worker, go straight to the pending ones; the
// latter takes what was pushed first, and what a sender pushed before it or the receiver moved is seen then,
// since every move synchronises.
//
// Policy: a process that a sleeping worker has is fetched by who wants to wake it, for less than a hundredth
// of a wake-up. One woken often from the same other worker moves there. A worker with a backlog gives half of
// it to one that has nothing to do, both ends of a call together, as one that is started and who waits for
// it. A process takes along the stack it is parked on, its deadline and its timers, which fire late by the
// way and a tick at most.
#include <algorithm>

#include "runtime/messages/delivery.hpp"

namespace coppice::runtime {
namespace {

constexpr std::uint8_t follow_after = 4; // wakes in a row

} // namespace

void worker::receive_here(process_record& p, signal_ptr what) {
  if (p.mailbox.has_pushed()) p.take_pushed();
  if (p.accept(what)) return wake(p);
  p.mailbox.add_pending(std::move(what));
  if (p.scheduled) return;
  p.woken_from.forget();
  schedule(p);
}

void worker::notify(process_record& p, worker* here) {
  p.waker = here == nullptr ? process_record::nowhere : static_cast<std::uint16_t>(here->index_);
  movement::notify(p, here);
}

void worker::take_notification(process_record& p) {
  p.take_pushed();
  p.mailbox.heard();
  const std::uint16_t waker = std::exchange(p.waker, process_record::nowhere);
  if (p.scheduled) return;
  if (waker == process_record::nowhere || waker == index_) return schedule(p);
  const std::uint16_t in_a_row = p.woken_from.note(waker);
  if (in_a_row < follow_after || !movable(p)) return schedule(p);
  worker& from = *host_.core().workers[waker];
  const std::uint64_t mine = queue_.size();
  const bool too_busy = from.runnable_.load(std::memory_order_relaxed) > mine + mine / 4 + 1;
  if (too_busy) return schedule(p);
  p.woken_from.forget();
  give(p, from);
}

// Of this worker's. What has ended stays, what a freezer has, and what has very many timers.
bool worker::movable(const process_record& p) {
  return !p.placed && !p.gated && !p.dead && !p.arriving &&
         (p.timers() == nullptr || p.timers()->size() <= started_timers::most_to_move);
}

void worker::take_arrival(process_record& p) {
  queue_.push(&p, p.priority.load(std::memory_order_relaxed));
}

void worker::let_go(process_record& p) {
  processes.fetch_sub(1, std::memory_order_relaxed);
  if (p.timers() != nullptr) p.timers()->cancel(timers_);
  fiber* const stack = p.parked_on();
  if (stack == nullptr) return;
  count_parked(-1);
  timers_.cancel(*p.waiting);
  release_stack(*stack);
}

void worker::take_in(process_record& p) {
  processes.fetch_add(1, std::memory_order_relaxed);
  // What it starts from now on is to have higher ids.
  if (p.timers() != nullptr) next_timer_ = std::max(next_timer_, p.timers()->start(timers_) >> index_bits);
  fiber* const stack = p.parked_on();
  if (stack == nullptr) return;
  count_parked(1);
  own_stack(*stack);
  if (!p.waiting->ready && p.waiting->deadline != no_deadline) timers_.start(*p.waiting, p.waiting->deadline);
}

// Called between turns when the queue has not been empty for a round.
void worker::share_backlog() {
  system_core& core = host_.core();
  // Who rests here and has p's call, or waits for p's answer or its init. Left behind it would soon have p
  // back, or start the next one here.
  const auto at_other_end = [this](const process_record& p) -> process_record* {
    pid whom;
    if (p.direct != nullptr)
      whom = p.direct->target;
    else if (!p.started)
      whom = p.received_calls.caller_at_hand();
    else if (const signal* next = p.mailbox.ready().first();
             next != nullptr && (next->flags & signal::of_call) != 0)
      whom = next->from;
    process_record* const found = delivery::find(host_, whom);
    // Acquire: it may be on its way here, and what its former home wrote says so.
    const bool rests_here = found != nullptr && found->home_worker.load(std::memory_order_acquire) == this &&
                            !found->scheduled && !found->mailbox.has_messages();
    return rests_here && movable(*found) ? found : nullptr;
  };
  if (queue_.size() < 2 || core.idle_workers.load(std::memory_order_relaxed) == 0) return;
  for (std::size_t step = 1; step < core.workers.size(); ++step) {
    worker& other = *core.workers[(index_ + step) % core.workers.size()];
    if (!other.stop_wanting_work()) continue;
    for (process_record* p = queue_.split(queue_.size() / 2, &worker::movable); p != nullptr;) {
      process_record* const next = p->next_in_queue;
      process_record* const with = at_other_end(*p);
      give(*p, other);
      if (with != nullptr) give(*with, other);
      p = next;
    }
    return;
  }
}

void worker::want_work() {
  if (wants_work_.load(std::memory_order_relaxed) || wants_work_.exchange(true, std::memory_order_relaxed)) return;
  host_.core().idle_workers.fetch_add(1, std::memory_order_relaxed);
}

bool worker::stop_wanting_work() {
  if (!wants_work_.load(std::memory_order_relaxed) || !wants_work_.exchange(false, std::memory_order_relaxed))
    return false;
  host_.core().idle_workers.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

} // namespace coppice::runtime
