// SPDX-License-Identifier: MIT
// Numbers in Erlang text: integers in any base and of any length, floats, characters for their numbers.
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "text_values.hpp"
#include "wide_integer.hpp"

namespace coppice::etf {

namespace {

/// In a base that is no power of two each digit costs a pass over all before it.
constexpr std::size_t most_digits = 20'000;

/// Digits with single underscores between them, appended without the underscores.
bool digits(text_reader& in, std::string& to, unsigned base) {
  const std::size_t before = to.size();
  for (;; in.advance(1)) {
    if (wide_integer::digit_of(in.peek()) < base)
      to += in.peek();
    else if (in.peek() != '_' || to.size() == before || wide_integer::digit_of(in.peek(1)) >= base)
      break;
  }
  return to.size() != before || in.refuse("a digit expected");
}

bool read_integer(text_reader& in, term& out, const std::string& text, unsigned base, bool negative,
                  std::size_t start) {
  std::uint64_t small = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), small, static_cast<int>(base));
  if (parsed.ec == std::errc{} && small <= INT64_MAX) {
    out = term::integer(negative ? -static_cast<std::int64_t>(small) : static_cast<std::int64_t>(small));
    return true;
  }
  wide_integer wide;
  wide.negative = negative;
  if ((base & (base - 1)) == 0) {
    wide.assign(text, static_cast<unsigned>(__builtin_ctz(base)));
  } else {
    if (text.size() > most_digits)
      return in.refuse_at(start, "an integer of at most 20000 digits expected; write a longer one in base 16",
                          errc::too_large);
    for (const char c : text) wide.push(base, wide_integer::digit_of(c));
  }
  out = wide.value();
  return true;
}

/// At the point behind the digits in `text`.
bool read_float(text_reader& in, term& out, std::string text, bool negative, std::size_t start) {
  in.advance(1);
  text += '.';
  if (!digits(in, text, 10)) return false;
  if (in.peek() == 'e' || in.peek() == 'E') {
    in.advance(1);
    text += 'e';
    if (in.peek() == '-') text += '-';
    if (in.peek() == '-' || in.peek() == '+') in.advance(1);
    if (!digits(in, text, 10)) return false;
  }
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return in.refuse_at(start, "a float that 64 bits can hold expected");
  out = term::floating(negative ? -value : value);
  return true;
}

bool read_character(text_reader& in, term& out, bool negative) {
  in.advance(1);
  std::uint32_t c;
  if (!in.character(c)) return false;
  out = term::integer(negative ? -std::int64_t{c} : std::int64_t{c});
  return true;
}

} // namespace

bool read_number(text_reader& in, term& out) {
  const bool negative = in.peek() == '-';
  if (in.peek() == '-' || in.peek() == '+') in.advance(1);
  if (in.peek() == '$') return read_character(in, out, negative);
  const std::size_t start = in.at();
  std::string text;
  unsigned base = 10;
  if (!digits(in, text, 10)) return false;
  if (in.peek() == '#' && wide_integer::digit_of(in.peek(1)) < 36) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), base);
    if (parsed.ec != std::errc{} || base < 2 || base > 36)
      return in.refuse_at(start, "a base from 2 to 36 expected");
    in.advance(1);
    text.clear();
    if (!digits(in, text, base)) return false;
  } else if (in.peek() == '.' && text_reader::is_digit(in.peek(1))) {
    return read_float(in, out, std::move(text), negative, start);
  }
  return read_integer(in, out, text, base, negative, start);
}

} // namespace coppice::etf
