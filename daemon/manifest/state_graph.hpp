// SPDX-License-Identifier: MIT
// The states that a plugin's manifest declares, as a graph for people: drawn in Graphviz's language, and
// looked through for those that nothing leads to. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "manifest/manifest.hpp"

namespace coppice::manifest {

// Those that no way leads to from the first one, by name and in their order.
std::vector<std::string> unreachable(const std::vector<declared_state>& states);

// One digraph; unreachable states are dashed. Names may hold any character.
std::string dot(std::string_view name, const std::vector<declared_state>& states);

} // namespace coppice::manifest
