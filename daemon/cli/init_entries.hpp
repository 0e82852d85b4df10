// SPDX-License-Identifier: MIT
// From an option of `coppice init`, or an argument of `coppice add`, as it was written, to an entry of the
// tree, and all that is wrong with it. What depends on other entries (a name that is there twice, a parent
// that is not there) is the caller's. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/init_tree.hpp"

namespace coppice::cli {

// An option that adds something, in the order in which they were given.
struct init_option {
  std::string option; // without dashes: of other_kinds or of templates.hpp
  std::string text;   // [PARENT:]NAME{…}
  // What stands in a file beside the text; it counts as if it stood in the braces.
  nlohmann::ordered_json more = nlohmann::ordered_json::object();
};

// "--actor 'front:cart{lang:c}'"
std::string shown_option(const init_option& one);

// Appends what is wrong, a sentence behind `before` each. nullopt: it could not be read at all.
std::optional<tree_entry> read_entry(const init_option& given, const std::string& before,
                                     std::vector<std::string>& wrong);

} // namespace coppice::cli
