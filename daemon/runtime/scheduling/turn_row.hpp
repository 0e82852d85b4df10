// SPDX-License-Identifier: MIT
// A row of turns in which calls and answers hand the next turn on to each other. Two processes that call each
// other get several turns in a row while their data is in the processor's caches. The other processes wait no
// longer than that.
#pragma once

#include <utility>

#include "base/bound.hpp"
#include "base/clock.hpp"

namespace coppice::runtime {

class process_record;

// For one worker's thread.
class turn_row {
 public:
  // A turn of `p` begins at `now`. `others_wait`: else there is nothing to decide.
  void begin(const process_record& p, bool others_wait, base::nanos now) {
    hands_on_ = others_wait && goes_on(p, now);
  }
  // True: `p`, which was woken in the present turn, has the next one.
  bool hand_on(const process_record& p) {
    if (!hands_on_) return false;
    hands_on_ = false;
    next_ = &p;
    return true;
  }
  // The worker does something else than turns.
  void end() { hands_on_ = false; }

 private:
  static const base::bound<unsigned> most; // turns
  static constexpr base::nanos most_time = 20'000;

  bool goes_on(const process_record& p, base::nanos now) {
    if (std::exchange(next_, nullptr) != &p) {
      turns_ = 0;
      began_ = now;
      return true;
    }
    return ++turns_ < most && now - began_ < most_time;
  }

  const process_record* next_ = nullptr; // the process that has the next turn; it may have been freed
  bool hands_on_ = false;                // the present turn may hand the next one on
  unsigned turns_ = 0;
  base::nanos began_ = 0;
};

} // namespace coppice::runtime
