// SPDX-License-Identifier: MIT
// The process of a node that exchanges with other nodes which Raft groups are quiescent and that this node
// lives (liveness_exchange.hpp), and tells the members of this node what follows. Its messages overtake
// everything that waits for another node (process::send_ahead()), and make no node connect. It watches the
// carriers of the nodes that it hears of, so that a lost connection is seen at once. Older nodes have no
// process of its name, and drop its messages unseen. The first member that needs the carrier starts it, and
// it lives as long as the node. In the process's own turn.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/raft/beat_exchange.hpp"
#include "behaviours/raft/liveness_counters.hpp"
#include "metrics/board.hpp"

namespace coppice::behaviours::raft {

class liveness_carrier final : public native_server {
 public:
  static constexpr std::string_view registered_name = "coppice_raft_liveness"; // on every node
  static constexpr std::string_view look_word = "$coppice_raft_look"; // a notice: something is due earlier

  // All of them outlive the process; `members` finds the members. `board` null: the counters are shown
  // nowhere.
  liveness_carrier(liveness_exchange& of, beat_exchange& members, metrics::board* board);

  std::optional<peer_requests> from_peers() const override { return std::nullopt; }

 private:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

  void pump(runtime::process& self);
  void carry_out(runtime::process& self, const consensus::node_liveness::outcome& what);
  void send(runtime::process& self, const consensus::node_liveness::outgoing& what);
  void tell(runtime::process& self, const consensus::node_liveness::news& what);
  void take(runtime::process& self, const runtime::message& m);
  void drop(std::string_view node, std::string_view why);
  bool take_down(runtime::process& self, const runtime::message& m);
  void watch(runtime::process& self, std::uint32_t node);

  liveness_exchange& exchange_;
  beat_exchange& members_;
  base::nanos armed_ = 0; // 0: no timer
  std::uint64_t timer_ = 0;
  std::map<std::uint32_t, runtime::reference> watched_; // monitors of carriers, by their nodes
  const std::shared_ptr<liveness_counters> counters_;   // of all carriers of the node, one after the other
};

} // namespace coppice::behaviours::raft
