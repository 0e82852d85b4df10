// SPDX-License-Identifier: MIT
// A pool's change of size by itself, where its specification has a `max`: it grows as soon as a request waits
// for any worker while all of them run and are full, by as many as what waits needs, but at most to twice its
// size at once; and it shrinks by one as long as any worker has had nothing to do for `idle`. It is the last
// one that goes then, whoever was idle, and not before it holds nothing: the others are enough for what
// comes. In the process's own turn.
#include <algorithm>

#include "behaviours/pool/pool.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

namespace {

// After a worker that was to help did not start.
constexpr base::nanos growth_pause = 5 * base::nanos_per_second;
// Between two looks at who is idle, at most.
constexpr base::nanos most_idle_time = 5 * base::nanos_per_second;

} // namespace

std::uint32_t pool::most_size() const {
  return std::max(dispatcher_.options().max, least_);
}

void pool::grow_by_need(process& self) {
  const std::uint64_t waiting = dispatcher_.queued_for_any();
  if (waiting == 0 || dispatcher_.options().max == 0) return;
  if (keep_last(self)) return serve(self);
  const std::uint32_t size = dispatcher_.size();
  if (!resizings_.empty() || size >= most_size() || !dispatcher_.all_run() || self.now() < grows_again_)
    return;
  const std::uint64_t in_flight = dispatcher_.options().in_flight;
  const std::uint64_t needed = (waiting + in_flight - 1) / in_flight;
  const auto more = static_cast<std::uint32_t>(std::min<std::uint64_t>(needed, size));
  resize(self, {.size = std::min(size + more, most_size())});
}

void pool::shrink_by_need(process& self) {
  if (dispatcher_.size() <= least_ || !resizings_.empty()) return; // a change's end comes back here
  if (dispatcher_.idle(dispatcher_.options().idle, self.now()) != 0)
    return resize(self, {.size = dispatcher_.size() - 1});
  arm_idle(self);
}

// Who was to go as there was little to do stays, if nobody has told him. False: it is not so.
bool pool::keep_last(process& self) {
  if (resizings_.empty()) return false;
  const resizing& now = resizings_.front();
  if (now.least != 0 || now.failure || now.told != std::vector{false}) return false;
  dispatcher_.resize(now.before);
  resizings_.pop_front();
  arm_idle(self);
  return true;
}

void pool::arm_idle(process& self) {
  if (std::exchange(idle_armed_, true)) return;
  const base::nanos time = std::clamp(dispatcher_.options().idle / 4, tick_time, most_idle_time);
  self.remind(self.now() + time, message::atom(idle_tag));
}

void pool::note_own(process& self, const resizing& done) {
  if (done.failure)
    grows_again_ = self.now() + growth_pause;
  else if (done.size > done.before)
    counters_->grown.add_alone(done.size - done.before);
  else
    counters_->shrunk.add_alone(done.before - done.size);
}

} // namespace coppice::behaviours
