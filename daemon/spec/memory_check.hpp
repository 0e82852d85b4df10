// SPDX-License-Identifier: MIT
// Compares the sizes that a configuration allows one term with the memory that it gives the node. Any
// thread.
#pragma once

#include <cstdint>

#include "spec/node_spec.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"
#include "spec/schema/typed_values.hpp"

namespace coppice::spec {

// Compares node.limits.term_bytes, the commands of Raft groups and the values of sagas with
// node.limits.memory. `machine_memory`: the machine's memory in bytes; that limit may be a share of it.
// `notes`: the notes of the check, with raft_groups and saga_values.
void check_memory(const node& root, const limit_options& limits, std::uint64_t machine_memory,
                  typed_values& notes, report& to);

} // namespace coppice::spec
