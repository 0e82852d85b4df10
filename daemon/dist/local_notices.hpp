// SPDX-License-Identifier: MIT
// What processes of this node are told of other nodes: that a signal could not be delivered, that a node is
// down, whether a node was connected, and that a sender which waited for a busy node may go on. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dist/peer.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/signal.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

class local_notices {
 public:
  explicit local_notices(runtime::system& system) : system_(system) {}
  local_notices(const local_notices&) = delete;
  local_notices& operator=(const local_notices&) = delete;

  // A signal that could not be delivered comes back as in Erlang: links and monitors end with noconnection,
  // messages are lost. The ends of links and monitors come after all that the other process has sent before,
  // also where this still waits outside a full mailbox. Those of calls and spawn requests do not wait: the
  // process that asked may be parked until they come, and makes no room before.
  void bounce(const runtime::destination& to, const runtime::signal& s);
  void count_lost(std::uint64_t messages) { lost_.fetch_add(messages, std::memory_order_relaxed); }
  // Messages that were lost because their node could not be reached.
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

  void wake(const std::vector<resting_sender>& all) {
    for (const resting_sender& one : all) wake(one);
  }
  // {nodedown, Node}, as a notice. `node`: its index in node_names. As in Erlang, it comes after all that the
  // node's processes have sent before, also where this still waits outside a full mailbox.
  void tell_watchers(std::uint32_t node, std::string_view name, const node_watchers& watchers);
  // The answer to each connect(): {Ref, Connected}
  void tell_askers(const std::vector<runtime::reference>& askers, bool connected);

 private:
  void wake(const resting_sender& one);

  runtime::system& system_;
  std::atomic<std::uint64_t> lost_{0};
};

} // namespace coppice::dist
