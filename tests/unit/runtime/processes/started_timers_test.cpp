// SPDX-License-Identifier: MIT
// A process's timers by their ids: few and many of them, and moves from one timer wheel to another.
#include "runtime/processes/started_timers.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

namespace coppice::runtime {
namespace {

constexpr base::nanos ms = base::nanos_per_ms;

struct fixture {
  timer_wheel wheel{0};
  timer_wheel other{0};
  started_timers all;
  static inline std::vector<std::uint64_t> fired;

  fixture() { fired.clear(); }
  void add(std::uint64_t id, base::nanos deadline) {
    auto fresh = std::make_unique<started_timer>();
    fresh->id = id;
    fresh->fire = [](timer& due) { fired.push_back(static_cast<started_timer&>(due).id); };
    wheel.start(*fresh, deadline);
    all.add(std::move(fresh));
  }
};

} // namespace

TEST_CASE_FIXTURE(fixture,
                  "a timer is found by its id until it is taken, whatever comes and goes beside it") {
  for (const std::uint64_t step : {1U, 2U, 1024U, 1U << 20}) {
    CAPTURE(step);
    std::set<std::uint64_t> there;
    std::uint64_t next = 0;
    for (int round = 0; round < 3000; ++round) {
      add(next += step, 1000 * ms);
      there.insert(next);
      if (round % 3 != 2) continue;
      const std::uint64_t gone = *there.lower_bound(next / 2);
      const auto taken = all.take(gone);
      REQUIRE(taken != nullptr);
      CHECK(taken->id == gone);
      wheel.cancel(*taken);
      there.erase(gone);
      CHECK(all.take(gone) == nullptr);
    }
    CHECK(all.size() == there.size());
    for (const std::uint64_t id : there) {
      REQUIRE(all.find(id) != nullptr);
      CHECK(all.find(id)->id == id);
    }
    CHECK(all.find(next + step) == nullptr);
    for (const std::uint64_t id : there) wheel.cancel(*all.take(id));
    CHECK(all.size() == 0);
  }
}

TEST_CASE_FIXTURE(fixture, "timers that change the wheel keep their deadlines, equal ones their order") {
  for (const std::uint64_t count : {1U, 2U, 8U, 9U, 100U, 256U}) {
    CAPTURE(count);
    fired.clear();
    timer_wheel from{0};
    timer_wheel to{0};
    started_timers own;
    for (std::uint64_t id = 1; id <= count; ++id) {
      auto fresh = std::make_unique<started_timer>();
      fresh->id = id << 10;
      fresh->fire = [](timer& due) { fired.push_back(static_cast<started_timer&>(due).id >> 10); };
      from.start(*fresh, 5 * ms + (id % 2 == 0 ? ms / 2 : 0));
      own.add(std::move(fresh));
    }
    own.cancel(from);
    CHECK(from.armed() == 0);
    CHECK(own.start(to) == count << 10);
    CHECK(to.armed() == count);
    to.advance(5 * ms - 1);
    CHECK(fired.empty());
    to.advance(7 * ms);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t id = 1; id <= count; id += 2) expected.push_back(id);
    for (std::uint64_t id = 2; id <= count; id += 2) expected.push_back(id);
    CHECK(fired == expected);
    from.advance(10 * ms);
    CHECK(fired.size() == count);
  }
}

TEST_CASE_FIXTURE(fixture, "of many timers those that are left change the wheel, and no other") {
  for (const std::uint64_t left : {0U, 1U, 2U}) {
    CAPTURE(left);
    fired.clear();
    started_timers own;
    timer_wheel from{0};
    timer_wheel to{0};
    for (std::uint64_t id = 1; id <= 100; ++id) {
      auto fresh = std::make_unique<started_timer>();
      fresh->id = id;
      fresh->fire = [](timer& due) { fired.push_back(static_cast<started_timer&>(due).id); };
      from.start(*fresh, ms);
      own.add(std::move(fresh));
    }
    for (std::uint64_t id = 1; id <= 100 - left; ++id) from.cancel(*own.take(id));
    own.cancel(from);
    CHECK(from.armed() == 0);
    CHECK(own.start(to) == (left == 0 ? 0 : 100));
    CHECK(to.armed() == left);
    to.advance(2 * ms);
    CHECK(fired.size() == left);
  }
}

TEST_CASE(
    "a timer that repeats is due next at the first of its times to come, and never again at the end of "
    "time") {
  struct row {
    base::nanos deadline, period, now, next;
  };
  const row rows[] = {
      {0, 10, 0, 10},
      {5, 10, 14, 15},
      {5, 10, 15, 25},
      {5, 10, 1'000'000'004, 1'000'000'005},
      {-7, 10, 0, 3},
      {INT64_MIN, 1'000'003, 0, 0},
      {INT64_MIN, INT64_MAX, INT64_MAX - 1, INT64_MAX},
      {0, INT64_MAX, 1, INT64_MAX},
      {10, INT64_MAX, 10, INT64_MAX},
  };
  for (const row& each : rows) {
    CAPTURE(each.deadline);
    CAPTURE(each.now);
    started_timer one;
    one.deadline = each.deadline;
    one.period = each.period;
    const base::nanos next = one.next_after(each.now);
    CHECK(next > each.now);
    CHECK(next - each.now <= each.period);
    if (each.next != 0) CHECK(next == each.next);
  }
}

} // namespace coppice::runtime
