// SPDX-License-Identifier: MIT
// The options of a pool. Its workers are the children of the supervisor that stands beside these options in
// the pool's child_spec. Immutable, any thread.
#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "tree/pool.hpp"

namespace coppice::behaviours {

using tree::on_worker_death;
using tree::pool_dispatch;
using tree::pool_overload;

struct pool_spec {
  pool_dispatch dispatch = pool_dispatch::least_loaded;
  std::uint32_t key = 0;       // for hash: which element of the request's tuple, from 1; 0: the whole request
  std::uint32_t in_flight = 1; // requests that a worker holds at once; at least 1
  std::uint32_t queue_limit = 10'000; // requests that wait for a worker; park_sender: at least 1
  base::nanos queue_wait = 5 * base::nanos_per_second; // how long a request waits at most
  pool_overload on_full = pool_overload::reply_error;
  on_worker_death on_death = on_worker_death::reply_error;
  base::nanos drain = 5 * base::nanos_per_second; // how long a worker that is to go may finish what it holds
  std::uint32_t max = 0; // workers that it grows to while requests wait for any worker; 0: it does not grow
  base::nanos idle = 30 * base::nanos_per_second; // how long an added worker may have nothing to do
};

} // namespace coppice::behaviours
