// SPDX-License-Identifier: MIT
// The mailbox of a process: signals sent to it that are not handled yet, and the bound on messages.
//
//   pushed    by other threads (lifo.hpp); the owner takes all of them at once
//   pending   signals in order of arrival, taken from the inbox or sent on the owner's own worker
//   ready     messages to be handled, in order, urgent ones first
//   outside   messages and signals that wait because the mailbox is full (waiting_line.hpp)
//
// A sender counts its message before it pushes it. The owner uncounts each message that it takes out to
// handle or drop. Messages outside are not counted. The order of each sender's signals is kept: while one of
// them waits outside, its later ones go there too, and the owner takes what was pushed before it lets in what
// waits outside.
//
// An idle inbox means that no notification of the process is on its way: the next thread that pushes notifies
// the owner's worker, once. The owner may take what was pushed before it hears the notification; until then
// the mailbox is not set idle again (rest(), heard()). So one link in the process record is enough for
// notifications.
//
// drop_old: only the owner takes out the oldest messages. A sender on another thread that finds the mailbox
// full leaves its message outside, where the newest are kept; all senders do so while something is there. The
// owner takes both under one lock, the pushed ones first, and drops the oldest until the others fit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/messages/mailbox_bounds.hpp"
#include "runtime/messages/mailbox_load.hpp"
#include "runtime/messages/signal_list.hpp"
#include "runtime/messages/waiting_line.hpp"
#include "runtime/scheduling/idling.hpp"
#include "runtime/structures/lifo.hpp"

namespace coppice::runtime {

class mailbox {
 public:
  // `notified`: the owner's worker will be notified of the process already.
  mailbox(const mailbox_bounds& bounds, bool notified);
  ~mailbox();
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;

  // The bytes that a message counts for.
  static std::uint32_t weight_of(const message& m) {
    return static_cast<std::uint32_t>(m.size()) + static_cast<std::uint32_t>(sizeof(block));
  }

  // Any thread.
  on_full policy() const { return policy_; }
  std::uint64_t messages() const { return load_.messages(); }
  std::uint64_t bytes() const { return load_.bytes(); }
  std::uint32_t dropped() const {
    const extension* there = extension_.load(std::memory_order_acquire);
    return there == nullptr ? 0 : there->dropped.load(std::memory_order_relaxed);
  }
  void count_dropped() { needs_extension().dropped.fetch_add(1, std::memory_order_relaxed); }
  // How often a sender has waited for room here.
  std::uint32_t parked() const {
    const extension* there = extension_.load(std::memory_order_acquire);
    return there == nullptr ? 0 : there->parked.load(std::memory_order_relaxed);
  }
  void count_parked() { needs_extension().parked.fetch_add(1, std::memory_order_relaxed); }
  // How long ago the first ready message was sent, in ns to about a millisecond. 0: there is none, or it was
  // sent just now.
  base::nanos age_of_oldest() const;

  // For threads other than the owner's. Counts a message of this weight if it fits; then it has to be pushed.
  bool count(std::uint32_t weight) { return load_.reserve(weight, bounds()); }
  // True: the mailbox was idle, and the caller has to notify the owner's worker.
  bool push(signal_ptr what) { return inbox_.push(what.release()); }

  // has_line(): the line has been used. others_wait(): something waits there, so later signals go behind it.
  bool has_line() const { return line() != nullptr; }
  bool others_wait() const {
    const waiting_line* there = line();
    return there != nullptr && !there->empty();
  }
  [[gnu::always_inline]] waiting_line* line() const {
    extension* there = extension_.load(std::memory_order_acquire);
    return there == nullptr || !there->has_line.load(std::memory_order_acquire) ? nullptr : &there->line;
  }
  waiting_line& needs_line();
  // Puts a message into the line of the newest. `dropped`: the message that had to leave; null: none. True:
  // the owner's worker has to be notified.
  bool push_newest(signal_ptr what, signal_ptr& dropped);
  // Pushes a signal without effect, so that the owner looks outside. True: its worker has to be notified.
  bool push_look_outside();

  // For the owner, from here on.
  bool count_own(std::uint32_t weight) { return load_.hold(weight, bounds()); }
  // Counts regardless of the bound. Weight 0 does not count.
  void count_anyway(std::uint32_t weight) {
    if (weight != 0) load_.add(mailbox_load::share(weight));
  }
  // Counts a message that waited outside if it fits its own bound, whether or not memory is scarce.
  bool let_in(std::uint32_t weight) { return weight == 0 || load_.hold(weight, limits()); }

  bool has_pushed() const { return !inbox_.empty(); }
  bool has_pending() const { return !pending_.empty(); }
  bool has_signals() const { return has_pending() || has_pushed(); }
  // Moves pushed signals behind the pending ones; with drop_old, also what waits outside. take_excess() has
  // to follow.
  void take_pushed();
  signal_list take_excess();
  void add_pending(signal_ptr what) { pending_.push_back(std::move(what)); }
  signal_ptr next_signal() { return pending_.pop_front(); }

  bool has_messages() const { return !ready_.empty(); }
  const signal_list& ready() const { return ready_; }
  void enqueue(signal_ptr what) { enqueue(what.release()); }
  [[gnu::always_inline]] void enqueue(signal* owned) {
    const bool alone = ready_.empty();
    ready_.push_back(owned);
    if (alone) note_oldest();
  }
  // Behind the urgent messages that are there, before all others.
  void enqueue_urgent(signal_ptr what);
  signal_ptr next_message() {
    signal_ptr first = ready_.pop_front();
    if (first == nullptr) return first;
    note_oldest();
    uncount(*first);
    return first;
  }
  // The first ready message for which `wanted` is true; null: none.
  template <class Wanted>
  signal_ptr take_message(Wanted wanted) {
    signal* before_taken = nullptr;
    bool found = false;
    signal_list taken = ready_.take(
        [&](signal& one) {
          found = wanted(one);
          if (!found) before_taken = &one;
          return found;
        },
        [&] { return found; });
    signal_ptr one = taken.pop_front();
    if (one == nullptr) return one;
    extension* const mine = extension_.load(std::memory_order_acquire); // a sender may have made it
    if (mine != nullptr && mine->last_urgent == one.get()) mine->last_urgent = before_taken;
    rearranged_ = true;
    note_oldest();
    uncount(*one);
    return one;
  }
  void uncount(const signal& handled) {
    if (handled.weight != 0) load_.remove(mailbox_load::share(handled.weight));
  }
  // Messages that the owner has taken out and keeps count whatever the bound, until release().
  void keep(std::uint32_t messages) { load_.add(messages * mailbox_load::share(0)); }
  void release(std::uint32_t messages) { load_.remove(messages * mailbox_load::share(0)); }
  // Whether, since the last call, ready messages were taken out or put in elsewhere than at the ends.
  bool take_rearranged() {
    const bool was = rearranged_;
    rearranged_ = false;
    return was;
  }

  // The bound as configured, whether or not memory is scarce. Any thread.
  mailbox_load::bounds limits() const { return {most_messages_, most_bytes()}; }

  // Sets the mailbox idle. False: something was pushed meanwhile.
  bool rest() { return try_idle_unless_notified(inbox_, notified_); }
  // The notification of the process has come.
  void heard() { notified_ = false; }
  // A notification has been sent and has not come yet.
  bool notified() const { return notified_; }
  bool idle() const { return inbox_.idle(); }

 private:
  // Fields that few mailboxes need.
  struct extension {
    waiting_line line;
    std::atomic<bool> has_line{false}; // a thread has used it
    std::atomic<std::uint32_t> dropped{0}, parked{0};
    std::uint64_t most_bytes = 0;  // never changes; 0: no bound
    signal* last_urgent = nullptr; // the owner's; valid while the first ready message is urgent
  };
  extension& needs_extension();
  void take_inbox();
  [[gnu::always_inline]] void note_oldest() {
    const signal* const first = ready_.first();
    const bool timed = first != nullptr && first->number != 0 && first->kind != signal_kind::parcel;
    oldest_.store(timed ? coarse(first->number) | 1 : 0, std::memory_order_relaxed);
  }
  // oldest_ keeps a time as multiples of about a millisecond, which wrap after seven weeks.
  static constexpr unsigned coarse_shift = 20;
  static std::uint32_t coarse(std::uint64_t time) { return static_cast<std::uint32_t>(time >> coarse_shift); }
  std::uint64_t most_bytes() const {
    return bounds_bytes_ ? extension_.load(std::memory_order_acquire)->most_bytes : 0;
  }
  // Where memory is scarce, only empty mailboxes take messages.
  mailbox_load::bounds bounds() const { return {block_memory::scarce() ? 1 : most_messages_, most_bytes()}; }

  lifo<signal> inbox_;
  mailbox_load load_;
  std::atomic<extension*> extension_{nullptr};
  signal_list pending_;
  signal_list ready_;
  const std::uint32_t most_messages_;
  std::atomic<std::uint32_t> oldest_{0}; // coarse time when the first ready message was sent; 0: none
  const on_full policy_ : 4;
  const bool bounds_bytes_ : 1;
  bool : 0; // any thread reads policy_ and bounds_bytes_; notified_ and rearranged_ are the owner's
  bool notified_ : 1;
  bool rearranged_ : 1 = false;
};

} // namespace coppice::runtime
