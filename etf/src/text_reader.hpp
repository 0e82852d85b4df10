// SPDX-License-Identifier: MIT
// A position in Erlang text and what every part of the parser does with it: pass spaces and comments, take a
// word or refuse one, resolve the escapes of quoted characters. The first refusal is kept, with the place it
// means. A reading function returns true having passed what it read, or false having refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/etf/error.hpp>
#include <coppice/etf/text.hpp>

namespace coppice::etf {

class text_reader {
 public:
  text_reader(std::string_view text, const text_options& options) : text_(text), options_(options) {}

  const text_options& options() const { return options_; }
  std::size_t at() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  std::string_view rest() const { return text_.substr(at_); }
  void advance(std::size_t count) { at_ += count; }

  /// '\0' beyond the end.
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool starts(std::string_view what) const { return rest().substr(0, what.size()) == what; }
  bool accept(std::string_view what) {
    if (!starts(what)) return false;
    at_ += what.size();
    return true;
  }
  /// After spaces.
  bool expect(std::string_view what);
  void skip_space();

  /// Always false.
  bool refuse(std::string what) { return refuse_at(at_, std::move(what)); }
  bool refuse_at(std::size_t at, std::string what, errc code = errc::syntax);
  /// The refusal, its column counted in characters of its line.
  unexpected<error> trouble() const;

  /// An atom, quoted or not.
  bool atom(std::string& name);
  /// One character of a quoted text, its escape resolved.
  bool character(std::uint32_t& c);
  /// One character as it stands.
  bool plain_character(std::uint32_t& c);
  /// Up to and past `quote`.
  bool characters(std::vector<std::uint32_t>& out, char quote, bool verbatim = false);
  /// A decimal number of up to 64 bits.
  bool plain_number(std::uint64_t& value);
  /// Takes bits of those that a text may name for the wide segments of its binaries, all together: a few
  /// characters name many, which cost time and memory. False: there are not so many left.
  bool take_wide_bits(std::uint64_t bits) {
    if (bits > wide_bits_) return false;
    return wide_bits_ -= bits, true;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  /// Whether an atom can begin with it without quotes.
  static bool begins_word(char c) { return (c >= 'a' && c <= 'z') || (c & 0x80) != 0; }
  static bool is_word(char c) {
    return begins_word(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '@';
  }

 private:
  bool octal_escape(std::uint32_t& c);
  bool hex_escape(std::uint32_t& c, std::size_t start);

  std::string_view text_;
  const text_options& options_;
  std::size_t at_ = 0;
  std::uint64_t wide_bits_ = std::uint64_t{1} << 20;
  std::optional<error> found_;
};

} // namespace coppice::etf
