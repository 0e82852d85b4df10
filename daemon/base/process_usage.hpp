// SPDX-License-Identifier: MIT
// What this process uses of its machine, as the kernel counts it. Any thread; 0 where /proc does not say.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace coppice::base {

// Bytes of its memory that are in RAM.
std::uint64_t resident_bytes();

// Open file descriptors.
std::uint64_t open_files();

// Processor time of all its threads so far, in user mode and in the kernel.
nanos processor_time();

} // namespace coppice::base
