// SPDX-License-Identifier: MIT
// Trying a plugin file before the daemon maps it: `coppice-plugin-host --probe FILE` in a process of its
// own, with limits and a deadline. What crashes, spins or calls terminate does so there. Blocking; not on a
// worker's thread.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::loader {

struct probe_options {
  std::string program; // coppice-plugin-host
  base::nanos deadline = 5 * base::nanos_per_second;
  int states = -1; // a file of trial.hpp, whose states are restored too; -1: none
};

// errc::refused: the plugin failed, in words for its author; errc::timeout: it was not through in time;
// others: it could not be tried.
base::status probe(const std::string& file, const probe_options& options);

} // namespace coppice::loader
