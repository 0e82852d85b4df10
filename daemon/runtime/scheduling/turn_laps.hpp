// SPDX-License-Identifier: MIT
// What the messages of a turn took: one turn in some is looked at closely. Its time by kind of work gives the
// shares in which a class's processor time is told apart, and the times of its messages are counted in
// histograms. Time here is that of wall, by the monotonic clock: turn_clock.hpp tells processor time. It ends
// with the turn, also where the process parks or loses its worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/work_kind.hpp"

namespace coppice::runtime {

// The times of one message, in ns.
struct message_times {
  base::nanos handled = 0; // from the beginning of its handler to its return
  base::nanos waited = -1; // in the mailbox; -1: not known
};

// The kind of work that a message is for its receiver, by its form alone.
work_kind kind_of(const signal& received);
// By the name of a plugin's callback.
work_kind kind_of(const char* callback);

// For one worker's thread; or for a thread that acts for it, at a hand-over.
class turn_laps {
 public:
  bool is_on() const { return on_; }
  // The turn stands for `weight` turns.
  void begin(std::uint32_t weight);
  // From now on the turn does work of this kind. Returns the time.
  base::nanos turn_to(work_kind next);
  void end();
  void drop() {
    on_ = false;
    forget_noted();
  }

  // ns by kind, times the weight. Of the present turn, or else the last one.
  const std::array<base::nanos, work_kinds>& took() const { return took_; }
  // A message was handled in the turn. Only while there is room.
  void note(const message_times& of) { noted_[noted_count_++] = of; }
  bool has_room() const { return noted_count_ < noted_.size(); }
  std::span<const message_times> noted() const { return {noted_.data(), noted_count_}; }
  void forget_noted() { noted_count_ = 0; }

 private:
  bool on_ = false;
  work_kind kind_ = work_kind::other;
  std::uint32_t weight_ = 1;
  base::nanos at_ = 0; // when work of the present kind began
  std::array<base::nanos, work_kinds> took_{};
  std::size_t noted_count_ = 0;
  std::array<message_times, 8> noted_{};
};

} // namespace coppice::runtime
