// SPDX-License-Identifier: MIT
// Turns the difference between two configurations into orders to a running tree, each with the order that
// takes it back, and into the specifications of the tree afterwards. First everything that is gone stops, the
// last first, and then the children from which another child takes a socket or a name, so that names, ports
// and dependencies are free. The remaining steps follow in start order. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "behaviours/application/application_order.hpp"
#include "behaviours/supervision/order.hpp"
#include "behaviours/supervision/patience.hpp"
#include "spec/diff.hpp"

namespace coppice::node {

using tree_order = std::variant<behaviours::supervisor_order, behaviours::application_order>;

struct change_step {
  std::string what;       // for people, such as "start demo/kv"
  std::string supervisor; // path of the supervisor that gets the orders, such as "demo/inner". Empty: the
                          // application controller
  std::optional<tree_order> forth; // empty: the step only takes something back
  std::optional<tree_order> back;
  // Time limit for either order: the start_timeout of what starts, otherwise a minute, plus the shutdown
  // times of what stops. A supervisor that has not answered by then is stuck.
  base::nanos patience = behaviours::default_start_patience;
};

struct change_plan {
  std::vector<change_step> steps;
  std::vector<behaviours::application_spec> applications; // in start order; unchanged ones are shared
};

// `running`: the specifications made from difference::before. An application that failed to start is started
// again if anything in it has changed.
change_plan plan(const spec::difference& difference, const spec::node_spec& after,
                 const std::vector<behaviours::application_spec>& running,
                 const std::set<std::string>& failed);

} // namespace coppice::node
