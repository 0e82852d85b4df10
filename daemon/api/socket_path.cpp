// SPDX-License-Identifier: MIT
// Finds, and for the node prepares, the folder of the control sockets. A folder under /tmp can be
// made by anyone first, so it is used only when it is ours and closed to others.
#include "api/socket_path.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace coppice::api {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

} // namespace

fs::path socket_folder() {
  if (geteuid() == 0) return "/run/coppice";
  if (auto runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty()) return fs::path(runtime) / "coppice";
  return fmt::format("/tmp/coppice-{}", geteuid());
}

fs::path socket_path(std::string_view node_name) {
  return socket_folder() / (std::string(node_name) + ".sock");
}

base::status prepare_socket_folder(const fs::path& folder) {
  const bool shared = geteuid() == 0; // /run/coppice: a group may be let in by the socket's own mode
  if (mkdir(folder.c_str(), shared ? 0755 : 0700) != 0 && errno != EEXIST) {
    return base::fail_errno(folder.string(), errno);
  }
  struct stat info {};
  if (lstat(folder.c_str(), &info) != 0) return base::fail_errno(folder.string(), errno);
  if (!S_ISDIR(info.st_mode)) return base::fail(base::errc::refused, folder.string() + ": not a folder");
  if (info.st_uid != geteuid()) {
    return base::fail(base::errc::refused, folder.string() + ": belongs to another user; set control.socket");
  }
  if ((info.st_mode & 0022) != 0) {
    return base::fail(base::errc::refused,
                      folder.string() + ": others may write to it; chmod go-w it, or set control.socket");
  }
  return {};
}

std::vector<fs::path> sockets_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code ignored;
    if (at->path().extension() == ".sock" && at->is_socket(ignored)) found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

base::result<fs::path> choose_socket(std::string_view option) {
  if (!option.empty()) return fs::path(option);
  if (auto named = environment("COPPICE_SOCKET"); !named.empty()) return fs::path(named);
  const fs::path folder = socket_folder();
  auto found = sockets_in(folder);
  if (found.size() == 1) return found.front();
  if (found.empty()) return base::fail(base::errc::not_found, "no control socket in " + folder.string());
  std::string list;
  for (const auto& path : found) list += "\n  --socket " + path.string();
  return base::fail(base::errc::invalid, "several nodes run here, choose one:" + list);
}

} // namespace coppice::api
