// SPDX-License-Identifier: MIT
// Tries a plugin file before the daemon maps it, by running `coppice-plugin-host --probe FILE` in another
// process with limits and a deadline. A plugin that crashes, loops or calls terminate does so there.
// Blocking; not on a worker's thread.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::loader {

struct probe_options {
  std::string program; // coppice-plugin-host
  base::nanos deadline = 5 * base::nanos_per_second;
  int states = -1; // descriptor of a file of trial.hpp with states to restore. -1: none
};

// errc::refused: the plugin failed; the text is for its author. errc::timeout: it was not done in time. Other
// errors: the probe could not run.
base::status probe(const std::string& file, const probe_options& options);

} // namespace coppice::loader
