// SPDX-License-Identifier: MIT
// Adds items to a list in a YAML text and leaves every other byte unchanged: comments, blank lines, the
// layout of the list. The result is read again, and must equal the old content plus the items. If it does
// not, or if the layout is unknown, there is no result. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coppice::cli {

// An item in both layouts that a list can have.
struct list_item {
  std::string block; // "- …" and the lines that belong to it, not indented, each with its '\n'
  std::string flow;  // one line without "- "
};

// Keys of maps and indices of lists, from the document's root down.
using yaml_path = std::vector<std::variant<std::string, std::size_t>>;

// Reads a document. An error names line and column.
expected<nlohmann::json, std::string> read_yaml(const std::string& text);
// As read_yaml(), with the keys of maps in their order in the text.
expected<nlohmann::ordered_json, std::string> read_yaml_in_order(const std::string& text);

// The text with the items added at the end of the list at `path`. Missing maps and a missing list are made.
// An error is a sentence.
expected<std::string, std::string> add_to_list(const std::string& text, const yaml_path& path,
                                               const std::vector<list_item>& items);

// A bracketed `[a, b]` or `{a: b}` in a text of YAML or Meson; quotes and comments are skipped.
struct bracketed {
  std::size_t open = 0;  // its '[' or '{'
  std::size_t last = 0;  // after the last character of its content. Without content: just after `open`
  std::size_t close = 0; // its ']' or '}'
  bool empty() const { return last == open + 1; }
};
// Empty: it is not closed.
std::optional<bracketed> find_brackets(std::string_view text, std::size_t open);
// The text with `items` before the closing bracket, in the layout of the present items: all on one line, or
// each on its own line. `blank`: what to put between the bracket and an item if there was no content.
std::string add_to_brackets(const std::string& text, const bracketed& in,
                            const std::vector<std::string>& items, const std::string& blank);

} // namespace coppice::cli
