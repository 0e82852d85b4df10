// SPDX-License-Identifier: MIT
// See project.hpp. The commands that work inside a project find its configuration here, so that they agree
// about it and say the same if there is none.
#include "cli/project.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace coppice::cli {

namespace fs = std::filesystem;

std::string in_folder(const std::string& folder, const std::string& path) {
  return folder == "." ? path : folder + "/" + path;
}

base::result<std::string> configuration_of(const std::string& folder, const std::string& given) {
  if (!given.empty()) return given;
  std::vector<std::string> found;
  std::error_code problem;
  for (fs::directory_iterator at(in_folder(folder, "config"), problem), end; !problem && at != end;
       at.increment(problem))
    if (at->path().extension() == ".yaml") found.push_back("config/" + at->path().filename().string());
  if (found.size() == 1) return found.front();
  std::ranges::sort(found);
  if (found.empty())
    return base::fail(base::errc::not_found,
                      in_folder(folder, "config") + " has no .yaml: this is no project of coppice init");
  return base::fail(base::errc::invalid,
                    fmt::format("config has several: --config says which of {}", fmt::join(found, ", ")));
}

} // namespace coppice::cli
