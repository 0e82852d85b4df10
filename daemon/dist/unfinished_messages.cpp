// SPDX-License-Identifier: MIT
// Counts the bytes, and chooses the connection that has to end. Any thread.
#include "dist/unfinished_messages.hpp"

#include <algorithm>
#include <utility>

namespace coppice::dist {

unfinished_messages::share::share(unfinished_messages& of, std::function<void()> leave)
    : of_(of), leave_(std::move(leave)) {
  const std::lock_guard guard(of_.lock_);
  of_.shares_.push_back(this);
}

unfinished_messages::share::~share() {
  const std::lock_guard guard(of_.lock_);
  of_.bytes_ -= static_cast<std::int64_t>(counted_.load()) - static_cast<std::int64_t>(forgiven_);
  std::erase(of_.shares_, this);
}

void unfinished_messages::share::count() {
  if (leaves_.load(std::memory_order_relaxed)) return;
  const auto before = static_cast<std::int64_t>(counted_.exchange(held_));
  const std::int64_t change = static_cast<std::int64_t>(held_) - before;
  if (of_.bytes_.fetch_add(change) + change > of_.most_ && change > 0) of_.make_room();
}

bool unfinished_messages::share::may_stay() {
  const std::lock_guard guard(of_.lock_);
  if (!leaves_ || held_ > forgiven_ / 2) return false;
  of_.bytes_ += static_cast<std::int64_t>(held_);
  counted_ = held_;
  forgiven_ = 0;
  leaves_ = false;
  return true;
}

std::size_t unfinished_messages::bytes() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(0, bytes_.load(std::memory_order_relaxed)));
}

// The bytes of a connection that has to end are counted as gone at once, because its thread needs a moment to
// end it.
void unfinished_messages::make_room() {
  const std::lock_guard guard(lock_);
  while (bytes_.load() > most_) {
    const auto counts = [](const share* one) { return one->leaves_ ? 0 : one->counted_.load(); };
    const auto largest =
        std::max_element(shares_.begin(), shares_.end(),
                         [&](const share* one, const share* other) { return counts(one) < counts(other); });
    if (largest == shares_.end() || counts(*largest) == 0) return;
    share& leaving = **largest;
    leaving.leaves_ = true;
    leaving.forgiven_ = leaving.counted_.load();
    bytes_ -= static_cast<std::int64_t>(leaving.forgiven_);
    leaving.leave_();
  }
}

} // namespace coppice::dist
