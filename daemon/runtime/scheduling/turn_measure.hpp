// SPDX-License-Identifier: MIT
// The measurement of the turn that a worker is in, if it is a measured one (turn_sampler.hpp): processor time
// by kind of work. It ends with the turn, also where the process parks or loses its worker.
//
// A turn is measured by two clocks. The clock of wall time is cheap and fine, but goes on while the kernel
// runs other threads. The kernel's clock of the thread's processor time does not, but a look at it is a
// system call of about a microsecond, whose length varies by as much again, and after which code runs slower
// for a while. So a turn's length is that by the clock of wall time, less the time that the thread had no
// processor, and the thread's clock tells only the latter. It is looked at after the turn, and before it:
// some turns before a turn that is expected to be brief, so that this one runs as usual, and right before any
// other. A turn of a few microseconds of wall time has lost nothing: losing the processor takes longer.
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
  turn_measure();
  bool is_on() const { return on_; }
  // A turn soon is going to be measured.
  void prepare();
  // The turn counts for `weight` turns. `exact`: the thread's clock is looked at now, also after prepare().
  // For turns that are expected to be long.
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
  // The worker waits or gives its processor away before the next turn.
  void forget_prepared() { is_prepared_ = false; }

  // Of the turn that is measured, or was measured last.
  const std::array<base::nanos, work_kinds>& ran() const { return ran_; }
  std::uint32_t weight() const { return weight_; }
  // Processor time of the thread when the turn began, too high by less than `prepared_for`. 0: not known.
  base::nanos began() const { return used_before_ == 0 ? 0 : used_before_ + (began_at_ - looked_at_); }
  // The entry of the process's class; null: not looked up yet.
  class_tally* counts_in() const { return counts_in_; }
  void count_in(class_tally& entry) { counts_in_ = &entry; }

 private:
  // How long what was prepared is good for. Longer turns in between would hide what the measured one lost.
  static constexpr base::nanos prepared_for = 30'000;

  void look();
  void lap(work_kind next);

  bool on_ = false;
  bool is_prepared_ = false;
  work_kind kind_ = work_kind::other;
  std::uint32_t weight_ = 1;
  base::nanos used_before_ = 0; // thread_time() at looked_at_; 0: the kernel does not tell
  base::nanos looked_at_ = 0;   // when the turn began, or some turns before
  base::nanos began_at_ = 0;
  base::nanos at_ = 0;       // when work of the present kind began
  base::nanos left_out_ = 0; // since at_
  // The least that a look at each clock takes.
  const base::nanos wall_price_;
  const base::nanos thread_price_;
  class_tally* counts_in_ = nullptr;
  std::array<base::nanos, work_kinds> ran_{};
};

} // namespace coppice::runtime
