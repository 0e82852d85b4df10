// SPDX-License-Identifier: MIT
// The time of one measured turn: never more than passed, never more than its thread used, and by kind of
// work. The test's own thread is the worker.
#include "runtime/scheduling/turn_measure.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "held_clock.hpp"

namespace coppice::runtime {
namespace {

constexpr base::nanos us = 1000;
constexpr base::nanos ms = base::nanos_per_ms;

void use(base::nanos length) {
  const base::nanos begun = thread_time();
  while (thread_time() - begun < length) {
  }
}

base::nanos all_of(const turn_measure& measured) {
  return std::accumulate(measured.ran().begin(), measured.ran().end(), base::nanos{0});
}
base::nanos part_of(const turn_measure& measured, work_kind kind) {
  return measured.ran()[static_cast<std::size_t>(kind)];
}

} // namespace

TEST_CASE("a measured turn has what its thread used, by kind of work") {
  turn_measure turn;
  const base::nanos before = base::mono_now();
  turn.begin(7, true);
  CHECK(turn.is_on());
  CHECK(turn.weight() == 7);
  CHECK(turn.began() > 0);
  turn.turn_to(work_kind::call);
  use(2 * ms);
  turn.turn_to(work_kind::cast);
  use(4 * ms);
  turn.end();
  CHECK_FALSE(turn.is_on());
  CHECK(all_of(turn) > 6 * ms - 10 * us); // less the price of the looks
  CHECK(all_of(turn) <= base::mono_now() - before);
  CHECK(part_of(turn, work_kind::call) > 0);
  CHECK(part_of(turn, work_kind::cast) > 0);
  CHECK(part_of(turn, work_kind::info) == 0);
}

TEST_CASE("what measuring takes is left out of a turn, also where it waits") {
  for (const int waits_ms : {0, 20}) {
    CAPTURE(waits_ms);
    turn_measure turn;
    const base::nanos used_before = thread_time();
    turn.begin(1, true);
    use(2 * ms);
    const base::nanos before = turn.look();
    if (waits_ms != 0) test::pause(std::chrono::milliseconds(waits_ms));
    turn.leave_out_since(before);
    turn.end();
    CHECK(all_of(turn) > 0);
    CHECK(all_of(turn) <= thread_time() - used_before);
  }
}

TEST_CASE("what looks at the clock take is left out of a turn, whatever they take at that time") {
  double least = 1; // of some tries, since the kernel may interrupt each
  for (int i = 0; i < 20; ++i) {
    turn_measure turn;
    turn.begin(1, false);
    const base::nanos before = base::mono_now();
    for (int k = 0; k < 1000; ++k) turn.look();
    const base::nanos passed = base::mono_now() - before;
    turn.end();
    least = std::min(least, static_cast<double>(all_of(turn)) / static_cast<double>(passed));
  }
  CHECK(least < 0.5);
}

TEST_CASE("a turn that sleeps has no more than its thread used since the measurement was prepared") {
  for (const bool is_prepared : {false, true}) {
    CAPTURE(is_prepared);
    turn_measure turn;
    const base::nanos used_before = thread_time();
    if (is_prepared) turn.prepare();
    turn.begin(1, false);
    CHECK(turn.began() > used_before);
    turn.turn_to(work_kind::info);
    test::pause(std::chrono::milliseconds(5));
    turn.end();
    CHECK(all_of(turn) <= thread_time() - used_before);
  }
}

TEST_CASE("a turn that waits in the middle has what its thread used, whatever went before it") {
  for (const base::nanos before : {0 * us, 5 * us, 3 * ms}) {
    CAPTURE(before);
    turn_measure turn;
    turn.prepare();
    use(before);
    const base::nanos used_before = thread_time();
    turn.begin(1, false);
    turn.turn_to(work_kind::info);
    use(100 * us);
    test::pause(std::chrono::milliseconds(5));
    turn.end();
    CHECK(all_of(turn) > 50 * us);
    CHECK(all_of(turn) <= thread_time() - used_before + 10 * us);
  }
}

TEST_CASE("what was prepared on another thread, or before the worker waited, is not used") {
  for (const bool is_dropped : {false, true}) {
    CAPTURE(is_dropped);
    turn_measure turn;
    turn.prepare();
    const base::nanos used_before = thread_time();
    if (is_dropped)
      turn.drop();
    else
      turn.forget_prepared();
    turn.begin(1, false);
    CHECK(turn.began() > used_before);
    turn.end();
  }
}

} // namespace coppice::runtime
