// SPDX-License-Identifier: MIT
// A plugin's file, opened once: the file that is judged is the file that is read afterwards, even if its name
// is changed meanwhile. While opening it, the walk checks which users could have put another file there: the
// users that may write to it, to a folder on its path, or to a folder that a link on its path leads through.
// Blocking.
#pragma once

#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::manifest {

class source_file {
 public:
  // The regular file that this path leads to. An error reads "cannot be read: why".
  static base::result<source_file> open(const std::string& path);

  int descriptor() const { return file_.get(); }
  // Whether the file, and every folder and link that led to it, belongs to root or the node's user and no
  // other user may write to it. A folder with the sticky bit counts as safe. errc::refused names the first
  // offender.
  const base::status& safe() const { return safe_; }

 private:
  source_file(base::unique_fd file, base::status safe) : file_(std::move(file)), safe_(std::move(safe)) {}

  base::unique_fd file_;
  base::status safe_;
};

} // namespace coppice::manifest
