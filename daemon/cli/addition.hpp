// SPDX-License-Identifier: MIT
// What `coppice add` changes in a project: one entry more in the tree of its configuration and, of a plugin,
// its files, its line in meson.build and its processes in the test of the running tree. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/init_entries.hpp"
#include "cli/new_files.hpp"

namespace coppice::cli {

// A file of the project: its path there, and what it says.
struct project_file {
  std::string path;
  std::string text;
};

struct project_texts {
  project_file configuration;
  std::optional<project_file> build; // meson.build; nullopt: there is none
  std::optional<project_file> test;  // tests/tree.sh, likewise
};

// Lines that a person has to add, because the file has a layout that is not known.
struct lines_to_add {
  std::string path;
  std::string where; // "applications: shop: supervisor: children"
  std::string lines;
  std::string why;
};

struct addition {
  tree_entry entry;
  std::string node;                  // as the configuration names it, else as its file is called
  new_files plugin;                  // by path below plugins/NAME; empty: the entry is no plugin
  std::vector<project_file> edits;   // files that say something else now; the configuration is the last
  std::vector<lines_to_add> by_hand; // not empty: nothing is to be written
};

// All that is wrong with the kind, the names and the options, a sentence each.
expected<addition, std::vector<std::string>> plan_addition(const init_option& given,
                                                           const project_texts& project);

} // namespace coppice::cli
