// SPDX-License-Identifier: MIT
// Sums are cut at one day: a longer wait is as good as unbounded, and the sums cannot overflow. Any thread.
#include "behaviours/supervision/patience.hpp"

#include <algorithm>

#include "behaviours/supervision/child_spec.hpp"

namespace coppice::behaviours {
namespace {

constexpr base::nanos longest = 24 * 3600 * base::nanos_per_second;

template <class Time>
base::nanos sum(const supervisor_spec& of, Time time) {
  base::nanos out = 0;
  for (const auto& child : of.children) {
    out += std::min(time(*child), longest);
    if (out >= longest) return longest;
  }
  return out;
}

} // namespace

base::nanos start_patience(const child_spec& of) {
  if (of.start_timeout != 0) return of.start_timeout;
  return of.supervisor != nullptr ? start_patience(*of.supervisor) : default_start_patience;
}

base::nanos start_patience(const supervisor_spec& of) {
  const base::nanos children = sum(of, [](const child_spec& one) { return start_patience(one); });
  return std::max(children, default_start_patience);
}

base::nanos stop_patience(const child_spec& of) {
  switch (of.shutdown.how) {
    case shutdown_limit::kind::after:
      return std::min(of.shutdown.time, longest) + kill_patience;
    case shutdown_limit::kind::brutal_kill:
      return kill_patience;
    case shutdown_limit::kind::infinity:
      break;
  }
  return infinite_stop_patience;
}

base::nanos stop_patience(const supervisor_spec& of) {
  return sum(of, [](const child_spec& one) { return stop_patience(one); });
}

} // namespace coppice::behaviours
