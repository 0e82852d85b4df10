// SPDX-License-Identifier: MIT
// The width of the client's output, and whether it may have colours: only on a terminal, and if the user has
// not set NO_COLOR (https://no-color.org). One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice::cli {

struct screen {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// Whether standard output is a terminal.
bool on_terminal();
// The terminal's size. 80 by 24 if there is none, or its size is unknown.
screen screen_size();
bool with_colours();

enum class colour { plain, bold, red, yellow, dim };

// `text` in this colour if `colours` is true.
std::string painted(std::string_view text, colour in, bool colours);

// The cells of a table that are states: red for what has failed or is down, yellow for what is on its way or
// was switched off. A cell stands between two blanks or more; of "down, held" the first word counts.
std::string painted_states(std::string_view table, bool colours);

// Cuts each line to this width; a line that is cut ends with "…". Counts each character as one column, and
// knows no escape sequences.
std::string fitted(std::string_view text, std::size_t columns);

} // namespace coppice::cli
