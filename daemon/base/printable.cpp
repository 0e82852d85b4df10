// SPDX-License-Identifier: MIT
// Works character by character. The characters beyond ASCII that are escaped are few enough to be listed. Any
// thread.
#include "base/printable.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace coppice::base {
namespace {

// The code point of a character of two or three bytes.
char32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(character[at]); };
  if (character.size() == 2) return static_cast<char32_t>((byte(0) & 0x1f) << 6 | (byte(1) & 0x3f));
  return static_cast<char32_t>((byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f));
}

bool harmless(std::string_view character) {
  if (character.size() == 1) return character[0] >= 0x20 && character[0] != 0x7f;
  if (character.size() == 4) return true;
  const char32_t code = code_point(character);
  const bool c1 = code >= 0x80 && code < 0xa0;
  const bool line_end = code == 0x2028 || code == 0x2029;
  const bool direction = code == 0x061c || code == 0x200e || code == 0x200f ||
                         (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !c1 && !line_end && !direction;
}

} // namespace

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    if (character == "\t") {
      result += ' ';
    } else if (length != 0 && harmless(character)) {
      result += character;
    } else {
      for (const char c : character) {
        const auto bad = static_cast<unsigned char>(c);
        result += {'\\', 'x', digits[bad >> 4], digits[bad & 15]};
      }
    }
    text.remove_prefix(character.size());
  }
  return result;
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || !harmless(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string in_quotes(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return "'" + printable(text) + "'";
  std::size_t end = longest;
  while (end > 0 && is_utf8_continuation(text[end])) --end;
  return "'" + printable(text.substr(0, end)) + "…'";
}

} // namespace coppice::base
