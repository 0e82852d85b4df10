// SPDX-License-Identifier: MIT
// Where processes run, and how they move (movement.hpp). Every process has a home. Only the thread that holds
// the token of its home (worker_token.hpp) touches its record, except for what is marked for others: a
// worker's own thread while it is awake, and for a moment another worker's while it sleeps. So what happens
// between processes of one worker needs no atomic read-modify-write, and only the owner changes a process's
// home. (Idea and analysis: Acar, Charguéraud, Rainey, "Scheduling parallel programs by work stealing with
// private deques", PPoPP 2013.)
//
// Other threads push signals into the process's mailbox. While the inbox is idle, no notification of the
// process is on its way, and the next thread that pushes has to notify the home. Another thread may notify
// only after the home has taken the notification, so one link in the record is enough. A home that is
// notified of a process which has moved passes the notification on. The owner may take what was pushed before
// the notification comes; then it may not set the mailbox idle until it has come. A process with an idle
// mailbox that is not queued is held only by the process table.
//
// Orders. schedule.home: the owner stores it with release, senders load it with acquire. A thread that finds
// itself to be the home sees all that former owners did. An outdated home is harmless: it passes the
// notification on. Order for each pair of processes: signals of a sender are pushed or, on the same worker,
// put behind the pending ones directly. The direct way first takes what was pushed; it sees what the sender
// pushed before sender or receiver moved, since every move synchronises.
//
// Policy. A worker that wakes a process of a sleeping worker takes it over, which costs less than a hundredth
// of a wake-up. A process that is often woken by the same other worker moves there. A worker with a backlog
// gives half of it to an idle worker. A caller and its callee move together, and so do a starting process and
// the one that waits for it. A process takes with it the stack it is parked on, its deadline and its timers,
// which fire late by at most the time of the move and a tick.
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
  if (p.schedule.queued) return;
  p.schedule.woken_from.forget();
  schedule(p);
}

void worker::notify(process_record& p, worker* here) {
  p.schedule.waker = here == nullptr ? schedule_entry::nowhere : static_cast<std::uint16_t>(here->index_);
  movement::notify(p, here);
}

void worker::take_notification(process_record& p) {
  p.take_pushed();
  p.mailbox.heard();
  const std::uint16_t waker = std::exchange(p.schedule.waker, schedule_entry::nowhere);
  if (p.schedule.queued) return;
  if (waker == schedule_entry::nowhere || waker == index_) return schedule(p);
  const std::uint16_t in_a_row = p.schedule.woken_from.note(waker);
  if (in_a_row < follow_after || !movable(p)) return schedule(p);
  worker& from = *host_.core().workers[waker];
  const std::uint64_t mine = queue_.size();
  const bool too_busy = from.runnable_.load(std::memory_order_relaxed) > mine + mine / 4 + 1;
  if (too_busy) return schedule(p);
  p.schedule.woken_from.forget();
  give(p, from);
}

// For a process of this worker. Processes that are dead, held by a freezer, or have very many timers do not
// move.
bool worker::movable(const process_record& p) {
  return !p.schedule.stays && !p.schedule.held && !p.dead && !p.schedule.arriving &&
         (p.timers() == nullptr || p.timers()->size() <= started_timers::most_to_move);
}

void worker::take_arrival(process_record& p) {
  queue_.push(&p, p.priority.load(std::memory_order_relaxed));
}

void worker::let_go(process_record& p) {
  processes.fetch_sub(1, std::memory_order_relaxed);
  started_.let_go(p);
  fiber* const stack = p.parked_on();
  if (stack == nullptr) return;
  count_parked(-1);
  timers_.cancel(*p.waiting);
  runners_.let_go(*stack);
}

void worker::take_in(process_record& p) {
  processes.fetch_add(1, std::memory_order_relaxed);
  started_.take_in(p);
  fiber* const stack = p.parked_on();
  if (stack == nullptr) return;
  count_parked(1);
  runners_.take_in(*stack);
  if (!p.waiting->ready && p.waiting->deadline != no_deadline) timers_.start(*p.waiting, p.waiting->deadline);
}

// Called between turns if the queue was not empty during a round.
void worker::share_backlog() {
  system_core& core = host_.core();
  // The process that waits here and has p's call, or waits for p's answer or init. If it stayed here, p would
  // soon come back, or the next process would be started here.
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
    const bool rests_here = found != nullptr && found->lives_on(this) && !found->schedule.queued &&
                            !found->mailbox.has_messages();
    return rests_here && movable(*found) ? found : nullptr;
  };
  if (queue_.size() < 2 || core.idle_workers.load(std::memory_order_relaxed) == 0) return;
  for (std::size_t step = 1; step < core.workers.size(); ++step) {
    worker& other = *core.workers[(index_ + step) % core.workers.size()];
    if (!other.stop_wanting_work()) continue;
    for (process_record* p = queue_.split(queue_.size() / 2, &worker::movable); p != nullptr;) {
      process_record* const next = p->schedule.next_in_queue;
      process_record* const with = at_other_end(*p);
      give(*p, other);
      if (with != nullptr) give(*with, other);
      p = next;
    }
    return;
  }
}

void worker::want_work() {
  if (wants_work_.load(std::memory_order_relaxed) || wants_work_.exchange(true, std::memory_order_relaxed))
    return;
  host_.core().idle_workers.fetch_add(1, std::memory_order_relaxed);
}

bool worker::stop_wanting_work() {
  if (!wants_work_.load(std::memory_order_relaxed) || !wants_work_.exchange(false, std::memory_order_relaxed))
    return false;
  host_.core().idle_workers.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

} // namespace coppice::runtime
