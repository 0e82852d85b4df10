// SPDX-License-Identifier: MIT
// The choices of a pool: which worker gets a request, and what becomes of requests that no worker can take.
// Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tree/words.hpp"

namespace coppice::tree {

// Which worker gets a request.
enum class pool_dispatch : std::uint8_t {
  least_loaded, // the one that holds the fewest
  round_robin,  // the next in turn that has room
  hash,         // always the same one for the same key
  broadcast,    // all of them; casts and messages only
};
template <>
inline constexpr std::array<std::string_view, 4> words<pool_dispatch>{"least_loaded", "round_robin", "hash",
                                                                      "broadcast"};

// What becomes of a request that finds the queue full, or has waited there for too long.
enum class pool_overload : std::uint8_t {
  reply_error, // the caller gets {error, overloaded}
  drop_new,    // it is dropped
  drop_old,    // the oldest in the queue is dropped
  park_sender, // senders wait: queued requests count in the pool's mailbox, bounded by the queue's limit (and
               // perhaps one more); a request that waits for too long is treated as by reply_error
};
template <>
inline constexpr std::array<std::string_view, 4> words<pool_overload>{"reply_error", "drop_new", "drop_old",
                                                                      "park_sender"};

// What becomes of the requests that a worker held when it ended.
enum class on_worker_death : std::uint8_t {
  reply_error, // their callers' calls end with {worker_down, Reason}
  retry_once,  // another worker gets them, once each
};
template <>
inline constexpr std::array<std::string_view, 2> words<on_worker_death>{"reply_error", "retry_once"};

} // namespace coppice::tree
