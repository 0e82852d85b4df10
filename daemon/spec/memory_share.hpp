// SPDX-License-Identifier: MIT
// What node.limits.memory is in bytes. Pure, any thread.
#pragma once

#include <cstdint>

#include "spec/schema/values.hpp"

namespace coppice::spec {

// `machine`: bytes of the machine whose share it may be.
constexpr std::uint64_t bytes_of(const memory_limit& limit, std::uint64_t machine) {
  return limit.percent == 0 ? limit.bytes : machine / 100 * limit.percent;
}

} // namespace coppice::spec
