// SPDX-License-Identifier: MIT
// What the router keeps of one other node: the queue into which every thread pushes signals for it, and,
// under a lock, whether it is connected, what waits until it is, and who wants to hear of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/uv.hpp"
#include "dist/connection.hpp"
#include "dist/options.hpp"
#include "dist/outbox.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::dist {

class attempt;

// A process parked until a peer is not busy any more.
struct resting_sender {
  runtime::pid who;
  std::uint64_t number = 0; // of its wait
};

// A process that wants {nodedown, Node}, as often as it asked.
struct node_watcher {
  runtime::pid who;
  std::uint32_t times = 0;
};

struct peer {
  peer(std::uint32_t index_, std::string name_, unsigned home_)
      : index(index_), name(std::move(name_)), home(home_) {}

  const std::uint32_t index; // in node_names
  const std::string name;

  outbox out;
  std::atomic<std::size_t> backlog{0}; // bytes in `out` and in `waiting`
  std::atomic<std::size_t> unsent{0};  // bytes its connection holds, as of when it last said so
  std::atomic<unsigned> home;          // the worker that drains and connects; changes under `lock`

  std::atomic<peer_state> state{peer_state::down}; // changes under `lock`

  std::mutex lock;                              // guards what follows
  std::uint64_t generation = 0;                 // of connections
  std::unique_ptr<connection> established;      // used on the home worker's thread only
  attempt* outgoing = nullptr;                  // owned by the worker's state
  base::nanos connect_by = 0;                   // of the monotonic clock, while connecting: the end of it
  bool yields = false;                          // connecting waits for an attempt of the peer's own
  std::unique_ptr<base::uv::timer> yield_timer; // while it does
  std::vector<outbox::entry> taken;             // by the drainer
  std::vector<std::unique_ptr<routed>> waiting;
  std::size_t waiting_bytes = 0;
  std::vector<resting_sender> resting; // who wait until it is not busy
  std::vector<node_watcher> watchers;
  std::vector<runtime::reference> askers; // who wait for connect()'s answer
  peer_info last;                         // of the connection that was, and the last error
};

} // namespace coppice::dist
