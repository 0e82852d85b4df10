// SPDX-License-Identifier: MIT
// Tests of cron expressions: which are read, how they are printed and said in words, and the places of
// errors.
#include "cron/expression.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <random>
#include <string>
#include <vector>

using namespace coppice;
using cron::expression;

namespace {

expression parsed(std::string_view text, std::string_view job = {}) {
  auto made = expression::parse(text, job);
  REQUIRE_MESSAGE(made.has_value(), std::string(text), ": ", made ? std::string() : made.error().text);
  return *made;
}

std::chrono::year_month_day day(int year, unsigned month, unsigned of_month) {
  return {std::chrono::year(year), std::chrono::month(month), std::chrono::day(of_month)};
}

// The days of a month on which the expression is due.
std::vector<unsigned> due(std::string_view text, int year, unsigned month) {
  const expression of = parsed(text);
  std::vector<unsigned> all;
  for (unsigned each = 1; each <= 31; ++each)
    if (day(year, month, each).ok() && of.is_due_on(day(year, month, each))) all.push_back(each);
  return all;
}

class random_text {
 public:
  explicit random_text(unsigned seed) : random_(seed) {}
  std::string expression() {
    std::string all = one_in(4) ? field(0, 59) + " " : "";
    all += field(0, 59) + " " + field(0, 23) + " ";
    all += (one_in(4) ? days() : field(1, 31)) + " " + field(1, 12) + " ";
    return all + (one_in(4) ? weekdays() : field(0, 7));
  }

 private:
  bool one_in(unsigned count) { return random_() % count == 0; }
  unsigned number(unsigned least, unsigned most) {
    return least + static_cast<unsigned>(random_() % (most - least + 1));
  }
  std::string text(unsigned least, unsigned most) { return std::to_string(number(least, most)); }
  std::string field(unsigned least, unsigned most) {
    if (one_in(3)) return "*";
    if (one_in(4)) return "*/" + text(1, most - least - (most == 7 ? 1 : 0));
    std::string all;
    for (unsigned left = number(1, 4); left != 0; --left) {
      const unsigned first = number(least, most);
      all += (all.empty() ? "" : ",") + std::to_string(first);
      if (one_in(2)) continue;
      const unsigned last = number(first, most);
      all += "-" + std::to_string(last);
      if (last > first && one_in(3)) all += "/" + text(1, last - first);
    }
    return all;
  }
  // Each of them matches the beginning of January, so that a date exists.
  std::string days() {
    const std::vector<std::string> all{"1,L", "1,L-" + text(1, 30), "LW,1", "1W," + text(1, 31) + "W",
                                       "1-3,15W,L"};
    return all[number(0, 4)];
  }
  std::string weekdays() {
    const std::vector<std::string> all{text(0, 7) + "L", text(0, 7) + "#" + text(1, 5), "mon-fri",
                                       "1,5L,2#3"};
    return all[number(0, 3)];
  }

  std::mt19937 random_;
};

} // namespace

TEST_CASE("an expression is written in one way, in which it reads back as the same") {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"30 2 * * mon-fri", "30 2 * * 1-5"},
      {"  0   0 * * * ", "0 0 * * *"},
      {"*/15 0-23 * JAN,dec Sun", "*/15 * * 1,12 0"},
      {"0 0 * * 7", "0 0 * * 0"},
      {"0 0 * * 5-7", "0 0 * * 0,5,6"},
      {"10-40/15 9-17 1,15 * *", "10,25,40 9-17 1,15 * *"},
      {"0 0 */2 * *", "0 0 */2 * *"},
      {"0 0 1-31 * 1", "0 0 1-31 * 1"},
      {"30 0 12 * * *", "30 0 12 * * *"},
      {"0 0 12 * * *", "0 12 * * *"},
      {"0 0 L,L-3,LW,15W * *", "0 0 L,L-3,LW,15W * *"},
      {"0 0 * * 5L,0#2", "0 0 * * 5L,0#2"},
      {"TZ=Europe/Paris 0 0 * * *", "TZ=Europe/Paris 0 0 * * *"},
      {"CRON_TZ=UTC @daily", "TZ=UTC 0 0 * * *"},
      {"@yearly", "0 0 1 1 *"},
      {"@monthly", "0 0 1 * *"},
      {"@weekly", "0 0 * * 0"},
      {"@midnight", "0 0 * * *"},
      {"@hourly", "0 * * * *"},
      {"@reboot", "@reboot"},
      {"@every 1h30m", "@every 5400s"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.first);
    CHECK(parsed(one.first).print() == one.second);
    CHECK(parsed(one.second) == parsed(one.first));
  }
}

TEST_CASE("what is printed reads back as what it was, whatever it is") {
  for (unsigned seed = 1; seed <= 20'000; ++seed) {
    const std::string text = random_text(seed).expression();
    CAPTURE(seed);
    CAPTURE(text);
    const auto made = expression::parse(text);
    if (!made) {
      CHECK(made.error().text == "no month it names has such a day");
      continue;
    }
    const auto again = expression::parse(made->print());
    if (!again || *again != *made) FAIL(made->print());
  }
}

TEST_CASE("what is wrong is said with its place") {
  struct wrong {
    const char* text;
    std::size_t column;
    const char* why;
  };
  const std::vector<wrong> cases{
      {"", 1, "there is no expression"},
      {"* * * *", 1, "an expression has five fields, or six with seconds in front, not 4"},
      {"60 * * * *", 1, "60 is no minute"},
      {"0 24 * * *", 3, "24 is no hour"},
      {"0 0 0 * *", 5, "0 is no day of the month"},
      {"0 0 * 13 *", 7, "13 is no month"},
      {"0 0 * * 8", 9, "8 is no weekday"},
      {"0 0 * * monday", 9, "monday is no weekday"},
      {"0 0 1,,3 * *", 7, "nothing is no day of the month"},
      {"1,x * * * *", 3, "x is no minute"},
      {"5-1 * * * *", 1, "5-1 is no range"},
      {"*/0 * * * *", 3, "0 is no step here"},
      {"*/60 * * * *", 3, "60 is no step here"},
      {"5/5 * * * *", 1, "5/5 has nothing to take steps in"},
      {"1,* * * * *", 3, "* stands alone, not in a list"},
      {"0 0 L-31 * *", 7, "31 is no number of days before the last"},
      {"0 0 32W * *", 5, "32 is no day of the month"},
      {"0 0 * * 1#6", 11, "6 is no week of a month"},
      {"0 0 30 2 *", 5, "no month it names has such a day"},
      {"0 0 31 4,6,9,11 *", 5, "no month it names has such a day"},
      {"0 0 L-29 2 *", 5, "no month it names has such a day"},
      {"@dayly", 1, "there is no @dayly"},
      {"@daily 5", 8, "@daily has no fields"},
      {"@every", 1, "@every needs a span"},
      {"@every 5x", 8, "this is no span of time"},
      {"@every 0s", 8, "a span is from 1s to 366d"},
      {"@every 99999999999999999999s", 8, "this is no span of time"},
      {"TZ= 0 0 * * *", 1, "TZ= needs the name of a zone"},
      {"99999999999 * * * *", 1, "99999999999 is no minute"},
  };
  for (const wrong& one : cases) {
    CAPTURE(one.text);
    const auto made = expression::parse(one.text);
    REQUIRE(!made.has_value());
    CHECK(made.error().column == one.column);
    CHECK(made.error().text == one.why);
  }
}

TEST_CASE("a date that some of its months have, or that a weekday may make, is none of these") {
  for (const char* text :
       {"0 0 29 2 *", "0 0 31 * *", "0 0 30 2 1", "0 0 31 2,3 *", "0 0 L-28 2 *", "0 0 31W 4,5 *"})
    CHECK(expression::parse(text).has_value());
}

TEST_CASE("days: the two fields together where one begins with a star, else either") {
  using days = std::vector<unsigned>;
  // February 2026 begins on a Sunday.
  CHECK(due("0 0 13 * 5", 2026, 2) == days{6, 13, 20, 27});
  CHECK(due("0 0 13 * *", 2026, 2) == days{13});
  CHECK(due("0 0 * * 5", 2026, 2) == days{6, 13, 20, 27});
  CHECK(due("0 0 */2 * 5", 2026, 2) == days{13, 27});
  CHECK(due("0 0 1-7 * */6", 2026, 2) == days{1, 7});
  CHECK(due("0 0 L * *", 2026, 2) == days{28});
  CHECK(due("0 0 L * *", 2028, 2) == days{29});
  CHECK(due("0 0 L-27,L-1 * *", 2026, 2) == days{1, 27});
  CHECK(due("0 0 * * 5L", 2026, 2) == days{27});
  CHECK(due("0 0 * * 5#2", 2026, 2) == days{13});
  CHECK(due("0 0 * * 0#5", 2026, 2).empty());
  CHECK(due("0 0 * * 0#5", 2026, 3) == days{29});
}

TEST_CASE("the nearest weekday stays in its month") {
  using days = std::vector<unsigned>;
  CHECK(due("0 0 15W * *", 2026, 2) == days{16}); // a Sunday
  CHECK(due("0 0 14W * *", 2026, 2) == days{13}); // a Saturday
  CHECK(due("0 0 16W * *", 2026, 2) == days{16});
  CHECK(due("0 0 1W * *", 2026, 2) == days{2});  // a Sunday
  CHECK(due("0 0 1W * *", 2026, 8) == days{3});  // a Saturday
  CHECK(due("0 0 LW * *", 2026, 5) == days{29}); // the 31st is a Sunday
  CHECK(due("0 0 LW * *", 2026, 2) == days{27}); // the 28th is a Saturday
  CHECK(due("0 0 31W * *", 2026, 4).empty());
}

TEST_CASE("H is a value that the job's name chooses, the same each time") {
  const expression one = parsed("H H * * *", "backup");
  CHECK(one == parsed("H H * * *", "backup"));
  CHECK(one.print() != parsed("H H * * *", "report").print());
  const std::string within = parsed("H(10-12) 3 * * *", "backup").print();
  CHECK((within == "10 3 * * *" || within == "11 3 * * *" || within == "12 3 * * *"));
  const expression stepped = parsed("H/20 * * * *", "backup");
  const auto begin = cron::wall_seconds();
  std::vector<long> minutes;
  auto next = stepped.first(begin, begin + std::chrono::hours(1));
  while (next) {
    minutes.push_back(next->time_since_epoch().count() / 60);
    next = stepped.first(*next + std::chrono::seconds(1), begin + std::chrono::hours(1));
  }
  REQUIRE(minutes.size() == 3);
  CHECK(minutes[1] == minutes[0] + 20);
  CHECK(minutes[2] == minutes[0] + 40);
}

TEST_CASE("an expression is said in words") {
  const std::vector<std::pair<const char*, const char*>> cases{
      {"30 2 * * *", "at 02:30, every day"},
      {"0 9,17 * * mon-fri", "at 09:00 and 17:00, on Monday to Friday"},
      {"* * * * *", "every minute, every day"},
      {"*/5 * * * *", "every 5 minutes, every day"},
      {"5,20 * * * *", "at minutes 5 and 20 of every hour, every day"},
      {"*/10 9-17 * * *", "every 10 minutes, in the hours 09 to 17, every day"},
      {"30 0 12 * * *", "at 12:00:30, every day"},
      {"0 0 1,15 * 5", "at 00:00, on days 1 and 15 of the month and also on Friday"},
      {"0 0 L 1-3 *", "at 00:00, on the last day of the month in January to March"},
      {"0 0 * * 5#2,0L", "at 00:00, on the last Sunday and the second Friday"},
      {"0 0 15W * *", "at 00:00, on the weekday nearest to day 15 of the month"},
      {"@reboot", "once, when the node starts"},
      {"@every 5m", "every 300 seconds from the node's start"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.first);
    CHECK(parsed(one.first).words() == one.second);
  }
}
