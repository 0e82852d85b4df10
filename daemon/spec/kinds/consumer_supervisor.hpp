// SPDX-License-Identifier: MIT
// A supervisor that starts an actor for each event, and its keys. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/kinds/stage.hpp"
#include "spec/schema/values.hpp"
#include "tree/supervision.hpp"

namespace coppice::spec {

// The options of the actors that a consumer supervisor starts.
struct event_child_options {
  std::string actor;                  // as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                  // as a child's args, without what an event adds
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers
  tree::restart_type restart = tree::restart_type::transient;
  tree::shutdown_limit shutdown;
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
  bool operator==(const event_child_options&) const = default;
};

// A supervisor that starts an actor for each event.
struct consumer_supervisor_options {
  event_child_options child;
  std::vector<stage_subscription> subscribe_to;
  std::uint32_t intensity = 3;
  milliseconds period{5000};
  bool operator==(const consumer_supervisor_options&) const = default;
};

} // namespace coppice::spec
