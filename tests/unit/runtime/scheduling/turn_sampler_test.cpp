// SPDX-License-Identifier: MIT
// The choice of the turns that are measured. Times are told to the sampler, and its numbers come from a seed,
// so each run is the same.
#include "runtime/scheduling/turn_sampler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace coppice::runtime {
namespace {

constexpr base::nanos us = 1000;
constexpr base::nanos interval = 500 * us;

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

// A process that takes its share of a core in turns of one length.
struct load {
  double share;
  base::nanos length;
  base::nanos used = 0;
  double told = 0;
  turn_sampler::length last = turn_sampler::length::brief;
};

// 20 s of one worker. The turn is always that of the process which is furthest behind its share, so their
// order has a period. A turn that the watchdog sees counts once, measured or not.
void work_off(std::array<load, 3>& all, std::uint64_t seed) {
  constexpr base::nanos seen_from = 10'000 * us;
  turn_sampler sampler(interval, seed);
  std::uint32_t until = 1;
  const base::nanos start = base::nanos_per_second;
  for (base::nanos now = start; now < start + 20 * base::nanos_per_second;) {
    load& next = *std::ranges::min_element(
        all, {}, [](const load& one) { return static_cast<double>(one.used) / one.share; });
    const bool is_drawn = --until == 0;
    const std::uint32_t weight = sampler.weight_of(next.last, is_drawn);
    if (is_drawn) until = sampler.next_gap(now);
    if (weight != 0) next.last = turn_sampler::length_of(next.length);
    next.told += static_cast<double>(next.length) * (next.length >= seen_from ? 1 : weight);
    next.used += next.length;
    now += next.length;
  }
}

} // namespace

TEST_CASE("10, 30 and 60 % of a core are told within a tenth, in turns of 1 us, 100 us and 50 ms") {
  std::array<base::nanos, 3> lengths{1 * us, 100 * us, 50'000 * us};
  do {
    std::array<load, 3> all{load{0.1, lengths[0]}, load{0.3, lengths[1]}, load{0.6, lengths[2]}};
    work_off(all, 11);
    for (const load& one : all) {
      CAPTURE(one.share);
      CAPTURE(one.length);
      CHECK(one.told == doctest::Approx(static_cast<double>(one.used)).epsilon(0.1));
    }
  } while (std::ranges::next_permutation(lengths).found);
}

TEST_CASE("the turns that are measured stand for all turns, however long these are") {
  for (const base::nanos length : {200L, 1 * us, 10 * us, 100 * us}) {
    CAPTURE(length);
    const std::uint64_t turns = static_cast<std::uint64_t>(base::nanos_per_second * 10 / length);
    const tally seen = run(turns, length);
    CHECK(seen.counted == doctest::Approx(static_cast<double>(turns)).epsilon(0.05));
    // In ten seconds: not so many that measuring costs more than half a percent, and enough to tell 1 %.
    CHECK(seen.measured < 30'000);
    CHECK(seen.measured > 5'000);
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

TEST_CASE("a process with long turns has each of them measured, one with shorter turns one in some") {
  turn_sampler sampler(interval, 5);
  using length = turn_sampler::length;
  CHECK(turn_sampler::length_of(us) == length::brief);
  CHECK(turn_sampler::length_of(100 * us) == length::medium);
  CHECK(turn_sampler::length_of(300 * us) == length::longer);
  CHECK(turn_sampler::length_of(2000 * us) == length::longest);
  CHECK(sampler.weight_of(length::longest, false) == 1);
  CHECK(sampler.weight_of(length::longest, true) == 1);
  CHECK(sampler.weight_of(length::brief, false) == 0);
  CHECK(sampler.weight_of(length::brief, true) == sampler.one_in());
  for (const length last : {length::medium, length::longer})
    for (const bool is_drawn : {false, true}) {
      double stands_for = 0;
      for (int turn = 0; turn < 100'000; ++turn) stands_for += sampler.weight_of(last, is_drawn);
      CHECK(stands_for == doctest::Approx(100'000).epsilon(0.1));
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
