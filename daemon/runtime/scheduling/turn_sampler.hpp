// SPDX-License-Identifier: MIT
// Chooses the turns of a worker that are measured. Reading a thread's processor time is a system call, and a
// turn may take less than that, so one turn in N is measured, and its time counts N times. Every turn has the
// probability 1/N, whatever came before: the gaps between measured turns are geometrically distributed. So
// no load of a regular period is missed or hit always, and N may follow the load without a bias.
//
// Turns that are long and rare would be met too seldom that way to be told exactly. So the turns of a process
// whose last measured turn took longer than 50 us are measured more often, and count for fewer: of each row
// of so many such turns of the worker one is measured, each with the same probability.
//
// Cost: a turn that is not measured pays for the decrement of its worker's counter, in a cache line that the
// turn uses anyway, and for three branches that the processor predicts. A measured turn pays for a system
// call or two and for the entry of its class, some microseconds. N is doubled or halved so that one turn in
// about each `interval` of time is measured; what measuring costs a longer turn is less than a hundredth of
// it.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace coppice::runtime {

// For one worker's thread.
class turn_sampler {
 public:
  static constexpr std::uint32_t most = 4096; // turns for each that is measured

  // Of a process: how long its last measured turn took. Brief, too, if none was measured.
  enum class length : std::uint8_t { brief, medium, longer, longest };
  static length length_of(base::nanos held) {
    if (held < 50'000) return length::brief;
    if (held < 200'000) return length::medium;
    return held < base::nanos_per_ms ? length::longer : length::longest;
  }

  // `interval`: ns between two measured turns, about. At least 1.
  turn_sampler(base::nanos interval, std::uint64_t seed) : interval_(interval), state_(seed) {}

  // A turn of such a process begins. Returns for how many turns it counts; 0: it is not measured. `is_drawn`:
  // the gap is over.
  std::uint32_t weight_of(length last, bool is_drawn);
  // The N of the present gap.
  std::uint32_t one_in() const { return one_in_; }
  // A measured turn begins at `now` (monotonic). Returns the number of turns until the next one: 1 for the
  // next turn.
  std::uint32_t next_gap(base::nanos now);
  // True with this probability.
  bool chance(double probability) { return fraction() <= probability; }

 private:
  // Turns of which one is measured.
  struct row {
    std::uint32_t size;
    std::uint32_t left = 0;   // that have not begun
    std::uint32_t chosen = 0; // the one that begins when so many are left
  };
  std::uint32_t next_in(row& of); // its weight
  double fraction();              // above 0, at most 1; each value as probable as any other

  const base::nanos interval_;
  base::nanos last_ = 0; // when the last measured turn began
  std::uint32_t one_in_ = 1;
  row medium_{16};
  row longer_{4};
  std::uint64_t state_;
};

} // namespace coppice::runtime
