// SPDX-License-Identifier: MIT
// Applications, supervisors and children as the configuration has them. Immutable once loaded; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spec/schema/fingerprint.hpp"
#include "spec/schema/typed_values.hpp"
#include "spec/schema/values.hpp"
#include "tree/supervision.hpp"

namespace coppice::spec {

struct supervisor_spec;

// One child of a supervisor: an actor, a nested supervisor, or options of a kind that stands in place of an
// actor (kind.hpp), such as a pool or a listener.
struct child_spec {
  std::string id;         // an atom, unique among its siblings
  std::string actor;      // as written: PLUGIN or PLUGIN:ACTOR; empty: it is no actor
  std::string plugin;     // id in node_spec::plugin_files; of a pool or listener: of the actors it starts
  std::string actor_type; // name of the actor in the plugin; of a pool or listener: of those actors
  std::string behaviour;  // as the plugin's manifest says: "server"
  std::string name;       // registered name; empty: none
  tree::restart_type restart = tree::restart_type::permanent;
  time_or_infinity start_timeout; // until its init has returned; none: infinity
  tree::shutdown_limit shutdown;  // a supervisor's default is infinity
  bool significant = false;
  std::optional<tree::backoff_options> backoff;
  mailbox_options mailbox;
  spec::priority priority = spec::priority::normal;
  std::optional<compression_options> compression; // none: distribution.compression
  std::optional<spec::isolation> isolation;       // none: plugins.isolation
  std::optional<spec::unhandled> unhandled;       // none: as the actor's class says
  encoded_term args;                  // a map, checked against the plugin's schema, its defaults filled in
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers; for printing alone
  std::unique_ptr<supervisor_spec> supervisor;
  typed_values options; // of its kinds, see kind.hpp, such as a pool_options; at most one of each type
  place at;

  // The options of one of its kinds; null: none.
  template <class Options>
  const Options* find() const {
    return options.find<Options>();
  }
  template <class Options>
  Options* find() {
    return options.find<Options>();
  }
};

struct supervisor_spec {
  std::string name; // registered name; empty: none
  tree::strategy strategy = tree::strategy::one_for_one;
  std::uint32_t intensity = 1;
  milliseconds period{5000};
  tree::on_exceeded on_exceeded = tree::on_exceeded::escalate;
  tree::auto_shutdown auto_shutdown = tree::auto_shutdown::never;
  std::vector<child_spec> children; // in start order
  // The fingerprint of each child, with all that is in it and the manifests it was checked against.
  std::vector<fingerprint> prints;
  place at;
};

struct application_spec {
  std::string name;
  tree::application_type type = tree::application_type::temporary;
  std::vector<std::string> depends_on;
  time_or_infinity max_runtime;
  encoded_term env; // a map
  supervisor_spec supervisor;
  place at;
};

} // namespace coppice::spec
