// SPDX-License-Identifier: MIT
// What a state machine of the configuration may postpone. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_statem(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
