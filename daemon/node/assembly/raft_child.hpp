// SPDX-License-Identifier: MIT
// A member of a Raft group, from the configuration. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_raft(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
