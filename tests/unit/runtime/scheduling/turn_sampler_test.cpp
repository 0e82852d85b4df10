// SPDX-License-Identifier: MIT
// Which turns are measured. The test passes times to the sampler, whose random numbers come from a seed, so
// each run is the same.
#include "runtime/scheduling/turn_sampler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

namespace coppice::runtime {
namespace {

constexpr std::uint64_t interval = 4'000;
constexpr std::uint32_t most = 64;

struct tally {
  std::uint64_t measured = 0;
  double counted = 0;  // turns that the measured ones stand for
  double of_first = 0; // as `counted`, only turns in the first place of each period
};

// Runs `turns` turns of `length` each. After `drawn_anew` turns without a measured one, the gap is drawn
// again.
tally run(std::uint64_t turns, std::uint64_t length, std::uint64_t period = 1,
          std::uint32_t drawn_anew = UINT32_MAX) {
  turn_sampler sampler(interval, most, 7);
  tally seen;
  std::uint64_t now = 1'000'000;
  std::uint32_t until = sampler.next_gap(now);
  std::uint32_t since = 0;
  for (std::uint64_t turn = 0; turn < turns; ++turn) {
    now += length;
    const bool is_chosen = --until == 0;
    if (is_chosen) {
      const double weight = sampler.one_in();
      ++seen.measured;
      seen.counted += weight;
      if (turn % period == 0) seen.of_first += weight;
    }
    if (!is_chosen && ++since < drawn_anew) continue;
    until = sampler.next_gap(now);
    since = 0;
  }
  return seen;
}

} // namespace

TEST_CASE("the turns that are measured stand for all turns, however long these are") {
  for (const std::uint64_t length : {20UL, 200UL, 1'000UL, 10'000UL}) {
    CAPTURE(length);
    constexpr std::uint64_t turns = 4'000'000;
    const tally seen = run(turns, length);
    CHECK(seen.counted == doctest::Approx(static_cast<double>(turns)).epsilon(0.02));
    CHECK(seen.measured >= turns / most / 2);
  }
}

TEST_CASE("a turn that takes longer than the interval is measured") {
  CHECK(run(1000, 2 * interval).measured == 1000);
}

TEST_CASE("a load with a period is neither missed nor hit more often than its share") {
  for (const std::uint64_t period : {2UL, 3UL, 16UL, 64UL})
    for (const std::uint32_t drawn_anew : {UINT32_MAX, 16U, 3U}) {
      CAPTURE(period);
      CAPTURE(drawn_anew);
      const tally seen = run(20'000'000, 100, period, drawn_anew);
      CHECK(seen.of_first * static_cast<double>(period) == doctest::Approx(2e7).epsilon(0.05));
    }
}

TEST_CASE("what happens by chance happens as often as it should") {
  turn_sampler sampler(interval, most, 3);
  int happened = 0;
  for (int i = 0; i < 100'000; ++i) happened += sampler.chance(0.25) ? 1 : 0;
  CHECK(happened > 24'000);
  CHECK(happened < 26'000);
  CHECK(sampler.chance(1));
  CHECK_FALSE(sampler.chance(0));
}

} // namespace coppice::runtime
