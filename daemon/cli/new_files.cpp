// SPDX-License-Identifier: MIT
// A new folder is written as ".NAME-XXXXXX" beside its final name and then renamed, so after a kill only that
// temporary folder is left.
#include "cli/new_files.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/file.hpp"

namespace coppice::cli {

namespace {

namespace fs = std::filesystem;

constexpr mode_t folder_mode = 0777; // reduced by the umask
constexpr mode_t file_mode = 0666;

mode_t without_umask(mode_t mode) {
  const mode_t mask = umask(0);
  umask(mask);
  return mode & ~mask;
}

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Removes trailing slashes: "shop/" becomes "shop".
std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// A temporary folder, removed with its content at the end unless it was renamed.
class unfinished_folder {
 public:
  static base::result<unfinished_folder> beside(const std::string& folder) {
    std::string path = parent_of(folder) + "/." + fs::path(folder).filename().string() + "-XXXXXX";
    if (mkdtemp(path.data()) == nullptr)
      return base::fail_errno("make a folder in " + parent_of(folder), errno);
    chmod(path.c_str(), without_umask(folder_mode));
    return unfinished_folder(std::move(path));
  }
  unfinished_folder(unfinished_folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  unfinished_folder& operator=(unfinished_folder&&) = delete;
  ~unfinished_folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  base::status become(const std::string& folder) {
    // EINVAL: this file system has no RENAME_NOREPLACE. rename() replaces an empty folder only.
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, folder.c_str(), RENAME_NOREPLACE) != 0 &&
        (errno != EINVAL || rename(path_.c_str(), folder.c_str()) != 0))
      return base::fail_errno("make folder " + folder, errno);
    path_.clear();
    return {};
  }

 private:
  explicit unfinished_folder(std::string path) : path_(std::move(path)) {}
  std::string path_; // empty: nothing to remove
};

// An error names the file by its final path `to_be`: `folder` may be a temporary name.
base::status write_file(const std::string& folder, const std::string& path, const std::string& text,
                        const std::string& to_be) {
  const std::string file = folder + "/" + path;
  base::status done = base::make_folders(parent_of(file), folder_mode);
  if (done) done = base::write_file_atomic(file, text, without_umask(file_mode));
  if (done) return done;
  const std::string& said = done.error().text;
  return base::fail(done.error().code, "write " + to_be + "/" + path + said.substr(said.rfind(": ")));
}

} // namespace

base::result<std::vector<planned_file>> plan_files(const std::string& given, const new_files& files) {
  const std::string folder = without_slash(given);
  struct stat found {};
  if (stat(folder.c_str(), &found) != 0) {
    if (errno != ENOENT) return base::fail_errno(folder, errno);
    if (lstat(folder.c_str(), &found) == 0)
      return base::fail(base::errc::exists, folder + " is a link to nothing");
  } else if (!S_ISDIR(found.st_mode)) {
    return base::fail(base::errc::exists, folder + " exists and is no folder");
  }
  std::vector<planned_file> planned;
  for (const auto& [path, text] : files) {
    const std::string file = folder + "/" + path;
    if (lstat(file.c_str(), &found) != 0) {
      if (errno != ENOENT) return base::fail_errno(file, errno);
      planned.push_back({path, file_action::make});
      continue;
    }
    if (S_ISDIR(found.st_mode)) return base::fail(base::errc::exists, file + " is a folder");
    const auto there = S_ISREG(found.st_mode) ? base::read_file(file, text.size()) : std::string();
    if (!there && there.error().code != base::errc::limit) return unexpected(there.error());
    planned.push_back({path, there && *there == text ? file_action::keep : file_action::replace});
  }
  return planned;
}

base::status write_files(const std::string& given, const new_files& files,
                         const std::vector<planned_file>& planned) {
  const std::string folder = without_slash(given);
  std::error_code unknown;
  if (fs::exists(folder, unknown)) {
    for (const planned_file& one : planned) {
      if (one.action == file_action::keep) continue;
      if (auto written = write_file(folder, one.path, files.at(one.path), folder); !written) return written;
    }
    return {};
  }
  if (auto made = base::make_folders(parent_of(folder), folder_mode); !made) return made;
  auto unfinished = unfinished_folder::beside(folder);
  if (!unfinished) return unexpected(unfinished.error());
  for (const auto& [path, text] : files) {
    if (auto written = write_file(unfinished->path(), path, text, folder); !written) return written;
  }
  return unfinished->become(folder);
}

} // namespace coppice::cli
