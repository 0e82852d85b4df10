// SPDX-License-Identifier: MIT
// One connection that an actor is to have all the time: it is tried again, with waits in between, whenever it
// could not be made or has ended. Its stream is one of the actor's, a new one each time. In the actor's own
// turn, and by callbacks of its loop.
#pragma once

#include <cstdint>
#include <memory>

#include "base/uv.hpp"
#include "behaviours/child_spec.hpp"
#include "behaviours/streams/actor_stream.hpp"

namespace coppice::behaviours {

class actor_streams;

// Immutable; any thread.
struct kept_connection {
  outgoing_stream to;
  backoff_options backoff; // one that was open for `max` is tried again as the first time
};

class connection_keeper {
 public:
  // Tries at once.
  connection_keeper(actor_streams& of, uv_loop_t* loop, std::shared_ptr<const kept_connection> what);
  connection_keeper(const connection_keeper&) = delete;
  connection_keeper& operator=(const connection_keeper&) = delete;

  bool has(std::uint64_t stream) const { return stream == stream_; }
  // Its stream is gone, its actor has been told.
  void ended(const actor_stream& stream);
  // Not again.
  void stop() { timer_.close(); }

 private:
  void connect();
  void wait();

  actor_streams& streams_;
  uv_loop_t* const loop_;
  const std::shared_ptr<const kept_connection> what_;
  base::uv::timer timer_;
  std::uint64_t stream_ = 0;   // 0: none
  std::uint32_t in_a_row_ = 0; // tries since one was open for long
};

} // namespace coppice::behaviours
