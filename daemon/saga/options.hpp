// SPDX-License-Identifier: MIT
// The options of a saga's core, which are set once, and its counters. Times are nanoseconds on a scale that
// goes on while the node is down: its owner adds monotonic time to the system clock's time at the start. Any
// thread.
#pragma once

#include <array>

#include "saga/types.hpp"

namespace coppice::saga {

class node_room;

struct options {
  address self;
  commit_kind commit = commit_kind::compensate;
  bool durable = true; // false: writes outlive nothing, and steps of two phases are refused
  base::nanos lifespan = 60 * base::nanos_per_second;
  std::uint32_t hops = 16; // levels below the saga that starts; at most deepest_path
  std::size_t max_transactions = 10'000;
  // Delay between two requests that were answered with `busy`, and between two attempts of a failed step. It
  // doubles from first to max.
  base::nanos retry_first = 100 * base::nanos_per_ms;
  base::nanos retry_max = 30 * base::nanos_per_second;
  // An unanswered request is sent again after this, or after the retry's delay if that is longer.
  base::nanos step_timeout = 10 * base::nanos_per_second;
  base::nanos keep = 3600 * base::nanos_per_second; // how long outcomes and forgotten keys are kept
  std::size_t keep_count = 100'000;                 // most entries, most outcomes, and most forgotten keys
  std::size_t keep_bytes = std::size_t{64} << 20;   // most bytes of outcomes, and most of forgotten keys
  std::uint64_t first_token = 1; // of callbacks; an owner draws it, so that no token of an earlier life fits
  std::size_t max_value = 1024 * 1024; // bytes
  std::size_t max_in_doubt = 1000;     // most entries of the kind two_phase
  std::size_t max_steps = 1000;        // of one transaction
  // Most bytes that the core keeps open for other nodes: values of the transactions that they have started,
  // and keys, values and answers of the steps that they have asked for.
  std::size_t max_bytes_for_others = std::size_t{256} << 20;
  // Shared with the node's other sagas, which have those bytes together. Outlives the core. Null: this core
  // has them alone.
  node_room* room = nullptr;
  // Most bytes of the changes of one write, by weight(). A single change may be longer. Units that fall due
  // at one time are handled in portions of this size, counted by changes and effects. So are the units that
  // go on after a restart.
  std::size_t longest_write = 256 * 1024;
};

// The share of one other node in a bound that all nodes share: three quarters. So a node that takes all it
// can get still leaves room for the others.
constexpr std::size_t share_of_one(std::size_t bound) {
  return bound - bound / 4;
}

// Why a message was dropped.
enum class drop : std::uint8_t {
  receiver,   // for another process
  origin,     // from a node that does not own the key, or that was not asked
  malformed,  // a path or a number that makes no sense, a value above max_value
  stale,      // of a transaction or step that is over, or a repeated answer
  impossible, // contradicts what was decided
};
inline constexpr std::size_t drop_reasons = 5;

struct counters {
  std::array<std::uint64_t, drop_reasons> dropped{};
  std::uint64_t started = 0, refused = 0; // refused: above max_transactions
  std::uint64_t over_share = 0;           // starts and steps that had no room; see share_of_one()
  std::uint64_t committed = 0, compensated = 0, aborted = 0;
  std::uint64_t undo_failures = 0; // steps that cannot be undone
  std::uint64_t asked_again = 0;
  std::uint64_t kept_answers = 0;       // requests answered without a call
  std::uint64_t heuristic = 0;          // decided by an operator
  std::uint64_t heuristic_mismatch = 0; // the coordinator later decided differently from the operator
};

} // namespace coppice::saga
