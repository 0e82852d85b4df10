// SPDX-License-Identifier: MIT
// Turns an option of `coppice init`, or the argument of `coppice add`, into an entry of the tree, and reports
// all its mistakes. Mistakes that depend on other entries (a repeated name, a missing parent) are left to the
// caller. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/init_tree.hpp"

namespace coppice::cli {

// An option that adds an entry; options are kept in their order on the command line.
struct init_option {
  std::string option; // without dashes: a kind of other_kinds or of templates.hpp
  std::string text;   // [PARENT:]NAME{…}
  // Further keys of an entry in a file; they count as if they were in the braces.
  nlohmann::ordered_json more = nlohmann::ordered_json::object();
};

// Such as "--actor 'front:cart{lang:c}'".
std::string shown_option(const init_option& one);

// Appends a sentence for each mistake, each preceded by `before`. Empty: the text could not be parsed at all.
std::optional<tree_entry> read_entry(const init_option& given, const std::string& before,
                                     std::vector<std::string>& wrong);

} // namespace coppice::cli
