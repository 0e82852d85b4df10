// SPDX-License-Identifier: MIT
// A member of a group at rest: it becomes quiescent together with the others, and costs nothing until
// something comes for the group or another member's node is lost (liveness_exchange.hpp). In the process's
// own turn.
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "consensus/wire.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using consensus::node_liveness;
using consensus::quiescence;
using runtime::message;
using runtime::process;

// Whether the member waits for nothing that the core does not know of.
bool member::is_at_rest() const {
  const bool is_well = !full_ && parked_for_ == parked::nothing && machine_at_ == 0 && has_machine();
  return is_well && waiting_.empty() && came_.empty() && came_again_.empty() && applied_ == may_apply_;
}

// Called after each call of the core.
void member::settle_quiescence(process& self) {
  if (is_known_quiescent_ && !core_->is_quiescent()) leave_quiescence(self);
  if (beats_ == nullptr || !core_->may_quiesce() || !is_at_rest()) return;
  std::vector<node_liveness::place> followers;
  for (const consensus::progress& one : core_->others()) {
    const consensus::member* const known = core_->members().find(one.id);
    const std::string node(node_of(known->address));
    if (node == self.host().node_name()) return; // no other node's liveness stands for it
    followers.push_back({node, one.id});
  }
  const quiescence what{self_, core_->term(), core_->log().last()};
  if (!watch_liveness(self)) return;
  is_known_quiescent_ =
      beats_->liveness().offer(self, what, followers, {options_->heartbeat, options_->election});
  if (is_known_quiescent_)
    core_->quiesce(self.now());
  else
    leave_quiescence(self);
}

bool member::watch_liveness(process& self) {
  if (!liveness_watch_) liveness_watch_ = liveness_exchange::watch(self);
  return bool{liveness_watch_};
}

void member::leave_quiescence(process& self) {
  if (std::exchange(is_known_quiescent_, false)) beats_->liveness().wake(self_);
  if (liveness_watch_) self.demonitor(std::exchange(liveness_watch_, {}), true);
}

// {quiescence_word, Node, Leader, Term, Last}
void member::take_quiescence(process& self, etf::cursor at) {
  std::string_view node;
  quiescence what;
  if (!at.read_atom(node)) return;
  seat_.handled(node);
  if (core_ == nullptr || !consensus::read_id(at, what.leader) || !at.read_unsigned(what.term) ||
      !at.read_unsigned(what.last))
    return;
  const consensus::member* const leader = core_->members().find(what.leader);
  if (leader == nullptr || node_of(leader->address) != node || core_->leader() != what.leader ||
      core_->term() != what.term || what.leader == self_)
    return;
  core_->quiesce_under(self.now(), what.leader, what.term, what.last, effects_);
  if (!core_->is_quiescent()) return;
  is_known_quiescent_ = is_at_rest() && watch_liveness(self) &&
                        beats_->liveness().follow(self, self_, node, what, options_->election);
  if (is_known_quiescent_) return;
  leave_quiescence(self);
  core_->wake_up(self.now(), self.now(), effects_);
}

// Takes notices of the carrier, and the notice of its end. False: the message is none of them.
bool member::take_liveness_notice(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  if (!at.read_tuple(arity)) return false;
  if (arity == 5 && at.read_atom_is(quiescence_word)) {
    take_quiescence(self, at);
    return true;
  }
  std::uint64_t heard = 0;
  if (arity == 2 && at.read_atom_is(wake_word) && at.read_unsigned(heard)) {
    if (core_ != nullptr) core_->wake_up(self.now(), static_cast<base::nanos>(heard), effects_);
    return true;
  }
  if (arity != 5 || !at.read_atom_is("DOWN")) return false;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  if (!ref || !liveness_watch_ || *ref != liveness_watch_) return false;
  liveness_watch_ = {};
  if (core_ == nullptr) return true;
  beats_->keep_carrier(self);
  core_->wake_up(self.now(), self.now(), effects_);
  return true;
}

} // namespace coppice::behaviours::raft
