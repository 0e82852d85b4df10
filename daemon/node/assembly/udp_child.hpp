// SPDX-License-Identifier: MIT
// An actor with UDP sockets: its sockets, or a supervisor of so many actors as it has handlers. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give and child_assembly::keep.
void give_udp(const spec::child_spec& from, behaviours::child_spec& out);
void keep_udp(const spec::child_spec& from, const behaviours::child_spec& old, behaviours::child_spec& made);

} // namespace coppice::node
