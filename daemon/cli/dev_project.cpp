// SPDX-License-Identifier: MIT
// See dev_project.hpp. Paths are made canonical, as Meson writes them down, so that they can be compared.
#include "cli/dev_project.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "cli/development.hpp"
#include "cli/generated.hpp"
#include "cli/project.hpp"
#include "cli/tool_run.hpp"

namespace coppice::cli {

namespace fs = std::filesystem;

namespace {

constexpr mode_t folder_mode = 0755;
constexpr mode_t data_mode = 0750; // as the node makes it

// coppiced beside this program, else in PATH.
std::string find_coppiced() {
  std::error_code unknown;
  const fs::path beside = fs::read_symlink("/proc/self/exe", unknown).parent_path() / "coppiced";
  return !unknown && access(beside.c_str(), X_OK) == 0 ? beside.string() : find_in_path("coppiced");
}

// Makes the folder, or takes one that only this user can have filled. Another one may lead to files
// elsewhere, which would be removed or written, or may bring plugins.
base::status own_folder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return base::fail_errno("make folder " + path, errno);
  struct stat is {};
  if (lstat(path.c_str(), &is) != 0) return base::fail_errno("stat " + path, errno);
  std::string wrong;
  if (!S_ISDIR(is.st_mode))
    wrong = S_ISLNK(is.st_mode) ? "is a symbolic link" : "is no folder";
  else if (is.st_uid != geteuid())
    wrong = fmt::format("belongs to user {}", is.st_uid);
  else if ((is.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    wrong = "can be written by other users";
  if (wrong.empty()) return {};
  return base::fail(base::errc::refused,
                    fmt::format("{} {}: remove it, or name another build folder with --build", path, wrong));
}

} // namespace

base::result<dev_project> find_dev_project(const std::string& given, const std::string& build_folder) {
  auto configuration = configuration_of(".", given);
  if (!configuration) return unexpected(configuration.error());
  std::error_code problem;
  const fs::path project = fs::canonical(".", problem);
  if (problem) return base::fail_errno("the current folder", problem.value());
  if (!fs::exists(project / "meson.build", problem))
    return base::fail(base::errc::not_found, "there is no meson.build: this is no project of coppice init");
  const fs::path file = fs::weakly_canonical(project / *configuration, problem);
  const std::string relative = file.lexically_relative(project).string();
  if (relative.starts_with(".."))
    return base::fail(base::errc::invalid,
                      "the configuration has to be in the project's folder: " + file.string());
  if (!fs::is_regular_file(file, problem))
    return base::fail(base::errc::not_found, *configuration + " is no file");
  const std::string build = fs::weakly_canonical(project / build_folder, problem).string();
  if (build == project) return base::fail(base::errc::invalid, "the build folder cannot be the project's");
  dev_project found{{find_coppiced(), project.string(), file.string(), build, build + "/dev"},
                    relative,
                    find_in_path("meson"),
                    find_in_path("ninja")};
  if (found.meson.empty())
    return base::fail(base::errc::not_found, "there is no meson in PATH: install the package meson");
  if (found.ninja.empty())
    return base::fail(base::errc::not_found, "there is no ninja in PATH: install the package ninja-build");
  if (found.place.program.empty())
    return base::fail(base::errc::not_found,
                      "there is no coppiced beside this program or in PATH: install the package coppice");
  if (found.place.socket().size() >= sizeof sockaddr_un{}.sun_path)
    return base::fail(
        base::errc::limit,
        found.place.socket() + ": the path is too long for a socket; --build names another folder");
  const auto information = read_regular(build + "/meson-info/meson-info.json");
  const std::string source = information ? source_of_build(*information) : "";
  if (!source.empty() && source != project)
    return base::fail(base::errc::refused,
                      fmt::format("{} is the build folder of {}: --build names another one", build, source));
  return found;
}

base::result<base::unique_fd> claim_dev_folder(const dev_place& place) {
  std::error_code unknown;
  if (auto made = base::make_folders(place.build, folder_mode); !made) return unexpected(made.error());
  if (auto own = own_folder(place.folder, folder_mode); !own) return unexpected(own.error());
  auto lock = base::open_file(place.folder + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!lock) return unexpected(lock.error());
  if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return base::fail(base::errc::exists, "coppice dev runs in this project already");
  if (auto own = own_folder(place.plugins(), folder_mode); !own) return unexpected(own.error());
  if (auto own = own_folder(place.data(), data_mode); !own) return unexpected(own.error());
  // Plugins of an earlier run. Nothing else is removed: --build can name any folder.
  for (fs::directory_iterator at(place.plugins(), unknown), end; !unknown && at != end;
       at.increment(unknown)) {
    std::error_code ignored;
    if (at->path().extension() == ".so" && fs::is_regular_file(at->symlink_status(ignored)))
      fs::remove(at->path(), ignored);
  }
  return lock;
}

} // namespace coppice::cli
