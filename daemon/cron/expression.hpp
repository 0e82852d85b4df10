// SPDX-License-Identifier: MIT
// When a job is due, as crontab(5) writes it: five fields, or six with seconds in front; names of months and
// weekdays; 0 and 7 are Sunday; L (the last day), L-3, 15W (the weekday nearest to the 15th), LW, 5L (the
// last Friday), 5#2 (the second one); H, a value that the job's name chooses. @yearly, @monthly, @weekly,
// @daily and
// @hourly mean what Vixie's cron means, @reboot the node's start, @every 5m a span. TZ=NAME may stand in
// front. Of wall-clock times alone: which instants they are is schedule.hpp's. Plain data; any thread.
#pragma once

#include <array>
#include <chrono>
#include <coppice/etf/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coppice::cron {

// Why a text is no expression.
struct fault {
  std::string text;
  std::string hint;       // may be empty
  std::size_t column = 1; // in bytes, from 1: where in the text
  bool operator==(const fault&) const = default;
};

// Seconds on a wall clock since its 1970-01-01 00:00:00, whatever the zone.
using wall_seconds = std::chrono::local_seconds;

class expression {
 public:
  enum class kind : std::uint8_t { calendar, every, reboot };

  // `job` chooses what H is.
  static expected<expression, fault> parse(std::string_view text, std::string_view job = {});

  // So that it reads back as the same; H as what it came to. Macros as their fields.
  std::string print() const;
  // In words: "at 02:30, from Monday to Friday".
  std::string words() const;

  kind is() const { return is_; }
  // Of kind::every.
  std::chrono::seconds span() const { return span_; }
  // The zone that stands in front; empty: none.
  const std::string& timezone() const { return timezone_; }
  // Whether it is due in each hour of a day, so that one that the clock skips or repeats is one like the
  // others.
  bool is_hourly() const { return hours_ == all_hours; }

  // The first time from `from` on that it is due, below `end`; kind::calendar.
  std::optional<wall_seconds> first(wall_seconds from, wall_seconds end) const;
  bool is_due_on(std::chrono::year_month_day day) const;

  bool operator==(const expression&) const = default;

 private:
  class reader;
  static constexpr std::uint32_t all_hours = (1u << 24) - 1;

  bool is_due_in_month(std::chrono::year_month_day day) const;
  bool is_due_in_week(std::chrono::year_month_day day) const;
  std::optional<std::chrono::seconds> first_of_day(std::chrono::seconds from) const;
  std::string print_days() const;
  std::string print_weekdays() const;
  std::string time_in_words() const;
  std::string days_in_words() const;

  kind is_ = kind::calendar;
  std::chrono::seconds span_{};
  std::string timezone_;
  // A bit for each value.
  std::uint64_t seconds_ = 1;
  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0;
  std::uint32_t months_ = 0;                    // from bit 1 on
  std::uint32_t days_ = 0;                      // likewise
  std::uint32_t before_last_ = 0;               // bit N: N days before the month's last
  std::uint32_t nearest_weekday_ = 0;           // bit N: of the Nth; bit 0: of the last day
  std::uint32_t weekdays_ = 0;                  // bit 0: Sunday
  std::uint32_t last_weekdays_ = 0;             // the last one of the month
  std::array<std::uint32_t, 6> nth_weekdays_{}; // [N]: the Nth one of the month
  // Written as * or */N: then the other one of the two decides together with it, else one of them is enough.
  bool any_day_ = false;
  bool any_weekday_ = false;
};

} // namespace coppice::cron
