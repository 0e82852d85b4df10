// SPDX-License-Identifier: MIT
// See service_paths.hpp.
#include "spec/schema/service_paths.hpp"

#include <array>
#include <filesystem>
#include <utility>

#include "spec/schema/default_files.hpp"

namespace coppice::spec {
namespace {

namespace fs = std::filesystem;

bool lies_in(const fs::path& path, const fs::path& folder) {
  const fs::path inside = path.lexically_relative(folder);
  return !inside.empty() && *inside.begin() != ".." && *inside.begin() != ".";
}

struct unit {
  std::string name;
  std::string data; // its folder in /var/lib and /var/log
};

// The unit that runs the configuration in this folder; nullopt: none.
std::optional<unit> unit_of(fs::path folder) {
  folder = folder.lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  if (folder.filename() == "conf.d") folder = folder.parent_path();
  if (folder == default_folder) return unit{"coppice.service", "coppice"};
  if (folder.parent_path() != default_folder) return std::nullopt;
  const std::string instance = folder.filename();
  return unit{"coppice@" + instance + ".service", "coppice/" + instance};
}

} // namespace

std::optional<refused_place> refused_to_service(const std::string& folder, const std::string& path) {
  const auto by = unit_of(folder);
  if (!by) return std::nullopt;
  const fs::path at = fs::path(path).lexically_normal();
  const std::array<std::string, 3> open{"/run/coppice", "/var/lib/" + by->data, "/var/log/" + by->data};
  for (const std::string& one : open)
    if (lies_in(at, one)) return std::nullopt;
  for (const char* const one : {"/tmp", "/var/tmp"})
    if (lies_in(at, one))
      return refused_place{by->name + " has a " + one + " of its own, in which nobody else finds it",
                           "it has room in /run/coppice"};
  return refused_place{by->name + " may not write there",
                       "it has room in /run/coppice, or where a drop-in says ReadWritePaths="};
}

} // namespace coppice::spec
