// SPDX-License-Identifier: MIT
// Where a Unix-domain socket listens, and who may connect to it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace coppice::net {

struct unix_place {
  std::string path;
  mode_t mode = 0600; // of the file, exactly
  // Of the file. Empty: that of the process.
  std::optional<gid_t> group{};
  // The mode in place of `mode` where this process may not give the file to `group`: it is no member and has
  // no privilege. Empty: that is an error.
  std::optional<mode_t> mode_without_group{};
};

} // namespace coppice::net
