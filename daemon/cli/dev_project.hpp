// SPDX-License-Identifier: MIT
// What `coppice dev` needs before it starts anything: the project in the current folder, the tools that build
// it, and a folder for its node that no other process uses. One thread.
#pragma once

#include <string>

#include "base/file.hpp"
#include "cli/dev_node.hpp"

namespace coppice::cli {

struct dev_project {
  dev_place place;
  std::string configuration; // from the project's folder on
  std::string meson;         // absolute paths
  std::string ninja;
};

// `given`: the configuration; empty: the only one in config. The error says what is missing, and what to
// install. errc::refused: the build folder belongs to another source.
base::result<dev_project> find_dev_project(const std::string& given, const std::string& build_folder);

// Makes the folder of the node. It is for this process alone as long as the result lives. errc::exists:
// another process has it. errc::refused: it, or a folder in it, is a symbolic link, belongs to another user,
// or can be written by one. Then nothing in it is changed.
base::result<base::unique_fd> claim_dev_folder(const dev_place& place);

} // namespace coppice::cli
