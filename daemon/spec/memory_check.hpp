// SPDX-License-Identifier: MIT
// What a configuration lets one term have, beside the memory that it gives the node. Any thread.
#pragma once

#include <cstdint>

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"
#include "spec/schema/typed_values.hpp"

namespace coppice::spec {

// Compares node.limits.term_bytes, the commands of Raft groups and the values of sagas with
// node.limits.memory. `machine_memory`: bytes of the machine, whose share that may be. `notes`: the check's,
// with raft_groups and saga_values.
void check_memory(const node& root, const limit_options& limits, std::uint64_t machine_memory,
                  typed_values& notes, report& to);

} // namespace coppice::spec
