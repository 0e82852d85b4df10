// SPDX-License-Identifier: MIT
// See text_reader.hpp: places, spaces, words and characters.
#include "text_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <coppice/etf/utf8.hpp>

#include "wide_integer.hpp"

namespace coppice::etf {

bool text_reader::expect(std::string_view what) {
  skip_space();
  return accept(what) || refuse("\"" + std::string(what) + "\" expected");
}

void text_reader::skip_space() {
  for (; at_ < text_.size(); ++at_) {
    if (text_[at_] == '%') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      if (at_ == text_.size()) return;
    } else if (std::strchr(" \t\r\n\f\v", text_[at_]) == nullptr || text_[at_] == '\0') {
      return;
    }
  }
}

bool text_reader::refuse_at(std::size_t at, std::string what, errc code) {
  if (!found_) found_ = {code, at, 0, std::move(what)};
  return false;
}

unexpected<error> text_reader::trouble() const {
  const std::string_view before = text_.substr(0, std::min(found_->offset, text_.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::string_view line = before.substr(before.rfind('\n') + 1);
  const auto column = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }) + 1;
  error out = *found_;
  out.offset = static_cast<std::size_t>(column);
  if (lines != 0) out.what += " in line " + std::to_string(lines + 1);
  return unexpected<error>(std::move(out));
}

bool text_reader::atom(std::string& name) {
  const std::size_t start = at_;
  if (accept("'")) {
    std::vector<std::uint32_t> all;
    if (!characters(all, '\'')) return false;
    for (const std::uint32_t c : all) utf8::append(name, c);
  } else {
    if (!begins_word(peek())) return refuse("an atom expected");
    while (is_word(peek())) name += text_[at_++];
  }
  const std::ptrdiff_t length = utf8::length(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
  if (length < 0) return refuse_at(start, "an atom in UTF-8 expected");
  if (static_cast<std::size_t>(length) > options_.bounds.atom_characters)
    return refuse_at(start, "an atom of fewer characters expected", errc::too_large);
  return true;
}

bool text_reader::plain_character(std::uint32_t& c) {
  const std::size_t step =
      utf8::decode(reinterpret_cast<const std::uint8_t*>(text_.data()) + at_, text_.size() - at_, c);
  if (step == 0) return refuse("text in UTF-8 expected");
  return at_ += step, true;
}

bool text_reader::character(std::uint32_t& c) {
  if (at_end()) return refuse("a closing quote expected");
  if (peek() != '\\') return plain_character(c);
  const std::size_t start = at_++;
  if (at_end()) return refuse("a character expected after \\");
  const char e = text_[at_++];
  constexpr std::string_view names = "btnvfresd", values = "\b\t\n\v\f\r\x1b \x7f";
  if (e == 'x') return hex_escape(c, start);
  if (e >= '0' && e <= '7') return --at_, octal_escape(c);
  if (e == '^') {
    if (at_end()) return refuse("a letter expected after \\^");
    return c = static_cast<std::uint32_t>(text_[at_++]) & 31U, true;
  }
  const std::size_t known = names.find(e);
  if (known < values.size()) return c = static_cast<std::uint8_t>(values[known]), true;
  --at_;
  return plain_character(c);
}

bool text_reader::octal_escape(std::uint32_t& c) {
  c = 0;
  for (int i = 0; i < 3 && peek() >= '0' && peek() <= '7'; ++i)
    c = c * 8 + static_cast<std::uint32_t>(text_[at_++] - '0');
  return true;
}

bool text_reader::hex_escape(std::uint32_t& c, std::size_t start) {
  const bool braced = accept("{");
  c = 0;
  std::size_t digits = 0;
  for (; (braced || digits < 2) && wide_integer::digit_of(peek()) < 16 && digits < 7; ++digits, ++at_) {
    c = c * 16 + wide_integer::digit_of(peek());
  }
  if (digits == 0 || (!braced && digits != 2) || (braced && !accept("}")))
    return refuse("hexadecimal digits expected after \\x");
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return refuse_at(start, "a Unicode character expected");
  return true;
}

bool text_reader::characters(std::vector<std::uint32_t>& out, char quote, bool verbatim) {
  while (at_end() || peek() != quote) {
    std::uint32_t c;
    if (verbatim && at_end()) return refuse("a closing quote expected");
    if (verbatim ? !plain_character(c) : !character(c)) return false;
    out.push_back(c);
  }
  return ++at_, true;
}

bool text_reader::plain_number(std::uint64_t& value) {
  const char* const begin = text_.data() + at_;
  const auto [end, trouble] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (trouble != std::errc{}) return refuse("a number expected");
  at_ += static_cast<std::size_t>(end - begin);
  return true;
}

} // namespace coppice::etf
