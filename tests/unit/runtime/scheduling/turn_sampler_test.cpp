// SPDX-License-Identifier: MIT
// The choice of the turns that are measured. Times are told to the sampler, and its numbers come from a seed,
// so each run is the same.
#include "runtime/scheduling/turn_sampler.hpp"

#include <doctest/doctest.h>

#include <cstdint>

namespace coppice::runtime {
namespace {

constexpr base::nanos us = 1000;
constexpr base::nanos interval = 250 * us;

struct tally {
  std::uint64_t measured = 0;
  double counted = 0;  // turns that the measured ones stand for
  double of_first = 0; // those in the first place of the period
};

// `turns` turns of `length` ns each.
tally run(std::uint64_t turns, base::nanos length, std::uint64_t period = 1) {
  turn_sampler sampler(interval, 7);
  tally seen;
  std::uint32_t until = 1;
  base::nanos now = base::nanos_per_second;
  for (std::uint64_t turn = 0; turn < turns; ++turn, now += length) {
    if (--until != 0) continue;
    const double weight = sampler.one_in();
    ++seen.measured;
    seen.counted += weight;
    if (turn % period == 0) seen.of_first += weight;
    until = sampler.next_gap(now);
  }
  return seen;
}

} // namespace

TEST_CASE("the turns that are measured stand for all turns, however long these are") {
  for (const base::nanos length : {200L, 1 * us, 10 * us, 100 * us}) {
    CAPTURE(length);
    const std::uint64_t turns = static_cast<std::uint64_t>(base::nanos_per_second * 10 / length);
    const tally seen = run(turns, length);
    CHECK(seen.counted == doctest::Approx(static_cast<double>(turns)).epsilon(0.05));
    // In ten seconds: not so many that measuring costs more than half a percent, and enough to tell 1 %.
    CHECK(seen.measured < 60'000);
    CHECK(seen.measured > 10'000);
  }
}

TEST_CASE("a turn that takes longer than the interval is measured") {
  CHECK(run(1000, 2 * interval).measured == 1000);
}

TEST_CASE("a load with a period is neither missed nor hit more often than its share") {
  for (const std::uint64_t period : {2UL, 3UL, 64UL}) {
    CAPTURE(period);
    const tally seen = run(40'000'000, 1 * us, period);
    CHECK(seen.of_first * static_cast<double>(period) == doctest::Approx(4e7).epsilon(0.1));
  }
}

TEST_CASE("what happens by chance happens as often as it should") {
  turn_sampler sampler(interval, 3);
  int happened = 0;
  for (int i = 0; i < 100'000; ++i) happened += sampler.chance(0.25) ? 1 : 0;
  CHECK(happened > 24'000);
  CHECK(happened < 26'000);
  CHECK(sampler.chance(1));
  CHECK_FALSE(sampler.chance(0));
}

} // namespace coppice::runtime
