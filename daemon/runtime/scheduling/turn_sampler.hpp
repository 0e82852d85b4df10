// SPDX-License-Identifier: MIT
// Chooses turns of a worker: one in N, which then counts N times. Every turn has the probability 1/N,
// whatever came before: the gaps between chosen turns are geometrically distributed. So no load of a regular
// period is missed or hit always, N may follow the load without a bias, and a gap may be drawn anew at any
// time.
//
// N is doubled or halved so that one turn in about each `interval` of time is chosen.
#pragma once

#include <cstdint>

namespace coppice::runtime {

// For one worker's thread.
class turn_sampler {
 public:
  // `interval`: between two chosen turns, about, in the unit of next_gap(). `most`: turns for each that is
  // chosen; a power of two.
  turn_sampler(std::uint64_t interval, std::uint32_t most, std::uint64_t seed)
      : interval_(interval), most_(most), state_(seed) {}

  // The N of the present gap.
  std::uint32_t one_in() const { return one_in_; }
  // It is `now`, in a unit that goes up. Returns the number of turns until the next chosen one: 1 for the
  // next turn.
  std::uint32_t next_gap(std::uint64_t now);
  // True with this probability.
  bool chance(double probability) { return fraction() <= probability; }

 private:
  double fraction(); // above 0, at most 1; each value as probable as any other

  const std::uint64_t interval_;
  const std::uint32_t most_;
  std::uint64_t last_ = 0; // when the last gap was drawn
  std::uint32_t one_in_ = 1;
  std::uint64_t state_;
};

} // namespace coppice::runtime
