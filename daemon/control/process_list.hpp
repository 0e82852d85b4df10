// SPDX-License-Identifier: MIT
// The list of processes that `ps` shows: filtered, sorted and cut here, since a node may have a million of
// them. Looks at them in parts and keeps no more than it is to show. The control thread.
#pragma once

#include <nlohmann/json.hpp>

#include "control/asked.hpp"

namespace coppice::control {

// The largest limit; over HTTP it is also the usual one.
inline constexpr std::size_t most_listed = 500;

// {processes, total}: total counts those that the filter and the behaviour admit. Arguments: sort, filter,
// behaviour, limit (absent: all).
nlohmann::json process_list(const asked& a);

} // namespace coppice::control
