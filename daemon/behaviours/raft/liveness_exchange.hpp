// SPDX-License-Identifier: MIT
// Keeps which Raft groups of this node are quiescent, and which other nodes are known to live: a
// node_liveness that all members of the node share. The members say here that they want to be quiescent, and
// that they are not any more; a process of the node, the carrier (liveness_carrier.hpp), exchanges the
// messages with other nodes and tells the members what follows. The object outlives the carrier. Any thread;
// a function that takes a process is called in that process's turn.
#pragma once

#include <mutex>
#include <span>
#include <string_view>

#include "consensus/node_liveness.hpp"
#include "metrics/board.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours::raft {

class beat_exchange;

// The carrier's notices to a member. {quiescence_word, Node, Leader, Term, Last}: the leader, a member on
// that node, is quiescent. {wake_word, Heard}: the member has to wake up; the other node was heard last at
// that monotonic time.
inline constexpr std::string_view quiescence_word = "$coppice_raft_quiescence";
inline constexpr std::string_view wake_word = "$coppice_raft_wake";

class liveness_exchange {
 public:
  liveness_exchange();
  liveness_exchange(const liveness_exchange&) = delete;
  liveness_exchange& operator=(const liveness_exchange&) = delete;

  // Starts the carrier unless it runs. `of` finds the members, and outlives the carrier.
  void keep_carrier(runtime::process& self, beat_exchange& of, metrics::board* board);
  // Monitors the carrier. A quiescent member needs this: a carrier that ends loses what it has not told yet.
  // Empty: no carrier runs.
  static runtime::reference watch(runtime::process& self);

  // See node_liveness.
  bool offer(runtime::process& self, const consensus::quiescence& what,
             std::span<const consensus::node_liveness::place> followers, consensus::node_liveness::pace of);
  bool follow(runtime::process& self, const consensus::member_id& follower, std::string_view node,
              const consensus::quiescence& what, base::nanos election);
  void wake(const consensus::member_id& one);
  base::nanos heard(std::string_view node) const;
  bool knows(std::string_view node) const;

  // For the carrier.
  void receive(base::nanos now, std::string_view node, const consensus::liveness_message& in,
               consensus::node_liveness::outcome& out);
  void advance(base::nanos now, consensus::node_liveness::outcome& out);
  void lost(std::string_view node, consensus::node_liveness::outcome& out);
  base::nanos due() const; // monotonic. no_deadline: nothing is due

 private:
  std::mutex starting_;     // held while the carrier is started
  mutable std::mutex lock_; // guards the members below
  consensus::node_liveness all_;
};

} // namespace coppice::behaviours::raft
