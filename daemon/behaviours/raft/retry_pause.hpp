// SPDX-License-Identifier: MIT
// The pause before something that fails again and again is tried again: none for the first failure in a
// while, then longer each time. One thread at a time.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace coppice::behaviours::raft {

class retry_pause {
 public:
  // `first`: the pause at the second failure. It doubles from there, up to `most`. Both above 0.
  constexpr retry_pause(base::nanos first, base::nanos most) : first_(first), most_(most) {}

  // It has failed at that time. A failure that comes twice `most` after the one before it is a first one.
  base::nanos next(base::nanos now) {
    if (!failed_ || now - last_ > 2 * most_)
      pause_ = 0;
    else
      pause_ = pause_ == 0 ? first_ : std::min(2 * pause_, most_);
    failed_ = true;
    last_ = now;
    return pause_;
  }
  void reset() { failed_ = false; }

 private:
  const base::nanos first_, most_;
  base::nanos last_ = 0, pause_ = 0;
  bool failed_ = false;
};

} // namespace coppice::behaviours::raft
