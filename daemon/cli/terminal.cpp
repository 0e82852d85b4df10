// SPDX-License-Identifier: MIT
// Characters are counted by the first bytes of their UTF-8.
#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace coppice::cli {

namespace {

const char* sequence(colour in) {
  switch (in) {
    case colour::bold:
      return "\x1b[1m";
    case colour::red:
      return "\x1b[31m";
    case colour::yellow:
      return "\x1b[33m";
    case colour::dim:
      return "\x1b[2m";
    case colour::plain:
      break;
  }
  return "";
}

colour colour_of_state(std::string_view cell) {
  constexpr std::array<std::string_view, 4> bad{"failed", "parked", "down", "unavailable"};
  constexpr std::array<std::string_view, 8> unusual{"restarting", "starting", "stopping",  "stopped",
                                                    "connecting", "disabled", "suspended", "draining"};
  const std::string_view state = cell.substr(0, cell.find(','));
  if (std::ranges::find(bad, state) != bad.end()) return colour::red;
  return std::ranges::find(unusual, state) != unusual.end() ? colour::yellow : colour::plain;
}

bool begins_character(char c) {
  return (c & 0xC0) != 0x80;
}

// Number of bytes of the first `columns` characters of a line.
std::size_t bytes_of(std::string_view line, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < line.size(); ++at) {
    if (begins_character(line[at]) && ++seen > columns) break;
  }
  return at;
}

} // namespace

bool on_terminal() {
  return isatty(STDOUT_FILENO) != 0;
}

screen screen_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col <= 20) return {};
  return {size.ws_col, size.ws_row > 2 ? size.ws_row : screen().rows};
}

bool with_colours() {
  const char* const no = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  if (no != nullptr && *no != '\0') return false;
  return on_terminal() && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string painted(std::string_view text, colour in, bool colours) {
  if (!colours || in == colour::plain) return std::string(text);
  return sequence(in) + std::string(text) + "\x1b[0m";
}

std::string painted_states(std::string_view table, bool colours) {
  if (!colours) return std::string(table);
  std::string out;
  while (!table.empty()) {
    const std::size_t blanks = std::min(table.find_first_not_of(" \n"), table.size());
    out += table.substr(0, blanks);
    table.remove_prefix(blanks);
    const std::size_t end = std::min({table.find("  "), table.find('\n'), table.size()});
    const std::string_view cell = table.substr(0, end);
    out += painted(cell, colour_of_state(cell), true);
    table.remove_prefix(end);
  }
  return out;
}

std::string fitted(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (bytes_of(line, columns) == line.size()) {
      out += line;
    } else {
      out += line.substr(0, bytes_of(line, columns - 1));
      out += "…";
    }
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

} // namespace coppice::cli
