// SPDX-License-Identifier: MIT
// See top_view.hpp.
#include "cli/top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "cli/layout.hpp"
#include "cli/render.hpp"
#include "cli/top.hpp"

namespace coppice::cli {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 8> orders{"messages", "mailbox", "age",        "memory",
                                                 "time",     "cpu",     "reductions", "rate"};
constexpr std::string_view list_keys = "q quit  < > sort by  up down select  enter one process";
constexpr std::string_view alone_keys = "q quit  esc back to the list";

// The rows of the list on a screen: without the head, and the line that names the keys.
std::size_t rows_of(const screen& size) {
  return size.rows > rows_of_top_head + 2 ? size.rows - rows_of_top_head - 1 : 1;
}

std::string next_order(std::string_view now, bool after) {
  const auto found = std::ranges::find(orders, now);
  const auto at = static_cast<std::size_t>(found == orders.end() ? 0 : found - orders.begin());
  return std::string(orders[(at + (after ? 1 : orders.size() - 1)) % orders.size()]);
}

// The first `rows` lines.
std::string first_lines(const std::string& text, std::size_t rows) {
  std::size_t end = 0;
  for (; rows != 0 && end < text.size(); --rows) {
    const std::size_t line = text.find('\n', end);
    end = line == std::string::npos ? text.size() : line + 1;
  }
  return text.substr(0, end);
}

// The line of that index in reverse.
std::string marked(const std::string& text, std::size_t index) {
  std::size_t begin = 0;
  for (; index != 0; --index) {
    begin = text.find('\n', begin);
    if (begin == std::string::npos) return text;
    ++begin;
  }
  const std::size_t end = text.find('\n', begin);
  if (end == std::string::npos) return text;
  return text.substr(0, begin) + "\x1b[7m" + text.substr(begin, end - begin) + "\x1b[0m" + text.substr(end);
}

} // namespace

std::size_t top_view::wanted(const screen& size) const {
  return first_ + rows_of(size);
}

void top_view::keep_in_sight(std::size_t processes, const screen& size) {
  selected_ = processes == 0 ? 0 : std::min(selected_, processes - 1);
  const std::size_t rows = rows_of(size);
  if (selected_ < first_) first_ = selected_;
  if (selected_ >= first_ + rows) first_ = selected_ - rows + 1;
}

top_view::then top_view::press(key what, const json& shown, const screen& size) {
  if (what == key::quit) return then::quit;
  if (!alone_.empty()) {
    if (what != key::back && what != key::enter) return then::nothing;
    show_list();
    return then::ask;
  }
  const json& processes = at(shown, "processes");
  const std::size_t rows = rows_of(size);
  const std::size_t first = first_;
  switch (what) {
    case key::left:
    case key::right:
      sort_ = next_order(sort_, what == key::right);
      first_ = selected_ = 0;
      return then::ask;
    case key::up:
      selected_ -= std::min<std::size_t>(selected_, 1);
      break;
    case key::page_up:
      selected_ -= std::min(selected_, rows);
      break;
    case key::down:
      ++selected_;
      break;
    case key::page_down:
      selected_ += rows;
      break;
    case key::enter:
      if (selected_ >= processes.size()) return then::nothing;
      alone_ = cell(processes[selected_], "pid");
      return then::ask;
    default:
      return then::nothing;
  }
  // The list may go on below what the node has told.
  const auto known = static_cast<std::size_t>(std::max(0LL, number(shown, "process_count")));
  keep_in_sight(std::max(known, processes.size()), size);
  return first == first_ ? then::draw : then::ask;
}

std::string top_view::picture(const json& document, const screen& size, bool colours) {
  const std::size_t rows = size.rows > 1 ? size.rows - 1 : 1;
  if (!alone_.empty())
    return first_lines(fitted(render_process(document, size.columns), size.columns), rows) +
           fitted(std::string(alone_keys), size.columns) + "\n";
  json part = document;
  json& processes = part["processes"];
  if (!processes.is_array()) processes = json::array();
  keep_in_sight(processes.size(), size);
  const auto skipped = static_cast<json::difference_type>(std::min(first_, processes.size()));
  processes.erase(processes.begin(), processes.begin() + skipped);
  const std::string list = render_top(part, sort_, {size.columns, rows}, colours);
  return marked(list, rows_of_top_head + selected_ - first_) + fitted(std::string(list_keys), size.columns) +
         "\n";
}

} // namespace coppice::cli
