// SPDX-License-Identifier: MIT
// The measurement of the turn that a worker is in, if it is a measured one (turn_sampler.hpp): processor time
// by kind of work, from the clock of the worker's thread. It ends with the turn, also where the process parks
// or loses its worker.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/scheduling/thread_clock.hpp"
#include "runtime/work_kind.hpp"

namespace coppice::runtime {

struct class_tally;

// What a message is for its receiver, by its form alone.
work_kind kind_of(const signal& received);
// By the name of a plugin's callback.
work_kind kind_of(const char* callback);

// For one worker's thread; or for a thread that acts for it, at a hand-over.
class turn_measure {
 public:
  bool is_on() const { return on_; }
  // The turn counts for `weight` turns. `of`: the entry of the process's class.
  void begin(std::uint32_t weight, class_tally& of);
  // From now on the turn does work of this kind. Nothing, if no turn is measured.
  void turn_to(work_kind next) {
    if (on_ && next != kind_) lap(next);
  }
  // The measurement has cost a look at the clock of wall time.
  void clock_was_read() { ++looks_; }
  // Ends it. Without the time that measuring takes.
  void end();
  void drop() { on_ = false; }

  // Of the turn that is measured, or was measured last.
  const std::array<base::nanos, work_kinds>& ran() const { return ran_; }
  std::uint32_t weight() const { return weight_; }
  class_tally& counts_in() const { return *of_; }
  base::nanos began() const { return began_; } // thread_time()

 private:
  void lap(work_kind next);

  bool on_ = false;
  work_kind kind_ = work_kind::other;
  std::uint32_t weight_ = 1;
  unsigned looks_ = 0;
  base::nanos began_ = 0;
  base::nanos at_ = 0; // thread_time() when work of the present kind began
  class_tally* of_ = nullptr;
  std::array<base::nanos, work_kinds> ran_{};
};

} // namespace coppice::runtime
