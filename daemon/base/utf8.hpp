// SPDX-License-Identifier: MIT
// Functions to cut and check UTF-8 text: how long a character is, whether it is well-formed, and how many
// characters a text has. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace coppice::base {

inline bool is_utf8_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// The bytes of the first character of a text, which may not be empty. 0: not well-formed (overlong forms,
// surrogates and values above U+10FFFF are not).
inline std::size_t utf8_length(std::string_view text) {
  auto byte = [&text](std::size_t at) -> unsigned { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at)
    if (!is_utf8_continuation(text[at])) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
      (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

// The number of characters: all bytes except continuation bytes.
inline std::size_t utf8_count(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += !is_utf8_continuation(c);
  return count;
}

// The first `count` characters (utf8_prefix), or all behind them (utf8_skip).
inline std::string_view utf8_prefix(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; at < text.size(); ++at)
    if (!is_utf8_continuation(text[at]) && count-- == 0) break;
  return text.substr(0, at);
}
inline std::string_view utf8_skip(std::string_view text, std::size_t count) {
  return text.substr(utf8_prefix(text, count).size());
}

} // namespace coppice::base
