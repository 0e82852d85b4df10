// SPDX-License-Identifier: MIT
// What a pool is told about itself. Its workers are the children of the supervisor that stands beside this in
// its child_spec. Immutable, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

namespace coppice::behaviours {

// Which worker gets a request.
enum class pool_dispatch : std::uint8_t {
  least_loaded, // the one that holds the fewest
  round_robin,  // the next in turn that has room
  hash,         // always the same one for the same key
  broadcast,    // all of them; casts and messages only
};

// What becomes of a request that finds the queue full, or has waited there for too long.
enum class pool_overload : std::uint8_t {
  reply_error, // the caller gets {error, overloaded}
  drop_new,    // it is dropped
  drop_old,    // the oldest in the queue is
  park_sender, // senders wait: what is queued counts in the pool's mailbox, bounded by `queue_limit` (and
               // perhaps one more); what waits for too long is treated as by reply_error
};

// What becomes of the requests that a worker held when it ended.
enum class on_worker_death : std::uint8_t {
  reply_error, // their callers' calls end with {worker_down, Reason}
  retry_once,  // another worker gets them, once each
};

struct pool_spec {
  pool_dispatch dispatch = pool_dispatch::least_loaded;
  std::uint32_t key = 0;       // for hash: which element of the request's tuple, from 1; 0: the whole request
  std::uint32_t in_flight = 1; // requests that a worker holds at once; at least 1
  std::uint32_t queue_limit = 10'000; // requests that wait for a worker; park_sender: at least 1
  base::nanos queue_wait = 5 * base::nanos_per_second; // and for how long at most
  pool_overload on_full = pool_overload::reply_error;
  on_worker_death on_death = on_worker_death::reply_error;
  base::nanos drain = 5 * base::nanos_per_second; // for what a worker holds that is to go
  std::uint32_t max = 0; // workers that it grows to while requests wait for any of them; 0: it does not
  base::nanos idle = 30 * base::nanos_per_second; // how long one that it grew by may have nothing to do
};

// As configurations spell them.
std::string_view text(pool_dispatch value);

} // namespace coppice::behaviours
