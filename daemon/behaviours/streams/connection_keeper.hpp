// SPDX-License-Identifier: MIT
// One connection that an actor is to have all the time: it is tried again, with waits in between, whenever it
// could not be made or has ended. Its stream is one of the actor's, a new one each time. In the actor's own
// turn, and by callbacks of its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/uv.hpp"
#include "behaviours/streams/actor_stream.hpp"
#include "behaviours/streams/connect_totals.hpp"
#include "behaviours/supervision/child_spec.hpp"

namespace coppice::behaviours {

class actor_streams;

// Immutable; any thread.
struct kept_connection {
  outgoing_stream to;
  backoff_options backoff; // one that was open for `max` is tried again as the first time
};

class connection_keeper {
 public:
  // Tries at once. `label` is its actor, for the log, which is told when connecting fails first and when it
  // is up again. `totals` outlive this.
  connection_keeper(actor_streams& of, uv_loop_t* loop, std::shared_ptr<const kept_connection> what,
                    std::string label, connect_totals& totals);
  ~connection_keeper();
  connection_keeper(const connection_keeper&) = delete;
  connection_keeper& operator=(const connection_keeper&) = delete;

  bool has(std::uint64_t stream) const { return stream == stream_; }
  // Its stream may be open now.
  void look(const actor_stream& stream);
  // Its stream is gone, its actor has been told.
  void ended(const actor_stream& stream);
  // Not again.
  void stop() { timer_.close(); }

  // Where it connects to.
  std::string target() const;
  bool up() const { return up_; }
  std::uint64_t tries() const { return tries_; }
  std::uint64_t failed() const { return failed_; }

 private:
  void connect();
  void fail(const std::string& why);
  void wait();

  actor_streams& streams_;
  uv_loop_t* const loop_;
  const std::shared_ptr<const kept_connection> what_;
  const std::string label_;
  connect_totals& totals_;
  base::uv::timer timer_;
  std::uint64_t stream_ = 0;   // 0: none
  std::uint32_t in_a_row_ = 0; // tries since one was open for long
  std::uint64_t tries_ = 0;
  std::uint64_t failed_ = 0;
  bool up_ = false;
  bool told_ = false; // that it fails
};

} // namespace coppice::behaviours
