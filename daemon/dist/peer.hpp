// SPDX-License-Identifier: MIT
// What the router keeps of one other node: the queue into which every thread pushes signals for it; and,
// under a lock, whether it is connected, what waits until it is, and which processes wait for news of it. A
// peer that is no longer needed is reused for another node, see runtime::node_names. It is never freed while
// the router lives, so a thread that has found it may still check which node it belongs to.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/uv.hpp"
#include "dist/connection.hpp"
#include "dist/node_watchers.hpp"
#include "dist/options.hpp"
#include "dist/outbox.hpp"
#include "dist/peer_relations.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::dist {

class attempt;

// A process suspended until the peer is no longer busy.
struct resting_sender {
  runtime::pid who;
  std::uint64_t number = 0; // number of its wait
};

// A connection that has ended, while the processes here are told of it, some in each turn. Until all are
// told, no new connection begins and no signal for the node is handled, so that later messages of the node
// come after that.
struct ending {
  peer_relations relations;
  node_watchers watchers;
  std::vector<resting_sender> resting;
  peer_info info; // as it was when the connection ended
  std::string why;
  bool drains = false;                      // the duty to drain waits here
  std::vector<std::function<void()>> after; // run when all are told
};

struct peer {
  peer(std::uint32_t index_, std::string_view name_, unsigned home_)
      : index(index_), home(home_), name(name_) {
    last.name = name;
  }

  // Whether nothing needs this node any more. Under the lock.
  bool is_unneeded() const {
    return state.load() == peer_state::down && !established && !ends && outgoing == nullptr && !yields &&
           waiting.empty() && resting.empty() && watchers.empty() && askers.empty() && backlog.load() == 0 &&
           !kept;
  }
  // Reuses the peer for another node. Under the lock.
  void become(std::uint32_t next, std::string_view next_name) {
    index.store(next, std::memory_order_release);
    name = next_name;
    brought_by = 0;
    last = {};
    last.name = name;
  }

  std::atomic<std::uint32_t> index; // in node_names; changes under `lock`

  outbox out;
  std::atomic<std::size_t> backlog{0}; // bytes in `out` and in `waiting`
  std::atomic<std::size_t> unsent{0};  // bytes that the connection holds, as last reported
  std::atomic<bool> bare_calls{false}; // whether the node takes bare calls, as of its last connection
  std::atomic<unsigned> home;          // the worker that drains and connects; changes under `lock`
  // `established`, from the moment when all that waited for it was sent until it is lost; else null. Set and
  // cleared on the home worker's thread, under `lock`; that thread uses it without the lock.
  std::atomic<connection*> open{nullptr};

  std::atomic<peer_state> state{peer_state::down}; // changes under `lock`

  mutable std::mutex lock; // guards the members below
  std::string name;
  std::uint64_t generation = 0;            // number of the last connection
  bool named_here = false;                 // see peer_node: once the node is down, its name is not used again
  bool kept = false;                       // see router::keep()
  std::uint32_t brought_by = 0;            // see router::brought_up()
  bool barred = false;                     // see router::bar()
  std::unique_ptr<connection> established; // used on the home worker's thread only
  std::unique_ptr<ending> ends; // null unless processes are still being told of the last connection's end;
                                // home worker's thread only
  bool certified = false;       // `established` showed a verified certificate
  attempt* outgoing = nullptr;  // owned by the worker's state
  base::nanos connect_by = 0;   // monotonic clock, while connecting: the deadline
  bool yields = false;          // connecting waits for an attempt of the peer's
  std::unique_ptr<base::uv::timer> yield_timer; // runs while it yields, or waits for its turn to connect
  std::vector<outbox::entry> taken;             // by the drainer
  std::vector<std::unique_ptr<routed>> waiting;
  std::size_t waiting_bytes = 0;
  std::vector<resting_sender> resting; // senders that wait until the peer is not busy
  node_watchers watchers;
  std::vector<runtime::reference> askers; // references of connect() calls that wait for the answer
  peer_info last;                         // the last connection, and the last error
};

} // namespace coppice::dist
