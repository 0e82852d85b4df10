// SPDX-License-Identifier: MIT
// Keeps the demands sorted, so that the first one is always the largest.
#include "behaviours/stage/demand_dispatcher.hpp"

#include <algorithm>

namespace coppice::behaviours {

expected<void, runtime::message> demand_dispatcher::subscribe(subscriber_id who, const runtime::pid&,
                                                              etf::bytes) {
  demands_.push_back({0, who});
  return {};
}

std::uint64_t demand_dispatcher::pop(subscriber_id who) {
  const auto found = std::ranges::find(demands_, who, &demand::who);
  if (found == demands_.end()) return 0;
  const std::uint64_t count = found->count;
  demands_.erase(found);
  return count;
}

void demand_dispatcher::add(demand one) {
  const auto before =
      std::ranges::find_if(demands_, [&one](const demand& other) { return one.count > other.count; });
  demands_.insert(before, one);
}

void demand_dispatcher::cancel(subscriber_id who, outlet&) {
  wanted_ -= pop(who);
}

void demand_dispatcher::ask(subscriber_id who, std::uint64_t count, outlet& out) {
  if (expected_ == 0) expected_ = count;
  if (count > expected_) out.warn_of_demand(count, expected_);
  const std::uint64_t current = pop(who);
  count = std::min({count, most_demand - current, most_demand_of_all - wanted_});
  add({current + count, who});
  wanted_ += count;
}

void demand_dispatcher::dispatch(event_list& events, std::uint64_t, outlet& out) {
  while (!events.empty() && !demands_.empty() && demands_.front().count != 0) {
    demand first = demands_.front();
    demands_.erase(demands_.begin());
    event_list now = events.take(first.count);
    first.count -= now.count();
    wanted_ -= now.count();
    out.deliver(first.who, std::move(now));
    add(first);
  }
}

} // namespace coppice::behaviours
