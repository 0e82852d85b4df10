// SPDX-License-Identifier: MIT
// What this process uses of the machine (memory, descriptors, processor time), as the kernel counts it. For
// metrics and the observer. 0 where /proc cannot be read. Any thread.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace coppice::base {

// Bytes, both of one moment.
struct memory_use {
  std::uint64_t resident = 0; // in RAM
  std::uint64_t mapped = 0;   // of the address space, used or not
};
// Reads /proc/self/statm once.
memory_use used_memory();

// The resident bytes alone.
std::uint64_t resident_bytes();

// Open file descriptors.
std::uint64_t open_files();

// ns of processor time of all threads so far, in user mode and in the kernel.
nanos processor_time();

} // namespace coppice::base
