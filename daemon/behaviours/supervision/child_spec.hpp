// SPDX-License-Identifier: MIT
// What a supervisor is told about its children: OTP's child specifications and supervisor flags as plain
// values. Each is immutable and shared by the supervisors that run it: a nested supervisor may outlive its
// parent for a moment. Any thread.
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
  std::string plugin;    // what the tree shows beside it; may be empty
  std::string behaviour; // likewise: "server", "supervisor", …
  std::string name;      // registered name; empty: none
  restart_type restart = restart_type::permanent;
  bool significant = false;
  bool of_node = false;          // see runtime::spawn_options
  base::nanos start_timeout = 0; // until its init has returned; 0: no bound
  shutdown_limit shutdown;
  std::optional<backoff_options> backoff; // none: restarted at once
  runtime::mailbox_bounds mailbox;
  runtime::priority priority = runtime::priority::normal;
  runtime::sent_compressed compression;
  std::optional<runtime::unhandled> unhandled;       // none: as the actor's class says
  runtime::postponed_bound postponed;                // of a state machine
  runtime::message options;                          // of its behaviour; none: the defaults
  runtime::message args;                             // for the actor: a map; empty: none
  base::secrets_ptr secrets;                         // that `args` have markers of; null: none
  std::shared_ptr<const supervisor_spec> supervisor; // set: its children are below this child
  // Null: it is an actor, or the supervisor that `supervisor` describes.
  std::shared_ptr<const child_kind> kind;

  // Whether children stand below it.
  bool is_supervisor() const { return supervisor != nullptr; }
  // Under which its process is registered: a supervisor's own name goes before the child's; empty: none.
  const std::string& registered_name() const;
};

struct supervisor_spec {
  std::string name; // registered name; empty: none
  behaviours::strategy strategy = strategy::one_for_one;
  std::uint32_t intensity = 1;                     // restarts allowed …
  base::nanos period = 5 * base::nanos_per_second; // … within this time
  // Beyond that it ends, or (beyond OTP) stays and leaves the child that fails given up until it is started
  // again.
  behaviours::on_exceeded on_exceeded = on_exceeded::escalate;
  behaviours::auto_shutdown auto_shutdown = auto_shutdown::never;
  child_list children; // simple_one_for_one: exactly one, the template
};

inline const std::string& child_spec::registered_name() const {
  return is_supervisor() && !supervisor->name.empty() ? supervisor->name : name;
}

} // namespace coppice::behaviours
