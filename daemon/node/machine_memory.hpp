// SPDX-License-Identifier: MIT
// How much memory this process may use: what the machine has, or less where a control group (version 2) says
// so, as systemd and containers do. Any thread.
#pragma once

#include <cstdint>

namespace coppice::node {

// Bytes.
std::uint64_t machine_memory();

} // namespace coppice::node
