// SPDX-License-Identifier: MIT
// What jobs keep from one life of the node to the next, as a file of JSON. Blocking; any thread.
#pragma once

#include <map>
#include <string>

#include "base/error.hpp"
#include "cron/timetable.hpp"

namespace coppice::cron {

using kept_states = std::map<std::string, kept_state>;

// Nothing where there is no such file. errc::invalid: it is not what write_kept() writes.
base::result<kept_states> read_kept(const std::string& path);
// Whole or not at all; its folder is made where it is missing.
base::status write_kept(const std::string& path, const kept_states& states);

} // namespace coppice::cron
