// SPDX-License-Identifier: MIT
// The end of a server whose listening socket is kept for the next process: it accepts nobody any more, and
// those who had connected are still answered, within a bound, so that none of them has to ask twice. The
// loop's thread.
#pragma once

#include <chrono>
#include <functional>

#include "base/uv.hpp"

namespace coppice::net {

inline constexpr std::chrono::milliseconds last_patience{1500};

// Turns the loop until `owes_nobody`, or until that time is over.
void give_last_answers(base::uv::loop& on, const std::function<bool()>& owes_nobody);

} // namespace coppice::net
