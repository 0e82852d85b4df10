// SPDX-License-Identifier: MIT
// The monotonic clock as a worker reads it. A look at that clock takes as long as a part of a short turn, and
// the processor's counter takes some ns. So the clock is read again only when the counter says that about 10
// µs have passed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "runtime/scheduling/turn_clock.hpp"

namespace coppice::runtime {

// Decides when to read the clock after events that are frequent: at first after each, then after twice as
// many each time while they are quick.
class looks_at_clock {
 public:
  bool is_due() { return --left_ == 0; }
  // The clock was read, whether or not it was due.
  void looked(bool were_quick, unsigned most) {
    between_ = were_quick ? std::min(2 * between_, most) : 1;
    left_ = between_;
  }

 private:
  unsigned left_ = 1;
  unsigned between_ = 1;
};

// For one worker's thread.
class worker_clock {
 public:
  // The monotonic time, at most about 10 µs old.
  base::nanos now() {
    read_counter();
    return now_;
  }
  // Returns turn_counter(). The clock is read, too, if its last reading is older than about 10 µs.
  std::uint64_t read_counter();
  // The same, after a message: while messages take some µs each, time is read only once for up to 4 of them.
  base::nanos after_message() {
    if (messages_.is_due()) {
      const base::nanos before = now_;
      messages_.looked(now() - before < quick, most_messages);
    }
    return now_;
  }

  // The time at the last read of the clock.
  base::nanos recent() const { return now_; }
  // The last result of read_counter().
  std::uint64_t counter() const { return counter_; }

 private:
  static constexpr unsigned most_messages = 4; // between two reads of the clock
  static constexpr base::nanos quick = 20'000; // for all messages between two reads

  base::nanos now_ = 0;
  std::uint64_t clock_read_ = 0; // turn_counter() when now_ was read
  std::uint64_t counter_ = 0;
  looks_at_clock messages_;
};

} // namespace coppice::runtime
