// SPDX-License-Identifier: MIT
// Files are copied with sendfile. An equal copy of an earlier run is renamed instead.
#include "loader/private_copy.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/file.hpp"

namespace coppice::loader {
namespace {

// The mount point of `path`: the longest one in this process's table that is a prefix of it.
std::string mount_of(const std::string& path) {
  std::ifstream table("/proc/self/mounts");
  std::string best = "/";
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string device;
    std::string point;
    words >> device >> point;
    const bool above = path == point || path.starts_with(point.ends_with('/') ? point : point + "/");
    if (above && point.size() > best.size()) best = point;
  }
  return best;
}

// The text with every character replaced that does not belong into a file name; at most 64 bytes.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 64)) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    out += good ? c : '_';
  }
  return out.empty() ? "none" : out;
}

} // namespace

base::status copy_folder::prepare() {
  if (auto made = base::make_folders(path_, 0700); !made) return made;
  if (const std::unique_ptr<char, void (*)(void*)> real(realpath(path_.c_str(), nullptr), &free); real)
    path_ = real.get();
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) return base::fail_errno("stat " + path_, errno);
  if (info.st_uid != geteuid())
    return base::fail(base::errc::refused,
                      fmt::format("{} belongs to user {} and not to us", path_, info.st_uid));
  if (chmod(path_.c_str(), 0700) != 0) return base::fail_errno("chmod " + path_, errno);

  struct statvfs mount {};
  if (statvfs(path_.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
    return base::fail(base::errc::refused,
                      fmt::format("{} lies on {}, which is mounted noexec: no plugin can run from there; set "
                                  "node.data to a folder elsewhere, or remount it with exec",
                                  path_, mount_of(path_)));

  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path_.c_str()), &closedir);
  if (!folder) return base::fail_errno("open " + path_, errno);
  former_.clear();
  while (const dirent* entry = readdir(folder.get()))
    if (std::string_view(entry->d_name).ends_with(".so")) former_.emplace_back(entry->d_name);
  return {};
}

void copy_folder::sweep() {
  for (const std::string& name : former_) unlink((path_ + "/" + name).c_str());
  former_.clear();
}

base::result<std::string> copy_folder::copy(int file, const std::string& name, const std::string& build_id,
                                            std::uint64_t generation) {
  struct stat info {};
  if (fstat(file, &info) != 0) return base::fail_errno("stat", errno);
  const std::string begin = fmt::format("{}-{}-", plain(name), plain(build_id));
  std::string path = fmt::format("{}/{}{}.so", path_, begin, generation);
  for (auto former = former_.begin(); former != former_.end(); ++former) {
    if (!former->starts_with(begin)) continue;
    const std::string left = path_ + "/" + *former;
    const auto opened = base::open_file(left, O_RDONLY | O_NOFOLLOW);
    if (!opened || !same_contents(file, opened->get()) || rename(left.c_str(), path.c_str()) != 0) continue;
    former_.erase(former);
    std::erase(former_, path.substr(path_.size() + 1));
    return path;
  }
  unlink(path.c_str()); // a copy that an earlier run may have left
  std::erase(former_, path.substr(path_.size() + 1));
  auto to = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!to) return unexpected(std::move(to.error()));
  off_t at = 0;
  while (at < info.st_size) {
    const ssize_t sent = sendfile(to->get(), file, &at, static_cast<std::size_t>(info.st_size - at));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) {
      const int number = sent == 0 ? EIO : errno;
      unlink(path.c_str());
      return base::fail_errno("copy to " + path, number);
    }
  }
  return path;
}

bool same_contents(int one, int other) {
  const auto fill = [](int fd, std::vector<char>& into, off_t at) {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t more = pread(fd, into.data() + got, into.size() - got, at + static_cast<off_t>(got));
      if (more < 0 && errno == EINTR) continue;
      if (more <= 0) break;
      got += static_cast<std::size_t>(more);
    }
    return got;
  };
  std::vector<char> a(64 * 1024);
  std::vector<char> b(64 * 1024);
  for (off_t at = 0;; at += static_cast<off_t>(a.size())) {
    const std::size_t count = fill(one, a, at);
    if (fill(other, b, at) != count || std::memcmp(a.data(), b.data(), count) != 0) return false;
    if (count < a.size()) return true;
  }
}

} // namespace coppice::loader
