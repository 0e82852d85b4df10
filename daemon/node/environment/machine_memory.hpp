// SPDX-License-Identifier: MIT
// How much memory this process may use: what the machine has, or less where a control group (version 2) says
// so, as systemd and containers do; and how much of it messages may take. Any thread.
#pragma once

#include <cstdint>

#include "spec/node_spec.hpp"

namespace coppice::node {

// Bytes.
std::uint64_t machine_memory();
std::uint64_t message_memory(const spec::memory_limit& limit);

} // namespace coppice::node
