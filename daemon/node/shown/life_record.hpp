// SPDX-License-Identifier: MIT
// How the node's life before this one ended, from two files that a life leaves: `life.json`, which says that
// it began and, if it came to that, how it ended; and `last_words`, what it said when a signal ended it. The
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
  std::string how;       // "it was stopped"; "coppice: SIGSEGV at …"
};

class life_record {
 public:
  // Reads what the life before left, and begins this one's. An error: nothing is recorded.
  base::status begin(const std::string& folder);
  // In words: how this life ends. `orderly`: since somebody asked for it.
  void end(bool orderly, const std::string& how);
  // Nothing: there was none, or it is not known.
  const std::optional<former_life>& former() const { return former_; }
  // Where what ends the process writes its words; -1: nowhere.
  int last_words() const { return words_.get(); }

 private:
  base::status write(bool over, bool orderly, const std::string& how) const;

  std::string folder_; // empty: not begun
  base::nanos began_ = 0;
  std::optional<former_life> former_;
  base::unique_fd words_;
};

} // namespace coppice::node
