// SPDX-License-Identifier: MIT
// The parser of expressions. A fault points to the part of the text that is wrong.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include "base/ascii.hpp"
#include "cron/expression.hpp"

namespace coppice::cron {

namespace {

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct field {
  std::string_view name;
  unsigned least, most;
  std::span<const std::string_view> names; // the first is for `least`
};
constexpr field second_field{"second", 0, 59, {}};
constexpr field minute_field{"minute", 0, 59, {}};
constexpr field hour_field{"hour", 0, 23, {}};
constexpr field day_field{"day of the month", 1, 31, {}};
constexpr field month_field{"month", 1, 12, months};
constexpr field weekday_field{"weekday", 0, 7, weekdays}; // 7 is Sunday, as 0 is

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> macros{{{"@yearly", "0 0 1 1 *"},
                                                                               {"@annually", "0 0 1 1 *"},
                                                                               {"@monthly", "0 0 1 * *"},
                                                                               {"@weekly", "0 0 * * 0"},
                                                                               {"@daily", "0 0 * * *"},
                                                                               {"@midnight", "0 0 * * *"},
                                                                               {"@hourly", "0 * * * *"}}};

// FNV-1a: the same on every machine and in every version.
std::uint64_t hash_of(std::string_view job, std::string_view field) {
  std::uint64_t sum = 14695981039346656037u;
  for (const std::string_view part : {job, std::string_view("\n"), field})
    for (const char c : part) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return sum ^ sum >> 32;
}

} // namespace

class expression::reader {
 public:
  reader(std::string_view text, std::string_view job) : whole_(text), job_(job) {}

  std::optional<fault> read(expression& to) {
    std::vector<std::string_view> words = split();
    if (!words.empty() && (words[0].starts_with("TZ=") || words[0].starts_with("CRON_TZ="))) {
      to.timezone_ = words[0].substr(words[0].find('=') + 1);
      if (to.timezone_.empty()) return wrong(words[0], "TZ= needs the name of a zone", "as TZ=Europe/Paris");
      words.erase(words.begin());
    }
    if (words.empty()) return wrong(whole_.substr(whole_.size()), "there is no expression", fields_hint);
    if (words[0].starts_with('@')) return read_macro(to, words);
    if (words.size() != 5 && words.size() != 6)
      return wrong(
          words[0],
          fmt::format("an expression has five fields, or six with seconds in front, not {}", words.size()),
          fields_hint);
    std::uint64_t bits = 0;
    auto next = words.begin();
    if (words.size() == 6) {
      if (auto bad = read_field(second_field, *next++, to.seconds_)) return bad;
    }
    if (auto bad = read_field(minute_field, *next++, to.minutes_)) return bad;
    if (auto bad = read_field(hour_field, *next++, bits)) return bad;
    to.hours_ = static_cast<std::uint32_t>(bits);
    const std::string_view days = *next;
    if (auto bad = read_days(*next++, to)) return bad;
    if (auto bad = read_field(month_field, *next++, bits)) return bad;
    to.months_ = static_cast<std::uint32_t>(bits);
    if (auto bad = read_weekdays(*next, to)) return bad;
    return check_dates(to, days);
  }

 private:
  static constexpr const char* fields_hint = "minute hour day month weekday, as 30 2 * * mon-fri";

  std::vector<std::string_view> split() const {
    std::vector<std::string_view> all;
    for (std::size_t at = 0; at < whole_.size();) {
      const std::size_t begin = whole_.find_first_not_of(" \t", at);
      if (begin == std::string_view::npos) break;
      at = std::min(whole_.find_first_of(" \t", begin), whole_.size());
      all.push_back(whole_.substr(begin, at - begin));
    }
    return all;
  }

  // `part` must be a piece of the text.
  fault wrong(std::string_view part, std::string text, std::string hint = {}) const {
    return {std::move(text), std::move(hint), static_cast<std::size_t>(part.data() - whole_.data()) + 1};
  }

  std::optional<fault> read_macro(expression& to, const std::vector<std::string_view>& words) {
    if (words[0] == "@reboot" && words.size() == 1) {
      to.is_ = kind::reboot;
      return std::nullopt;
    }
    if (words[0] == "@every") {
      if (words.size() != 2) return wrong(words[0], "@every needs a span", "as @every 5m");
      return read_span(words[1], to);
    }
    for (const auto& [name, fields] : macros) {
      if (words[0] != name) continue;
      if (words.size() != 1) return wrong(words[1], std::string(name) + " has no fields");
      const std::string zone = std::move(to.timezone_);
      to = *parse(fields);
      to.timezone_ = zone;
      return std::nullopt;
    }
    return wrong(words[0], "there is no " + std::string(words[0]),
                 "@yearly, @monthly, @weekly, @daily, @hourly, @reboot or @every SPAN");
  }

  std::optional<fault> read_span(std::string_view text, expression& to) {
    std::uint64_t sum = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
      std::uint64_t number = 0;
      const auto [end, bad] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      const auto used = static_cast<std::size_t>(end - rest.data());
      const char unit = used < rest.size() ? rest[used] : 0;
      const std::uint64_t worth = unit == 's'   ? 1
                                  : unit == 'm' ? 60
                                  : unit == 'h' ? 3600
                                  : unit == 'd' ? 86400
                                                : 0;
      if (bad != std::errc() || worth == 0 || number > longest_span)
        return wrong(rest, "this is no span of time", "as 30s, 5m or 1h30m");
      sum += number * worth;
      rest.remove_prefix(used + 1);
    }
    if (sum == 0 || sum > longest_span) return wrong(text, "a span is from 1s to 366d");
    to.is_ = kind::every;
    to.span_ = std::chrono::seconds(sum);
    return std::nullopt;
  }

  std::optional<fault> read_number(const field& in, std::string_view text, unsigned& to) const {
    for (std::size_t i = 0; i < in.names.size(); ++i) {
      if (!base::is_same_in_ascii(text, in.names[i])) continue;
      to = in.least + static_cast<unsigned>(i);
      return std::nullopt;
    }
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), to);
    if (bad != std::errc() || end != text.data() + text.size() || text.empty())
      return wrong(text, fmt::format("{} is no {}", text.empty() ? "nothing" : text, in.name), range_of(in));
    if (to < in.least || to > in.most)
      return wrong(text, fmt::format("{} is no {}", text, in.name), range_of(in));
    return std::nullopt;
  }
  static std::string range_of(const field& in) {
    return fmt::format(
        "{} to {}{}", in.least, in.most,
        in.names.empty() ? "" : fmt::format(", or {} to {}", in.names.front(), in.names.back()));
  }

  // Reads the values of a part that /STEP may follow: *, A-B, H, H(A-B).
  std::optional<fault> read_item(const field& in, std::string_view item, std::uint64_t& bits) const {
    const std::size_t slash = item.find('/');
    std::string_view range = item.substr(0, slash);
    unsigned first = in.least;
    unsigned last = in.most == 7 ? 6 : in.most;
    const bool hashed = range == "H" || (range.starts_with("H(") && range.ends_with(")"));
    if (hashed && range.size() > 1) range = range.substr(2, range.size() - 3);
    const std::size_t dash = range.find('-');
    const bool spans = dash != std::string_view::npos;
    if (range != "*" && range != "H") {
      if (auto bad = read_number(in, range.substr(0, dash), first)) return bad;
      last = first;
      if (spans)
        if (auto bad = read_number(in, range.substr(dash + 1), last)) return bad;
      if (last < first)
        return wrong(range, fmt::format("{} is no range", range), "the lower one comes first");
    }
    unsigned step = 1;
    if (slash != std::string_view::npos) {
      const std::string_view text = item.substr(slash + 1);
      const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), step);
      if (last == first)
        return wrong(item, fmt::format("{} has nothing to take steps in", item), "as */5 or 10-40/5");
      if (bad != std::errc() || end != text.data() + text.size() || step == 0 || step > last - first)
        return wrong(text, fmt::format("{} is no step here", text.empty() ? "nothing" : text),
                     fmt::format("1 to {}", last - first));
    }
    if (hashed) {
      const std::uint64_t chosen = hash_of(job_, in.name);
      if (slash == std::string_view::npos) {
        first += static_cast<unsigned>(chosen % (last - first + 1));
        last = first;
      } else {
        first += static_cast<unsigned>(chosen % step);
      }
    }
    for (unsigned at = first; at <= last; at += step) bits |= std::uint64_t{1} << at;
    return std::nullopt;
  }

  // Passes each part of a list to `take`. A star must be the only part.
  template <class Take>
  std::optional<fault> each_item(std::string_view text, Take take) const {
    for (std::string_view rest = text;;) {
      const std::size_t comma = rest.find(',');
      const std::string_view item = rest.substr(0, comma);
      if (item.starts_with('*') && item.size() != text.size())
        return wrong(item, "* stands alone, not in a list");
      if (auto bad = take(item)) return bad;
      if (comma == std::string_view::npos) return std::nullopt;
      rest.remove_prefix(comma + 1);
    }
  }
  std::optional<fault> read_field(const field& in, std::string_view text, std::uint64_t& bits) const {
    bits = 0;
    return each_item(text, [&](std::string_view item) { return read_item(in, item, bits); });
  }

  std::optional<fault> read_days(std::string_view text, expression& to) const {
    std::uint64_t bits = 0;
    to.any_day_ = text.starts_with('*');
    auto bad = each_item(text, [&](std::string_view item) -> std::optional<fault> {
      unsigned number = 0;
      if (item == "L" || item == "LW") {
        (item == "L" ? to.before_last_ : to.nearest_weekday_) |= 1;
        return std::nullopt;
      }
      if (item.starts_with("L-")) {
        if (auto none = read_number({"number of days before the last", 1, 30, {}}, item.substr(2), number))
          return none;
        to.before_last_ |= 1u << number;
        return std::nullopt;
      }
      if (item.ends_with('W')) {
        if (auto none = read_number(day_field, item.substr(0, item.size() - 1), number)) return none;
        to.nearest_weekday_ |= 1u << number;
        return std::nullopt;
      }
      return read_item(day_field, item, bits);
    });
    to.days_ = static_cast<std::uint32_t>(bits);
    return bad;
  }

  std::optional<fault> read_weekdays(std::string_view text, expression& to) const {
    std::uint64_t bits = 0;
    to.any_weekday_ = text.starts_with('*');
    auto bad = each_item(text, [&](std::string_view item) -> std::optional<fault> {
      const std::size_t sharp = item.find('#');
      const bool is_last = item.size() > 1 && item.ends_with('L');
      if (sharp == std::string_view::npos && !is_last) return read_item(weekday_field, item, bits);
      unsigned number = 0;
      unsigned nth = 0;
      if (auto none = read_number(weekday_field, item.substr(0, is_last ? item.size() - 1 : sharp), number))
        return none;
      if (!is_last)
        if (auto none = read_number({"week of a month", 1, 5, {}}, item.substr(sharp + 1), nth)) return none;
      (is_last ? to.last_weekdays_ : to.nth_weekdays_[nth]) |= 1u << number % 7;
      return std::nullopt;
    });
    if ((bits >> 7 & 1) != 0) bits |= 1;
    to.weekdays_ = static_cast<std::uint32_t>(bits & 0x7f);
    return bad;
  }

  // Refuses a day of the month that no chosen month has, if no weekday makes the expression due.
  std::optional<fault> check_dates(const expression& of, std::string_view days) const {
    if (!of.any_day_ && !of.any_weekday_) return std::nullopt;
    constexpr std::array<unsigned, 13> longest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (unsigned month = 1; month < longest.size(); ++month) {
      if ((of.months_ >> month & 1) == 0) continue;
      const std::uint32_t exist = static_cast<std::uint32_t>((std::uint64_t{2} << longest[month]) - 1);
      if ((of.days_ & exist) != 0 || (of.nearest_weekday_ & exist) != 0) return std::nullopt;
      if ((of.before_last_ & ((1u << longest[month]) - 1)) != 0) return std::nullopt;
    }
    return wrong(days, "no month it names has such a day", "");
  }

  static constexpr std::uint64_t longest_span = 366 * 86400;
  const std::string_view whole_;
  const std::string_view job_;
};

expected<expression, fault> expression::parse(std::string_view text, std::string_view job) {
  expression made;
  if (auto bad = reader(text, job).read(made)) return unexpected(std::move(*bad));
  return made;
}

} // namespace coppice::cron
