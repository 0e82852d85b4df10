// SPDX-License-Identifier: MIT
// What a saga's core is told once, and its counters. Times are nanoseconds on a scale that goes on while the
// node is down: its owner adds monotonic time to what the system clock said at the start. Any thread.
#pragma once

#include <array>

#include "saga/types.hpp"

namespace coppice::saga {

struct options {
  address self;
  commit_kind commit = commit_kind::compensate;
  base::nanos lifespan = 60 * base::nanos_per_second;
  std::uint32_t hops = 16; // levels below the one that starts; at most deepest_path
  std::size_t max_transactions = 10'000;
  // Between two requests that were answered with `busy`, and between two tries of a step that failed: doubles
  // from first to max.
  base::nanos retry_first = 100 * base::nanos_per_ms;
  base::nanos retry_max = 30 * base::nanos_per_second;
  // A request without an answer is sent again after this, or after the retry's delay where that is longer.
  base::nanos step_timeout = 10 * base::nanos_per_second;
  base::nanos keep = 3600 * base::nanos_per_second; // outcomes, and keys that were forgotten
  std::size_t keep_count = 100'000;                 // of entries; of outcomes; of keys that were forgotten
  std::size_t max_value = 1024 * 1024;              // bytes
  std::size_t max_in_doubt = 1000;                  // entries of two phases
  std::size_t max_steps = 1000;                     // of one transaction
};

// Why a message was dropped.
enum class drop : std::uint8_t {
  receiver,   // for another process
  origin,     // from a node to which the key does not belong, or which was not asked
  malformed,  // a path or a number that makes no sense, a value above max_value
  stale,      // of a transaction or a step that is over, or an answer that came twice
  impossible, // contradicts what was decided
};
inline constexpr std::size_t drop_reasons = 5;

struct counters {
  std::array<std::uint64_t, drop_reasons> dropped{};
  std::uint64_t started = 0, refused = 0; // refused: above max_transactions
  std::uint64_t committed = 0, compensated = 0, aborted = 0;
  std::uint64_t undo_failures = 0; // steps that cannot be undone
  std::uint64_t asked_again = 0;
  std::uint64_t kept_answers = 0;       // requests answered without a call
  std::uint64_t heuristic = 0;          // decided by an operator
  std::uint64_t heuristic_mismatch = 0; // of these, what the coordinator later answered otherwise
};

} // namespace coppice::saga
