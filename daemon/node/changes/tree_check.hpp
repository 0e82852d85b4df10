// SPDX-License-Identifier: MIT
// Compares the running tree with the applied configuration: each supervisor's specification, and its children
// by id, kind, state and name. Only this shows whether all orders of a change had a lasting effect. Any
// thread.
#pragma once

#include <string>
#include <vector>

#include "behaviours/application/application.hpp"
#include "behaviours/supervision/tree.hpp"

namespace coppice::node {

// A sentence for each difference, such as "shop/inner has no child d", at most `most`. Empty: none, or no
// tree runs. Children that are not in the configuration are ignored.
std::vector<std::string> tree_differences(const behaviours::supervision_tree& tree,
                                          const behaviours::application_board& board,
                                          const std::vector<behaviours::application_spec>& wanted,
                                          std::size_t most = 20);

} // namespace coppice::node
