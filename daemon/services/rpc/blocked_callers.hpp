// SPDX-License-Identifier: MIT
// The order of rpc:block_call: while one runs for a node, later requests of that node to `rex` wait, and
// other nodes' requests do not. Keeps the running call and the waiting requests, without I/O. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/process.hpp"

namespace coppice::services {

class blocked_callers {
 public:
  static constexpr std::size_t most_waiting = 10'000;              // requests of a node
  static constexpr std::size_t most_bytes = std::size_t{16} << 20; // bytes of a node's waiting requests

  struct request {
    enum class form : std::uint8_t { call, cast, info };
    form how = form::info;
    runtime::message from; // for a call
    runtime::message body;
    runtime::message_origin origin;

    std::size_t bytes() const { return sizeof *this + from.footprint() + body.footprint(); }
  };

  bool blocks(std::uint32_t node) const { return nodes_.contains(node); }
  // A block_call of that node runs in the process that has that monitor.
  void begin(std::uint32_t node, const runtime::reference& monitor) {
    nodes_.try_emplace(node);
    by_monitor_[monitor] = node;
  }
  // Keeps a request of a node that is blocked. False: too many wait.
  bool wait(request what) {
    auto& [waiting, bytes] = nodes_.at(what.origin.node);
    if (waiting.size() >= most_waiting || bytes + what.bytes() > most_bytes) return false;
    bytes += what.bytes();
    waiting.push_back(std::move(what));
    return true;
  }
  // The process with that monitor has ended: returns the requests that waited for it, in order. Empty: not a
  // process of a block_call.
  std::optional<std::deque<request>> end(const runtime::reference& monitor) {
    const auto at = by_monitor_.find(monitor);
    if (at == by_monitor_.end()) return std::nullopt;
    const auto node = nodes_.find(at->second);
    std::deque<request> waiting = std::move(node->second.waiting);
    nodes_.erase(node);
    by_monitor_.erase(at);
    return waiting;
  }

 private:
  struct blocked {
    std::deque<request> waiting;
    std::size_t bytes = 0; // bytes of the waiting requests
  };
  std::unordered_map<std::uint32_t, blocked> nodes_;
  std::unordered_map<runtime::reference, std::uint32_t, runtime::reference_hash> by_monitor_;
};

} // namespace coppice::services
