// SPDX-License-Identifier: MIT
// The configuration of an event manager. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "runtime/actor_factory.hpp"
#include "runtime/messages/message.hpp"
#include "tree/events.hpp"

namespace coppice::behaviours {

struct event_handler_spec {
  runtime::message name;  // {'PLUGIN:ACTOR', Id}, as OTP's {Module, Id}
  std::string actor;      // PLUGIN or PLUGIN:ACTOR
  runtime::message args;  // a map; empty: none
  bool permanent = false; // it is begun again after it failed
  std::optional<runtime::unhandled> unhandled;
  base::secrets_ptr secrets{}; // the secrets whose markers `args` has; null: none
};

using tree::event_overload;

// The bounds of what may wait for a handler that is too slow.
struct event_backlog {
  std::uint64_t events = 10'000;
  std::uint64_t bytes = std::uint64_t{16} << 20;
  event_overload on_full = event_overload::drop_new;
};

struct event_manager_spec {
  std::vector<event_handler_spec> handlers;         // in the order in which they are added
  std::uint32_t intensity = 3;                      // restarts of a permanent handler …
  base::nanos period = 10 * base::nanos_per_second; // … within this time
  base::nanos slow_after = 0; // a handler that takes longer is not waited for; 0: no limit
  event_backlog backlog;      // for each handler
  std::uint32_t limit = 1000; // handlers
};

} // namespace coppice::behaviours
