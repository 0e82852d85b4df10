// SPDX-License-Identifier: MIT
// An event manager of the configuration, with its handlers. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_event_manager(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
