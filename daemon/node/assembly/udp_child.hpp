// SPDX-License-Identifier: MIT
// An actor's UDP sockets, from the configuration to what its supervisor is told. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// `out` has the actor already. Of several handlers it becomes a supervisor, whose children they are, numbered
// from 1.
void give_sockets(behaviours::child_spec& out, const spec::udp_options& from);

} // namespace coppice::node
