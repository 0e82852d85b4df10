// SPDX-License-Identifier: MIT
// Compares the running tree with what was applied: each supervisor's own specification, and which children it
// has, by id, kind, state and name. Nothing else looks whether all orders of a change have come to stay. Any
// thread.
#pragma once

#include <string>
#include <vector>

#include "behaviours/application/application.hpp"
#include "behaviours/supervision/tree.hpp"

namespace coppice::node {

// A sentence for each difference, "shop/inner has no child d"; empty: none, or nothing runs. At most `most`.
// Children that nobody configured are none.
std::vector<std::string> tree_differences(const behaviours::supervision_tree& tree,
                                          const behaviours::application_board& board,
                                          const std::vector<behaviours::application_spec>& wanted,
                                          std::size_t most = 20);

} // namespace coppice::node
