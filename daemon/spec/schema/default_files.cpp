// SPDX-License-Identifier: MIT
// See default_files.hpp.
#include "spec/schema/default_files.hpp"

#include <algorithm>
#include <filesystem>

namespace coppice::spec {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> files_of(const fs::path& folder) {
  std::vector<std::string> parts;
  std::error_code problem;
  for (fs::directory_iterator at(folder / "conf.d", problem), end; !problem && at != end;
       at.increment(problem)) {
    if (at->path().extension() == ".yaml") parts.push_back(at->path().string());
  }
  std::sort(parts.begin(), parts.end());
  parts.insert(parts.begin(), (folder / "node.yaml").string());
  return parts;
}

} // namespace

std::vector<std::string> configuration_files(const std::vector<std::string>& given,
                                             const std::string& fallback) {
  if (given.empty()) return files_of(fallback);
  std::vector<std::string> out;
  for (const std::string& one : given) {
    std::error_code unknown;
    if (!fs::is_directory(one, unknown)) {
      out.push_back(one);
      continue;
    }
    for (auto& file : files_of(one)) out.push_back(std::move(file));
  }
  return out;
}

std::string installed_plugins(const std::string& program) {
  std::error_code unknown;
  const fs::path running = program.empty() ? fs::read_symlink("/proc/self/exe", unknown) : fs::path(program);
  const fs::path folder = running.parent_path();
  if (folder.filename() != "bin") return {};
  return (folder.parent_path() / "lib/coppice/plugins").string();
}

} // namespace coppice::spec
