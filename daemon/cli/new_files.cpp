// SPDX-License-Identifier: MIT
// A new folder is written as ".NAME-XXXXXX" beside its final name and then renamed, so after a kill only that
// temporary folder is left. For a folder that is there such a folder within it has the new files, which are
// then renamed one by one.
#include "cli/new_files.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
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
    return make(parent_of(folder), fs::path(folder).filename().string());
  }
  static base::result<unfinished_folder> within(const std::string& folder) { return make(folder, "new"); }
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
  static base::result<unfinished_folder> make(const std::string& in, const std::string& name) {
    std::string path = in + "/." + name + "-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return base::fail_errno("make a folder in " + in, errno);
    chmod(path.c_str(), without_umask(folder_mode));
    return unfinished_folder(std::move(path));
  }

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

// Files that were written to another folder take their places in this one. Unless keep() is called, the end
// takes that back: files and folders that were made are removed, and files that were replaced are as before.
class placed_files {
 public:
  // Both folders outlive it.
  placed_files(const std::string& from, const std::string& to) : from_(from), to_(to) {}
  placed_files(const placed_files&) = delete;
  placed_files& operator=(const placed_files&) = delete;
  ~placed_files() {
    for (auto one = undo_.rbegin(); one != undo_.rend(); ++one) (*one)();
  }

  base::status place(const std::string& path, const std::string& text) {
    const std::string from = from_ + "/" + path, to = to_ + "/" + path;
    note_folders(parent_of(to));
    if (auto made = base::make_folders(parent_of(to), folder_mode); !made) return made;
    struct stat found {};
    const bool is_there = lstat(to.c_str(), &found) == 0;
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                  is_there ? RENAME_EXCHANGE : RENAME_NOREPLACE) == 0) {
      if (is_there)
        undo_.emplace_back([from, to] { rename(from.c_str(), to.c_str()); });
      else
        undo_.emplace_back([to] { unlink(to.c_str()); });
      return {};
    }
    // EXDEV: another file system is mounted there. EINVAL: this one cannot rename that way.
    if (errno != EXDEV && errno != EINVAL) return base::fail_errno("write " + to, errno);
    if (auto written = write_file(to_, path, text, to_); !written) return written;
    if (!is_there) undo_.emplace_back([to] { unlink(to.c_str()); });
    return {};
  }
  void keep() { undo_.clear(); }

 private:
  // The folders on the way to this one that are not there.
  void note_folders(const std::string& folder) {
    struct stat found {};
    if (folder.size() <= to_.size() || stat(folder.c_str(), &found) == 0) return;
    note_folders(parent_of(folder));
    undo_.emplace_back([folder] { rmdir(folder.c_str()); });
  }

  const std::string& from_;
  const std::string& to_;
  std::vector<std::function<void()>> undo_;
};

base::status write_into(const std::string& folder, const new_files& files,
                        const std::vector<planned_file>& planned) {
  auto unfinished = unfinished_folder::within(folder);
  if (!unfinished) return unexpected(unfinished.error());
  for (const planned_file& one : planned) {
    if (one.action == file_action::keep) continue;
    if (auto written = write_file(unfinished->path(), one.path, files.at(one.path), folder); !written)
      return written;
  }
  placed_files placed(unfinished->path(), folder);
  for (const planned_file& one : planned) {
    if (one.action == file_action::keep) continue;
    if (auto done = placed.place(one.path, files.at(one.path)); !done) return done;
  }
  placed.keep();
  return {};
}

bool is_all_there(const std::vector<planned_file>& planned) {
  return std::ranges::all_of(planned,
                             [](const planned_file& one) { return one.action == file_action::keep; });
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
  if (fs::exists(folder, unknown))
    return is_all_there(planned) ? base::status() : write_into(folder, files, planned);
  if (auto made = base::make_folders(parent_of(folder), folder_mode); !made) return made;
  auto unfinished = unfinished_folder::beside(folder);
  if (!unfinished) return unexpected(unfinished.error());
  for (const auto& [path, text] : files) {
    if (auto written = write_file(unfinished->path(), path, text, folder); !written) return written;
  }
  return unfinished->become(folder);
}

} // namespace coppice::cli
