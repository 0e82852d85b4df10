// SPDX-License-Identifier: MIT
// Computes what `coppice init` makes: a node's tree of applications, supervisors and plugins, and the files
// of its project. Entries without a parent belong to an application with the node's name. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <string>
#include <vector>

#include "cli/init_entries.hpp"
#include "cli/new_files.hpp"

namespace coppice::cli {

struct init_request {
  std::string node; // ALIVE or ALIVE@HOST
  std::vector<init_option> options;
  bool observer = false; // enables the node's page at 127.0.0.1:9911
  std::string command;   // the command that made the project, for its README
};

// The project's files. An error lists all mistakes, a sentence each.
expected<new_files, std::vector<std::string>> project_files(const init_request& wanted);

// The project's name: the part before '@'.
std::string alive_of(const std::string& node);

} // namespace coppice::cli
