// SPDX-License-Identifier: MIT
// A pool of actors and its keys. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"
#include "tree/pool.hpp"
#include "tree/supervision.hpp"

namespace coppice::spec {

struct pool_queue_options {
  std::uint32_t limit = 10'000;
  time_or_infinity wait = milliseconds(5000);
  tree::pool_overload on_full = tree::pool_overload::reply_error;
};

struct pool_options {
  std::string actor;                  // of the workers, as written: PLUGIN or PLUGIN:ACTOR
  encoded_term args;                  // as a child's args
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers
  std::uint32_t size = 8;
  std::optional<std::uint32_t> max; // none: it does not grow
  milliseconds idle{30'000};
  tree::pool_dispatch dispatch = tree::pool_dispatch::least_loaded;
  std::uint32_t key = 0; // number of an element of the request; 0: the whole request
  std::uint32_t in_flight = 1;
  pool_queue_options queue;
  tree::on_worker_death on_worker_death = tree::on_worker_death::reply_error;
  milliseconds drain{5000};
  std::uint32_t intensity = 3;
  milliseconds period{5000};
  std::optional<tree::backoff_options> backoff;
  tree::shutdown_limit shutdown;
  mailbox_options mailbox;
  std::optional<spec::unhandled> unhandled;
};

} // namespace coppice::spec
