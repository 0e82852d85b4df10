// SPDX-License-Identifier: MIT
// The end of a server whose listening socket is kept for the next process: it accepts no more connections,
// but answers those that are connected, within a bound, so that no client has to ask twice. The loop's
// thread.
#pragma once

#include <chrono>
#include <functional>

#include "base/uv.hpp"

namespace coppice::net {

inline constexpr std::chrono::milliseconds last_patience{1500};

// Runs the loop until `owes_nobody` returns true, or until last_patience has passed.
void give_last_answers(base::uv::loop& on, const std::function<bool()>& owes_nobody);

} // namespace coppice::net
