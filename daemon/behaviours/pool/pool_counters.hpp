// SPDX-License-Identifier: MIT
// The counters of a pool. Only the pool writes; any thread reads.
#pragma once

#include "metrics/counters.hpp"

namespace coppice::behaviours {

struct pool_counters final : metrics::counters {
  using number = metrics::number;

  metrics::gauge workers{*this, "pool_workers", "Workers of a pool"};
  metrics::counter misdirected{*this, "pool_misdirected",
                               "Requests that choose() of the workers' type gave to nobody"};
  metrics::counter grown{*this, "pool_grown", "Workers that were added since requests waited"};
  metrics::counter shrunk{*this, "pool_shrunk", "Workers that were removed since they had nothing to do"};
  metrics::gauge queued{*this, "pool_queued", "Requests that wait for a worker"};
  metrics::gauge held{*this, "pool_held", "Requests that workers have"};
  metrics::counter handled{*this, "pool_handled", "Requests that workers have handled"};
  metrics::counter rejected{*this, "pool_rejected", "Requests that found the queue full"};
  metrics::counter expired{*this, "pool_expired",
                           "Requests that waited for too long, or whose caller gave up"};
  metrics::counter retried{*this, "pool_retried", "Requests given to another worker, theirs having ended"};
  metrics::counter lost{*this, "pool_lost", "Requests that a worker held when it ended"};
  metrics::counter unanswered{*this, "pool_unanswered",
                              "Of the lost ones, calls whose caller could not be told"};
};

} // namespace coppice::behaviours
