// SPDX-License-Identifier: MIT
// Failures of a member's disk, of its log and of its group in the log. A write that was refused means that
// the core is ahead of its disk: the member begins again with what the disk has, after a pause that grows. A
// log that has ended, or a group that is damaged, is not tried again: the member stays, says why, and
// answers that there is no leader, since its end would take down other parts of the node. In the process's
// own turn.
#include <algorithm>

#include "base/log.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::outcome;
using runtime::process;

// Clients that wait are not told whether their commands are on the disk.
void member::put_away(process& self) {
  leave_quiescence(self);
  core_.reset();
  seat_ = {};
  storage_.reset();
  effects_.clear();
  beginning_ = {};
  proposals_.clear();
  proposed_bytes_ = 0;
  forget_came();
  leads_from_ = 0;
  checks_ = {};
  reads_.clear();
  committed_.clear();
  to_validate_.clear();
  asked_.clear();
  asked_bytes_ = 0;
  skip_.reset();
  // A new actor is not told of an old leader.
  told_any_leader_ = false;
  told_leader_ = {};
  told_quorum_.reset();
  std::vector<token> all;
  for (const auto& [of, one] : waiting_) all.push_back(of);
  for (const token one : all) answer(self, one, runtime::error_message(message::atom("timeout")));
  // The actor has applied only what the disk has, but it is not known what the actor was sent last.
  machine_began_ = false;
  machine_at_ = 0;
  parked_for_ = parked::nothing;
  parked_ = 0;
  parked_why_.clear();
  if (!machine_) return;
  self.unlink(machine_);
  self.exit(machine_, runtime::reasons::kill());
  machine_ = {};
}

outcome member::start_again(process& self, const base::error& why) {
  const base::nanos pause = again_pause_.next(self.now());
  if (pause == 0 || why.text != again_why_)
    base::log::warning("raft", "{} begins again with what its disk has: {}", own_, why.text);
  again_why_ = why.text;
  put_away(self);
  phase_ = phase::again;
  again_at_ = self.now() + pause;
  if (leaderless_since_ == 0) leaderless_since_ = self.now();
  publish();
  arm(self);
  return runtime::carry_on();
}

outcome member::read_again(process& self) {
  group_contents found;
  const base::status read = read_log(self, found);
  if (self.exiting()) return runtime::carry_on();
  if (!read) {
    // Too much waits for the node's threads.
    if (read.error().code == base::errc::limit) return start_again(self, read.error());
    return halt(self, read.error());
  }
  if (!machine_)
    if (outcome spawned = spawn_machine(self); spawned.stops()) return spawned;
  return begin(self, std::move(found));
}

outcome member::halt(process& self, const base::error& why) {
  base::log::error("raft", "{} stands still until its node starts anew: {}", own_, why.text);
  put_away(self);
  phase_ = phase::stopped;
  stopped_why_ = why.text;
  next_hello_ = runtime::no_deadline;
  if (leaderless_since_ == 0) leaderless_since_ = self.now();
  publish();
  arm(self);
  return runtime::carry_on();
}

} // namespace coppice::behaviours::raft
