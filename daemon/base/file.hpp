// SPDX-License-Identifier: MIT
// Files: a descriptor that closes itself, bounded reading, atomic writing. Blocking; not for a worker's
// loop while traffic flows. Any thread.
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

// The whole file. errc::limit when it holds more than `max_bytes`; works for pipes and /proc too.
result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Writes `contents` to a new file beside `path`, syncs it and renames it over: readers see the old or
// the new file whole. `mode` is set exactly, whatever the umask.
status write_file_atomic(const std::string& path, std::string_view contents, mode_t mode);

// The same where there is no such file yet: errc::exists, and nothing changed, where there is one, also one
// that somebody makes at the same time.
status write_new_file_atomic(const std::string& path, std::string_view contents, mode_t mode);

// Makes the folder and those above it that are missing, each with `mode`. An existing one is left as is.
status make_folders(const std::string& path, mode_t mode);

} // namespace coppice::base
