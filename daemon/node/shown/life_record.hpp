// SPDX-License-Identifier: MIT
// Reports how the node's previous run ended, from two files that each run leaves: `life.json`, with its
// beginning and, if it came to that, its end; and `last_words`, with its message when a signal ended it. A
// run holds a lock on `last_words`, since two nodes with one folder would remove each other's files. The
// owner's thread; blocks.
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/file.hpp"

namespace coppice::node {

struct former_life {
  base::nanos began = 0; // wall clock
  bool orderly = false;  // it was asked to stop
  std::string how;       // such as "it was stopped" or "coppice: SIGSEGV at …"
};

class life_record {
 public:
  // Reads the files of the previous run, and begins those of this one. On an error nothing is recorded.
  // errc::refused: another node runs with this folder, whose files are left as they are.
  base::status begin(const std::string& folder);
  // Records how this run ends, in words. `orderly`: it was asked to stop.
  void end(bool orderly, const std::string& how);
  // Empty: there was none, or its end is not known.
  const std::optional<former_life>& former() const { return former_; }
  // Descriptor for the message of a fatal signal. -1: none.
  int last_words() const { return words_.get(); }

 private:
  base::status write(bool over, bool orderly, const std::string& how) const;

  std::string folder_; // empty: not begun
  base::nanos began_ = 0;
  std::optional<former_life> former_;
  base::unique_fd words_;
};

} // namespace coppice::node
