// SPDX-License-Identifier: MIT
// Carries out the effects that the entries of a Raft group have asked for: see group_effects.hpp. It belongs
// to the process that applies the entries, and does nothing unless its member leads. Messages are sent for
// entries of the leader's own term alone, each entry once: entries of earlier terms may have had another
// leader, which may have sent them. Each leader sets timers and monitors again. The outcome of a timer or a
// monitor is told to the member, which makes an entry of it; until that entry is applied, there is no
// further outcome. In the process's own turn.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "behaviours/raft/group_effects.hpp"
#include "behaviours/raft/machine_protocol.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours::raft {

class effect_carrier {
 public:
  // Tells the member the outcome of a timer or a monitor: a term as group_effects::read_came() takes it.
  using teller = std::function<void(runtime::process&, etf::bytes)>;
  // `of` must outlive this.
  effect_carrier(group_effects& of, std::shared_ptr<machine_progress> progress, teller came);

  // From the index `first` on, entries are of the term that this member leads. 0: it does not lead. Messages
  // of entries up to `carried` were sent before. `most`: most bytes of an outcome that is told; a longer
  // reason is replaced. `index`: of the last entry that was applied.
  struct leadership {
    consensus::log_index first = 0, carried = 0;
    std::uint64_t most = 0;
  };
  void lead(runtime::process& self, const leadership& of, consensus::log_index index);
  // The entry at `index` was applied. May park, and the process may be dead afterwards.
  void applied(runtime::process& self, consensus::log_index index);
  // False: the message is not from a timer or a monitor of the group.
  bool take(runtime::process& self, const runtime::message& m);

 private:
  static constexpr std::string_view timer_word = "$coppice_raft_timer";
  // Most outcomes that are told and have no entry yet; further outcomes wait here.
  static constexpr std::size_t most_told = 256;

  enum class step : std::uint8_t { waits, queued, told };
  struct armed {
    step what = step::waits;
    std::uint64_t reminder = 0;       // of a timer. 0: it never fires
    runtime::reference monitor{};     // of a monitor
    std::vector<std::uint8_t> came{}; // while queued
  };

  void send(runtime::process& self, std::vector<group_effects::outgoing> messages);
  void set(runtime::process& self, group_effects::key of, bool again);
  void set_timer(runtime::process& self, group_effects::key of, const group_effects::timer& one, bool again);
  void set_monitor(runtime::process& self, group_effects::key of, const group_effects::monitor& one);
  void unset(runtime::process& self, group_effects::key of);
  void unset_all(runtime::process& self);
  void down(group_effects::key of, etf::bytes whom, etf::bytes reason);
  void queue(group_effects::key of, std::vector<std::uint8_t> came);
  void pump(runtime::process& self);

  group_effects& of_;
  const std::shared_ptr<machine_progress> progress_;
  const teller came_;
  leadership leads_;
  bool is_set_ = false; // timers and monitors are set
  std::unordered_map<group_effects::key, armed> armed_;
  std::unordered_map<runtime::reference, group_effects::key, runtime::reference_hash> by_reference_;
  std::deque<group_effects::key> queue_;
  std::size_t told_ = 0;
};

} // namespace coppice::behaviours::raft
