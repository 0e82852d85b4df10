// SPDX-License-Identifier: MIT
// Compares the times at which an expression is due with a reference that checks each minute of a year on the
// clock of the C library: in twenty zones, under each policy for skipped and repeated times.
#include "cron/schedule.hpp"

#include <doctest/doctest.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/sanitizer.hpp"

using namespace coppice;
using namespace std::chrono;
using cron::occurrence;

namespace {

constexpr const char* zones[] = {"UTC",
                                 "Europe/Paris",
                                 "Europe/London",
                                 "Europe/Dublin",
                                 "America/New_York",
                                 "America/St_Johns",
                                 "America/Santiago",
                                 "America/Sao_Paulo",
                                 "America/Havana",
                                 "Africa/Casablanca",
                                 "Africa/Cairo",
                                 "Asia/Gaza",
                                 "Asia/Beirut",
                                 "Asia/Kathmandu",
                                 "Asia/Tokyo",
                                 "Australia/Lord_Howe",
                                 "Australia/Adelaide",
                                 "Pacific/Chatham",
                                 "Pacific/Auckland",
                                 "Antarctica/Troll"};

constexpr std::int64_t year_begin = 1767225600; // 2026-01-01
constexpr std::int64_t minutes_of_year = 365 * 24 * 60;

struct tested {
  const char* text;
  bool hourly;
  std::function<bool(const tm&)> due;
};
const std::vector<tested> expressions{
    {"30 2 * * *", false, [](const tm& t) { return t.tm_min == 30 && t.tm_hour == 2; }},
    {"0 0 * * *", false, [](const tm& t) { return t.tm_min == 0 && t.tm_hour == 0; }},
    {"*/5 * * * *", true, [](const tm& t) { return t.tm_min % 5 == 0; }},
    {"15,45 1-3 * * *", false,
     [](const tm& t) { return t.tm_min % 30 == 15 && t.tm_hour >= 1 && t.tm_hour <= 3; }},
    {"59 23 31 * *", false, [](const tm& t) { return t.tm_min == 59 && t.tm_hour == 23 && t.tm_mday == 31; }},
    {"0 12 13 * 5", false,
     [](const tm& t) { return t.tm_min == 0 && t.tm_hour == 12 && (t.tm_mday == 13 || t.tm_wday == 5); }},
    {"10 */2 * 3,4,10 0", false,
     [](const tm& t) {
       return t.tm_min == 10 && t.tm_hour % 2 == 0 && t.tm_wday == 0 &&
              (t.tm_mon == 2 || t.tm_mon == 3 || t.tm_mon == 9);
     }},
};

// The wall clock's time in each minute of the year, and of a day more at either end.
class year_on_the_wall {
 public:
  explicit year_on_the_wall(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
    for (std::int64_t i = -margin; i < minutes_of_year + margin; ++i) {
      const time_t at = year_begin + i * 60;
      tm local{};
      localtime_r(&at, &local);
      wall_.push_back(at + local.tm_gmtoff);
    }
    setenv("TZ", "UTC", 1);
    tzset();
  }

  std::vector<occurrence> due(const tested& of, cron::clock_changes policy) const {
    std::vector<occurrence> all;
    std::int64_t seen = wall_[0];
    for (std::size_t i = 1; i < wall_.size(); ++i) {
      const std::int64_t at = year_begin + (static_cast<std::int64_t>(i) - margin) * 60;
      const bool again = wall_[i] <= seen;
      bool skipped = false;
      for (std::int64_t each = wall_[i - 1] + 60; each < wall_[i]; each += 60) skipped |= is_due(of, each);
      skipped = skipped && !of.hourly && policy.skipped == cron::skipped_time::run_after;
      const bool wanted = !again || of.hourly || policy.repeated == cron::repeated_time::twice;
      if (i > margin && i < wall_.size() - margin && (skipped || (is_due(of, wall_[i]) && wanted)))
        all.push_back({cron::instant(seconds(at)), skipped ? occurrence::kind::after_skipped
                                                   : again ? occurrence::kind::second_of_two
                                                           : occurrence::kind::plain});
      seen = std::max(seen, wall_[i]);
    }
    return all;
  }

 private:
  static constexpr std::int64_t margin = 24 * 60;
  static bool is_due(const tested& of, std::int64_t wall) {
    const time_t at = wall;
    tm parts{};
    gmtime_r(&at, &parts);
    return of.due(parts);
  }

  std::vector<std::int64_t> wall_;
};

std::vector<occurrence> ours(const tested& of, const cron::zone& in, cron::clock_changes policy) {
  const auto expression = cron::expression::parse(of.text);
  REQUIRE(expression.has_value());
  std::vector<occurrence> all;
  const cron::instant begin{seconds(year_begin)};
  const cron::instant end = begin + minutes(minutes_of_year);
  auto next = cron::next(*expression, in, policy, begin);
  while (next && next->at < end) {
    all.push_back(*next);
    next = cron::next(*expression, in, policy, next->at);
  }
  return all;
}

// When the reference sees a repeated time first, it does not know yet that the time comes again.
occurrence::kind known(occurrence::kind is) {
  return is == occurrence::kind::first_of_two ? occurrence::kind::plain : is;
}

cron::instant utc(int year, unsigned month, unsigned day, int hour, int minute = 0) {
  return sys_days(year_month_day(std::chrono::year(year), std::chrono::month(month), std::chrono::day(day))) +
         hours(hour) + minutes(minute);
}

// The next `count` occurrences after that time.
std::vector<occurrence> following(const char* text, const char* zone, cron::instant after, int count,
                                  cron::clock_changes policy = {}) {
  const auto expression = cron::expression::parse(text);
  const auto in = cron::zone::find(zone);
  REQUIRE(expression.has_value());
  REQUIRE(in.has_value());
  std::vector<occurrence> all;
  for (; count != 0; --count) {
    const auto next = cron::next(*expression, *in, policy, after);
    if (!next) break;
    all.push_back(*next);
    after = next->at;
  }
  return all;
}

using kind = occurrence::kind;
constexpr cron::clock_changes skip_and_twice{cron::skipped_time::skip, cron::repeated_time::twice};

} // namespace

TEST_CASE("a year in twenty zones is as the clock on the wall has it, minute by minute") {
  if (!cron::zone::has_data()) {
    std::puts("SKIP a year in twenty zones: there is no data of time zones here");
    return;
  }
  constexpr std::size_t step = base::sanitized ? 4 : 1; // sanitized builds take ten times as long
  for (std::size_t i = 0; i < std::size(zones); i += step) {
    const char* const name = zones[i];
    const year_on_the_wall year(name);
    const auto zone = cron::zone::find(name);
    REQUIRE(zone.has_value());
    for (const tested& one : expressions)
      for (const cron::clock_changes policy : {cron::clock_changes{}, skip_and_twice}) {
        CAPTURE(name);
        CAPTURE(one.text);
        const auto theirs = year.due(one, policy);
        const auto mine = ours(one, *zone, policy);
        REQUIRE(mine.size() == theirs.size());
        const auto differs = std::ranges::mismatch(
            mine, theirs,
            [](const occurrence& a, const occurrence& b) { return a.at == b.at && known(a.is) == b.is; });
        CHECK(differs.in1 - mine.begin() == std::ssize(mine));
      }
  }
}

TEST_CASE("a time that the clock skips is due when it goes on, or not at all") {
  // In Paris, 2026-03-29: 02:00 is 03:00.
  const cron::instant before = utc(2026, 3, 28, 12);
  auto all = following("30 2 * * *", "Europe/Paris", before, 2);
  CHECK(all == std::vector<occurrence>{{utc(2026, 3, 29, 1), kind::after_skipped},
                                       {utc(2026, 3, 30, 0, 30), kind::plain}});
  all = following("30 2 * * *", "Europe/Paris", before, 1, skip_and_twice);
  CHECK(all == std::vector<occurrence>{{utc(2026, 3, 30, 0, 30), kind::plain}});
  all = following("0,30 2,3 29 3 *", "Europe/Paris", before, 3); // one for both, and for what is due then
  CHECK(all == std::vector<occurrence>{{utc(2026, 3, 29, 1), kind::after_skipped},
                                       {utc(2026, 3, 29, 1, 30), kind::plain},
                                       {utc(2027, 3, 29, 0), kind::plain}});
}

TEST_CASE("a time that comes twice is due the first time, or both") {
  // In Paris, 2026-10-25: 03:00 is 02:00 again.
  const cron::instant before = utc(2026, 10, 24, 12);
  auto all = following("30 2 * * *", "Europe/Paris", before, 2);
  CHECK(all == std::vector<occurrence>{{utc(2026, 10, 25, 0, 30), kind::first_of_two},
                                       {utc(2026, 10, 26, 1, 30), kind::plain}});
  all = following("30 2 * * *", "Europe/Paris", before, 2, skip_and_twice);
  CHECK(all == std::vector<occurrence>{{utc(2026, 10, 25, 0, 30), kind::first_of_two},
                                       {utc(2026, 10, 25, 1, 30), kind::second_of_two}});
}

TEST_CASE("from the middle of what is repeated the rest of it is still the same") {
  const cron::instant within = utc(2026, 10, 25, 1, 10); // the second 02:10
  CHECK(following("30 2 * * *", "Europe/Paris", within, 1).at(0).at == utc(2026, 10, 26, 1, 30));
  CHECK(following("30 2 * * *", "Europe/Paris", within, 1, skip_and_twice).at(0).at ==
        utc(2026, 10, 25, 1, 30));
}

TEST_CASE("on Lord Howe Island clocks change by half an hour") {
  // 2026-04-05: 02:00 is 01:30 again; 2026-10-04: 02:00 is 02:30.
  auto all = following("45 1 * * *", "Australia/Lord_Howe", utc(2026, 4, 4, 0), 2);
  CHECK(all == std::vector<occurrence>{{utc(2026, 4, 4, 14, 45), kind::first_of_two},
                                       {utc(2026, 4, 5, 15, 15), kind::plain}});
  all = following("45 1 * * *", "Australia/Lord_Howe", utc(2026, 4, 4, 0), 2, skip_and_twice);
  CHECK(all == std::vector<occurrence>{{utc(2026, 4, 4, 14, 45), kind::first_of_two},
                                       {utc(2026, 4, 4, 15, 15), kind::second_of_two}});
  all = following("15 2 * * *", "Australia/Lord_Howe", utc(2026, 10, 3, 0), 2);
  CHECK(all == std::vector<occurrence>{{utc(2026, 10, 3, 15, 30), kind::after_skipped},
                                       {utc(2026, 10, 4, 15, 15), kind::plain}});
}

TEST_CASE("a day that a zone never had is skipped as a whole") {
  // Apia skipped 2011-12-30.
  const auto all = following("0 12 * * *", "Pacific/Apia", utc(2011, 12, 29, 0), 3);
  CHECK(all == std::vector<occurrence>{{utc(2011, 12, 29, 22), kind::plain},
                                       {utc(2011, 12, 30, 10), kind::after_skipped},
                                       {utc(2011, 12, 30, 22), kind::plain}});
}

TEST_CASE("29 February comes when it comes, and a date that never comes has an end") {
  CHECK(following("0 0 29 2 *", "UTC", utc(2026, 1, 1, 0), 1).at(0).at == utc(2028, 2, 29, 0));
  CHECK(following("0 0 */28 2 1", "UTC", utc(2026, 1, 1, 0), 1).size() == 1);
  CHECK(following("0 0 * 2 0#5", "UTC", utc(2026, 1, 1, 0), 1).at(0).at == utc(2032, 2, 29, 0));
}

TEST_CASE("seconds are counted where they are given") {
  const auto all = following("*/20 0 0 * * *", "UTC", utc(2026, 1, 1, 0), 3);
  REQUIRE(all.size() == 3);
  CHECK(all[0].at == utc(2026, 1, 1, 0) + seconds(20));
  CHECK(all[1].at == utc(2026, 1, 1, 0) + seconds(40));
  CHECK(all[2].at == utc(2026, 1, 2, 0));
}

TEST_CASE("a zone that is not there is named, with one that is like it") {
  const auto none = cron::zone::find("Europe/Pariss");
  REQUIRE(!none.has_value());
  CHECK(none.error().text.find("there is no timezone Europe/Pariss") == 0);
  if (cron::zone::has_data()) CHECK(none.error().text.find("Europe/Paris'") != std::string::npos);
  CHECK(cron::zone::find("UTC").has_value());
  CHECK(cron::zone::find("../../etc/passwd").has_value() == false);
}

TEST_CASE("what a clock skips runs after it also for a search that begins in the last second before") {
  const auto zone = cron::zone::find("Europe/Berlin");
  REQUIRE(zone);
  const auto every_second = cron::expression::parse("* * 1-2 * * *", "");
  REQUIRE(every_second);
  const cron::instant change = sys_days(2026y / March / 29) + 1h; // 2:00 is 3:00
  const cron::clock_changes policy{.skipped = cron::skipped_time::run_after};
  for (const seconds before : {1s, 2s, 3s}) {
    CAPTURE(before.count());
    cron::instant after = change - before;
    for (seconds left = before - 1s; left > 0s; left -= 1s) {
      const auto plain = next(*every_second, *zone, policy, after);
      REQUIRE(plain);
      CHECK(plain->at == change - left);
      after = plain->at;
    }
    const auto found = next(*every_second, *zone, policy, after);
    REQUIRE(found);
    CHECK(found->at == change);
    CHECK(found->is == occurrence::kind::after_skipped);
  }
}
