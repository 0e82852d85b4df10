// SPDX-License-Identifier: MIT
// What this process uses of the machine (memory, descriptors, processor time), as the kernel counts it. For
// metrics and the observer. 0 where /proc cannot be read. Any thread.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace coppice::base {

// Bytes of memory in RAM.
std::uint64_t resident_bytes();

// Bytes of the address space that are mapped, used or not.
std::uint64_t mapped_bytes();

// Open file descriptors.
std::uint64_t open_files();

// ns of processor time of all threads so far, in user mode and in the kernel.
nanos processor_time();

} // namespace coppice::base
