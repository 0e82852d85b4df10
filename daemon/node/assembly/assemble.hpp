// SPDX-License-Identifier: MIT
// Converts the validated configuration to what the engines take: applications, supervisors and children with
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

// The settings of the log that a running node may change.
base::log::settings log_settings(const spec::node_spec& spec);
// The handlers of the log that are actors.
std::vector<services::log_actor> log_actors(const spec::node_spec& spec);

// In start order.
std::vector<behaviours::application_spec> applications(const spec::node_spec& spec);
// Converts a part. `bare`: without the children or the supervisor inside it.
behaviours::application_spec application(const spec::application_spec& from);
std::shared_ptr<behaviours::child_spec> child(const spec::child_spec& from);
// The new specification of the child `old`, whose process goes on: it keeps the children that it has.
std::shared_ptr<behaviours::child_spec> updated_child(const spec::child_spec& from,
                                                      const behaviours::child_spec& old);
std::shared_ptr<behaviours::supervisor_spec> bare_supervisor(const spec::supervisor_spec& from);
behaviours::application_spec bare_application(const spec::application_spec& from);

// How long all these take at most if their children stop one after the other: the sum of their shutdown
// times. Empty: the shutdown time of some actor is infinity.
std::optional<base::nanos> stop_bound(const std::vector<behaviours::application_spec>& applications);

} // namespace coppice::node
