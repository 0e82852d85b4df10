// SPDX-License-Identifier: MIT
// `top`: the processes that have most of something, and the node in a few figures beside them, from published
// counters. The control thread.
#pragma once

#include <cstdint>

#include "control/asked.hpp"

namespace coppice::control {

inline constexpr std::uint64_t most_in_top = 1000;
inline constexpr std::uint64_t longest_look_ms = 60'000;

// arguments: sort (messages, mailbox, age, memory, reductions, rate, time or cpu; absent: messages), count
// (1 to 1000; absent: 20), over_ms (at most a minute; absent: a second if sorted by rate or cpu, else 0).
// The answer comes after that time and has the reductions a second and the share of a processor in it; 0: at
// once, without both.
pending run_top(const request& r);

} // namespace coppice::control
