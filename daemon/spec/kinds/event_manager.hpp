// SPDX-License-Identifier: MIT
// An event manager with its handlers, and their keys. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"
#include "tree/events.hpp"

namespace coppice::spec {

enum class handler_restart { permanent, temporary };

// Bounds of the events that wait for a handler which the manager does not wait for.
struct backlog_options {
  std::uint64_t limit = 10'000; // events
  std::uint64_t bytes = std::uint64_t{16} << 20;
  tree::event_overload on_full = tree::event_overload::drop_new;
  bool operator==(const backlog_options&) const = default;
};

struct event_handler_options {
  std::string id;
  std::string actor; // PLUGIN or PLUGIN:ACTOR
  handler_restart restart = handler_restart::temporary;
  std::optional<spec::unhandled> unhandled; // none: as the actor's class says
  encoded_term args;                  // a map, checked against the plugin's schema, its defaults filled in
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers; for printing alone
  std::string plugin;                 // id of the actor's plugin; actor_type: the actor's name in it
  std::string actor_type;
  bool operator==(const event_handler_options& other) const {
    return id == other.id && plugin == other.plugin && actor_type == other.actor_type &&
           actor == other.actor && restart == other.restart && unhandled == other.unhandled &&
           args == other.args;
  }
};

struct event_manager_options {
  std::vector<event_handler_options> handlers;
  std::uint32_t intensity = 3;
  milliseconds period{10'000};
  time_or_infinity slow_after;
  backlog_options backlog;
  std::uint32_t limit = 1000;
  bool operator==(const event_manager_options&) const = default;
};

} // namespace coppice::spec
