// SPDX-License-Identifier: MIT
// Habits of a plugin that work in a test and hurt in a node, found in its file without running it: calls that
// hold a worker's thread or end the node, writable data that all actors share and a reload forgets,
// thread_local variables that keep old code mapped, and a saved state without a version. A node accepts such
// a file. Nothing is guessed that the file does not tell. Used by `coppice inspect --lint`. Blocking reads.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace coppice::manifest {

struct finding {
  std::string kind;   // blocking_call, ends_node, writable_data, thread_local, state_version
  std::string text;   // what it is, lower case, no full stop
  std::string remedy; // what the plugin's author should do
};

struct lint_report {
  std::vector<finding> findings;
  // The parts that were not judged and why, such as "writable data: the file has no symbol table".
  std::vector<std::string> not_judged;
};

// Judges a file that manifest::inspect() finds to be a plugin. An error: it is none, or it is damaged.
base::result<lint_report> lint(const std::string& path);

} // namespace coppice::manifest
