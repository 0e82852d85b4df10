// SPDX-License-Identifier: MIT
// A consumer supervisor of the configuration. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give and child_assembly::keep.
void give_consumer_supervisor(const spec::child_spec& from, behaviours::child_spec& out);
void keep_consumers(const spec::child_spec& from, const behaviours::child_spec& old,
                    behaviours::child_spec& made);

} // namespace coppice::node
