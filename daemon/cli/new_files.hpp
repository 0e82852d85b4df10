// SPDX-License-Identifier: MIT
// Writes the files that a generator made. A new folder appears as a whole by one rename, or not at all:
// neither a full disk nor a kill leaves a part of it. An existing folder gets all of the files or, where one
// cannot be written, none; a kill may leave some of them, each whole. Files with equal bytes are left alone.
// Blocking; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace coppice::cli {

using new_files = std::map<std::string, std::string>; // text by path, relative to the folder

enum class file_action {
  make,    // there is no such file
  keep,    // it has equal bytes
  replace, // it has other bytes
};

struct planned_file {
  std::string path; // as in new_files
  file_action action = file_action::make;
};

// Says what writing the files would do. An error: the folder's or a file's path is something else.
base::result<std::vector<planned_file>> plan_files(const std::string& folder, const new_files& files);

// Writes the files. `planned` is the result of plan_files().
base::status write_files(const std::string& folder, const new_files& files,
                         const std::vector<planned_file>& planned);

} // namespace coppice::cli
