// SPDX-License-Identifier: MIT
// The keys of `raft:`, which stand beside an actor that is a replicated state machine. Any thread.
#pragma once

#include "spec/node_spec.hpp"
#include "spec/schema_type.hpp"

namespace coppice::spec {

const table<raft_options>& raft_table();

} // namespace coppice::spec
