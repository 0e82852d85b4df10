// SPDX-License-Identifier: MIT
// What the router keeps of one other node: the queue into which every thread pushes signals for it, and,
// under a lock, whether it is connected, what waits until it is, and who wants to hear of it. One that nobody
// needs becomes that of another node, see runtime::node_names; it is never freed while the router lives, so
// that who found it may look whose it is now.
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
#include "dist/options.hpp"
#include "dist/outbox.hpp"
#include "dist/peer_relations.hpp"
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

// A connection that has ended, while the processes here are told of it, some in each turn. Until all are, no
// other connection begins and no signal for the node is looked at: what the node says next comes behind.
struct ending {
  peer_relations relations;
  std::vector<node_watcher> watchers;
  std::vector<resting_sender> resting;
  peer_info info; // of the connection
  std::string why;
  bool drains = false;                      // somebody has the duty to drain, and left it to this
  std::vector<std::function<void()>> after; // when all is told
};

struct peer {
  peer(std::uint32_t index_, std::string_view name_, unsigned home_)
      : index(index_), home(home_), name(name_) {
    last.name = name;
  }

  // Under the lock: whether nothing of the node is here and nobody waits for it or for its end.
  bool is_unneeded() const {
    return state.load() == peer_state::down && !established && !ends && outgoing == nullptr && !yields &&
           waiting.empty() && resting.empty() && watchers.empty() && askers.empty() && backlog.load() == 0 &&
           !kept;
  }
  // Under the lock.
  void become(std::uint32_t next, std::string_view next_name) {
    index.store(next, std::memory_order_release);
    name = next_name;
    last = {};
    last.name = name;
  }

  std::atomic<std::uint32_t> index; // in node_names; changes under `lock`

  outbox out;
  std::atomic<std::size_t> backlog{0}; // bytes in `out` and in `waiting`
  std::atomic<std::size_t> unsent{0};  // bytes its connection holds, as of when it last said so
  std::atomic<bool> bare_calls{false}; // it takes them, as of when it was connected last
  std::atomic<unsigned> home;          // the worker that drains and connects; changes under `lock`
  // `established` from when what waited for it has gone first until it is lost, else null. It is set and
  // cleared on the home worker's thread, under `lock`: on that thread it is used without.
  std::atomic<connection*> open{nullptr};

  std::atomic<peer_state> state{peer_state::down}; // changes under `lock`

  mutable std::mutex lock; // guards what follows
  std::string name;
  std::uint64_t generation = 0;                 // of connections
  bool named_here = false;                      // see peer_node: once it is down nobody asks for it
  bool kept = false;                            // see router::keep()
  bool barred = false;                          // see router::bar()
  std::unique_ptr<connection> established;      // used on the home worker's thread only
  std::unique_ptr<ending> ends;                 // likewise; null unless the last connection's is told yet
  bool certified = false;                       // `established` showed a verified certificate
  attempt* outgoing = nullptr;                  // owned by the worker's state
  base::nanos connect_by = 0;                   // of the monotonic clock, while connecting: the end of it
  bool yields = false;                          // connecting waits for an attempt of the peer's own
  std::unique_ptr<base::uv::timer> yield_timer; // while it does, or waits for its turn to be connected to
  std::vector<outbox::entry> taken;             // by the drainer
  std::vector<std::unique_ptr<routed>> waiting;
  std::size_t waiting_bytes = 0;
  std::vector<resting_sender> resting; // who wait until it is not busy
  std::vector<node_watcher> watchers;
  std::vector<runtime::reference> askers; // who wait for connect()'s answer
  peer_info last;                         // of the connection that was, and the last error
};

} // namespace coppice::dist
