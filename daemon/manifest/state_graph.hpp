// SPDX-License-Identifier: MIT
// The states that a plugin's manifest declares, as a graph for people: drawn in Graphviz's language, and
// searched for unreachable states. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "manifest/manifest.hpp"

namespace coppice::manifest {

// The names of the states that cannot be reached from the first one, in their declared order.
std::vector<std::string> unreachable(const std::vector<declared_state>& states);

// A digraph in which unreachable states are dashed. Names may hold any character.
std::string dot(std::string_view name, const std::vector<declared_state>& states);

} // namespace coppice::manifest
