// SPDX-License-Identifier: MIT
// See application_end.hpp.
#include "node/instance/application_end.hpp"

#include <chrono>
#include <utility>

#include "base/log.hpp"

namespace coppice::node {
namespace {

constexpr base::nanos kills_for = 5 * base::nanos_per_second;
constexpr base::nanos kill_interval = 100 * base::nanos_per_ms;

} // namespace

void application_end::set_controlled(bool is) {
  const std::scoped_lock held(lock_);
  is_controlled_ = is;
  changed_.notify_all();
}

bool application_end::begin() {
  const std::scoped_lock held(lock_);
  return !std::exchange(has_begun_, true);
}

bool application_end::has_begun() const {
  const std::scoped_lock held(lock_);
  return has_begun_;
}

void application_end::hurry() {
  const std::scoped_lock held(lock_);
  is_hurried_ = true;
  changed_.notify_all();
}

bool application_end::wait(std::optional<base::nanos> bound, const std::function<void()>& kill) {
  const auto gone = [this] { return !is_controlled_; };
  const auto gone_or_hurried = [this] { return !is_controlled_ || is_hurried_; };
  std::unique_lock held(lock_);
  if (!bound)
    changed_.wait(held, gone_or_hurried);
  else if (!changed_.wait_for(held, std::chrono::nanoseconds(*bound), gone_or_hurried))
    base::log::warning("node", "the applications take longer to stop than all their shutdown times");
  // A supervisor may restart killed children before it receives the stop, so the actors are killed more than
  // once.
  for (base::nanos waited = 0; is_controlled_ && waited < kills_for; waited += kill_interval) {
    held.unlock();
    kill();
    held.lock();
    changed_.wait_for(held, std::chrono::nanoseconds(kill_interval), gone);
  }
  return !is_controlled_;
}

} // namespace coppice::node
