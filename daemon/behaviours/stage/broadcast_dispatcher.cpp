// SPDX-License-Identifier: MIT
// The common demand is the smallest demand of all consumers; it is recomputed whenever one changes.
#include "behaviours/stage/broadcast_dispatcher.hpp"

#include <algorithm>

#include "behaviours/stage/wire.hpp"

namespace coppice::behaviours {

expected<void, runtime::message> broadcast_dispatcher::subscribe(subscriber_id who, const runtime::pid& pid,
                                                                 etf::bytes options) {
  if (const auto selector = option_of(options, "selector");
      selector && !etf::cursor(*selector).read_atom_is("nil"))
    return unexpected(bad_options("a selector is a function, which cannot be called here"));
  if (std::ranges::find(demands_, pid, &demand::pid) != demands_.end())
    return unexpected(runtime::message::atom("already_subscribed"));
  // A consumer that has not asked has demand 0, so the common demand goes back to the others.
  for (demand& each : demands_) each.count = std::min(each.count + common_, most_demand);
  common_ = 0;
  demands_.push_back({0, who, pid});
  return {};
}

void broadcast_dispatcher::synchronise() {
  if (demands_.empty()) return;
  const std::uint64_t least = std::ranges::min_element(demands_, {}, &demand::count)->count;
  for (demand& each : demands_) each.count -= least;
  common_ += least;
}

void broadcast_dispatcher::cancel(subscriber_id who, outlet&) {
  std::erase_if(demands_, [who](const demand& one) { return one.who == who; });
  if (demands_.empty()) common_ = 0;
  synchronise(); // the consumer that has left may have been the one with the smallest demand
}

void broadcast_dispatcher::ask(subscriber_id who, std::uint64_t count, outlet&) {
  const auto found = std::ranges::find(demands_, who, &demand::who);
  if (found == demands_.end()) return;
  demand one = *found;
  demands_.erase(found);
  one.count += std::min(count, most_demand - std::min(most_demand, one.count + common_));
  demands_.push_back(one);
  synchronise();
}

void broadcast_dispatcher::dispatch(event_list& events, std::uint64_t, outlet& out) {
  if (common_ == 0) return;
  const event_list now = events.take(common_);
  common_ -= now.count();
  for (auto each = demands_.rbegin(); each != demands_.rend(); ++each) out.deliver(each->who, now);
}

} // namespace coppice::behaviours
