// SPDX-License-Identifier: MIT
// Reads open files, and files whose path comes from outside of the program, which may be of any type. These
// functions block, but do not wait for a pipe's writer. Any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::base {

// Reads to the end; `path` is for the error text. errc::limit: more than `max_bytes`.
result<std::string> read_all(int fd, const std::string& path, std::size_t max_bytes);

// A regular file, open for reading.
struct regular_file {
  unique_fd fd;
  mode_t mode = 0; // st_mode of the open file
};

// errc::invalid: it is a folder, a pipe or another special file. errc::not_found: it does not exist.
result<regular_file> open_regular_file(const std::string& path);

// As read_file(), but only for regular files. errc::invalid: as open_regular_file().
result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes);

} // namespace coppice::base
