// SPDX-License-Identifier: MIT
// The times at which a job is due, in the notation of crontab(5): five fields, or six with seconds in front;
// names of months and weekdays; 0 and 7 are Sunday; L (the last day), L-3, 15W (the weekday nearest to the
// 15th), LW, 5L (the last Friday), 5#2 (the second one); H, a value derived from the job's name. @yearly,
// @monthly, @weekly, @daily and @hourly mean the same as in Vixie's cron, @reboot is the node's start, @every
// 5m a span. TZ=NAME may precede it. Only wall-clock times are computed here; schedule.hpp turns them into
// instants. Plain data; any thread.
#pragma once

#include <array>
#include <chrono>
#include <coppice/etf/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coppice::cron {

// Why a text is not an expression.
struct fault {
  std::string text;
  std::string hint;       // may be empty
  std::size_t column = 1; // byte in the text, from 1
  bool operator==(const fault&) const = default;
};

// Seconds on a wall clock since its 1970-01-01 00:00:00, in any zone.
using wall_seconds = std::chrono::local_seconds;

class expression {
 public:
  enum class kind : std::uint8_t { calendar, every, reboot };

  // `job` determines the value of H.
  static expected<expression, fault> parse(std::string_view text, std::string_view job = {});

  // The text that parses to an equal expression, with the value of H and the fields of macros.
  std::string print() const;
  // In words: "at 02:30, from Monday to Friday".
  std::string words() const;

  kind is() const { return is_; }
  // For kind::every.
  std::chrono::seconds span() const { return span_; }
  // The zone in front of the expression. Empty: none.
  const std::string& timezone() const { return timezone_; }
  // Whether it is due in every hour of a day. Then an hour that the clock skips or repeats is an hour like
  // the others.
  bool is_hourly() const { return hours_ == all_hours; }

  // The first due time in [from, end). For kind::calendar.
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
  // One bit for each value.
  std::uint64_t seconds_ = 1;
  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0;
  std::uint32_t months_ = 0;                    // from bit 1 on
  std::uint32_t days_ = 0;                      // from bit 1 on
  std::uint32_t before_last_ = 0;               // bit N: N days before the month's last
  std::uint32_t nearest_weekday_ = 0;           // bit N: nearest to day N; bit 0: nearest to the last day
  std::uint32_t weekdays_ = 0;                  // bit 0: Sunday
  std::uint32_t last_weekdays_ = 0;             // the last such weekday of the month; bit 0: Sunday
  std::array<std::uint32_t, 6> nth_weekdays_{}; // [N]: the Nth such weekday of the month
  // Whether the field is written as * or */N. If either is, a day must match both fields; otherwise one is
  // enough.
  bool any_day_ = false;
  bool any_weekday_ = false;
};

} // namespace coppice::cron
