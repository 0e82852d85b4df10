// SPDX-License-Identifier: MIT
// Steps of the product's code, counted instead of measuring time: comparisons and switches that it executes,
// and eighths of the bytes that it copies and compares. Every loop has a comparison, so work that is out of
// proportion is seen wherever it is, and the product has no code for it. The compiler counts: where rooms are
// compiled for libFuzzer, which are those that decode what others send and the services, each comparison
// calls a function, and counted_steps.cpp defines those functions. So only a sanitized build of clang's has
// this.
#pragma once

#include <cstdint>

namespace coppice::test {

// Executed by this thread so far. The same work is the same number of steps on every machine.
std::uint64_t steps();

} // namespace coppice::test
