// SPDX-License-Identifier: MIT
// Quiescence in a simulated group. Each node has a node_liveness, which may outlive the member. Its messages
// are lost, repeated and delayed like all others, and the process that carries them may be down for some
// time. After everything has healed, the group has to become quiescent, and to go on when its leader ends.
#include "world.hpp"

namespace coppice::consensus::simulation {

void world::start_node(std::size_t of) {
  node& at = nodes_[of];
  at.rests = false;
  at.trusted_at = now_;
  if (at.liveness) return;
  at.liveness = std::make_unique<node_liveness>(++runs_);
  at.carries_at = at.carries_from = 0;
}

// What a member does after each call of its core.
void world::settle_quiescence(std::size_t of) {
  node& at = nodes_[of];
  core& machine = *at.machine;
  if (at.rests && !machine.is_quiescent()) {
    at.rests = false;
    at.liveness->wake(at.id);
  }
  if (!machine.may_quiesce() || now_ < at.carries_from) return;
  std::vector<node_liveness::place> others;
  for (const progress& one : machine.others()) others.push_back({std::to_string(node_of(one.id)), one.id});
  const quiescence what{at.id, machine.term(), machine.log().last()};
  if (at.liveness->offer(now_, what, others, {how_.heartbeat, how_.election})) {
    at.rests = true;
    ++result_.rests;
    machine.quiesce(now_);
    if (trace_) std::printf("%8.1f node %zu rests\n", static_cast<double>(now_) / 1e6, of + 1);
  }
  plan_carrier(of);
}

void world::plan_carrier(std::size_t of) {
  node& at = nodes_[of];
  if (!at.liveness) return;
  const base::nanos due = at.liveness->due();
  if (due == INT64_MAX) return;
  const base::nanos wanted = std::max(std::max(due, now_), at.carries_from);
  if (at.carries_at > now_ && at.carries_at <= wanted) return;
  at.carries_at = wanted;
  schedule(wanted - now_, happening::carry, of);
}

void world::carry(std::size_t of) {
  node& at = nodes_[of];
  at.carries_at = 0;
  if (!at.liveness) return;
  if (now_ < at.paused_until) {
    at.carries_at = at.paused_until;
    return schedule(at.paused_until - now_, happening::carry, of);
  }
  node_liveness::outcome made;
  if (now_ >= at.carries_from) at.liveness->advance(now_, made);
  carry_out(of, made);
}

void world::take_liveness(std::size_t of, std::size_t from, const liveness_message& what) {
  node& at = nodes_[of];
  if (!at.liveness || now_ < at.carries_from) return;
  node_liveness::outcome made;
  at.liveness->receive(now_, std::to_string(from), what, made);
  carry_out(of, made);
}

void world::carry_out(std::size_t of, node_liveness::outcome& what) {
  for (node_liveness::outgoing& one : what.sent) {
    const auto to = static_cast<std::size_t>(std::stoul(one.node));
    if (cut_[of][to] || chance_.chance(loss_)) continue;
    for (unsigned copies = chance_.chance(twice_) ? 2 : 1; copies > 0; --copies) {
      lively_.emplace_back(of, one.what);
      const base::nanos longest = chance_.chance(20) ? 20 * delay_ : delay_;
      schedule(chance_.between(ms / 2, longest), happening::lively, to,
               static_cast<std::uint32_t>(lively_.size() - 1));
    }
  }
  for (const node_liveness::news& one : what.told) take_news(of, one);
  plan_carrier(of);
}

void world::take_news(std::size_t of, const node_liveness::news& what) {
  node& at = nodes_[of];
  if (!at.up || what.to != at.id) return;
  if (!what.offer) {
    at.machine->wake_up(now_, what.heard, effects_);
  } else if (std::to_string(node_of(what.offer->leader)) == what.node) {
    if (!at.liveness->follow(now_, at.id, what.node, *what.offer, how_.election)) return;
    at.rests = true;
    at.machine->quiesce_under(now_, what.offer->leader, what.offer->term, what.offer->last, effects_);
  }
  carry_out(of);
}

// The carrier's node notices that it has ended. What it has not passed on yet stays with the node.
void world::kill_carrier(std::size_t of) {
  node& at = nodes_[of];
  if (!at.liveness) return;
  at.carries_from = now_ + chance_.between(0, 1000) * ms;
  if (at.up && at.rests) {
    at.machine->wake_up(now_, now_, effects_);
    carry_out(of);
  }
  plan_carrier(of);
}

// Each side may notice it, or only that no messages arrive any more.
void world::lose_connection(std::size_t one, std::size_t other) {
  for (const auto& [at, away] : {std::pair(one, other), std::pair(other, one)}) {
    if (!nodes_[at].liveness || at == away || !chance_.chance(500) || now_ < nodes_[at].paused_until)
      continue;
    node_liveness::outcome made;
    nodes_[at].liveness->lost(std::to_string(away), made);
    carry_out(at, made);
  }
}

// The leader of a quiescent follower is quiescent in the same term, except for the time that the follower
// takes to notice that it has no leader any more: an election time-out, after a late message.
void world::check_trust() {
  for (std::size_t of = 0; of < max_nodes; ++of) {
    node& at = nodes_[of];
    const bool follows = at.up && now_ >= at.paused_until && at.machine->is_quiescent() &&
                         at.machine->what() == role::follower;
    if (follows) {
      const std::size_t leader = node_of(at.machine->leader());
      const bool leads = runs(leader) && nodes_[leader].machine->what() == role::leader &&
                         nodes_[leader].machine->is_quiescent() &&
                         nodes_[leader].machine->term() == at.machine->term();
      if (!leads && now_ - at.trusted_at > 5000 * ms)
        fail("quiescence: member " + std::to_string(of + 1) + " waits for a leader that is not quiescent");
      if (!leads) continue;
    }
    at.trusted_at = now_;
  }
}

bool world::all_quiescent() const {
  const std::size_t leader = newest_leader();
  if (leader >= max_nodes) return false;
  for (const member& one : nodes_[leader].machine->members().members()) {
    const node& at = nodes_[node_of(one.id)];
    if (!at.up || !at.machine->is_quiescent()) return false;
    if (at.machine->term() != nodes_[leader].machine->term()) return false;
  }
  return true;
}

// Nothing happens in the group except for the disturbances here.
void world::run_at_rest() {
  for (int times = 0; times < 2; ++times) {
    for (client& one : clients_) one.busy = false;
    const base::nanos until = now_ + 60'000 * ms;
    while (!all_quiescent()) {
      step_next();
      if (now_ > until) fail("quiescence: a group at rest does not become quiescent within 60 s");
    }
    const std::size_t leader = newest_leader();
    const std::vector<member> members = nodes_[leader].machine->members().members();
    disturb_rest(leader);
    for (client& one : clients_) {
      one.busy = one.is_read = true;
      one.opening = false;
      one.target = node_of(members[chance_.below(members.size())].id);
      one.shown = truth_.shown();
      one.due = now_;
    }
    run_until_settled("after a group was quiescent", false);
  }
}

void world::disturb_rest(std::size_t leader) {
  const std::size_t voters = nodes_[leader].machine->members().voters();
  switch (chance_.below(4)) {
    case 0: // it does not come back before there is another leader
      crash(leader);
      if (voters < 3) return start(leader);
      for (const base::nanos until = now_ + 10'000 * ms; newest_leader() >= max_nodes;) {
        step_next();
        if (now_ > until) fail("quiescence: no leader within 10 s after that of a quiescent group has ended");
      }
      return start(leader);
    case 1: // faster than any node can notice
      crash(leader);
      return start(leader);
    case 2:
      nodes_[leader].paused_until = now_ + chance_.between(50, 1500) * ms;
      return;
    default:
      for (std::size_t i = 0; i < max_nodes; ++i) kill_carrier(i);
  }
}

} // namespace coppice::consensus::simulation
