// SPDX-License-Identifier: MIT
// How long a worker that has nothing to do looks around before it sleeps. Waking a thread takes the machine
// 10 to 50 µs, and the one that wakes it as much as thousands of messages; where work comes sooner than that,
// to look around is cheaper for both. Whether it does, the last sleep tells: after a short one the worker
// looks around for longer than a wake-up takes, after a long one hardly at all. So two that wait for each
// other's messages stay awake; and they find back to it, since each sleeps no longer than the other takes to
// be woken. The worker's own thread.
#pragma once

#include "base/clock.hpp"

namespace coppice::runtime {

class busy_wait {
 public:
  static constexpr base::nanos briefly = 8'000;
  static constexpr base::nanos longer_than_a_wakeup = 50'000;
  static constexpr base::nanos short_sleep = 100'000;

  // `allowed`: false, it never looks around.
  explicit busy_wait(bool allowed) : allowed_(allowed) {}

  // How long to look around now. 0: not at all.
  base::nanos length() const {
    if (!allowed_) return 0;
    return slept_little_ ? longer_than_a_wakeup : briefly;
  }
  // From falling asleep until there was something to do.
  void slept(base::nanos length) { slept_little_ = length < short_sleep; }

 private:
  bool allowed_;
  bool slept_little_ = false;
};

} // namespace coppice::runtime
