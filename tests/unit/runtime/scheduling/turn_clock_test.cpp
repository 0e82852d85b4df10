// SPDX-License-Identifier: MIT
// The processor time of one measured turn: what its thread used, without the time in which the thread did not
// run. The test's own thread plays the worker.
#include "runtime/scheduling/turn_clock.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "held_clock.hpp"
#include "runtime/scheduling/thread_clock.hpp"

namespace coppice::runtime {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;

void use(base::nanos length) {
  const base::nanos begun = thread_time();
  while (thread_time() - begun < length) {
  }
}

} // namespace

TEST_CASE("a long turn has what its thread used, however long it was blocked") {
  for (const int blocked_ms : {0, 5, 20}) {
    CAPTURE(blocked_ms);
    // What the thread uses while the clock is read, including for pages of code that are not in memory, lies
    // between the test's two readings.
    const base::nanos before = thread_time();
    turn_clock clock;
    clock.start();
    clock.begin(turn_counter(), 7);
    CHECK(clock.is_on());
    CHECK(clock.weight() == 7);
    use(2 * ms);
    if (blocked_ms != 0) test::pause(std::chrono::milliseconds(blocked_ms));
    const base::nanos ran = clock.end(turn_counter());
    CHECK_FALSE(clock.is_on());
    CHECK(ran > 2 * ms - 200'000);
    CHECK(ran < thread_time() - before + 200'000);
  }
}

TEST_CASE("what a thread did not run between turns is not taken from a turn") {
  turn_clock clock;
  clock.start();
  clock.begin(turn_counter(), 1);
  use(2 * ms);
  const base::nanos before = thread_time();
  clock.end(turn_counter());
  const std::uint64_t idle_from = turn_counter();
  test::pause(std::chrono::milliseconds(20));
  clock.was_idle(idle_from, turn_counter());
  clock.begin(turn_counter(), 1);
  use(2 * ms);
  const base::nanos ran = clock.end(turn_counter());
  CHECK(ran > 2 * ms - 400'000); // going to sleep and waking up are not counted as idle
  CHECK(ran < thread_time() - before + 200'000);
}

TEST_CASE("what a thread lost bit by bit in work before a turn that may be long is not taken from the turn") {
  turn_clock clock;
  clock.start();
  for (int i = 0; i < 8; ++i) {
    test::pause(std::chrono::milliseconds(1)); // each loss is shorter than the turn, all of them are longer
    clock.passed(turn_counter());
  }
  clock.look_before(turn_counter());
  const base::nanos before = thread_time();
  clock.begin(turn_counter(), 1);
  use(2 * ms);
  const base::nanos ran = clock.end(turn_counter());
  CHECK(ran > 2 * ms - 200'000);
  CHECK(ran < thread_time() - before + 200'000);
}

TEST_CASE("what comes before the turn is left out, and a dropped turn is not measured") {
  turn_clock clock;
  clock.start();
  clock.begin(turn_counter(), 1);
  use(10 * ms);
  clock.leave_out_until(turn_counter());
  CHECK(clock.end(turn_counter()) < 5 * ms);
  clock.begin(turn_counter(), 1);
  clock.drop();
  CHECK_FALSE(clock.is_on());
}

TEST_CASE("a monotonic clock that stands still, as a held one of a test does, gives no turn any time" *
          doctest::skip(!test::can_hold_clock())) {
  const test::held_clock held;
  turn_clock clock;
  clock.start();
  for (int i = 0; i < 3; ++i) {
    clock.begin(turn_counter(), 1);
    test::pause(std::chrono::milliseconds(2)); // the processor's counter goes on meanwhile
    CHECK(clock.end(turn_counter()) == 0);
  }
}

TEST_CASE("the thread's time at the beginning of a turn is known without a look at its clock") {
  turn_clock clock;
  clock.start();
  const base::nanos before = thread_time();
  use(ms);
  const base::nanos at = base::mono_now();
  CHECK(clock.used_at(at) > before);
  CHECK(clock.used_at(0) <= before); // a time before the span counts as its beginning
}

} // namespace coppice::runtime
