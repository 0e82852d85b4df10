// SPDX-License-Identifier: MIT
// What `coppice init` makes: a node's tree of applications, supervisors and plugins, and the files of a
// project that has them. An application that is not declared has the node's name. Pure.
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
  bool observer = false; // the node's page at 127.0.0.1:9911
  std::string command;   // that made it, for the page
};

// The project's files, or all that is wrong, a sentence each.
expected<new_files, std::vector<std::string>> project_files(const init_request& wanted);

// The project's name: what stands before '@'.
std::string alive_of(const std::string& node);

} // namespace coppice::cli
