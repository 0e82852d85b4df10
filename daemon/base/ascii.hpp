// SPDX-License-Identifier: MIT
// Lower case and comparison of texts for ASCII letters only, whatever the locale. HTTP compares header names
// so, TLS host names, and cron the names of days and months. Any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace coppice::base {

constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline std::string ascii_lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return ascii_lower(c); });
  return text;
}

inline bool is_same_in_ascii(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return ascii_lower(c); };
  return std::ranges::equal(a, b, {}, lower, lower);
}

} // namespace coppice::base
