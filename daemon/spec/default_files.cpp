// SPDX-License-Identifier: MIT
// See default_files.hpp.
#include "spec/default_files.hpp"

#include <algorithm>
#include <filesystem>

namespace coppice::spec {

namespace fs = std::filesystem;

std::vector<std::string> default_files(const std::string& folder) {
  std::vector<std::string> parts;
  std::error_code problem;
  for (fs::directory_iterator at(folder + "/conf.d", problem), end; !problem && at != end;
       at.increment(problem)) {
    if (at->path().extension() == ".yaml") parts.push_back(at->path().string());
  }
  std::sort(parts.begin(), parts.end());
  parts.insert(parts.begin(), folder + "/node.yaml");
  return parts;
}

} // namespace coppice::spec
