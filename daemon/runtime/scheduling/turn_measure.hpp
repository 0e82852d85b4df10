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
//
// The measuring itself must not count, since it would count as often as the turn does. Of a turn of 1 us it
// is a tenth when it runs once in hundreds of turns and finds neither its code nor its data in the
// processor's caches. Hence three things. The turn before the measured one is a rehearsal: it is measured
// with the weight 0, so the measured turn pays for warm code alone. What a look at the clock of wall time
// takes then is measured right before the turn, under the load and the clock rate of that moment, and is
// taken off for each look. And what is not looking at the clock, such as finding the entry of the process's
// class, is put off until the turn is over.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/scheduling/thread_clock.hpp"
#include "runtime/work_kind.hpp"

namespace coppice::runtime {

// Of one message, in ns of wall time.
struct message_times {
  base::nanos handled = 0; // from the beginning of its handler to its return
  base::nanos waited = -1; // in the mailbox; -1: not known
};

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
  // The turn counts for `weight` turns; 0: it is a rehearsal. `exact`: the thread's clock is looked at now,
  // also after prepare(). For turns that are expected to be long.
  void begin(std::uint32_t weight, bool exact);
  // While a turn is measured: from now on it does work of this kind. Returns the time of wall, in ns.
  base::nanos turn_to(work_kind next);
  // The time of wall, in ns. The price of the look is left out of the turn.
  base::nanos look();
  // The measurement itself has taken the time since `from`, which look() returned.
  void leave_out_since(base::nanos from);
  void end();
  // Also what was prepared: the worker gets another thread.
  void drop() {
    on_ = is_prepared_ = false;
    forget_noted();
  }
  // The worker waits or gives its processor away before the next turn.
  void forget_prepared() { is_prepared_ = false; }

  // Of the turn that is measured, or was measured last.
  const std::array<base::nanos, work_kinds>& ran() const { return ran_; }
  std::uint32_t weight() const { return weight_; }
  // Processor time of the thread when the turn began, too high by less than `prepared_for`. 0: not known.
  base::nanos began() const { return used_before_ == 0 ? 0 : used_before_ + (began_at_ - looked_at_); }
  // A message was handled in the turn. Only while there is room.
  void note(const message_times& of) { noted_[noted_count_++] = of; }
  bool has_room() const { return noted_count_ < noted_.size(); }
  std::span<const message_times> noted() const { return {noted_.data(), noted_count_}; }
  void forget_noted() { noted_count_ = 0; }

 private:
  // How long what was prepared is good for. Longer turns in between would hide what the measured one lost.
  static constexpr base::nanos prepared_for = 30'000;

  void look_at_thread();
  void lap(base::nanos now);

  bool on_ = false;
  bool is_prepared_ = false;
  work_kind kind_ = work_kind::other;
  std::uint32_t weight_ = 1;
  base::nanos used_before_ = 0; // thread_time() at looked_at_; 0: the kernel does not tell
  base::nanos looked_at_ = 0;   // when the turn began, or some turns before
  base::nanos began_at_ = 0;
  base::nanos at_ = 0;             // when work of the present kind began
  base::nanos left_out_ = 0;       // since at_
  base::nanos wall_price_ = 0;     // of a look at the clock of wall time, when the turn began
  const base::nanos thread_price_; // the least that a look at the thread's clock takes
  std::array<base::nanos, work_kinds> ran_{};
  std::size_t noted_count_ = 0;
  std::array<message_times, 8> noted_{};
};

} // namespace coppice::runtime
