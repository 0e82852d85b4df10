// SPDX-License-Identifier: MIT
// Adds items to a list of a YAML text and leaves every other byte as it is: comments, blank lines, the layout
// of the list. The text that comes out is read again and must say what it said before and those items
// besides; where it does not, or where the layout is one that this file does not know, there is no result.
// Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coppice::cli {

// An item, in the two layouts that a list can have.
struct list_item {
  std::string block; // "- …" and the lines that belong to it, not indented, each with its '\n'
  std::string flow;  // one line without "- "
};

// Keys of maps and indices of lists, from the document down.
using yaml_path = std::vector<std::variant<std::string, std::size_t>>;

// What the document says. An error names line and column.
expected<nlohmann::json, std::string> read_yaml(const std::string& text);
// The same with the keys of maps in the order in which they stand there.
expected<nlohmann::ordered_json, std::string> read_yaml_in_order(const std::string& text);

// The text with the items at the end of the list at `path`. Maps and the list itself are made where they are
// missing. An error is a sentence.
expected<std::string, std::string> add_to_list(const std::string& text, const yaml_path& path,
                                               const std::vector<list_item>& items);

// `[a, b]` or `{a: b}` in a text, of YAML or of Meson: quotes and comments are passed over.
struct bracketed {
  std::size_t open = 0;  // its '[' or '{'
  std::size_t last = 0;  // behind the last character of its content; empty: behind `open`
  std::size_t close = 0; // its ']' or '}'
  bool empty() const { return last == open + 1; }
};
// nullopt: it is not closed.
std::optional<bracketed> find_brackets(std::string_view text, std::size_t open);
// The text with `items` before the closing bracket, in the layout of those that are there: on the same line,
// or each on a line of its own. `blank`: what stands between bracket and item where there was none.
std::string add_to_brackets(const std::string& text, const bracketed& in,
                            const std::vector<std::string>& items, const std::string& blank);

} // namespace coppice::cli
