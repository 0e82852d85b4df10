// SPDX-License-Identifier: MIT
// `top`: the processes that have most of something, and the node in a few figures beside them, from published
// counters. The control thread.
#pragma once

#include "control/asked.hpp"

namespace coppice::control {

// arguments: sort (messages, mailbox, age, memory, reductions, rate, time or cpu; absent: messages), count (1
// to 1000; absent: 20), over_ms (at most a minute): the answer comes after that time and has the reductions a
// second and the share of a processor of it. Sorted by rate or cpu it is a second where nothing is said.
pending run_top(const request& r);

} // namespace coppice::control
