// SPDX-License-Identifier: MIT
// A difference between two configurations as orders to a running tree, each with the order that takes it
// back, and what the tree's specifications are afterwards. First all that is gone stops, the last first, and
// then the children that another child takes a socket or a name from, so that names, ports and dependencies
// are free; then the rest happens in start order. Pure.
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
  std::string what;                // for people: "start demo/kv"
  std::string supervisor;          // whom to tell: a path, "demo/inner"; empty: the application controller
  std::optional<tree_order> forth; // none: there is only something to take back
  std::optional<tree_order> back;
  // How long either may take: the start_timeout of what starts, else a minute, and the shutdown times of what
  // stops. A supervisor that has not answered by then is stuck.
  base::nanos patience = behaviours::default_start_patience;
};

struct change_plan {
  std::vector<change_step> steps;
  std::vector<behaviours::application_spec> applications; // in start order; what did not change is shared
};

// `running` is what difference::before was assembled to. An application that failed to start is started anew
// when anything in it changes.
change_plan plan(const spec::difference& difference, const spec::node_spec& after,
                 const std::vector<behaviours::application_spec>& running,
                 const std::set<std::string>& failed);

} // namespace coppice::node
