// SPDX-License-Identifier: MIT
// From the validated configuration to what the engines take: applications, supervisors and children with
// their terms, and the runtime's options. Pure; nothing points into the specification.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/log_settings.hpp"
#include "behaviours/application/application.hpp"
#include "runtime/system.hpp"
#include "services/log/log_feed.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

runtime::system_options runtime_options(const spec::node_spec& spec);

// What of the log a running node may change.
base::log::settings log_settings(const spec::node_spec& spec);
// Of its handlers, those that are actors.
std::vector<services::log_actor> log_actors(const spec::node_spec& spec);

// In start order.
std::vector<behaviours::application_spec> applications(const spec::node_spec& spec);
// The same of the parts; `bare`: without what is inside, its children or its supervisor.
behaviours::application_spec application(const spec::application_spec& from);
std::shared_ptr<behaviours::child_spec> child(const spec::child_spec& from);
// The child `old`, whose process goes on, with what has changed: it keeps the children that it has.
std::shared_ptr<behaviours::child_spec> updated_child(const spec::child_spec& from,
                                                      const behaviours::child_spec& old);
std::shared_ptr<behaviours::supervisor_spec> bare_supervisor(const spec::supervisor_spec& from);
behaviours::application_spec bare_application(const spec::application_spec& from);

// How long these may take to stop one child after the other: the sum of their shutdown times; nothing if some
// actor's is infinity.
std::optional<base::nanos> stop_bound(const std::vector<behaviours::application_spec>& applications);

} // namespace coppice::node
