// SPDX-License-Identifier: MIT
// The timing wheel. Level L's slot for tick t is bits [6L, 6L+6) of t. A timer is on the lowest level at
// which the higher bits of its tick equal those of the current tick. It moves down when the current tick
// reaches its slot.
#include "runtime/scheduling/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/border.hpp"

namespace coppice::runtime {
namespace {

constexpr unsigned most_looked_at = 16; // timers of one slot that are searched for the first one

std::uint64_t tick_of(base::nanos deadline, base::nanos tick) {
  return deadline <= 0 ? 0 : static_cast<std::uint64_t>((deadline - 1) / tick + 1);
}

} // namespace

timer_wheel::timer_wheel(base::nanos now) : now_(static_cast<std::uint64_t>(now / tick)) {
  for (timer& head : heads_) head.next = head.previous = &head;
}

void timer_wheel::start(timer& one, base::nanos deadline) {
  cancel(one);
  one.deadline = deadline;
  place(one);
  count(1);
}

void timer_wheel::place(timer& one) {
  std::uint64_t due = std::max(tick_of(one.deadline, tick), now_ + 1);
  unsigned level = 0;
  while (level + 1 < levels && (due >> bits * (level + 1)) != (now_ >> bits * (level + 1))) ++level;
  if (level + 1 == levels) { // beyond the last level: as far as that goes, and again from there
    const std::uint64_t far = (now_ >> bits * level) + slots - 1;
    if ((due >> bits * level) > far) due = far << bits * level;
  }
  const auto index = static_cast<unsigned>(due >> bits * level & (slots - 1));
  one.slot = static_cast<std::uint16_t>(level * slots + index);
  timer& head = heads_[one.slot];
  one.next = &head;
  one.previous = head.previous;
  head.previous->next = &one;
  head.previous = &one;
  occupied_[level] |= std::uint64_t{1} << index;
}

void timer_wheel::cancel(timer& one) {
  if (!one.linked()) return;
  take_out(one);
  count(-std::uint64_t{1});
}

void timer_wheel::take_out(timer& one) {
  one.previous->next = one.next;
  one.next->previous = one.previous;
  one.previous = one.next = nullptr;
  if (heads_[one.slot].next == &heads_[one.slot])
    occupied_[one.slot / slots] &= ~(std::uint64_t{1} << one.slot % slots);
}

void timer_wheel::empty_slot(unsigned slot, std::vector<timer*>& into) {
  timer& head = heads_[slot];
  while (head.next != &head) {
    timer* one = head.next;
    take_out(*one);
    into.push_back(one);
  }
}

std::optional<timer_wheel::upcoming> timer_wheel::first() const {
  for (unsigned level = 0; level < levels; ++level) {
    if (occupied_[level] == 0) continue;
    const std::uint64_t position = now_ >> bits * level;
    const auto at = static_cast<int>(position & (slots - 1));
    // The first occupied slot after the current one, with wrap-around.
    const auto ahead = static_cast<std::uint64_t>(std::countr_zero(std::rotr(occupied_[level], at + 1)) + 1);
    const std::uint64_t then = position + ahead;
    return upcoming{level * slots + (then & (slots - 1)), then << bits * level};
  }
  return std::nullopt;
}

// A worker that sleeps until then wakes once for a single timer, not each time that it would move down.
base::nanos timer_wheel::next() const {
  const std::optional<upcoming> found = first();
  if (!found) return INT64_MAX;
  const timer& head = heads_[found->slot];
  std::uint64_t earliest = UINT64_MAX;
  unsigned seen = 0;
  for (const timer* one = head.next; one != &head; one = one->next) {
    if (++seen > most_looked_at) return static_cast<base::nanos>(found->at) * tick;
    earliest = std::min(earliest, tick_of(one->deadline, tick));
  }
  return static_cast<base::nanos>(std::max(earliest, found->at)) * tick;
}

void timer_wheel::advance(base::nanos now) {
  const auto target = static_cast<std::uint64_t>(now / tick);
  std::vector<timer*> moved;
  while (now_ < target) {
    const std::optional<upcoming> next_slot = first();
    if (!next_slot || next_slot->at > target) { // no slot in between: go there at once
      now_ = target;
      break;
    }
    now_ = next_slot->at;
    for (unsigned level = levels - 1; level > 0; --level) {
      if ((now_ & ((std::uint64_t{1} << bits * level) - 1)) != 0) continue;
      empty_slot(static_cast<unsigned>(level * slots + (now_ >> bits * level & (slots - 1))), moved);
    }
    empty_slot(static_cast<unsigned>(now_ & (slots - 1)), due_);
    for (timer* one : moved) {
      if (tick_of(one->deadline, tick) <= now_)
        due_.push_back(one);
      else
        place(*one);
    }
    moved.clear();
  }
  std::vector<timer*> firing = std::exchange(due_, {});
  std::ranges::stable_sort(firing, {}, &timer::deadline);
  count(-std::uint64_t{firing.size()});
  for (timer* one : firing) base::contained("a timer of a worker", [one] { one->fire(*one); });
}

} // namespace coppice::runtime
