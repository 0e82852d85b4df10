// SPDX-License-Identifier: MIT
// Carries out a plan on the running tree: one order at a time, all of them or, from the first that fails
// backwards, none. A supervisor that does not answer in the time of its order is stuck, in a start that never
// returns for one: the change is taken back, and what it has to take back there is left with it. A supervisor
// that ended and was started anew since an earlier order has lost what that order did: the change is taken
// back as well, and can be tried once more. In the turn of the process that applies.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.hpp"
#include "behaviours/supervision/tree.hpp"
#include "node/changes/change_plan.hpp"
#include "runtime/process.hpp"

namespace coppice::node {

// What it works on; outlives it.
struct change_ground {
  behaviours::pending_orders& orders;
  const behaviours::supervision_tree& tree;
  runtime::destination controller;
  // The supervisor at APP, APP/SUPERVISOR, …; an error where none runs.
  std::function<base::result<runtime::pid>(std::string_view path)> process_at;
};

struct tree_outcome {
  base::status result;   // why it was taken back, which child is at fault, and what could not be taken back
  bool replaced = false; // a supervisor ended meanwhile: another try may succeed
};

// Parks. The notes of the plan are used up: another try needs another plan.
tree_outcome change_tree(runtime::process& self, const change_ground& on, const change_plan& plan);

} // namespace coppice::node
