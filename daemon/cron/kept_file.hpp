// SPDX-License-Identifier: MIT
// The file in which the state of jobs is kept over a restart of the node: which times are handled, and which
// jobs an operator has switched on or off. JSON, written as a whole. Blocking; any thread.
#pragma once

#include <map>
#include <string>

#include "base/error.hpp"
#include "cron/timetable.hpp"

namespace coppice::cron {

using kept_states = std::map<std::string, kept_state>;

// Empty if there is no such file. errc::invalid: not a file that write_kept() writes.
base::result<kept_states> read_kept(const std::string& path);
// Writes the whole file or leaves the old one. Makes its folder if that is missing.
base::status write_kept(const std::string& path, const kept_states& states);

} // namespace coppice::cron
