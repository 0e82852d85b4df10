// SPDX-License-Identifier: MIT
// Reads patterns in Erlang's syntax for coppice/testing/match.hpp: literals, tuples, lists, maps and binaries
// as in Erlang source, and holes, which are variables. A pattern that is wrong throws testing::failure, with
// the line, the column and a mark under the place. Nesting is at most `most_depth`. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/utf8.hpp>
#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

/// A pattern, or a part of one.
struct pattern {
  enum class type : std::uint8_t { anything, hole, literal, tuple, list, map };
  type what = type::anything;
  std::size_t at = 0;         ///< offset in the text
  std::string name = {};      ///< of a hole
  value term = {};            ///< a literal
  std::vector<pattern> parts; ///< elements; of a map its keys, which are literals, each with its value
  bool has_tail = false;      ///< a list whose last part is its tail
};

/// The line of the text that has this offset, a mark under it, and a sentence.
std::string marked(std::string_view text, std::size_t at, std::string_view sentence);

class pattern_reader {
 public:
  static constexpr int most_depth = 64;

  explicit pattern_reader(std::string_view text) : text_(text) {}
  pattern whole();

 private:
  [[noreturn]] void refuse(std::size_t at, std::string_view sentence) const;

  // ---- characters ----

  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
  static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
  static bool is_word(char c) { return is_digit(c) || is_lower(c) || is_upper(c) || c == '_' || c == '@'; }
  void skip_spaces();
  bool accept(std::string_view word);
  bool accept(char c) { return accept(std::string_view(&c, 1)); }
  std::string_view word();
  std::uint32_t character();
  // The character that follows a backslash.
  std::uint32_t escaped();
  // Up to the closing quote; the opening one is here.
  std::vector<std::uint32_t> quoted(char quote);
  static std::string utf8_of(const std::vector<std::uint32_t>& all);

  // ---- terms ----

  pattern one(int depth);
  pattern hole(pattern made);
  pattern row(pattern made, char open, char close, pattern::type what, int depth);
  pattern map(pattern made, int depth);
  // Replaces a part that has no holes by its term. False: it has some.
  static bool make_literal(pattern& part);
  value atom();
  value string();
  value binary();
  bool next_segment();
  void segment(std::string& data);
  // The digits of one number, without underscores.
  std::string digits();
  value number();
  value floating(std::size_t start);
  // Least significant byte first.
  std::vector<std::uint8_t> magnitude(std::string_view all, std::uint32_t base, std::size_t start) const;

  const std::string_view text_;
  std::size_t at_ = 0;
};

} // namespace coppice::testing::detail
