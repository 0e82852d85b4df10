// SPDX-License-Identifier: MIT
// The part of this machine's memory that messages may use. Any thread.
#pragma once

#include <cstdint>

#include "spec/node_spec.hpp"

namespace coppice::node {

// Bytes of node.limits.memory here.
std::uint64_t message_memory(const spec::memory_limit& limit);

} // namespace coppice::node
