// SPDX-License-Identifier: MIT
// OTP's child specifications and supervisor flags as plain values: what a supervisor is told about its
// children. Each is immutable and shared by the supervisors that run it, as a nested supervisor may outlive
// its parent for a moment. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "behaviours/supervision/child_list.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"
#include "tree/supervision.hpp"

namespace coppice::behaviours {

using tree::auto_shutdown;
using tree::backoff_options;
using tree::on_exceeded;
using tree::restart_type;
using tree::shutdown_limit;
using tree::strategy;
using tree::text;

struct supervisor_spec;
class child_kind;

struct child_spec {
  runtime::message id;   // any term, an atom as a rule; unique among the siblings
  std::string actor;     // PLUGIN or PLUGIN:ACTOR, for the actor factory; empty for a supervisor
  std::string plugin;    // shown in the tree; may be empty
  std::string behaviour; // shown in the tree: "server", "supervisor", …; may be empty
  std::string name;      // registered name; empty: none
  restart_type restart = restart_type::permanent;
  bool significant = false;
  bool of_node = false;          // see runtime::spawn_options
  base::nanos start_timeout = 0; // how long its init may take; 0: no limit
  shutdown_limit shutdown;
  std::optional<backoff_options> backoff; // none: restarted at once
  runtime::mailbox_bounds mailbox;
  runtime::priority priority = runtime::priority::normal;
  runtime::sent_compressed compression;
  std::optional<runtime::unhandled> unhandled;       // none: as the actor's class says
  runtime::postponed_bound postponed;                // for a state machine
  runtime::message options;                          // of its behaviour; none: the defaults
  runtime::message args;                             // for the actor: a map; empty: none
  base::secrets_ptr secrets;                         // the secrets whose markers `args` has; null: none
  std::shared_ptr<const supervisor_spec> supervisor; // null: no children below it
  // null: it is an actor, or the supervisor that `supervisor` describes.
  std::shared_ptr<const child_kind> kind;

  // Whether the child has children below it.
  bool is_supervisor() const { return supervisor != nullptr; }
  // The name under which its process is registered; empty: none. A supervisor's own name goes before the
  // child's.
  const std::string& registered_name() const;
};

struct supervisor_spec {
  std::string name; // registered name; empty: none
  behaviours::strategy strategy = strategy::one_for_one;
  std::uint32_t intensity = 1;                     // restarts allowed …
  base::nanos period = 5 * base::nanos_per_second; // … within this time
  // If there are more: the supervisor ends, or (beyond OTP) goes on without the child that failed, which
  // stays down until it is started again.
  behaviours::on_exceeded on_exceeded = on_exceeded::escalate;
  behaviours::auto_shutdown auto_shutdown = auto_shutdown::never;
  child_list children; // simple_one_for_one: exactly one, the template
};

inline const std::string& child_spec::registered_name() const {
  return is_supervisor() && !supervisor->name.empty() ? supervisor->name : name;
}

} // namespace coppice::behaviours
