// SPDX-License-Identifier: MIT
// See message_memory.hpp.
#include "node/environment/message_memory.hpp"

#include "base/machine_memory.hpp"
#include "spec/memory_share.hpp"

namespace coppice::node {

std::uint64_t message_memory(const spec::memory_limit& limit) {
  return spec::bytes_of(limit, base::machine_memory());
}

} // namespace coppice::node
