// SPDX-License-Identifier: MIT
// A pool that changes its size by itself, if its specification has a `max`. It grows as soon as a request
// waits for any worker while all workers run and are full: by as many workers as the waiting requests need,
// but at most to twice its size at once. It shrinks by one as long as any worker has had nothing to do for
// `idle`. The worker that goes is always the last, whichever was idle, and not before it holds nothing: the
// others are enough for the requests that come. In the process's own turn.
#include <algorithm>

#include "behaviours/pool/pool.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;

namespace {

// How long the pool does not grow after a worker did not start.
constexpr base::nanos growth_pause = 5 * base::nanos_per_second;
// The most time between two looks for idle workers.
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
  if (dispatcher_.size() <= least_ || !resizings_.empty()) return; // the end of a change calls this again
  if (dispatcher_.idle(dispatcher_.options().idle, self.now()) != 0)
    return resize(self, {.size = dispatcher_.size() - 1});
  arm_idle(self);
}

// The last worker stays if it was to go for want of work and its removal is not ordered yet. False: no such
// change is under way.
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
