// SPDX-License-Identifier: MIT
// Computes node.limits.memory in bytes. Pure; any thread.
#pragma once

#include <cstdint>

#include "spec/schema/values.hpp"

namespace coppice::spec {

// `machine`: the machine's memory in bytes, of which the limit may be a share.
constexpr std::uint64_t bytes_of(const memory_limit& limit, std::uint64_t machine) {
  return limit.percent == 0 ? limit.bytes : machine / 100 * limit.percent;
}

} // namespace coppice::spec
