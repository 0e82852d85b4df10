// SPDX-License-Identifier: MIT
// Where processes run, and how they get there. Every process has a home, and only the thread that holds its
// home's token touches what is not marked as others' (process.hpp): a worker's thread while it is awake, for
// a moment another worker's while it sleeps. So what happens between processes of one worker needs no atomic
// operation, and a process's home is changed by its owner alone. (Acar, Charguéraud, Rainey, "Scheduling
// parallel programs by work stealing with private deques", PPoPP 2013, have the idea and its analysis.)
//
// From elsewhere a signal is pushed into the process's inbox (lifo.hpp). Inbox idle means: no announcement is
// on its way, who pushes next must announce the process to its home. That is once until the home has heard
// it, so the one link suffices; a home that hears of a process which has moved passes the word on. The owner
// may take the inbox before it hears (announced_): then it must not set the inbox idle until it did. A
// process whose inbox is idle and that is not scheduled is held by nobody but the table.
//
// Orders. home_: stored with release by the owner, loaded with acquire by senders; who finds itself to be
// the home sees all that former owners did. The token: taken with acquire, given back with release. A stale
// home_ is harmless: the announcement is passed on. Order per pair: signals of one sender come through the
// inbox or, when it is on the same worker, straight to the pending ones; the latter takes the inbox first,
// and what a sender pushed before it or the receiver moved is seen then, since every move synchronises.
//
// Policy: a process that a sleeping worker has is fetched by who wants to wake it, for less than a hundredth
// of a wake-up. One woken often from the same other worker moves there. A worker with a backlog gives half of
// it to one that has nothing to do, both ends of a call together.
#include <algorithm>

#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

constexpr std::uint8_t follow_after = 4; // wakes in a row

void count(std::atomic<std::uint64_t>& single_writer, std::int64_t by) {
  single_writer.store(single_writer.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(by),
                      std::memory_order_relaxed);
}

} // namespace

void worker::receive_here(process& p, signal_ptr what) {
  if (!p.inbox_.empty()) engine::take_inbox(p);
  if (engine::accept(p, what)) return wake(p);
  engine::add_pending(p, std::move(what));
  if (p.scheduled_) return;
  p.followed_ = 0;
  schedule(p);
}

// Any thread, with the duty to announce. `here`: the worker whose thread it is, or null.
void worker::announce(process& p, worker* here) {
  p.waker_ = here == nullptr ? process::nowhere : static_cast<std::uint16_t>(here->index_);
  worker& home = *p.home_.load(std::memory_order_acquire);
  if (here != nullptr && here->fetch(p, home)) return here->hear_of(p);
  if (home.announcements_.push(&p)) home.waker_handle_.send();
}

// Takes `p` from a worker that sleeps.
bool worker::fetch(process& p, worker& home) {
  if (&home == this || &home.host_ != &host_) return &home == this;
  if (home.token_.load(std::memory_order_relaxed) != token::resting) return false;
  token seen = token::resting;
  if (!home.token_.compare_exchange_strong(seen, token::borrowed, std::memory_order_acquire,
                                           std::memory_order_relaxed))
    return false;
  const bool moves = p.home_.load(std::memory_order_relaxed) == &home && movable(p) && !p.scheduled_;
  if (moves) {
    home.let_go(p);
    p.home_.store(this, std::memory_order_release);
    take_in(p);
  }
  home.token_.store(token::resting, std::memory_order_release);
  return moves;
}

void worker::take_announcements() {
  for (process* p = announcements_.take_all(); p != nullptr;) {
    process* const next = p->next_announced_;
    worker& home = *p->home_.load(std::memory_order_acquire);
    if (&home == this)
      hear_of(*p);
    else if (home.announcements_.push(p))
      home.waker_handle_.send();
    p = next;
  }
}

void worker::hear_of(process& p) {
  engine::take_inbox(p);
  p.announced_ = false;
  const std::uint16_t waker = std::exchange(p.waker_, process::nowhere);
  if (p.scheduled_) return;
  if (waker == process::nowhere || waker == index_) return schedule(p);
  p.followed_ = p.follows_ == waker ? static_cast<std::uint8_t>(p.followed_ + 1) : std::uint8_t{1};
  p.follows_ = waker;
  worker& from = *host_.parts_->workers[waker];
  const std::uint64_t mine = queue_.size();
  const bool too_busy = from.runnable_.load(std::memory_order_relaxed) > mine + mine / 4 + 1;
  if (p.followed_ < follow_after || too_busy || !movable(p)) return schedule(p);
  p.followed_ = 0;
  give(p, from);
}

// Of this worker's. What has ended stays, what a freezer has, and what has timers in the wheel that others
// know by their ids.
bool worker::movable(const process& p) {
  return !p.placed_ && !p.cold_ && !p.exiting_ && !p.arriving_ && p.timers_ == nullptr;
}

// `p` is in no queue of this worker's.
void worker::give(process& p, worker& to) {
  let_go(p);
  p.arriving_ = true;
  p.scheduled_ = true;
  p.home_.store(&to, std::memory_order_release);
  if (to.arrivals_.push(&p)) to.waker_handle_.send();
}

void worker::take_arrivals() {
  for (process* p = arrivals_.take_all(); p != nullptr;) {
    process* const next = p->next_in_queue_;
    p->arriving_ = false;
    take_in(*p);
    queue_.push(p, p->priority_.load(std::memory_order_relaxed));
    p = next;
  }
}

void worker::let_go(process& p) {
  processes.fetch_sub(1, std::memory_order_relaxed);
  fiber* const stack = engine::parked_on(p);
  if (stack == nullptr) return;
  count(parked_, -1);
  timers_.cancel(*p.waiting_);
  release_stack(*stack);
}

void worker::take_in(process& p) {
  processes.fetch_add(1, std::memory_order_relaxed);
  fiber* const stack = engine::parked_on(p);
  if (stack == nullptr) return;
  count(parked_, 1);
  own_stack(*stack);
  if (!p.waiting_->ready && p.waiting_->deadline != no_deadline)
    timers_.start(*p.waiting_, p.waiting_->deadline);
}

// Called between turns when the queue has not been empty for a round.
void worker::share_backlog() {
  system::parts& parts = *host_.parts_;
  // Who rests here and has p's call, or waits for p's answer. Left behind it would soon have p back.
  const auto at_other_end = [this](const process& p) -> process* {
    pid whom;
    if (p.direct_ != nullptr)
      whom = p.direct_->target;
    else if (p.first_ != nullptr && (p.first_->flags & signal::of_call) != 0)
      whom = p.first_->from;
    process* const found = engine::find(host_, whom);
    const bool rests_here = found != nullptr && found->home_.load(std::memory_order_relaxed) == this &&
                            !found->scheduled_ && found->first_ == nullptr;
    return rests_here && movable(*found) ? found : nullptr;
  };
  if (queue_.size() < 2 || parts.hungry.load(std::memory_order_relaxed) == 0) return;
  for (std::size_t step = 1; step < parts.workers.size(); ++step) {
    worker& other = *parts.workers[(index_ + step) % parts.workers.size()];
    if (!other.stop_hungering()) continue;
    for (process* p = queue_.split(queue_.size() / 2, &worker::movable); p != nullptr;) {
      process* const next = p->next_in_queue_;
      process* const with = at_other_end(*p);
      give(*p, other);
      if (with != nullptr) give(*with, other);
      p = next;
    }
    return;
  }
}

void worker::hunger() {
  if (hungry_.exchange(true, std::memory_order_relaxed)) return;
  host_.parts_->hungry.fetch_add(1, std::memory_order_relaxed);
}

bool worker::stop_hungering() {
  if (!hungry_.load(std::memory_order_relaxed) || !hungry_.exchange(false, std::memory_order_relaxed))
    return false;
  host_.parts_->hungry.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

} // namespace coppice::runtime
