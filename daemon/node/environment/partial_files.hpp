// SPDX-License-Identifier: MIT
// For an apply that may change only what some files say: the files of a configuration as they are, with those
// that are named as they were when they were applied. What that configuration differs in from the one that
// runs is what the other files would change. Reads links and folders; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "spec/load.hpp"

namespace coppice::node {

struct partial_files {
  std::vector<std::string> files;     // in the order in which they are merged
  std::vector<spec::file_text> texts; // of the named ones, as they were applied
};

// `files` are those of the configuration now, `ran` those that were applied. A named one that is new is left
// out, one that is gone comes back. errc::not_found: a named one is neither among `files` nor in `ran`.
base::result<partial_files> with_former(const std::vector<std::string>& files,
                                        const std::vector<spec::file_text>& ran,
                                        const std::vector<std::string>& named);

} // namespace coppice::node
