// SPDX-License-Identifier: MIT
// The process of a node that carries heartbeats of its Raft groups: it sends what has gathered in the
// exchange (beat_exchange.hpp), and hands heartbeats of other nodes to the members they are for. It is a
// process of its own, so that heartbeats wait behind nothing that the members send. They overtake everything
// that waits for another node (process::send_ahead()): a busy connection must not cost a group its leader.
// The first member that needs the carrier starts it, and it lives as long as the node. In the process's own
// turn.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "behaviours/gen/native_server.hpp"
#include "behaviours/raft/beat_counters.hpp"
#include "behaviours/raft/beat_exchange.hpp"
#include "metrics/board.hpp"

namespace coppice::behaviours::raft {

class beat_carrier final : public native_server {
 public:
  static constexpr std::string_view registered_name = "coppice_raft_beats"; // on every node
  static constexpr std::string_view look_word = "$coppice_raft_look"; // a notice: something has gathered

  // `of` and `board` outlive the process. `board` null: the counters are shown nowhere.
  beat_carrier(beat_exchange& of, metrics::board* board);

  std::optional<peer_requests> from_peers() const override { return std::nullopt; }

 private:
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

  void pump(runtime::process& self);
  void send(runtime::process& self, const beat_exchange::batch& what);
  void take(runtime::process& self, const runtime::message& m);
  void drop(runtime::process& self, std::string_view why);

  beat_exchange& exchange_;
  base::nanos armed_ = 0; // 0: no timer
  std::uint64_t timer_ = 0;
  const std::shared_ptr<beat_counters> counters_; // of all carriers of the node, one after the other
};

} // namespace coppice::behaviours::raft
