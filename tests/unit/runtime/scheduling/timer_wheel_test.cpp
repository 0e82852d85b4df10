// SPDX-License-Identifier: MIT
// The timing wheel with a clock that the test sets: no timer fires early or more than a tick late, and the
// order is kept, on all levels.
#include "runtime/scheduling/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <vector>

using namespace coppice::runtime;
using coppice::base::nanos;
constexpr nanos ms = coppice::base::nanos_per_ms;

namespace {

struct logged : timer {
  std::vector<logged*>* log = nullptr;
  int number = 0;
};

struct fixture {
  logged& start(nanos deadline) {
    auto one = std::make_unique<logged>();
    one->log = &fired;
    one->number = static_cast<int>(all.size());
    one->fire = [](timer& due) { static_cast<logged&>(due).log->push_back(static_cast<logged*>(&due)); };
    wheel.start(*one, deadline);
    all.push_back(std::move(one));
    return *all.back();
  }
  timer_wheel wheel{0};
  std::vector<logged*> fired;
  std::vector<std::unique_ptr<logged>> all;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a timer fires at its deadline and not before") {
  for (const nanos deadline :
       {nanos{1}, 5 * ms, 64 * ms, 4096 * ms, 262144 * ms + 17, 16777216 * ms, 90'000'000'000 * ms}) {
    CAPTURE(deadline);
    fixture fresh;
    fresh.start(deadline);
    while (fresh.fired.empty()) {
      const nanos next = fresh.wheel.next();
      REQUIRE(next != INT64_MAX);
      if (next >= deadline) {
        fresh.wheel.advance(deadline - 1);
        CHECK(fresh.fired.empty());
      }
      fresh.wheel.advance(next);
      if (!fresh.fired.empty()) CHECK(next - deadline < ms);
    }
    CHECK(fresh.wheel.next() == INT64_MAX);
  }
}

TEST_CASE_FIXTURE(fixture, "who waits for a few timers wakes once for each, however far off they are") {
  for (const nanos deadline : {nanos{1}, 2000 * ms + 1, 262144 * ms + 17, 90'000'000'000 * ms}) {
    CAPTURE(deadline);
    fixture fresh;
    fresh.start(deadline + 5 * ms);
    fresh.start(deadline);
    nanos next = fresh.wheel.next();
    CHECK(next >= deadline);
    CHECK(next - deadline < ms);
    fresh.wheel.advance(next);
    CHECK(fresh.fired.size() == 1);
    next = fresh.wheel.next();
    CHECK(next - deadline < 6 * ms);
    fresh.wheel.advance(next);
    CHECK(fresh.fired.size() == 2);
  }
}

TEST_CASE_FIXTURE(fixture,
                  "who waits for many timers of one time wakes early rather than look at all of them") {
  for (int i = 0; i < 1000; ++i) start(5000 * ms);
  CHECK(wheel.next() < 5000 * ms);
  unsigned wakes = 0;
  for (; wheel.armed() != 0; ++wakes) wheel.advance(wheel.next());
  CHECK(wakes <= 5); // as many as the wheel has levels
  CHECK(fired.size() == 1000);
}

TEST_CASE_FIXTURE(fixture, "the wheel knows how many timers run") {
  for (int i = 1; i <= 200; ++i) start(i * 50 * ms);
  CHECK(wheel.armed() == 200);
  wheel.start(*all[199], 7 * ms);
  CHECK(wheel.armed() == 200);
  wheel.cancel(*all[100]);
  wheel.cancel(*all[100]);
  CHECK(wheel.armed() == 199);
  wheel.advance(50 * 50 * ms);
  CHECK(wheel.armed() == 199 - fired.size());
  wheel.advance(1'000'000 * ms);
  CHECK(wheel.armed() == 0);
}

TEST_CASE_FIXTURE(fixture,
                  "timers fire in the order of their deadlines, equal ones in the order of starting") {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) start(static_cast<nanos>(random() % 5'000'000) * 1000);
  nanos now = 0;
  while (wheel.next() != INT64_MAX) wheel.advance(now += static_cast<nanos>(random() % 40) * ms);
  REQUIRE(fired.size() == 2000);
  bool ordered = true;
  for (std::size_t i = 1; i < fired.size(); ++i) {
    const logged& a = *fired[i - 1];
    const logged& b = *fired[i];
    // By exact deadline, also within one tick.
    ordered = ordered && (a.deadline < b.deadline || (a.deadline == b.deadline && a.number < b.number));
  }
  CHECK(ordered);
}

TEST_CASE_FIXTURE(fixture, "a cancelled timer does not fire, and may be started again") {
  logged& kept = start(10 * ms);
  logged& cancelled = start(10 * ms);
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  wheel.advance(20 * ms);
  CHECK(fired == std::vector<logged*>{&kept});
  wheel.start(cancelled, 30 * ms);
  wheel.start(cancelled, 500 * ms);
  wheel.advance(499 * ms);
  CHECK(fired.size() == 1);
  wheel.advance(500 * ms);
  CHECK(fired.size() == 2);
}

TEST_CASE_FIXTURE(fixture, "a deadline that has passed fires with the next tick") {
  wheel.advance(1000 * ms);
  start(5 * ms);
  start(-5);
  wheel.advance(1001 * ms);
  CHECK(fired.size() == 2);
}
