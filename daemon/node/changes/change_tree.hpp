// SPDX-License-Identifier: MIT
// Carries out a plan on the running tree, one order at a time. If an order fails, all orders before it are
// taken back, the last first. A supervisor that does not answer within its order's time limit is stuck, for
// example in a start that never returns: the change is taken back, and the orders to take back there are left
// with that supervisor. A supervisor that ended and was restarted since an earlier order has lost the effect
// of that order: the change is taken back as well, and may be tried once more. In the turn of the process
// that applies.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.hpp"
#include "behaviours/supervision/tree.hpp"
#include "node/changes/change_plan.hpp"
#include "runtime/process.hpp"

namespace coppice::node {

// The objects that the change works on; they outlive it.
struct change_ground {
  behaviours::pending_orders& orders;
  const behaviours::supervision_tree& tree;
  runtime::destination controller;
  // The supervisor at APP, APP/SUPERVISOR, …. An error: none runs there.
  std::function<base::result<runtime::pid>(std::string_view path)> process_at;
};

struct tree_outcome {
  // On an error: why it was taken back, which child is at fault, and what could not be taken back.
  base::status result;
  bool replaced = false; // a supervisor ended meanwhile: another attempt may succeed
};

// Parks. A plan can be used once: another attempt needs a new plan.
tree_outcome change_tree(runtime::process& self, const change_ground& on, const change_plan& plan);

} // namespace coppice::node
