// SPDX-License-Identifier: MIT
// Counts the steps of the product's code, so that a test can compare amounts of work without measuring time.
// A step is a comparison or a switch that is executed, or eight bytes that are copied or compared. Every
// loop has a comparison, so a loop with too many rounds is always noticed. The product has no code for this.
// Rooms that are compiled for libFuzzer (the rooms that decode what other nodes send, and the services) call
// a function for each comparison, and counted_steps.cpp defines these functions. Only sanitized builds by
// clang have this.
#pragma once

#include <cstdint>

namespace coppice::test {

// The steps that this thread has executed so far. The same work has the same number of steps on every
// machine.
std::uint64_t steps();

} // namespace coppice::test
