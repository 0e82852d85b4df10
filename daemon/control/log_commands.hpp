// SPDX-License-Identifier: MIT
// `logs` and `log-level`: the node's last lines, and what is logged at which level. A reader asks for the
// next page when it has read one, so that nothing is kept for it. Neither command asks a worker. The control
// thread.
#pragma once

#include "control/asked.hpp"

namespace coppice::control {

// A line as `logs` shows it.
nlohmann::json line_document(const base::log::log_ring::line& line);

// arguments: level, module, process (which lines; empty or absent: all), last (so many of them) or after (the
// number a former page ended with), wait (answered when there is a line).
pending run_logs(const request& r);

// arguments: level (a level's name, "default", or empty: only asked), of (a module, a process's name or pid;
// empty: the common level), for_ms (then it ends; absent: it stays).
pending run_log_level(const request& r);

} // namespace coppice::control
