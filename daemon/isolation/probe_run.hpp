// SPDX-License-Identifier: MIT
// The inside of `coppice-plugin-host --probe FILE`: limits this process, maps the file, checks it, runs its
// init and deinit, in between restores the states it is given, and says how that went in one JSON document.
#pragma once

#include <string>

namespace coppice::isolation {

// Writes {"ok": true} or {"ok": false, "error": "…"} to `answer_fd`. The exit status: 0 only if it is fit.
// `states_fd`: saved states (loader/trial.hpp); -1: none. Does not return if the plugin ends the process.
int run_probe(const std::string& file, int answer_fd, int states_fd);

} // namespace coppice::isolation
