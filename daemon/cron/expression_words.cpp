// SPDX-License-Identifier: MIT
// Describes an expression in words, for people who do not read crontab(5).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <vector>

#include "cron/expression.hpp"

namespace coppice::cron {

namespace {

constexpr std::array<const char*, 12> months{"January",   "February", "March",    "April",
                                             "May",       "June",     "July",     "August",
                                             "September", "October",  "November", "December"};
constexpr std::array<const char*, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 6> nth{"", "first", "second", "third", "fourth", "fifth"};
constexpr int most_times = 6; // most times that are listed one by one

std::vector<unsigned> values(std::uint64_t bits) {
  std::vector<unsigned> all;
  for (; bits != 0; bits &= bits - 1) all.push_back(static_cast<unsigned>(std::countr_zero(bits)));
  return all;
}

// "a", "a and b", "a, b and c"
std::string joined(const std::vector<std::string>& parts) {
  if (parts.empty()) return {};
  std::string out = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) out += (i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return out;
}

// Names the values; a run of three or more becomes "a to b".
template <class Name>
std::vector<std::string> ranges(std::uint64_t bits, Name name) {
  std::vector<std::string> parts;
  const std::vector<unsigned> all = values(bits);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < all.size() && all[last + 1] == all[last] + 1) ++last;
    if (last < i + 2) {
      parts.push_back(name(all[i]));
    } else {
      parts.push_back(name(all[i]) + " to " + name(all[last]));
      i = last;
    }
  }
  return parts;
}

std::string number(unsigned value) {
  return std::to_string(value);
}

// "every minute", "every 5 minutes", "at minutes 5 and 20"
std::string of_unit(std::uint64_t bits, unsigned count, const char* unit) {
  const std::vector<unsigned> all = values(bits);
  if (all.size() == count) return fmt::format("every {}", unit);
  if (all.size() > 1 && all[0] == 0 && count % all.size() == 0) {
    const unsigned step = count / static_cast<unsigned>(all.size());
    bool regular = true;
    for (std::size_t i = 0; i < all.size(); ++i) regular = regular && all[i] == i * step;
    if (regular) return fmt::format("every {} {}s", step, unit);
  }
  return fmt::format("at {}{} {}", unit, all.size() == 1 ? "" : "s", joined(ranges(bits, &number)));
}

} // namespace

std::string expression::time_in_words() const {
  const int times = std::popcount(hours_) * std::popcount(minutes_) * std::popcount(seconds_);
  if (times <= most_times) {
    std::vector<std::string> all;
    for (const unsigned hour : values(hours_))
      for (const unsigned minute : values(minutes_))
        for (const unsigned second : values(seconds_))
          all.push_back(seconds_ == 1 ? fmt::format("{:02}:{:02}", hour, minute)
                                      : fmt::format("{:02}:{:02}:{:02}", hour, minute, second));
    return "at " + joined(all);
  }
  std::vector<std::string> parts;
  if (seconds_ != 1) parts.push_back(of_unit(seconds_, 60, "second"));
  const bool each_minute = std::popcount(minutes_) == 60;
  if (seconds_ == 1 || !each_minute) parts.push_back(of_unit(minutes_, 60, "minute"));
  if (!is_hourly()) {
    const auto hour = [](unsigned value) { return fmt::format("{:02}", value); };
    const std::string regular = of_unit(hours_, 24, "hour");
    parts.push_back(regular.starts_with("every") ? "in one hour of " + regular.substr(6)
                                                 : "in the hours " + joined(ranges(hours_, hour)));
  } else if (!each_minute && !parts.back().starts_with("every")) {
    parts.back() += " of every hour";
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string expression::days_in_words() const {
  std::vector<std::string> in_month;
  std::vector<std::string> in_week;
  if (!any_day_ || std::popcount(days_) != 31) {
    if (days_ != 0)
      in_month.push_back(
          fmt::format("day{} {}", std::popcount(days_) == 1 ? "" : "s", joined(ranges(days_, &number))));
    for (const unsigned at : values(before_last_))
      in_month.push_back(at == 0 ? "the last day"
                                 : fmt::format("{} day{} before the last", at, at == 1 ? "" : "s"));
    for (const unsigned at : values(nearest_weekday_))
      in_month.push_back(at == 0 ? "the weekday nearest to the last day"
                                 : fmt::format("the weekday nearest to day {}", at));
  }
  if (!any_weekday_ || std::popcount(weekdays_) != 7) {
    for (std::string& each : ranges(weekdays_, [](unsigned value) { return std::string(weekdays[value]); }))
      in_week.push_back(std::move(each));
    for (const unsigned at : values(last_weekdays_))
      in_week.push_back(fmt::format("the last {}", weekdays[at]));
    for (std::size_t i = 1; i < nth_weekdays_.size(); ++i)
      for (const unsigned at : values(nth_weekdays_[i]))
        in_week.push_back(fmt::format("the {} {}", nth[i], weekdays[at]));
  }
  const bool both = any_day_ || any_weekday_;
  std::string out;
  if (in_month.empty() && in_week.empty()) out = "every day";
  if (!in_month.empty()) out = "on " + joined(in_month) + " of the month";
  if (!in_week.empty())
    out += (out.empty() ? "on " : both ? " if it is " : " and also on ") + joined(in_week);
  if (std::popcount(months_) != 12)
    out += " in " + joined(ranges(months_, [](unsigned value) { return std::string(months[value - 1]); }));
  return out;
}

std::string expression::words() const {
  if (is_ == kind::reboot) return "once, when the node starts";
  if (is_ == kind::every) return fmt::format("every {} seconds from the node's start", span_.count());
  return time_in_words() + ", " + days_in_words();
}

} // namespace coppice::cron
