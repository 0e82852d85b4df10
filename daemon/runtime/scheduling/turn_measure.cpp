// SPDX-License-Identifier: MIT
// See turn_measure.hpp. The price of each look at the clock is taken off.
#include "runtime/scheduling/turn_measure.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime {
namespace {

// A turn of less wall time than this is not cut: a thread that has lost its processor gets it back later.
constexpr base::nanos brief = 20'000;

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

// The least of some tries: a try may be interrupted.
base::nanos turn_measure::price_of_a_look() {
  constexpr int tries = 32;
  base::nanos least = INT64_MAX;
  for (int i = 0; i < tries; ++i) {
    const base::nanos first = base::mono_now();
    least = std::min(least, base::mono_now() - first);
  }
  return least;
}

void turn_measure::prepare() {
  used_before_ = thread_time();
  is_prepared_ = true;
}

void turn_measure::begin(std::uint32_t weight, bool exact) {
  is_exact_ = exact || !is_prepared_;
  if (is_exact_) used_before_ = thread_time();
  is_prepared_ = false;
  on_ = true;
  kind_ = work_kind::other;
  weight_ = weight;
  counts_in_ = nullptr;
  left_out_ = 0;
  ran_.fill(0);
  at_ = base::mono_now();
}

void turn_measure::lap(work_kind next) {
  const base::nanos now = base::mono_now();
  ran_[static_cast<std::size_t>(kind_)] += std::max<base::nanos>(0, now - at_ - left_out_ - price_);
  at_ = now;
  left_out_ = 0;
  kind_ = next;
}

// `time` is bounded, since the thread may lose its processor in between.
void turn_measure::leave_out(base::nanos time, unsigned looks) {
  left_out_ += std::min(time, brief) + looks * price_;
}

void turn_measure::end() {
  lap(work_kind::other);
  on_ = false;
  const base::nanos all = std::accumulate(ran_.begin(), ran_.end(), base::nanos{0});
  if (all < brief || used_before_ == 0) return;
  const base::nanos used = thread_time() - used_before_;
  if (used >= all) return;
  const double part = static_cast<double>(used) / static_cast<double>(all);
  for (base::nanos& one : ran_) one = static_cast<base::nanos>(static_cast<double>(one) * part);
}

} // namespace coppice::runtime
