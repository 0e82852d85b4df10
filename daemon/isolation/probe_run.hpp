// SPDX-License-Identifier: MIT
// The work of `coppice-plugin-host --probe FILE`: it limits this process, maps the file, checks it, runs its
// init, restores the given states, runs its deinit, and writes the result as one JSON document.
#pragma once

#include <string>

namespace coppice::isolation {

// Writes {"ok": true} or {"ok": false, "error": "…"} to `answer_fd`. Returns the exit status, 0 only if the
// file is fit. `states_fd`: saved states (loader/trial.hpp). -1: none. Does not return if the plugin ends the
// process.
int run_probe(const std::string& file, int answer_fd, int states_fd);

} // namespace coppice::isolation
