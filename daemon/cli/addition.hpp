// SPDX-License-Identifier: MIT
// Computes what `coppice add` changes in a project: one entry in the tree of its configuration and, for a
// plugin, its files, its line in meson.build and its processes in the test of the running tree. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/init_entries.hpp"
#include "cli/new_files.hpp"

namespace coppice::cli {

// A file of the project: its path there, and its text.
struct project_file {
  std::string path;
  std::string text;
};

struct project_texts {
  project_file configuration;
  std::optional<project_file> build; // meson.build. Empty: there is none
  std::optional<project_file> test;  // tests/tree.sh. Empty: there is none
};

// Lines that a person has to add, because the layout of the file is unknown.
struct lines_to_add {
  std::string path;
  std::string where; // "applications: shop: supervisor: children"
  std::string lines;
  std::string why;
};

struct addition {
  tree_entry entry;
  std::string node;                  // from the configuration, otherwise from its file name
  new_files plugin;                  // by path below plugins/NAME. Empty: the entry is no plugin
  std::vector<project_file> edits;   // files with their new texts; the configuration comes last
  std::vector<lines_to_add> by_hand; // not empty: nothing may be written
};

// An error lists all mistakes in the kind, the names and the options, a sentence each.
expected<addition, std::vector<std::string>> plan_addition(const init_option& given,
                                                           const project_texts& project);

} // namespace coppice::cli
