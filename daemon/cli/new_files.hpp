// SPDX-License-Identifier: MIT
// Writes the files that a generator made. A folder that does not exist yet appears whole, by one rename, or
// not at all: neither a full disk nor a kill leaves a part of it. In a folder that exists each file is whole.
// Files that have the same bytes already are left alone. Blocking; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace coppice::cli {

using new_files = std::map<std::string, std::string>; // text by path, relative to the folder

enum class file_action {
  make,    // there is none
  keep,    // it has these bytes
  replace, // it has others
};

struct planned_file {
  std::string path; // as in new_files
  file_action action = file_action::make;
};

// What writing them would do. An error: the folder, or a file's place, is something else.
base::result<std::vector<planned_file>> plan_files(const std::string& folder, const new_files& files);

// Does it. `planned` is plan_files' result.
base::status write_files(const std::string& folder, const new_files& files,
                         const std::vector<planned_file>& planned);

} // namespace coppice::cli
