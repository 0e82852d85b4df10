// SPDX-License-Identifier: MIT
// For an apply that may change only some files: the files of a configuration as they are now, except that the
// named ones are as they were when they were applied. The difference between that and the running
// configuration is what the other files would change. Reads links and folders; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "spec/load.hpp"

namespace coppice::node {

struct partial_files {
  std::vector<std::string> files;     // in the order of merging
  std::vector<spec::file_text> texts; // the named files, as they were applied
};

// `files`: those of the configuration now. `ran`: those that were applied. A named file that is new is left
// out, and a named file that is gone comes back. errc::not_found: a named file is in neither list.
base::result<partial_files> with_former(const std::vector<std::string>& files,
                                        const std::vector<spec::file_text>& ran,
                                        const std::vector<std::string>& named);

} // namespace coppice::node
