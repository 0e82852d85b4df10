// SPDX-License-Identifier: MIT
// Parses arguments of `coppice init` as people write them: [PARENT:]NAME{key:value,flag}. A value is text
// without commas and braces, "text in quotes", a list in brackets or a map in braces. Text that looks like a
// whole number, true or false is read as one, and a key without a value is true. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace coppice::cli {

struct written_node {
  std::string parent; // empty: not given
  std::string name;   // as written
  nlohmann::ordered_json options = nlohmann::ordered_json::object();
};

// An error is a sentence.
expected<written_node, std::string> parse_written_node(std::string_view text);

} // namespace coppice::cli
