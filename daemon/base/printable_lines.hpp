// SPDX-License-Identifier: MIT
// Makes text of several lines safe to show, as base/printable.hpp does for one line: the ends of lines stay,
// all else that could control a terminal is escaped. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/printable.hpp"

namespace coppice::base {

// printable() of each line; the line ends stay.
inline std::string printable_lines(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == text.npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

} // namespace coppice::base
