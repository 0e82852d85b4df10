// SPDX-License-Identifier: MIT
// Names are compared as paths with links resolved, so that /etc/coppice/conf.d/a.yaml is one file whatever
// name the node and the client were given for it.
#include "node/environment/partial_files.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace coppice::node {
namespace {

std::string canonical(const std::string& path) {
  std::error_code unknown;
  const auto whole = std::filesystem::absolute(path, unknown);
  const auto out = std::filesystem::weakly_canonical(whole, unknown);
  return unknown ? whole.lexically_normal().string() : out.string();
}

// Inserts the file `ran[index]` into `files`, before the next later file of `ran` that is there.
void put_back(std::vector<std::string>& files, const std::vector<spec::file_text>& ran, std::size_t index) {
  auto before = files.end();
  for (std::size_t next = index + 1; next < ran.size() && before == files.end(); ++next)
    before = std::ranges::find(files, ran[next].name);
  files.insert(before, ran[index].name);
}

} // namespace

base::result<partial_files> with_former(const std::vector<std::string>& files,
                                        const std::vector<spec::file_text>& ran,
                                        const std::vector<std::string>& named) {
  std::set<std::string> wanted;
  for (const std::string& one : named) wanted.insert(canonical(one));
  std::set<std::string> unknown = wanted;
  partial_files out;
  for (const std::string& file : files) {
    const std::string path = canonical(file);
    unknown.erase(path);
    if (!wanted.contains(path)) out.files.push_back(file);
  }
  // Backwards, so that each file finds the later ones in place.
  for (std::size_t left = ran.size(); left > 0; --left) {
    const std::string path = canonical(ran[left - 1].name);
    unknown.erase(path);
    if (!wanted.contains(path)) continue;
    put_back(out.files, ran, left - 1);
    out.texts.push_back(ran[left - 1]);
  }
  if (!unknown.empty())
    return base::fail(base::errc::not_found, *unknown.begin() + " is no file of the node's configuration");
  return out;
}

} // namespace coppice::node
