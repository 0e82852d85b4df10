// SPDX-License-Identifier: MIT
// What a supervisor knows of a child that is no plain actor and no plain supervisor: pools, listeners, event
// managers, actors with a connection, sockets or a program. Each kind implements this interface in a folder
// of its own and offers a function that makes its object of the kind's options; the node puts that object
// into the child's specification. To the supervisor all kinds are the same. Objects are immutable and shared
// by the specifications that have them. In the supervisor's turn, unless a function says "any thread".
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
  const runtime::message& args;     // spec->args, with those of start_child merged in
  const base::secrets_ptr& secrets; // that `args` have markers of; null: none
  const runtime::message& env;      // the application's, for this child
  // If the child supervises others, its env is `env`.
  std::shared_ptr<const supervision> shared;
  const std::string& label; // the child's place in the tree
  unsigned above = 0;       // how many supervisors of its application the child is below
  // What the kind keeps for this child while the child is started again: open sockets. Dropped as soon as the
  // child is not to be started again by itself.
  std::any& kept;
};

// What the process of a child is told as it runs.
struct engine_order {
  std::any what;            // for pending_orders; answered ok or {error, Reason}
  base::nanos patience = 0; // how long carrying it out may take
};

// An actor that is made by a child's specification.
struct actor_use {
  std::string place; // what an error message says behind the child's path: "/handler"; empty: nothing
  std::string actor; // PLUGIN or PLUGIN:ACTOR
  runtime::message args;
  base::secrets_ptr secrets; // that `args` have markers of; null: none
};

class child_kind {
 public:
  virtual ~child_kind() = default;

  // For people, a noun: pool, listener. Any thread.
  virtual std::string_view name() const = 0;
  // What the tree shows as the behaviour of the child's process. Empty: what its specification says. Any
  // thread.
  virtual std::string_view behaviour() const { return {}; }

  // What the child's process does.
  virtual base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const = 0;

  // A notice to the process before it is stopped, if another one takes its place. Empty: none.
  virtual runtime::message restart_notice() const { return {}; }

  // What the process, which goes on, is told when `to`, which has this kind, becomes its specification.
  // Nothing: the process need not know.
  virtual std::optional<engine_order> order_for(const std::shared_ptr<const child_spec>& to) const;

  // The actors made by the specification `of`, which has this kind, but for those of children below it. By
  // default the one that `of` names. Any thread.
  virtual std::vector<actor_use> actors(const child_spec& of) const;
};

// A kind whose process is the actor that the specification names, which begins with something it is given.
class equipped_actor : public child_kind {
 public:
  std::string_view name() const final { return "worker"; }
  base::result<std::unique_ptr<runtime::behaviour>> make(const child_start& of) const final;

 private:
  // For people: connections.
  virtual std::string_view gives() const = 0;
  // Before the process is made. False: the actor takes no such thing.
  virtual bool equip(stream_taker& actor, const child_start& of) const = 0;
};

// The actor that the specification names.
base::result<std::unique_ptr<runtime::behaviour>> make_actor(const child_start& of);

// The actors made by a specification of whatever kind, but for those of children below it. Any thread.
std::vector<actor_use> actors_of(const child_spec& of);

} // namespace coppice::behaviours
