// SPDX-License-Identifier: MIT
// Reads open files, and files whose path somebody else has given, which may be of any type. These functions
// block, but do not wait for a pipe's writer. Any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.hpp"

namespace coppice::base {

// Reads to the end; `path` is for the error text. errc::limit: more than `max_bytes`.
result<std::string> read_all(int fd, const std::string& path, std::size_t max_bytes);

// As read_file(), but only for regular files. errc::invalid: it is a pipe or another special file.
result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes);

} // namespace coppice::base
