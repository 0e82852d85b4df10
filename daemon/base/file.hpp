// SPDX-License-Identifier: MIT
// Files: a descriptor that closes itself, bounded reading, atomic writing. These functions block and are not
// for a worker's thread. Any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace coppice::base {

class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~unique_fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC added.
result<unique_fd> open_file(const std::string& path, int flags, mode_t mode = 0);

// Reads the whole file; also pipes and /proc. errc::limit: it holds more than `max_bytes`.
result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Writes `contents` to a new file beside `path`, syncs it and renames it to `path`: readers see either the
// whole old or the whole new file. The mode is exactly `mode`, whatever the umask.
status write_file_atomic(const std::string& path, std::string_view contents, mode_t mode);

// As write_file_atomic(), but only if `path` does not exist. errc::exists: it exists, or another process
// makes it at the same time; it is not changed.
status write_new_file_atomic(const std::string& path, std::string_view contents, mode_t mode);

// Makes the folder and its missing parents, each with `mode`. An existing folder is not changed. The names of
// new folders survive a crash, where the folder above may be read.
status make_folders(const std::string& path, mode_t mode);

} // namespace coppice::base
