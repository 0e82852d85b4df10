// SPDX-License-Identifier: MIT
// Converts the validated configuration to the list of events that a node has declared. Pure; nothing points
// into the specification.
#pragma once

#include <vector>

#include "behaviours/channels/event_channels.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

std::vector<behaviours::declared_event> event_list(const spec::node_spec& spec);

} // namespace coppice::node
