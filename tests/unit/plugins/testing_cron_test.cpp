// SPDX-License-Identifier: MIT
// Tests of coppice/testing/cron.hpp, with an actor that keeps what jobs send to it.
#include <coppice/testing/cron.hpp>

#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;
using namespace std::chrono;

namespace {

constexpr sys_seconds midnight = sys_days(2026y / March / 29);

std::vector<std::string> heard(actor& of) {
  return of.call("heard"_erl).as<std::vector<std::string>>();
}
std::string told(const char* how, const char* job, sys_seconds at) {
  return std::string(how) + " " + job + " " + std::to_string(at.time_since_epoch().count());
}
std::vector<sys_seconds> hourly(int count) {
  std::vector<sys_seconds> all;
  for (int i = 1; i <= count; ++i) all.push_back(midnight + hours(i));
  return all;
}
using lines = std::vector<std::string>;

} // namespace

TEST_CASE("jobs come as the wall's clock passes their times, and the actor's timers between them") {
  const plugin of = fixture("timekeeper");
  actor keeper(of);
  cron_clock cron(keeper, midnight);
  CHECK(keeper.wall_now() == midnight);
  cron.add({.name = "b", .times = {midnight + 2h}, .how = cron_job::cast});
  cron.add({.name = "a", .times = {midnight - 1h, midnight, midnight + 2h, midnight + 1h}});
  keeper.cast("pause"_erl); // a timer of 90 minutes
  CHECK(cron.advance(59min).empty());
  const auto runs = cron.advance(2h);
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].job == "a");
  CHECK(runs[0].at == midnight + 1h);
  CHECK(runs[1].job == "b");
  CHECK(runs[2].succeeded());
  CHECK(heard(keeper) == lines{told("info", "a", midnight + 1h), "timer", told("cast", "b", midnight + 2h),
                               told("info", "a", midnight + 2h)});
  CHECK(cron.now() == midnight + 2h + 59min);
  CHECK(cron.advance(1000h).empty());
}

TEST_CASE("a call's answer says whether the run succeeded") {
  const plugin of = fixture("timekeeper");
  actor keeper(of);
  cron_clock cron(keeper, midnight);
  cron.add({.name = "good", .times = {midnight + 1h}, .how = cron_job::call});
  cron.add({.name = "none", .times = {midnight + 2h}, .how = cron_job::call, .message = "what"_erl});
  auto runs = cron.advance(3h);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].succeeded());
  CHECK(*runs[0].reply == "ok"_erl);
  CHECK_FALSE(runs[1].succeeded());

  actor other(of);
  cron_clock late(other, midnight);
  late.add({.name = "late", .times = {midnight + 1h}, .how = cron_job::call, .missed = cron_job::once});
  runs = late.set(midnight + 3h);
  REQUIRE(runs.size() == 1);
  CHECK(*runs[0].reply == "{error, late}"_erl);
  CHECK_FALSE(runs[0].succeeded());
}

TEST_CASE("an actor that ends by a job has failed it, and those that come after") {
  const plugin of = fixture("timekeeper");
  actor keeper(of);
  cron_clock cron(keeper, midnight);
  cron.add({.name = "boom", .times = hourly(2), .how = cron_job::cast, .message = "boom"_erl});
  const auto runs = cron.advance(3h);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].ended);
  CHECK_FALSE(runs[1].succeeded());
}

TEST_CASE("times that the clock is set over come late, once, or not at all") {
  const plugin of = fixture("timekeeper");
  actor keeper(of);
  cron_clock cron(keeper, midnight);
  cron.add({.name = "none", .times = hourly(24)});
  cron.add({.name = "once", .times = hourly(24), .missed = cron_job::once});
  cron.add({.name = "all", .times = hourly(24), .missed = cron_job::all});
  cron.set(midnight + 3h + 30min);
  CHECK(heard(keeper) == lines{told("info", "all", midnight + 1h), told("info", "all", midnight + 2h),
                               told("info", "once", midnight + 3h), told("info", "all", midnight + 3h)});
  // Half a minute is no delay.
  cron.set(midnight + 4h + 30s);
  CHECK(heard(keeper).size() == 3);
  // The clock goes back, and no job runs a second time.
  cron.set(midnight + 2h);
  CHECK(cron.advance(2h + 59min).empty());
  CHECK(cron.advance(1min).size() == 3);
}

TEST_CASE("the wall's clock is the actor's alone, and goes with it") {
  const plugin of = fixture("timekeeper");
  actor one(of);
  actor two(of);
  one.set_wall(midnight);
  one.advance(1h);
  CHECK(one.wall_now() == midnight + 1h);
  CHECK(two.wall_now() == sys_days(2026y / January / 1));
}
