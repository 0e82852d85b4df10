// SPDX-License-Identifier: MIT
// The lists of a mailbox: taking the inbox, the line outside, dropping the oldest, urgent messages. See
// mailbox.hpp.
#include "runtime/messages/mailbox.hpp"

namespace coppice::runtime {

mailbox::mailbox(const mailbox_bounds& bounds, bool notified)
    : inbox_(notified),
      most_messages_(bounds.messages),
      policy_(bounds.policy),
      bounds_bytes_(bounds.bytes != 0),
      notified_(notified) {
  if (bounds_bytes_) needs_extension().most_bytes = bounds.bytes;
}

mailbox::~mailbox() {
  take_inbox();
  std::unique_ptr<extension>(extension_.load()).reset();
}

mailbox::extension& mailbox::needs_extension() {
  if (extension* there = extension_.load(std::memory_order_acquire)) return *there;
  auto fresh = std::make_unique<extension>();
  extension* seen = nullptr;
  if (extension_.compare_exchange_strong(seen, fresh.get(), std::memory_order_acq_rel,
                                         std::memory_order_acquire))
    return *fresh.release();
  return *seen;
}

waiting_line& mailbox::needs_line() {
  extension& mine = needs_extension();
  if (!mine.has_line.load(std::memory_order_relaxed)) mine.has_line.store(true);
  return mine.line;
}

base::nanos mailbox::age_of_oldest() const {
  const std::uint32_t sent = oldest_.load(std::memory_order_relaxed);
  if (sent == 0) return 0;
  const std::uint32_t age = coarse(static_cast<std::uint64_t>(base::mono_now())) - sent;
  // More than half of the range: it was sent just now.
  return age > INT32_MAX ? 0 : static_cast<base::nanos>(age) << coarse_shift;
}

bool mailbox::push_look_outside() {
  return push(make_signal(signal_kind::stop_waiting, {}));
}

bool mailbox::push_newest(signal_ptr what, signal_ptr& dropped) {
  auto [alone, oldest] = needs_line().push_newest(std::move(what), most_messages_);
  dropped = std::move(oldest);
  return alone && push_look_outside();
}

void mailbox::take_inbox() {
  if (inbox_.empty()) return;
  bool was_idle = false;
  signal* const first = inbox_.take_all(was_idle);
  signal* last = first;
  for (signal* one = first; one != nullptr; one = one->next) last = one;
  pending_.append(first, last);
  if (was_idle) notified_ = true;
}

void mailbox::take_pushed() {
  waiting_line* const newest = policy_ == on_full::drop_old ? line() : nullptr;
  if (newest == nullptr) [[likely]]
    return take_inbox();
  signal_list outside = newest->take_newest([this] { take_inbox(); });
  while (signal_ptr one = outside.pop_front()) {
    count_anyway(one->weight);
    pending_.push_back(std::move(one));
  }
}

// In order of arrival: first messages that are ready, then pending ones.
signal_list mailbox::take_excess() {
  signal_list excess;
  if (policy_ != on_full::drop_old || !load_.exceeds(limits())) return excess;
  extension* const mine = extension_.load(std::memory_order_acquire); // a sender may have made it
  for (signal_list* from : {&ready_, &pending_}) {
    signal* kept = nullptr;
    signal_list some = from->take(
        [&](signal& one) {
          if (one.weight == 0) return kept = &one, false;
          if (mine != nullptr && mine->last_urgent == &one) mine->last_urgent = kept;
          uncount(one);
          return true;
        },
        [&] { return !load_.exceeds(limits()); });
    while (signal_ptr one = some.pop_front()) excess.push_back(std::move(one));
  }
  rearranged_ = true;
  note_oldest();
  return excess;
}

void mailbox::enqueue_urgent(signal_ptr what) {
  what->flags |= signal::urgent;
  signal* const owned = what.get();
  signal*& last_urgent = needs_extension().last_urgent;
  const signal* const first = ready_.first();
  const bool others = first != nullptr && (first->flags & signal::urgent) != 0;
  ready_.insert_after(others ? last_urgent : nullptr, std::move(what));
  last_urgent = owned;
  rearranged_ = true;
  note_oldest();
}

} // namespace coppice::runtime
