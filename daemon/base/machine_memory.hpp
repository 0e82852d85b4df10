// SPDX-License-Identifier: MIT
// The memory that this process may use: that of the machine, or less if a control group (version 2) limits
// it, as under systemd and in containers. Any thread.
#pragma once

#include <cstdint>

namespace coppice::base {

// Bytes. Reads files.
std::uint64_t machine_memory();

} // namespace coppice::base
