// SPDX-License-Identifier: MIT
// What is to be known of UTF-8 to cut and to judge a text: where a character ends and whether it is one. Any
// thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace coppice::base {

inline bool is_utf8_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Bytes of the character at the start of a text that is not empty; 0 if it is not well-formed
// (overlong forms, surrogates and values above U+10FFFF are not).
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

// Characters of a text; a byte that belongs to none counts as one.
inline std::size_t utf8_count(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += !is_utf8_continuation(c);
  return count;
}

// The first `count` characters, and the rest behind them.
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
