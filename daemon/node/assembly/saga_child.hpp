// SPDX-License-Identifier: MIT
// A saga of the configuration: its options as the term that its engine reads, its log and its workers. Any
// thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_saga(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
