// SPDX-License-Identifier: MIT
// The one listener to events, and the lock around its calls. See log_event.hpp. Any thread.
#include "base/log_event.hpp"

#include <atomic>
#include <mutex>
#include <shared_mutex>

namespace coppice::base::log {

namespace {

struct listening {
  std::atomic<bool> any{false};
  std::shared_mutex lock;
  event_listener hears;
};

listening& the_listening() {
  static listening one;
  return one;
}

} // namespace

void set_event_listener(event_listener hears) {
  listening& to = the_listening();
  const std::scoped_lock held(to.lock);
  to.any = static_cast<bool>(hears);
  to.hears = std::move(hears);
}

bool has_event_listener() {
  return the_listening().any.load(std::memory_order_relaxed);
}

void tell_listener(const event& of, const std::vector<field>& fields, const std::string& text) {
  listening& to = the_listening();
  if (!to.any.load(std::memory_order_relaxed)) return;
  const std::shared_lock held(to.lock);
  if (to.hears) to.hears(of, fields, text);
}

} // namespace coppice::base::log
