// SPDX-License-Identifier: MIT
// The options of a router, as the term that its engine reads. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_router(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
