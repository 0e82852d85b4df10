// SPDX-License-Identifier: MIT
// Finds, and for the node prepares, the folder of the control sockets. Any user could make a folder under
// /tmp first, so it is used only if it belongs to this user and is closed to others.
#include "api/socket_path.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>

#include "base/file.hpp"
#include "base/socket_mark.hpp"

namespace coppice::api {

namespace fs = std::filesystem;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The folder for nodes that this user starts by hand.
fs::path folder_of_user() {
  if (geteuid() == 0) return service_folder;
  if (auto runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty()) return fs::path(runtime) / "coppice";
  return fmt::format("/tmp/coppice-{}", geteuid());
}

std::string group_name(gid_t id) {
  const group* const found = getgrgid(id); // NOLINT(concurrency-mt-unsafe): the client has one thread
  return found == nullptr ? std::to_string(id) : found->gr_name;
}

std::string user_name(uid_t id) {
  const passwd* const found = getpwuid(id); // NOLINT(concurrency-mt-unsafe): one thread
  return found == nullptr ? std::to_string(id) : found->pw_name;
}

// Whether a socket is left over from a node that has ended: no process listens at it, or keeps it for a later
// node.
bool is_left_over(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path) return false;
  text.copy(address.sun_path, text.size());
  const base::unique_fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

bool is_control_socket(const fs::path& path) {
  struct stat info {};
  return path.extension() == ".sock" && stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) &&
         (info.st_mode & base::leads_to_actors) == 0;
}

bool leads_to_actors(const fs::path& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) &&
         (info.st_mode & base::leads_to_actors) != 0;
}

bool may_open(const fs::path& socket) {
  return access(socket.c_str(), W_OK) == 0;
}

// Whether only this user can put a socket there; root may too if `or_root`.
base::status check_folder(const fs::path& folder, bool or_root) {
  struct stat info {};
  if (lstat(folder.c_str(), &info) != 0) return base::fail_errno(folder.string(), errno);
  if (!S_ISDIR(info.st_mode)) return base::fail(base::errc::refused, folder.string() + ": not a folder");
  if (info.st_uid != geteuid() && !(or_root && info.st_uid == 0)) {
    return base::fail(base::errc::refused, folder.string() + ": belongs to another user; set control.socket");
  }
  if ((info.st_mode & 0022) != 0) {
    return base::fail(base::errc::refused,
                      folder.string() + ": others may write to it; chmod go-w it, or set control.socket");
  }
  return {};
}

} // namespace

fs::path socket_folder() {
  // It may name several folders, separated by colons.
  const std::string given = environment("RUNTIME_DIRECTORY");
  if (!given.empty()) return given.substr(0, given.find(':'));
  return folder_of_user();
}

fs::path socket_path(std::string_view node_name) {
  return socket_folder() / (std::string(node_name) + ".sock");
}

base::status prepare_socket_folder(const fs::path& folder) {
  const bool shared = geteuid() == 0; // /run/coppice: the socket's own mode may admit a group
  if (mkdir(folder.c_str(), shared ? 0755 : 0700) != 0 && errno != EEXIST) {
    return base::fail_errno(folder.string(), errno);
  }
  return check_folder(folder, false);
}

std::vector<fs::path> sockets_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem))
    if (is_control_socket(at->path())) found.push_back(at->path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string who_may_open(const fs::path& socket) {
  struct stat info {};
  if (stat(socket.c_str(), &info) != 0) return "you may not look at it";
  const std::string owner = user_name(info.st_uid);
  if ((info.st_mode & S_IWGRP) == 0) return "only " + owner + " may open it";
  return fmt::format("only {} and the group {} may open it", owner, group_name(info.st_gid));
}

base::result<fs::path> choose_socket(std::string_view option, const fs::path& services) {
  const std::string named = option.empty() ? environment("COPPICE_SOCKET") : std::string(option);
  if (!named.empty() && leads_to_actors(named))
    return base::fail(base::errc::refused, named + ": it leads to actors, not to a node");
  if (!named.empty()) return fs::path(named);
  const auto of_services = sockets_in(services);
  std::vector<fs::path> found;
  std::copy_if(of_services.begin(), of_services.end(), std::back_inserter(found), may_open);
  const fs::path own = geteuid() == 0 ? services : folder_of_user();
  if (found.empty() && own != services) {
    // Another user may have made it first, with a socket in it that answers as a node would.
    std::error_code unknown;
    const bool there = fs::exists(fs::symlink_status(own, unknown));
    if (const base::status safe = there ? check_folder(own, true) : base::status(); !safe)
      return base::fail(base::errc::refused,
                        safe.error().text + ": no node is looked for there (--socket names one)");
    found = sockets_in(own);
  }
  if (found.size() > 1) {
    const auto live = std::stable_partition(found.begin(), found.end(), is_left_over);
    if (live == found.end())
      return base::fail(base::errc::not_found,
                        fmt::format("no node runs: nobody listens at the {} sockets in {}", found.size(),
                                    found.front().parent_path().string()));
    found.erase(found.begin(), live);
  }
  if (found.size() == 1) return found.front();
  if (found.empty() && !of_services.empty())
    return base::fail(base::errc::refused,
                      of_services.front().string() + ": " + who_may_open(of_services.front()));
  if (found.empty() && own == services)
    return base::fail(base::errc::not_found, "no control socket in " + own.string());
  if (found.empty())
    return base::fail(base::errc::not_found,
                      fmt::format("no control socket in {} and {}", services.string(), own.string()));
  std::string list;
  for (const auto& path : found) list += "\n  --socket " + path.string();
  return base::fail(base::errc::invalid, "several nodes run here, choose one:" + list);
}

} // namespace coppice::api
