// SPDX-License-Identifier: MIT
// Reading and writing scalars. Locale-free: from_chars and hand-written scanning only.
#include "spec/schema/scalar.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace coppice::spec {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t count_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  return count;
}

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<unit, 4> duration_units{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<unit, 9> size_units{{{"TiB", 1ull << 40},
                                          {"GiB", 1ull << 30},
                                          {"MiB", 1ull << 20},
                                          {"KiB", 1ull << 10},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"KB", 1'000},
                                          {"B", 1}}};

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::size_t most_digits,
                                             const std::array<unit, N>& units) {
  std::size_t digits = count_digits(text);
  if (digits == 0 || digits > most_digits) return std::nullopt;
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  for (const auto& one : units) {
    if (text.substr(digits) != one.name) continue;
    if (number > (1ull << 63) / one.factor) return std::nullopt;
    return number * one.factor;
  }
  return std::nullopt;
}

std::optional<scalar_value> resolve_whole(std::string_view text) {
  bool negative = false;
  int base = 10;
  std::string_view digits = text;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  } else if (text[0] == '-' || text[0] == '+') {
    negative = text[0] == '-';
    digits.remove_prefix(1);
  }
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  auto read = std::from_chars(digits.data(), end, magnitude, base);
  if (digits.empty() || read.ptr != end) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) return too_large{};
  whole_number number{negative && magnitude != 0, magnitude};
  if (number.negative && !number.as_signed()) return too_large{};
  return number;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
std::optional<scalar_value> resolve_floating(std::string_view text) {
  std::string_view rest = text;
  if (rest[0] == '-' || rest[0] == '+') rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF") return too_large{};
  std::size_t whole = count_digits(rest);
  rest.remove_prefix(whole);
  std::size_t fraction = 0;
  if (!rest.empty() && rest[0] == '.') {
    fraction = count_digits(rest.substr(1));
    rest.remove_prefix(1 + fraction);
  }
  if (whole + fraction == 0) return std::nullopt;
  if (!rest.empty() && (rest[0] == 'e' || rest[0] == 'E')) {
    rest.remove_prefix(1);
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
    std::size_t exponent = count_digits(rest);
    if (exponent == 0) return std::nullopt;
    rest.remove_prefix(exponent);
  }
  if (!rest.empty()) return std::nullopt;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || !std::isfinite(value)) return too_large{};
  return value;
}

} // namespace

std::optional<std::int64_t> whole_number::as_signed() const {
  if (negative ? magnitude > (1ull << 63) : magnitude >= (1ull << 63)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

scalar_value resolve(const node& from) {
  if (from.what == node::kind::null) return nullptr;
  std::string_view text = from.text;
  if (from.quoted) return text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return too_large{};
  if (auto whole = resolve_whole(text)) return *whole;
  if (auto floating = resolve_floating(text)) return *floating;
  return text;
}

std::string describe(const node& from) {
  if (from.is_sequence()) return "a list";
  if (from.is_map()) return "a map";
  struct words {
    const node& from;
    std::string operator()(std::nullptr_t) const { return "nothing"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(const whole_number&) const { return number(); }
    std::string operator()(double) const { return number(); }
    std::string operator()(std::string_view text) const {
      return from.is_secret ? "a text" : in_quotes(text);
    }
    std::string operator()(too_large) const { return number(); }
    std::string number() const {
      return from.is_secret ? "a number" : "the number " + printable(from.text.substr(0, 40));
    }
  };
  return std::visit(words{from}, resolve(from));
}

std::string quoted(const node& scalar) {
  return scalar.is_secret ? "what stands there" : in_quotes(scalar.text);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  auto number = parse_with_unit(text, 10, duration_units);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number));
}

std::string print_duration(std::chrono::milliseconds time) {
  auto number = static_cast<std::uint64_t>(time.count());
  if (number == 0) return "0s";
  for (const auto& one : duration_units)
    // One minute or one hour is written in the next smaller unit: 60s, not 1m.
    if (number % one.factor == 0 && (number / one.factor > 1 || one.factor <= 1000))
      return std::to_string(number / one.factor) + std::string(one.name);
  return std::to_string(number) + "ms";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, 12, size_units);
}

std::string print_size(std::uint64_t bytes) {
  for (const auto& one : size_units)
    if (one.name.size() == 3 && bytes != 0 && bytes % one.factor == 0)
      return std::to_string(bytes / one.factor) + std::string(one.name);
  for (const auto& one : size_units)
    if (one.name.size() == 2 && bytes != 0 && bytes % one.factor == 0)
      return std::to_string(bytes / one.factor) + std::string(one.name);
  return std::to_string(bytes) + "B";
}

} // namespace coppice::spec
