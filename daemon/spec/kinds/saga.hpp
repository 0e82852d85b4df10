// SPDX-License-Identifier: MIT
// The options of an actor that is a saga, as the configuration has them. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spec/schema/values.hpp"
#include "tree/saga.hpp"

namespace coppice::spec {

struct saga_retry {
  milliseconds first{100};
  milliseconds max{30'000};
  bool operator==(const saga_retry&) const = default;
};

struct saga_answers {
  milliseconds keep{3'600'000};
  std::uint64_t count = 100'000;
  bool operator==(const saga_answers&) const = default;
};

struct saga_limits {
  std::uint64_t value = std::uint64_t{1} << 20; // bytes
  std::uint64_t in_doubt = 1000;
  std::uint64_t steps = 1000;
  bool operator==(const saga_limits&) const = default;
};

// The options of an actor that is a saga.
struct saga_options {
  tree::saga_commit commit = tree::saga_commit::compensate;
  milliseconds lifespan{60'000};
  std::uint32_t hops = 16;
  std::uint64_t max_transactions = 10'000;
  tree::saga_log log = tree::saga_log::durable;
  saga_retry retry;
  milliseconds step_timeout{10'000};
  saga_answers answers;
  saga_limits limits;
  std::vector<std::string> from; // patterns of nodes' names; empty: all
  std::string worker;            // runs steps, as written: PLUGIN or PLUGIN:ACTOR; empty: the saga runs them
  std::uint32_t workers = 16;    // most at once
  encoded_term worker_args;      // as a child's args; empty: there is no worker
  std::vector<std::string> worker_durations; // where durations stand in worker_args, as JSON pointers
  bool operator==(const saga_options&) const = default;
};

} // namespace coppice::spec
