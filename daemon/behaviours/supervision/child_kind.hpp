// SPDX-License-Identifier: MIT
// The interface between a supervisor and a child that is no plain actor and no plain supervisor: pools,
// listeners, event managers, actors with a connection, sockets or a program. Each kind implements it in a
// folder of its own and offers a function that makes its object from the kind's options; the node puts that
// object into the child's specification. To the supervisor all kinds are the same. Objects are immutable and
// shared by the specifications that have them. In the supervisor's turn, unless a function says "any
// thread".
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

struct child_spec;
struct supervision;
class stream_taker;

// One start of a child. The references hold during the call of make().
struct child_start {
  std::shared_ptr<const child_spec> spec;
  const runtime::message& args;     // spec->args, merged with those of start_child
  const base::secrets_ptr& secrets; // the secrets whose markers `args` has; null: none
  const runtime::message& env;      // the application's, for this child
  // If the child supervises others, this has `env` as its env.
  std::shared_ptr<const supervision> shared;
  const std::string& label; // the child's place in the tree
  unsigned above = 0;       // how many supervisors of its application the child is below
  // The things that the kind keeps for this child between its runs, such as open sockets. Dropped as soon as
  // the child will not be started again by itself.
  std::any& kept;
};

// An order to the running process of a child.
struct engine_order {
  std::any what;            // for pending_orders; answered ok or {error, Reason}
  base::nanos patience = 0; // how long carrying it out may take
};

// An actor that is made by a child's specification.
struct actor_use {
  std::string place; // for error messages, behind the child's path: "/handler"; empty: nothing
  std::string actor; // PLUGIN or PLUGIN:ACTOR
  runtime::message args;
  base::secrets_ptr secrets; // the secrets whose markers `args` has; null: none
};

class child_kind {
 public:
  virtual ~child_kind() = default;

  // A noun for people: pool, listener. Any thread.
  virtual std::string_view name() const = 0;
  // The behaviour that the tree shows for the child's process. Empty: that of its specification. Any thread.
  virtual std::string_view behaviour() const { return {}; }

  // Makes the behaviour of the child's process.
  virtual base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const = 0;

  // A notice for a process that is about to be stopped so that another takes its place. Empty: none.
  virtual runtime::message restart_notice() const { return {}; }

  // The order to the running process when `to`, which has this kind, becomes its specification. Nothing: the
  // process need not know.
  virtual std::optional<engine_order> order_for(const std::shared_ptr<const child_spec>& to) const;

  // The actors made by the specification `of`, which has this kind, except those of children below it. By
  // default the actor that `of` names. Any thread.
  virtual std::vector<actor_use> actors(const child_spec& of) const;
};

// A kind whose process is the actor that the specification names, with something that it is given before it
// starts.
class equipped_actor : public child_kind {
 public:
  std::string_view name() const final { return "worker"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const final;

 private:
  // The noun for what the actor is given, for people: connections.
  virtual std::string_view gives() const = 0;
  // Called before the process is made. False: the actor takes no such thing.
  virtual bool equip(stream_taker& actor, const child_start& of) const = 0;
};

// Makes the actor that the specification names.
base::result<std::unique_ptr<runtime::behaviour>> make_actor(const child_start& of);

// The actors made by a specification of any kind, except those of children below it. Any thread.
std::vector<actor_use> actors_of(const child_spec& of);

} // namespace coppice::behaviours
