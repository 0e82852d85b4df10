// SPDX-License-Identifier: MIT
// The counters of an event manager. Only the manager writes; any thread reads.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours {

struct event_counters final : metrics::counters {
  metrics::gauge handlers{*this, "event_handlers", "Handlers of an event manager"};
  metrics::counter events{*this, "events_managed", "Events and other messages that came to an event manager"};
  metrics::counter failed{*this, "event_handlers_failed", "Handlers that ended and had not been asked to"};
  metrics::counter restarted{*this, "event_handlers_restarted", "Handlers that were begun again"};
  metrics::counter slow{*this, "event_handlers_slow", "Handlers that were waited for no longer"};
  metrics::counter dropped{*this, "event_handlers_dropped",
                           "Events that a handler's backlog had no room for, of each"};
};

} // namespace coppice::behaviours
