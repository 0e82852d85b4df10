// SPDX-License-Identifier: MIT
// The path is walked folder by folder. Each folder is opened below the one before and judged by its
// descriptor, and links are followed by hand, so no name is looked up twice and cannot be changed in between.
#include "manifest/source_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <filesystem>
#include <vector>

namespace coppice::manifest {
namespace {

constexpr int most_links = 40; // the kernel's bound

unexpected<base::error> unreadable(int number) {
  return base::fail_errno("cannot be read", number);
}

unexpected<base::error> irregular() {
  return base::fail(base::errc::invalid, "cannot be read: not a regular file");
}

base::status judge(const struct stat& status, const std::string& path) {
  const bool folder = S_ISDIR(status.st_mode);
  const bool link = S_ISLNK(status.st_mode);
  const std::string what = (folder ? "the folder " : link ? "the link " : "") + path;
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return base::fail(base::errc::refused,
                      what + " belongs to user " + std::to_string(status.st_uid) + ", not to root or us");
  const bool sticky = folder && (status.st_mode & S_ISVTX) != 0;
  if (!link && !sticky && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return base::fail(base::errc::refused, what + " is writable by " +
                                               ((status.st_mode & S_IWOTH) != 0 ? "everyone" : "its group"));
  return {};
}

base::result<std::string> target_of(int link) {
  std::array<char, PATH_MAX> text;
  const ssize_t size = ::readlinkat(link, "", text.data(), text.size());
  if (size < 0) return unreadable(errno);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

class path_walk {
 public:
  base::result<base::unique_fd> run(const std::string& path) {
    if (path.empty()) return unreadable(ENOENT);
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    if (error) return unreadable(error.value());
    if (auto begun = follow(whole.string()); !begun) return unexpected(std::move(begun.error()));
    while (!ahead_.empty()) {
      const std::string name = std::move(ahead_.front());
      ahead_.pop_front();
      if (name == ".." && folders_.size() > 1) folders_.pop_back();
      if (name.empty() || name == "." || name == "..") continue;
      auto next = step(name);
      if (!next) return unexpected(std::move(next.error()));
      if (*next) return std::move(*next);
    }
    return irregular();
  }

  base::status safe() && { return std::move(safe_); }

 private:
  struct folder {
    base::unique_fd at;
    std::string path; // without links
  };

  void note(const struct stat& status, const std::string& path) {
    if (safe_) safe_ = judge(status, path);
  }

  // Walks on along `text`, starting at the root if it begins there.
  base::status follow(const std::string& text) {
    if (text.starts_with('/')) {
      folders_.clear();
      base::unique_fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
      struct stat status {};
      if (!root || ::fstat(root.get(), &status) != 0) return unreadable(errno);
      note(status, "/");
      folders_.push_back({std::move(root), ""});
    }
    std::vector<std::string> names;
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t slash = std::min(text.find('/', from), text.size());
      names.push_back(text.substr(from, slash - from));
      from = slash + 1;
    }
    ahead_.insert(ahead_.begin(), names.begin(), names.end());
    return {};
  }

  // Enters a folder, follows a link, or opens the file, which is returned. Otherwise returns no descriptor.
  base::result<base::unique_fd> step(const std::string& name) {
    const int above = folders_.back().at.get();
    const std::string path = folders_.back().path + "/" + name;
    base::unique_fd found(::openat(above, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!found || ::fstat(found.get(), &status) != 0) return unreadable(errno);
    note(status, path);
    if (S_ISDIR(status.st_mode)) {
      folders_.push_back({std::move(found), path});
      return base::unique_fd();
    }
    if (S_ISLNK(status.st_mode)) {
      if (++links_ > most_links) return unreadable(ELOOP);
      auto target = target_of(found.get());
      if (!target) return unexpected(std::move(target.error()));
      if (auto done = follow(*target); !done) return unexpected(std::move(done.error()));
      return base::unique_fd();
    }
    for (const std::string& left : ahead_)
      if (!left.empty()) return unreadable(ENOTDIR);
    if (!S_ISREG(status.st_mode)) return irregular();
    return open_same(above, name, status);
  }

  // O_NONBLOCK: the file may have been replaced by a FIFO.
  static base::result<base::unique_fd> open_same(int above, const std::string& name,
                                                 const struct stat& seen) {
    base::unique_fd file(
        ::openat(above, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat now {};
    if (!file || ::fstat(file.get(), &now) != 0) return unreadable(errno);
    if (now.st_dev != seen.st_dev || now.st_ino != seen.st_ino)
      return base::fail(base::errc::system, "cannot be read: it is being replaced");
    return file;
  }

  std::vector<folder> folders_;   // from the root to the current folder; not empty once the walk has begun
  std::deque<std::string> ahead_; // names that are still to be walked
  int links_ = 0;
  base::status safe_;
};

} // namespace

base::result<source_file> source_file::open(const std::string& path) {
  path_walk walk;
  auto file = walk.run(path);
  if (!file) return unexpected(std::move(file.error()));
  return source_file(std::move(*file), std::move(walk).safe());
}

} // namespace coppice::manifest
