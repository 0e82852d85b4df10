// SPDX-License-Identifier: MIT
// See turn_sampler.hpp. The random numbers are those of splitmix64 (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", OOPSLA 2014). They are not those of base/random_words.hpp, which make
// references, because the choice of measured turns can be seen from outside.
#include "runtime/scheduling/turn_sampler.hpp"

#include <algorithm>
#include <cmath>

namespace coppice::runtime {

std::uint32_t turn_sampler::next_gap(std::uint64_t now) {
  const bool is_early = now - last_ < interval_;
  last_ = now;
  one_in_ = is_early ? std::min(2 * one_in_, most_) : std::max(one_in_ / 2, 1U);
  if (one_in_ == 1) return 1;
  // At most 1 + 54 ln 2 * most_: no overflow.
  return 1 + static_cast<std::uint32_t>(std::log(fraction()) / std::log1p(-1.0 / one_in_));
}

double turn_sampler::fraction() {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
  mixed ^= mixed >> 31;
  constexpr double scale = 1.0 / (std::uint64_t{1} << 53);
  return static_cast<double>((mixed >> 11) + 1) * scale;
}

} // namespace coppice::runtime
