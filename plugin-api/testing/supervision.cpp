// SPDX-License-Identifier: MIT
// Decides what a supervisor of a scene does after an exit. One thread.
#include <coppice/testing/supervision.hpp>

#include <algorithm>

#include <coppice/testing/calls.hpp>

namespace coppice::testing {

bool supervisor::is_restarted(restart when, const value& reason) {
  return when == restart::permanent || (when == restart::transient && !detail::is_orderly(reason));
}

bool supervisor::may_restart(nanoseconds now) {
  times_.push_back(now);
  while (times_.front() + how_.period < now) times_.pop_front();
  if (times_.size() > how_.intensity) return false;
  ++restarts_;
  return true;
}

std::vector<supervisor::member> supervisor::affected_by(const std::string& name) const {
  const auto is_it = [&name](const member& each) { return each.name == name; };
  const auto it = std::ranges::find_if(children_, is_it);
  switch (how_.how) {
    case strategy::one_for_one:
      return {*it};
    case strategy::one_for_all:
      return children_;
    case strategy::rest_for_one:
      return {it, children_.end()};
  }
  return {};
}

void supervisor::forget(const std::string& name) {
  std::erase_if(children_, [&name](const member& each) { return each.name == name; });
}

} // namespace coppice::testing
