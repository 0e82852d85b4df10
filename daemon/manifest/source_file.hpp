// SPDX-License-Identifier: MIT
// A plugin's file as it was found, opened once: what is judged is what is read afterwards, whatever becomes
// of its name meanwhile. On the way it is noted who could have put another file there: everyone who may write
// to it, to a folder on its path or to one that a link on its path leads through. Blocking.
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
  // Whether the file, and every folder and link that led to it, belong to root or to us and nobody else may
  // write to them; a folder with the sticky bit counts as safe. errc::refused names the first culprit.
  const base::status& safe() const { return safe_; }

 private:
  source_file(base::unique_fd file, base::status safe) : file_(std::move(file)), safe_(std::move(safe)) {}

  base::unique_fd file_;
  base::status safe_;
};

} // namespace coppice::manifest
