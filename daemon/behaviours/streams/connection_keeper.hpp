// SPDX-License-Identifier: MIT
// Keeps one connection of an actor up. Whenever it cannot be made or has ended, it is tried again after a
// wait. Its stream is one of the actor's streams, a new one for each try. In the actor's own turn, and by
// callbacks of its loop.
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
  backoff_options backoff; // starts anew after a connection that was open for `max`
};

class connection_keeper {
 public:
  // Tries at once. `label` names the actor in the log, which gets a line when connecting begins to fail and
  // when the connection is up again. `totals` outlive this.
  connection_keeper(actor_streams& of, uv_loop_t* loop, std::shared_ptr<const kept_connection> what,
                    std::string label, connect_totals& totals);
  ~connection_keeper();
  connection_keeper(const connection_keeper&) = delete;
  connection_keeper& operator=(const connection_keeper&) = delete;

  bool has(std::uint64_t stream) const { return stream == stream_; }
  // Called when its stream may have opened.
  void look(const actor_stream& stream);
  // Its stream is gone, and the actor has been told.
  void ended(const actor_stream& stream);
  // Does not connect any more.
  void stop() { timer_.close(); }

  // The place that it connects to.
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
  std::uint32_t in_a_row_ = 0; // tries since a connection was open for long
  std::uint64_t tries_ = 0;
  std::uint64_t failed_ = 0;
  bool up_ = false;
  bool told_ = false; // the log has been told that it fails
};

} // namespace coppice::behaviours
