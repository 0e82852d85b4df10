// SPDX-License-Identifier: MIT
// What the client's output may look like: how wide, and whether in colours, which only a terminal gets whose
// user has not set NO_COLOR (https://no-color.org). One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice::cli {

struct screen {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// Standard output is a terminal.
bool on_terminal();
// That terminal's; 80 by 24 where there is none, or it does not say.
screen screen_size();
bool with_colours();

enum class colour { plain, bold, red, yellow, dim };

// `text` in this colour, where there are colours.
std::string painted(std::string_view text, colour in, bool colours);

// As much of each line as fits; one that does not ends with "…". Counts characters, of one column each, and
// no escape sequences.
std::string fitted(std::string_view text, std::size_t columns);

} // namespace coppice::cli
