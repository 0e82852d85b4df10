// SPDX-License-Identifier: MIT
// Tests of what a timetable says is due, on clocks that the test moves: the wall clock and the steady clock
// together, as time passes, or one of them alone, as when the clock is set or a machine sleeps.
#include "cron/timetable.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace coppice;
using namespace std::chrono;
using cron::run;
using cron::timetable;

namespace {

constexpr sys_days monday = 2026y / June / 15;

class clocks {
 public:
  explicit clocks(sys_time<seconds> from = monday + 12h) : now_{from, hours(1000)} {}

  cron::moment now() const { return now_; }
  void pass(nanoseconds span) {
    now_.wall += span;
    now_.steady += span;
  }
  void set_wall(nanoseconds by) { now_.wall += by; }

 private:
  cron::moment now_;
};

cron::job job(std::string name, std::string at) {
  cron::job one;
  auto read = cron::expression::parse(at, name);
  REQUIRE(read);
  one.at = *read;
  one.name = std::move(name);
  return one;
}

template <class... Jobs>
std::vector<cron::job> list(Jobs... jobs) {
  return {std::move(jobs)...};
}

cron::job_report told_of(const timetable& of, std::string_view name, cron::moment now) {
  for (cron::job_report& one : of.report(now))
    if (one.name == name) return one;
  FAIL("no such job");
  return {};
}

// The time of day in UTC, as "02:30" or "02:30:15".
std::string clock_of(cron::instant at) {
  const hh_mm_ss time(at - floor<days>(at));
  const auto two = [](auto value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  std::string text = two(time.hours().count()) + ":" + two(time.minutes().count());
  if (time.seconds() != 0s) text += ":" + two(time.seconds().count());
  return text;
}
using texts = std::vector<std::string>;
texts names(const std::vector<run>& runs) {
  texts out;
  for (const run& one : runs) out.push_back(one.job + " " + clock_of(one.at));
  return out;
}

// Looks whenever the timetable says, until `span` is over, and ends each run at once. Returns the runs.
texts live(timetable& of, clocks& clock, nanoseconds span) {
  texts out;
  const auto end = clock.now().steady + span;
  while (true) {
    for (const run& one : of.look(clock.now())) {
      out.push_back(one.job + " " + clock_of(one.at));
      of.finished(one.number, true, clock.now());
    }
    const auto left = end - clock.now().steady;
    const auto wait = of.wait(clock.now());
    if (!wait || *wait > left) {
      clock.pass(left);
      return out;
    }
    clock.pass(*wait);
  }
}

} // namespace

TEST_CASE("nothing is due at the beginning, and each run at its second") {
  clocks clock;
  timetable of(list(job("hourly", "0 * * * *"), job("half", "30 12-13 * * *")), {}, clock.now());
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 30min);
  clock.pass(30min - 1ns);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 1ns);
  clock.pass(1ns);
  const auto runs = of.look(clock.now());
  REQUIRE(runs.size() == 1);
  CHECK(runs[0] == run{1, "half", monday + 12h + 30min, 0, run::cause::due});
  of.finished(runs[0].number, true, clock.now());
  CHECK(of.wait(clock.now()) == 30min);
  CHECK(live(of, clock, 90min) == texts{"hourly 13:00", "half 13:30", "hourly 14:00"});
}

TEST_CASE("without jobs, or with none that comes again, it sleeps for ever") {
  clocks clock;
  timetable of({}, {}, clock.now());
  CHECK(!of.wait(clock.now()));
  CHECK(of.look(clock.now()).empty());
  of.change(list(job("once", "@reboot")), clock.now());
  CHECK_MESSAGE(!of.wait(clock.now()), "it came after the node's start");
}

TEST_CASE("@reboot runs once, when the node starts") {
  clocks clock;
  cron::job off = job("off", "@reboot");
  off.enabled = false;
  timetable of(list(job("start", "@reboot"), off), {}, clock.now());
  CHECK(of.wait(clock.now()) == 0ns);
  CHECK(live(of, clock, 48h) == texts{"start 12:00"});
  of.change(list(job("start", "@reboot")), clock.now());
  CHECK(live(of, clock, 48h).empty());
}

TEST_CASE("a span is of the steady clock, whatever becomes of the wall's") {
  clocks clock;
  timetable of(list(job("tick", "@every 5m")), {}, clock.now());
  CHECK(live(of, clock, 11min) == texts{"tick 12:05", "tick 12:10"});
  clock.set_wall(24h);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 4min);
  clock.set_wall(-48h);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 4min);
  CHECK(live(of, clock, 5min) == texts{"tick 12:15"});
  clock.pass(12min); // no look meanwhile: one run, the others are missed
  CHECK(names(of.look(clock.now())) == texts{"tick 12:28"});
  CHECK(told_of(of, "tick", clock.now()).missed == 1);
}

TEST_CASE("the clock set forward: what is missed follows its policy") {
  struct expected {
    cron::missed policy;
    nanoseconds jump;
    texts runs;
    std::uint64_t missed;
  };
  const expected all[] = {
      {cron::missed::none, 1h, {}, 1},
      {cron::missed::once, 1h, {"half 12:30"}, 0},
      {cron::missed::all, 1h, {"half 12:30"}, 0},
      {cron::missed::none, 24h, {}, 24},
      {cron::missed::once, 24h, {"half 11:30"}, 23},
      {cron::missed::all,
       24h,
       {"half 06:30", "half 07:30", "half 08:30", "half 09:30", "half 10:30", "half 11:30"},
       18},
  };
  for (const expected& one : all) {
    clocks clock;
    cron::job half = job("half", "30 * * * *");
    half.when_missed = one.policy;
    half.when_busy = cron::overlap::allow;
    timetable of(list(half), {}, clock.now());
    clock.set_wall(one.jump);
    const auto runs = of.look(clock.now());
    CHECK(names(runs) == one.runs);
    for (const run& its : runs) CHECK(its.why == run::cause::missed);
    CHECK(told_of(of, "half", clock.now()).missed == one.missed);
    CHECK(of.wait(clock.now()) == 30min);
    clock.pass(30min);
    CHECK(of.look(clock.now()).size() == 1);
  }
}

TEST_CASE("a run that is up to a minute late is on time, and stands for the ones before it") {
  clocks clock;
  cron::job each = job("each", "* * * * *");
  each.when_missed = cron::missed::once;
  timetable of(list(each), {}, clock.now());
  clock.pass(3min + 59s);
  const auto runs = of.look(clock.now());
  REQUIRE(names(runs) == texts{"each 12:03"});
  CHECK(runs[0].why == run::cause::due);
  CHECK(told_of(of, "each", clock.now()).missed == 2);
}

TEST_CASE("the clock set back by an hour runs nothing twice, by a day it is the time that holds") {
  clocks clock(monday + 12h + 45min);
  timetable of(list(job("half", "30 * * * *")), {}, clock.now());
  CHECK(live(of, clock, 1h) == texts{"half 13:30"}); // 13:45
  clock.set_wall(-1h);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 1h + 45min);
  CHECK(live(of, clock, 2h) == texts{"half 14:30"}); // 14:45
  clock.set_wall(-24h);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 45min);
  CHECK(live(of, clock, 2h) == texts{"half 15:30", "half 16:30"});
}

TEST_CASE("corrections add up: three hours in two steps are one, four are more") {
  clocks clock(monday + 12h + 45min);
  timetable of(list(job("half", "30 * * * *")), {}, clock.now());
  CHECK(live(of, clock, 1h) == texts{"half 13:30"});
  clock.set_wall(-2h);
  CHECK(of.look(clock.now()).empty());
  clock.set_wall(-1h);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 3h + 45min);
  clock.set_wall(-1h);
  CHECK(of.look(clock.now()).empty());
  CHECK(of.wait(clock.now()) == 45min);
}

TEST_CASE("a machine that slept: the wall clock went on alone") {
  clocks clock;
  cron::job nightly = job("nightly", "30 2 * * *");
  nightly.when_missed = cron::missed::once;
  nightly.within = 6h;
  timetable of(list(nightly, job("tick", "@every 1h")), {}, clock.now());
  clock.set_wall(20h); // to 08:00
  CHECK(names(of.look(clock.now())) == texts{"nightly 02:30"});
  clock.set_wall(24h + 31min); // at 08:31 the run is six hours and a minute late
  CHECK(of.look(clock.now()).empty());
  CHECK(told_of(of, "nightly", clock.now()).missed == 1);
}

TEST_CASE("a year asleep costs no more than a minute, and catches up with a hundred at most") {
  clocks clock;
  cron::job second = job("second", "* * * * * *");
  second.when_missed = cron::missed::all;
  second.within = hours(24 * 1000);
  second.when_busy = cron::overlap::allow;
  timetable of(list(second), {}, clock.now());
  clock.set_wall(days(365));
  const auto runs = of.look(clock.now());
  CHECK(runs.size() == timetable::max_under_way);
  CHECK(runs.front().at == floor<seconds>(clock.now().wall) - 100s);
  CHECK(told_of(of, "second", clock.now()).waiting == 0);
  CHECK(told_of(of, "second", clock.now()).skipped == 1);
  CHECK(of.wait(clock.now()) == 1s);
}

TEST_CASE("the newest times are caught up with, also of a job whose times stand close together") {
  clocks clock; // 12:00, eight hours after the last of 3,600 times
  cron::job dense = job("dense", "* * 3 * * *");
  dense.when_missed = cron::missed::all;
  dense.within = 24h;
  dense.when_busy = cron::overlap::allow;
  timetable of(list(dense), {}, clock.now());
  clock.set_wall(24h);
  const auto runs = of.look(clock.now());
  REQUIRE(runs.size() == timetable::max_caught_up);
  for (std::size_t i = 0; i < runs.size(); ++i) CHECK(runs[i].at == monday + 24h + 4h - seconds(100 - i));
}

TEST_CASE("what was missed while the node was down, from what was kept") {
  clocks clock;
  cron::job nightly = job("nightly", "30 2 * * *");
  nightly.when_missed = cron::missed::all;
  nightly.within = hours(100);
  const std::map<std::string, cron::kept_state> kept{{"nightly", {"30 2 * * * in UTC", monday - 48h, {}}},
                                                     {"gone", {"", monday, true}}};
  timetable of(list(nightly, job("new", "30 2 * * *")), kept, clock.now());
  const auto runs = of.look(clock.now());
  REQUIRE(runs.size() == 1); // the others wait for it
  CHECK(runs[0].at == monday - 48h + 2h + 30min);
  CHECK(told_of(of, "nightly", clock.now()).waiting == 2);
  CHECK(told_of(of, "new", clock.now()).missed == 0);
  CHECK(live(of, clock, 1min).empty());
  of.finished(runs[0].number, true, clock.now());
  CHECK(live(of, clock, 1min).size() == 2);
  const auto now_kept = of.keep();
  CHECK_MESSAGE(now_kept.size() == 1, "of those that catch up");
  CHECK(now_kept.at("nightly").seen == monday + 12h);

  SUBCASE("of a clock that was ahead: from now on") {
    timetable ahead(list(nightly), {{"nightly", {"30 2 * * * in UTC", monday + hours(1000), {}}}},
                    clock.now());
    CHECK(ahead.look(clock.now()).empty());
    CHECK(*ahead.wait(clock.now()) < 24h);
  }
  SUBCASE("of another expression or zone: nothing was missed") {
    for (const char* at : {"30 3 * * * in UTC", "30 2 * * * in Europe/Paris", ""}) {
      timetable other(list(nightly), {{"nightly", {at, monday - 48h, {}}}}, clock.now());
      CHECK(other.look(clock.now()).empty());
      CHECK(told_of(other, "nightly", clock.now()).missed == 0);
    }
  }
  SUBCASE("while it was off: nothing was missed either") {
    of.enable("nightly", false, clock.now());
    clock.pass(48h);
    (void)of.look(clock.now());
    auto off = of.keep();
    CHECK(off.at("nightly").seen == floor<seconds>(clock.now().wall));
    CHECK(off.at("nightly").at == "30 2 * * * in UTC");
    off.at("nightly").switched.reset();
    timetable on(list(nightly), off, clock.now());
    CHECK(on.look(clock.now()).empty());
  }
}

TEST_CASE("a switch by hand is kept, and wins over the job's own") {
  clocks clock;
  timetable of(list(job("half", "30 * * * *")), {}, clock.now());
  CHECK(of.enable("half", false, clock.now()));
  CHECK(!of.enable("other", false, clock.now()));
  CHECK(!of.wait(clock.now()));
  CHECK(live(of, clock, 5h).empty());
  CHECK(!told_of(of, "half", clock.now()).next);
  CHECK(told_of(of, "half", clock.now()).switched_off);
  timetable later(list(job("half", "30 * * * *")), of.keep(), clock.now());
  CHECK(live(later, clock, 5h).empty());
  CHECK(later.enable("half", true, clock.now()));
  CHECK_MESSAGE(later.look(clock.now()).empty(), "what passed while it was off is not missed");
  CHECK(later.wait(clock.now()) == 30min);
  CHECK(told_of(later, "half", clock.now()).missed == 0);
}

TEST_CASE("a run under way when the next is due") {
  struct expected {
    cron::overlap policy;
    std::size_t together;
    std::uint32_t waiting;
    std::uint64_t skipped;
  };
  for (const expected& one :
       {expected{cron::overlap::skip, 1, 0, 199}, expected{cron::overlap::queue, 1, 100, 99},
        expected{cron::overlap::allow, 100, 0, 100}}) {
    clocks clock;
    cron::job each = job("each", "* * * * *");
    each.when_busy = one.policy;
    timetable of(list(each), {}, clock.now());
    std::vector<run> begun;
    for (int i = 0; i < 200; ++i) {
      clock.pass(1min);
      for (run& its : of.look(clock.now())) begun.push_back(std::move(its));
    }
    CHECK(begun.size() == one.together);
    const auto told = told_of(of, "each", clock.now());
    CHECK(told.under_way == one.together);
    CHECK(told.waiting == one.waiting);
    CHECK(told.skipped == one.skipped);
    clock.pass(10s);
    of.finished(begun[0].number, true, clock.now());
    CHECK(told_of(of, "each", clock.now()).last_took == 199min + 10s);
    of.finished(begun[0].number, true, clock.now()); // once is enough
    const auto then = of.look(clock.now());
    REQUIRE(then.size() == (one.policy == cron::overlap::queue ? 1 : 0));
    if (!then.empty()) CHECK(then[0].at == begun[0].at + 1min);
  }
}

TEST_CASE(
    "a run that does not end is told with its age and the times that it was in the way of, until it ends") {
  clocks clock;
  timetable of(list(job("each", "* * * * *"), job("span", "@every 1h")), {}, clock.now());
  const auto told = [&](const char* name = "each") { return told_of(of, name, clock.now()); };
  CHECK_FALSE(told().running.has_value());
  clock.pass(1min);
  const auto begun = of.look(clock.now());
  REQUIRE(begun.size() == 1);
  for (std::uint32_t times = 1; times <= 3; ++times) {
    clock.pass(1min);
    CHECK(of.look(clock.now()).empty());
    CHECK(told().overlapped == times);
  }
  CHECK(of.ask("each", clock.now()) == cron::asked::skipped);
  CHECK_MESSAGE(told().overlapped == 3, "a request is no due time");
  clock.pass(10s);
  CHECK(told().running == 3min + 10s);
  CHECK_FALSE(told("span").running.has_value());
  of.finished(begun[0].number, false, clock.now());
  CHECK_FALSE(told().running.has_value());
  CHECK(told().overlapped == 0);
}

TEST_CASE("one that is held is told with how long, from the first time that it was not known where it runs") {
  clocks clock;
  timetable of(list(job("half", "30 * * * *")), {}, clock.now());
  const auto held = [&] { return told_of(of, "half", clock.now()).held; };
  CHECK_FALSE(held().has_value());
  CHECK(of.hold("half", clock.now()));
  clock.pass(1s);
  CHECK(of.hold("half", clock.now())); // the group has changed again
  clock.pass(1s);
  CHECK(held() == 2s);
  CHECK(of.place("half", true, true, clock.now()));
  CHECK_FALSE(held().has_value());
}

TEST_CASE("one that fails is tried again, later each time, and is under way until then") {
  clocks clock;
  cron::job each = job("each", "0 * * * *");
  each.on_failure = {3, 10s, 30s};
  timetable of(list(each), {}, clock.now());
  clock.pass(1h);
  auto runs = of.look(clock.now());
  for (const nanoseconds wait : {10s, 20s, 30s}) {
    REQUIRE(runs.size() == 1);
    of.finished(runs[0].number, false, clock.now());
    CHECK(told_of(of, "each", clock.now()).under_way == 1);
    REQUIRE(of.wait(clock.now()) == wait);
    clock.pass(wait - 1ns);
    CHECK(of.look(clock.now()).empty());
    clock.pass(1ns);
    runs = of.look(clock.now());
  }
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].why == run::cause::retry);
  CHECK(runs[0].attempt == 3);
  CHECK(runs[0].at == monday + 13h);
  of.finished(runs[0].number, false, clock.now());
  const auto told = told_of(of, "each", clock.now());
  CHECK(told.under_way == 0);
  CHECK(told.failures == 4);
  CHECK(told.retries == 3);
  CHECK(told.runs == 4);
  CHECK(told.last_succeeded == false);
  CHECK(of.wait(clock.now()) == 59min);
}

TEST_CASE("asked for, it runs whether enabled or not, and not twice at once") {
  clocks clock;
  cron::job off = job("off", "0 0 * * *");
  off.enabled = false;
  timetable of(list(off), {}, clock.now());
  CHECK(of.ask("other", clock.now()) == cron::asked::no_such_job);
  CHECK(of.ask("off", clock.now()) == cron::asked::under_way);
  CHECK(of.wait(clock.now()) == 0ns);
  const auto runs = of.look(clock.now());
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].why == run::cause::asked);
  CHECK(of.ask("off", clock.now()) == cron::asked::skipped);
  CHECK(of.look(clock.now()).empty());
  CHECK(told_of(of, "off", clock.now()).skipped == 1);
}

TEST_CASE("other jobs: the same go on, those that changed begin anew, those gone leave nothing") {
  clocks clock;
  cron::job failing = job("failing", "30 12 * * *");
  failing.on_failure = {1, 10s, 10s};
  timetable of(list(job("tick", "@every 1h"), job("half", "30 * * * *"), failing), {}, clock.now());
  clock.pass(30min);
  const auto runs = of.look(clock.now());
  REQUIRE(names(runs) == texts{"failing 12:30", "half 12:30"});
  of.finished(runs[0].number, false, clock.now());
  of.change(list(job("tick", "@every 1h"), job("half", "40 * * * *")), clock.now());
  CHECK(of.wait(clock.now()) == 10min);
  CHECK(told_of(of, "half", clock.now()).runs == 1);
  CHECK(told_of(of, "half", clock.now()).under_way == 1);
  clock.pass(10min);
  CHECK_MESSAGE(of.look(clock.now()).empty(), "its run is still under way");
  of.finished(runs[1].number, true, clock.now());
  CHECK(of.wait(clock.now()) == 20min); // as if nothing had been changed
  // A job that comes again under the same name is a new job: the end of a former run is not one of its own.
  clock.pass(1h); // 13:40
  const auto later = of.look(clock.now());
  REQUIRE(later.size() == 2);
  of.change(list(job("tick", "@every 1h")), clock.now());
  of.change(list(job("half", "40 * * * *"), job("tick", "@every 1h")), clock.now());
  for (const run& one : later) of.finished(one.number, true, clock.now());
  CHECK(told_of(of, "half", clock.now()).under_way == 0);
  CHECK(told_of(of, "half", clock.now()).runs == 0);
  of.change({}, clock.now());
  CHECK(!of.wait(clock.now()));
}

TEST_CASE("a job that changes is due from then on, by all that changed") {
  clocks clock;
  cron::job one = job("one", "30 * * * *");
  one.when_missed = cron::missed::all;
  timetable of(list(one), {}, clock.now());
  clock.pass(20min);
  one.at = job("one", "10 * * * *").at;
  of.change(list(one), clock.now());
  CHECK_MESSAGE(of.look(clock.now()).empty(), "12:10 was before");
  CHECK(of.wait(clock.now()) == 50min);
  one.in = *cron::zone::find("Asia/Kathmandu"); // 5:45 ahead: there it is 18:05
  of.change(list(one), clock.now());
  CHECK(of.wait(clock.now()) == 5min);
  one.on_failure.attempts = 1;
  of.change(list(one), clock.now());
  clock.pass(5min);
  auto runs = of.look(clock.now());
  REQUIRE(runs.size() == 1);
  of.finished(runs[0].number, false, clock.now());
  CHECK(of.wait(clock.now()) == 10s);
  one.enabled = false;
  of.change(list(one), clock.now());
  CHECK(!told_of(of, "one", clock.now()).next);
  CHECK_MESSAGE(of.wait(clock.now()) == 10s, "what is under way goes on");
}

TEST_CASE("times that belong to another node pass as if they had run") {
  clocks clock;
  cron::job half = job("half", "30 * * * *");
  half.when_missed = cron::missed::all;
  timetable of(list(half), {}, clock.now());
  CHECK(of.place("half", false, false, clock.now()));
  CHECK(!of.place("other", false, false, clock.now()));
  CHECK(live(of, clock, 3h).empty());
  CHECK(of.place("half", true, true, clock.now()));
  CHECK(of.look(clock.now()).empty());
  CHECK(told_of(of, "half", clock.now()).missed == 0);
  CHECK(live(of, clock, 1h) == texts{"half 15:30"});
}

TEST_CASE("times that come while nobody knows whose they are wait for who is found to have them") {
  for (const bool overdue : {true, false}) {
    CAPTURE(overdue);
    clocks clock;
    cron::job half = job("half", "30 * * * *");
    timetable of(list(half, job("span", "@every 20m")), {}, clock.now());
    CHECK(of.hold("half", clock.now()));
    CHECK(of.hold("span", clock.now()));
    CHECK(!of.hold("other", clock.now()));
    CHECK(!told_of(of, "half", clock.now()).here);
    CHECK(!of.wait(clock.now()));
    clock.pass(30min + 1s);
    CHECK(of.look(clock.now()).empty());
    CHECK(of.place("half", !overdue, overdue, clock.now()));
    CHECK(of.place("span", !overdue, overdue, clock.now()));
    CHECK(of.look(clock.now()).size() == (overdue ? 2 : 0));
    CHECK(told_of(of, "half", clock.now()).here == !overdue);
    clock.pass(1h);
    CHECK(of.look(clock.now()).size() == (overdue ? 0 : 2)); // later times are the other way round
  }
}

TEST_CASE("times that were missed before a node came run where none was there before, and only there") {
  for (const bool overdue : {true, false}) {
    CAPTURE(overdue);
    clocks clock;
    cron::job nightly = job("nightly", "30 10 * * *");
    nightly.when_missed = cron::missed::once;
    const std::map<std::string, cron::kept_state> kept{
        {"nightly", {"30 10 * * * in " + nightly.in.name(), monday + 9h, std::nullopt}}};
    timetable of(list(nightly), kept, clock.now());
    CHECK(of.hold("nightly", clock.now()));
    CHECK(of.look(clock.now()).empty());
    CHECK(of.place("nightly", true, overdue, clock.now()));
    CHECK(of.look(clock.now()).size() == (overdue ? 1 : 0));
    CHECK(of.look(clock.now()).empty());
  }
}

TEST_CASE("a run that nobody began is there at the next look, unless its job is gone") {
  clocks clock;
  timetable of(list(job("one", "30 * * * *"), job("two", "30 * * * *")), {}, clock.now());
  clock.pass(30min);
  const auto runs = of.look(clock.now());
  REQUIRE(runs.size() == 2);
  for (const run& each : runs) of.put_back(each);
  CHECK(of.wait(clock.now()) == 0ns);
  of.change(list(job("one", "30 * * * *")), clock.now());
  CHECK(of.look(clock.now()) == std::vector<run>{runs[0]});
  CHECK(of.look(clock.now()).empty());
  of.put_back(runs[1]);
  CHECK(of.look(clock.now()).empty());
  of.finished(runs[0].number, true, clock.now());
  CHECK(told_of(of, "one", clock.now()).under_way == 0);
}

TEST_CASE("jitter delays each run by its own span, the same whenever it is asked") {
  const auto delays = [](const std::string& name) {
    clocks clock;
    cron::job one = job(name, "0 * * * *");
    one.jitter = 10min;
    timetable of(list(one), {}, clock.now());
    std::vector<nanoseconds> out;
    for (int i = 0; i < 20; ++i) {
      while (true) {
        const auto runs = of.look(clock.now());
        if (runs.empty()) {
          clock.pass(*of.wait(clock.now()));
          continue;
        }
        out.push_back(clock.now().wall - runs[0].at);
        of.finished(runs[0].number, true, clock.now());
        break;
      }
    }
    return out;
  };
  const auto first = delays("first");
  for (const nanoseconds one : first) {
    CHECK(one >= 0ns);
    CHECK(one < 10min);
  }
  CHECK(std::set<nanoseconds>(first.begin(), first.end()).size() > 10);
  CHECK(first == delays("first"));
  CHECK(first != delays("other"));
}

TEST_CASE("ten thousand jobs in one minute all run, each once") {
  clocks clock;
  std::vector<cron::job> jobs;
  for (int i = 0; i < 10'000; ++i) jobs.push_back(job("job" + std::to_string(i), "1 12 * * *"));
  timetable of(std::move(jobs), {}, clock.now());
  const texts ran = live(of, clock, 24h);
  CHECK(std::set<std::string>(ran.begin(), ran.end()).size() == 10'000);
  CHECK(ran.size() == 10'000);
}

TEST_CASE("the clock's own changes: the policies hold for what runs") {
  const auto paris = cron::zone::find("Europe/Paris");
  REQUIRE(paris);
  const auto of_night = [&](sys_time<seconds> from, cron::clock_changes policy) {
    clocks clock(from);
    cron::job nightly = job("nightly", "30 2 * * *");
    nightly.in = *paris;
    nightly.changes = policy;
    timetable of(list(nightly), {}, clock.now());
    return live(of, clock, 12h);
  };
  using enum cron::skipped_time;
  using enum cron::repeated_time;
  const auto spring = sys_days(2026y / March / 28) + 18h, autumn = sys_days(2026y / October / 24) + 18h;
  CHECK(of_night(spring, {run_after, once}) == texts{"nightly 01:00"});
  CHECK(of_night(spring, {cron::skipped_time::skip, once}).empty());
  CHECK(of_night(autumn, {run_after, once}) == texts{"nightly 00:30"});
  CHECK(of_night(autumn, {run_after, twice}) == texts{"nightly 00:30", "nightly 01:30"});
}

TEST_CASE("what is coming, of all jobs, in the order of its times") {
  clocks clock;
  timetable of(list(job("a", "30 * * * *"), job("b", "0,30 * * * *"), job("c", "@every 1m")), {},
               clock.now());
  texts said;
  for (const auto& [at, name] : of.coming(clock.now(), 90min, 100)) said.push_back(name + " " + clock_of(at));
  CHECK(said == texts{"a 12:30", "b 12:30", "b 13:00", "a 13:30", "b 13:30"});
  CHECK(of.coming(clock.now(), 90min, 2).size() == 2);
  of.enable("b", false, clock.now());
  CHECK(of.coming(clock.now(), 90min, 100).size() == 2);
}
