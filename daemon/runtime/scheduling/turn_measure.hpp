// SPDX-License-Identifier: MIT
// The measurement of the turn that a worker is in, if it is a measured one (turn_sampler.hpp): processor time
// by kind of work. It ends with the turn, also where the process parks or loses its worker.
//
// The kernel's clock of a thread's processor time costs a system call, which takes as long as a short turn
// and leaves the processor's caches such that the turn after it is slower. So the time is taken from the
// clock of wall time. The thread's clock is read a turn earlier, and after a turn that was not brief: where
// the thread waited, or had no processor, the turn is cut to what the thread has used.
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
  // A turn soon is going to be measured.
  void prepare();
  // The turn counts for `weight` turns. `exact`: what the thread has used until now is read now, also after
  // prepare(). For turns that are expected to be long.
  void begin(std::uint32_t weight, bool exact);
  // From now on the turn does work of this kind. Nothing, if no turn is measured.
  void turn_to(work_kind next) {
    if (on_ && next != kind_) lap(next);
  }
  // The measurement itself took `time` ns of wall time, and so many looks at the clock of wall time besides.
  void leave_out(base::nanos time, unsigned looks);
  void end();
  // Also what was prepared: the worker gets another thread.
  void drop() { on_ = is_prepared_ = false; }

  // Of the turn that is measured, or was measured last.
  const std::array<base::nanos, work_kinds>& ran() const { return ran_; }
  std::uint32_t weight() const { return weight_; }
  // Processor time of the thread when the turn began; 0: not known.
  base::nanos began() const { return is_exact_ ? used_before_ : 0; }
  // The entry of the process's class; null: not looked up yet.
  class_tally* counts_in() const { return counts_in_; }
  void count_in(class_tally& entry) { counts_in_ = &entry; }

 private:
  static base::nanos price_of_a_look(); // at the clock of wall time
  void lap(work_kind next);

  bool on_ = false;
  bool is_prepared_ = false;
  bool is_exact_ = false;
  work_kind kind_ = work_kind::other;
  std::uint32_t weight_ = 1;
  base::nanos used_before_ = 0; // thread_time() when the turn began, or some turns before
  base::nanos at_ = 0;          // when work of the present kind began
  base::nanos left_out_ = 0;    // since at_
  const base::nanos price_ = price_of_a_look();
  class_tally* counts_in_ = nullptr;
  std::array<base::nanos, work_kinds> ran_{};
};

} // namespace coppice::runtime
