// SPDX-License-Identifier: MIT
// A pool of the configuration, and its workers. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_pool(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
