// SPDX-License-Identifier: MIT
// Finds the due days and times of an expression by scanning bit sets, and prints an expression.
#include "cron/expression.hpp"

#include <fmt/format.h>

#include <bit>

namespace coppice::cron {

namespace {

using namespace std::chrono;

// The lowest bit at `from` or above. -1: none.
int lowest_from(std::uint64_t bits, std::int64_t from) {
  if (from > 63) return -1;
  const std::uint64_t left = bits >> from << from;
  return left == 0 ? -1 : std::countr_zero(left);
}

bool has(std::uint64_t bits, unsigned which) {
  return which < 64 && (bits >> which & 1) != 0;
}

unsigned days_in_month(year_month_day of) {
  return static_cast<unsigned>((of.year() / of.month() / last).day());
}

// The day on which a job for the weekday nearest to day `wanted` is due, within the same month.
unsigned nearest_weekday(year_month_day of, unsigned wanted, unsigned most) {
  const unsigned of_week = weekday(sys_days(of.year() / of.month() / wanted)).c_encoding();
  if (of_week == 6) return wanted > 1 ? wanted - 1 : wanted + 2; // Saturday
  if (of_week == 0) return wanted < most ? wanted + 1 : wanted - 2;
  return wanted;
}

// Writes bits as a list, such as "1,3-5,9".
std::string listed(std::uint64_t bits) {
  std::string out;
  for (int at = lowest_from(bits, 0); at >= 0; at = lowest_from(bits, at + 1)) {
    const int first = at;
    while (has(bits, static_cast<unsigned>(at + 1))) ++at;
    const char* const comma = out.empty() ? "" : ",";
    if (at == first)
      out += fmt::format("{}{}", comma, first);
    else
      out += fmt::format("{}{}{}{}", comma, first, at == first + 1 ? "," : "-", at);
  }
  return out;
}

// As listed(), but `*` or `*/N` if the bits are those values between `least` and `most`. `starred`: the field
// was written with a star.
std::string stepped(std::uint64_t bits, int least, int most, bool starred = false) {
  const int step = lowest_from(bits, least + 1) - least;
  std::uint64_t regular = 0;
  for (int at = least; step > 0 && at <= most; at += step) regular |= std::uint64_t{1} << at;
  if (step <= 0 || regular != bits) return listed(bits);
  if (step == 1) return "*";
  return starred || std::popcount(bits) > 2 ? fmt::format("*/{}", step) : listed(bits);
}

void append(std::string& to, const std::string& item) {
  if (item.empty()) return;
  if (!to.empty()) to += ',';
  to += item;
}

} // namespace

bool expression::is_due_in_month(year_month_day day) const {
  const unsigned number = static_cast<unsigned>(day.day());
  const unsigned most = days_in_month(day);
  if (has(days_, number) || has(before_last_, most - number)) return true;
  for (int at = lowest_from(nearest_weekday_, 0); at >= 0; at = lowest_from(nearest_weekday_, at + 1)) {
    const unsigned wanted = at == 0 ? most : static_cast<unsigned>(at);
    if (wanted <= most && nearest_weekday(day, wanted, most) == number) return true;
  }
  return false;
}

bool expression::is_due_in_week(year_month_day day) const {
  const unsigned of_week = weekday(sys_days(day)).c_encoding();
  const unsigned number = static_cast<unsigned>(day.day());
  return has(weekdays_, of_week) || has(nth_weekdays_[(number + 6) / 7], of_week) ||
         (has(last_weekdays_, of_week) && number + 7 > days_in_month(day));
}

bool expression::is_due_on(year_month_day day) const {
  if (!has(months_, static_cast<unsigned>(day.month()))) return false;
  if (any_day_ || any_weekday_) return is_due_in_month(day) && is_due_in_week(day);
  return is_due_in_month(day) || is_due_in_week(day);
}

// The first due time of a day, at `from` or later. Empty: none.
std::optional<seconds> expression::first_of_day(seconds from) const {
  std::int64_t second = from.count() % 60;
  std::int64_t minute = from.count() / 60 % 60;
  std::int64_t hour = from.count() / 3600;
  int found_second = lowest_from(seconds_, second);
  if (found_second < 0) {
    ++minute;
    found_second = lowest_from(seconds_, 0);
  }
  int found_minute = lowest_from(minutes_, minute);
  if (found_minute != minute) found_second = lowest_from(seconds_, 0);
  if (found_minute < 0) {
    ++hour;
    found_minute = lowest_from(minutes_, 0);
  }
  const int found_hour = lowest_from(hours_, hour);
  if (found_hour < 0) return std::nullopt;
  if (found_hour != hour) {
    found_minute = lowest_from(minutes_, 0);
    found_second = lowest_from(seconds_, 0);
  }
  return hours(found_hour) + minutes(found_minute) + seconds(found_second);
}

std::optional<wall_seconds> expression::first(wall_seconds from, wall_seconds end) const {
  local_days day = floor<days>(from);
  for (seconds at = from - day; day < end; day += days(1), at = seconds(0)) {
    if (!is_due_on(year_month_day(day))) continue;
    const auto time = first_of_day(at);
    if (!time) continue;
    const wall_seconds found = day + *time;
    return found < end ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

// ---- the printed form ----

std::string expression::print_days() const {
  if (any_day_) return stepped(days_, 1, 31, true);
  std::string out = listed(days_);
  for (int at = lowest_from(before_last_, 0); at >= 0; at = lowest_from(before_last_, at + 1))
    append(out, at == 0 ? "L" : fmt::format("L-{}", at));
  for (int at = lowest_from(nearest_weekday_, 0); at >= 0; at = lowest_from(nearest_weekday_, at + 1))
    append(out, at == 0 ? "LW" : fmt::format("{}W", at));
  return out;
}

std::string expression::print_weekdays() const {
  if (any_weekday_) return stepped(weekdays_, 0, 6, true);
  std::string out = listed(weekdays_);
  for (int at = lowest_from(last_weekdays_, 0); at >= 0; at = lowest_from(last_weekdays_, at + 1))
    append(out, fmt::format("{}L", at));
  for (std::size_t nth = 1; nth < nth_weekdays_.size(); ++nth)
    for (int at = lowest_from(nth_weekdays_[nth], 0); at >= 0; at = lowest_from(nth_weekdays_[nth], at + 1))
      append(out, fmt::format("{}#{}", at, nth));
  return out;
}

std::string expression::print() const {
  std::string out = timezone_.empty() ? "" : "TZ=" + timezone_ + " ";
  if (is_ == kind::reboot) return out + "@reboot";
  if (is_ == kind::every) return out + fmt::format("@every {}s", span_.count());
  if (seconds_ != 1) out += stepped(seconds_, 0, 59) + " ";
  return out + fmt::format("{} {} {} {} {}", stepped(minutes_, 0, 59), stepped(hours_, 0, 23), print_days(),
                           stepped(months_, 1, 12), print_weekdays());
}

} // namespace coppice::cron
