// SPDX-License-Identifier: MIT
// The only source of random numbers in a simulated run: the same seed gives the same numbers on every
// machine (splitmix64). One thread at a time.
#pragma once

#include <cstdint>

namespace coppice::test {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b = 0) {
  std::uint64_t z = a + 0x9e3779b97f4a7c15U * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

class seeded_dice {
 public:
  explicit seeded_dice(std::uint64_t seed) : state_(mix(seed)) {}
  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15U); }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; } // bound > 0
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool chance(unsigned of_thousand) { return below(1000) < of_thousand; }

 private:
  std::uint64_t state_;
};

} // namespace coppice::test
