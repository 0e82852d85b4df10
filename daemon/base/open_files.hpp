// SPDX-License-Identifier: MIT
// Reading files that are open, or that somebody else has named and may have made anything of. Any thread;
// these block, but for no writer of a pipe.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.hpp"

namespace coppice::base {

// What is left of it; `path` is for the error. errc::limit when that is more than `max_bytes`.
result<std::string> read_all(int fd, const std::string& path, std::size_t max_bytes);

// As read_file(), of a regular file alone. errc::invalid: it is a pipe or the like.
result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes);

} // namespace coppice::base
