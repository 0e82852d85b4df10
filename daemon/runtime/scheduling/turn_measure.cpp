// SPDX-License-Identifier: MIT
// See turn_measure.hpp. What two looks at the thread's clock measure where nothing lies between them is taken
// off, and so is the price of each look at the wall clock; both are found out once.
#include "runtime/scheduling/turn_measure.hpp"

#include <algorithm>
#include <string_view>

#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime {
namespace {

struct prices {
  base::nanos thread_clock = INT64_MAX;
  base::nanos wall_clock = INT64_MAX;
};

// The least of some tries: a try may be interrupted.
prices found_out() {
  constexpr int tries = 32;
  prices least;
  for (int i = 0; i < tries; ++i) {
    const base::nanos first = thread_time();
    const base::nanos second = thread_time();
    (void)base::mono_now();
    const base::nanos third = thread_time();
    least.thread_clock = std::min(least.thread_clock, second - first);
    least.wall_clock = std::min(least.wall_clock, third - second);
  }
  least.wall_clock = std::max<base::nanos>(0, least.wall_clock - least.thread_clock);
  return least;
}

const prices& price() {
  static const prices known = found_out();
  return known;
}

// The bytes before the term in a cast: {'$gen_cast', _}.
constexpr std::array<std::uint8_t, 13> cast_head{104, 2, 119, 9, '$', 'g', 'e', 'n', '_', 'c', 'a', 's', 't'};

bool begins_with(etf::bytes term, const std::array<std::uint8_t, 13>& head) {
  return term.size() > head.size() && std::ranges::equal(term.first(head.size()), head);
}

} // namespace

work_kind kind_of(const signal& received) {
  if (received.kind != signal_kind::message) return work_kind::other;
  if ((received.flags & signal::bare) != 0) return work_kind::call;
  const etf::bytes term = received.payload().bytes();
  if (begins_with(term, call_head)) return work_kind::call;
  return begins_with(term, cast_head) ? work_kind::cast : work_kind::info;
}

work_kind kind_of(const char* callback) {
  const std::string_view name(callback);
  if (name == "init") return work_kind::init;
  if (name == "handle_call") return work_kind::call;
  if (name == "handle_cast") return work_kind::cast;
  return name == "handle_info" ? work_kind::info : work_kind::other;
}

void turn_measure::begin(std::uint32_t weight, class_tally& of) {
  (void)price();
  on_ = true;
  kind_ = work_kind::other;
  weight_ = weight;
  looks_ = 0;
  of_ = &of;
  ran_.fill(0);
  began_ = at_ = thread_time();
}

void turn_measure::lap(work_kind next) {
  const base::nanos now = thread_time();
  const base::nanos measuring = price().thread_clock + looks_ * price().wall_clock;
  ran_[static_cast<std::size_t>(kind_)] += std::max<base::nanos>(0, now - at_ - measuring);
  at_ = now;
  looks_ = 0;
  kind_ = next;
}

void turn_measure::end() {
  lap(work_kind::other);
  on_ = false;
}

} // namespace coppice::runtime
