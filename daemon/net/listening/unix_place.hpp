// SPDX-License-Identifier: MIT
// Where a Unix-domain socket listens, and which users may connect to it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace coppice::net {

struct unix_place {
  std::string path;
  mode_t mode = 0600; // of the file, exactly
  // The group of the file. Empty: that of the process.
  std::optional<gid_t> group{};
  // Replaces `mode` if this process may not give the file to `group`, because it is no member and has no
  // privilege. Empty: that is an error.
  std::optional<mode_t> mode_without_group{};
};

} // namespace coppice::net
