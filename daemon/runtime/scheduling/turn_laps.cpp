// SPDX-License-Identifier: MIT
// See turn_laps.hpp.
#include "runtime/scheduling/turn_laps.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "runtime/messages/call_forms.hpp"

namespace coppice::runtime {
namespace {

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

void turn_laps::begin(std::uint32_t weight) {
  on_ = true;
  kind_ = work_kind::other;
  weight_ = weight;
  took_.fill(0);
  forget_noted();
  at_ = base::mono_now();
}

base::nanos turn_laps::turn_to(work_kind next) {
  const base::nanos now = base::mono_now();
  took_[static_cast<std::size_t>(kind_)] += std::max<base::nanos>(0, now - at_) * weight_;
  at_ = now;
  kind_ = next;
  return now;
}

void turn_laps::end() {
  turn_to(work_kind::other);
  on_ = false;
}

} // namespace coppice::runtime
