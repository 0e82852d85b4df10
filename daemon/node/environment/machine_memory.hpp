// SPDX-License-Identifier: MIT
// The memory that this process may use: that of the machine, or less if a control group (version 2) limits
// it, as under systemd and in containers. And the part of it that messages may use. Any thread.
#pragma once

#include <cstdint>

#include "spec/node_spec.hpp"

namespace coppice::node {

// Bytes.
std::uint64_t machine_memory();
std::uint64_t message_memory(const spec::memory_limit& limit);

} // namespace coppice::node
