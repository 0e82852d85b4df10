// SPDX-License-Identifier: MIT
// Keeps events and asks apart, and finds their order again by the numbers of the events. One thread at a
// time.
#include "behaviours/stage/held_back.hpp"

#include <algorithm>
#include <utility>

#include "behaviours/stage/dispatcher.hpp"

namespace coppice::behaviours {

void held_back::ask(std::uint64_t count) {
  count = std::min(count, most_demand_of_all - std::min(most_demand_of_all, demand_));
  demand_ += count;
  const std::uint64_t behind = events_.first() + events_.count();
  if (asks_.size() >= most_asks) // it comes behind all events then, so that these serve it
    asks_.back() = {behind, asks_.back().count + count};
  else
    asks_.push_back({behind, count});
}

std::uint64_t held_back::store(event_list events, const stage_buffer_bounds& bounds) {
  events_.set_bounds(bounds);
  stage_buffer::messages none;
  return events_.store(std::move(events), none);
}

std::optional<held_back::piece> held_back::take() {
  if (!asks_.empty() && asks_.front().behind <= events_.first()) {
    const std::uint64_t count = asks_.front().count;
    asks_.pop_front();
    demand_ -= count;
    return count;
  }
  if (events_.empty()) return std::nullopt;
  stage_buffer::messages none;
  return events_.take(asks_.empty() ? events_.count() : asks_.front().behind - events_.first(), none);
}

} // namespace coppice::behaviours
