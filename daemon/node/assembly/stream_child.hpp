// SPDX-License-Identifier: MIT
// Children with streams: listeners and actors that connect, web servers, actors with a program. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// As child_assembly::give.
void give_tcp(const spec::child_spec& from, behaviours::child_spec& out);
void give_web(const spec::child_spec& from, behaviours::child_spec& out);
void give_port(const spec::child_spec& from, behaviours::child_spec& out);

} // namespace coppice::node
