// SPDX-License-Identifier: MIT
// See turn_measure.hpp.
#include "runtime/scheduling/turn_measure.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime {
namespace {

// A turn of less wall time has not lost its processor: the kernel's switch to another thread and back takes
// longer.
constexpr base::nanos brief = 4'000;

// The least of some tries, since each may be interrupted.
base::nanos price_of(base::nanos (*look)(), int tries) {
  base::nanos least = INT64_MAX;
  for (int i = 0; i < tries; ++i) {
    const base::nanos first = look();
    least = std::min(least, look() - first);
  }
  return std::max<base::nanos>(0, least);
}

// The thread lost its processor for `lost` in a time of which `work` counts for the turn, and `rest` does
// not: what went before the turn, and the measuring. Returns what the work lost. Nearly always the processor
// was lost once, and the loss fits only into one of both. Otherwise each has its share, which is right on the
// average.
base::nanos lost_in(base::nanos work, base::nanos rest, base::nanos lost) {
  if (lost > rest && lost <= work) return lost;
  if (lost > work && lost <= rest) return 0;
  return static_cast<base::nanos>(static_cast<double>(lost) * static_cast<double>(work) /
                                  static_cast<double>(work + rest));
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

turn_measure::turn_measure() : thread_price_(price_of(thread_time, 32)) {}

void turn_measure::look_at_thread() {
  used_before_ = thread_time();
  looked_at_ = base::mono_now();
}

void turn_measure::prepare() {
  if (is_prepared_ && base::mono_now() - looked_at_ < prepared_for / 2) return;
  look_at_thread();
  is_prepared_ = true;
}

void turn_measure::begin(std::uint32_t weight, bool exact) {
  const bool is_good = is_prepared_ && !exact && base::mono_now() - looked_at_ < prepared_for;
  if (!is_good) look_at_thread();
  is_prepared_ = is_good && weight == 0;
  on_ = true;
  kind_ = work_kind::other;
  weight_ = weight;
  left_out_ = 0;
  ran_.fill(0);
  forget_noted();
  wall_price_ = price_of(base::mono_now, 3);
  at_ = began_at_ = base::mono_now();
}

void turn_measure::lap(base::nanos now) {
  ran_[static_cast<std::size_t>(kind_)] += std::max<base::nanos>(0, now - at_ - left_out_ - wall_price_);
  at_ = now;
  left_out_ = 0;
}

base::nanos turn_measure::turn_to(work_kind next) {
  const base::nanos now = base::mono_now();
  lap(now);
  kind_ = next;
  return now;
}

base::nanos turn_measure::look() {
  left_out_ += wall_price_;
  return base::mono_now();
}

void turn_measure::leave_out_since(base::nanos from) {
  left_out_ += base::mono_now() - from;
}

void turn_measure::end() {
  lap(base::mono_now());
  on_ = false;
  const base::nanos all = std::accumulate(ran_.begin(), ran_.end(), base::nanos{0});
  // After a short rehearsal the thread's clock is not looked at, as the next turn is the measured one.
  const base::nanos may_lose_from = weight_ == 0 ? prepared_for : brief;
  if (at_ - began_at_ < may_lose_from || all == 0 || used_before_ == 0) return;
  const base::nanos whole = at_ - looked_at_;
  const base::nanos lost = whole - std::max<base::nanos>(0, thread_time() - used_before_ - thread_price_);
  if (lost <= 0) return;
  const base::nanos kept = all - std::min(all, lost_in(all, std::max<base::nanos>(0, whole - all), lost));
  const double part = static_cast<double>(kept) / static_cast<double>(all);
  for (base::nanos& one : ran_) one = static_cast<base::nanos>(static_cast<double>(one) * part);
}

} // namespace coppice::runtime
