// SPDX-License-Identifier: MIT
// How long a worker without work polls its inboxes before it sleeps. Waking a thread takes 10 to 50 µs, and
// costs the waking thread as much as thousands of messages. If work comes sooner than that, polling is
// cheaper for both. The last sleep decides: after a short sleep the worker polls for longer than a wake-up
// takes, after a long one hardly at all. So two workers whose processes wait for each other's messages stay
// awake; if they once fall asleep, each sleep is only as long as the other's wake-up, and they poll again.
// For the worker's own thread.
#pragma once

#include "base/clock.hpp"

namespace coppice::runtime {

class busy_wait {
 public:
  static constexpr base::nanos briefly = 8'000;
  static constexpr base::nanos longer_than_a_wakeup = 50'000;
  static constexpr base::nanos short_sleep = 100'000;

  // `allowed`: false: it never polls.
  explicit busy_wait(bool allowed) : allowed_(allowed) {}

  // How long to poll now, in ns. 0: not at all.
  base::nanos length() const {
    if (!allowed_) return 0;
    return slept_little_ ? longer_than_a_wakeup : briefly;
  }
  // `length`: from falling asleep until there was something to do, in ns.
  void slept(base::nanos length) { slept_little_ = length < short_sleep; }

 private:
  bool allowed_;
  bool slept_little_ = false;
};

} // namespace coppice::runtime
