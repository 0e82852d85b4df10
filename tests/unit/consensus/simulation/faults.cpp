// SPDX-License-Identifier: MIT
// The faults in a simulated group, the operator's actions meanwhile, and how the group heals in the end.
#include <algorithm>

#include "world.hpp"

namespace coppice::consensus::simulation {

std::size_t world::some_leader() {
  const std::size_t from = chance_.below(max_nodes);
  for (std::size_t i = 0; i < max_nodes; ++i) {
    const std::size_t of = (from + i) % max_nodes;
    if (runs(of) && nodes_[of].machine->what() == role::leader) return of;
  }
  return max_nodes;
}

// The leader with the highest term. A leader that was suspended believes in its term until it handles what
// has arrived meanwhile.
std::size_t world::newest_leader() const {
  std::size_t newest = max_nodes;
  for (std::size_t of = 0; of < max_nodes; ++of) {
    if (!runs(of) || nodes_[of].machine->what() != role::leader) continue;
    if (newest == max_nodes || nodes_[of].machine->term() > nodes_[newest].machine->term()) newest = of;
  }
  return newest;
}

// Each seed has other weights, some of them 0 (swarm testing). With the same mix for all seeds, one kind of
// fault would seldom be repeated often enough, and one kind would often hide what another one shows.
void world::draw_fault_weights() {
  for (unsigned& one : fault_weights_)
    one = chance_.chance(250) ? 0 : 1 + static_cast<unsigned>(chance_.below(8));
  for (const fault mends : {fault::reconnect, fault::restart})
    fault_weights_[static_cast<std::size_t>(mends)] = 2 + static_cast<unsigned>(chance_.below(10));
}

world::fault world::draw_fault() {
  unsigned sum = 0;
  for (const unsigned one : fault_weights_) sum += one;
  auto left = static_cast<unsigned>(chance_.below(sum));
  std::size_t kind = 0;
  while (left >= fault_weights_[kind]) left -= fault_weights_[kind++];
  return static_cast<fault>(kind);
}

void world::inject() {
  if (calm_) return;
  schedule(chance_.between(1, 2 * static_cast<std::int64_t>(fault_pace_)) * ms, happening::fault, 0);
  const std::size_t leader = some_leader();
  const std::size_t of = leader < max_nodes && chance_.chance(500) ? leader : chance_.below(max_nodes);
  const fault kind = draw_fault();
  // The outage is often short, since otherwise the group would have no leader for most of the run.
  if (kind == fault::crash && nodes_[of].up && chance_.chance(500))
    schedule(chance_.between(0, 400) * ms, happening::restart, of);
  if ((kind == fault::cut_one || kind == fault::cut_one_way || kind == fault::partition) &&
      chance_.chance(500))
    schedule(chance_.between(0, 800) * ms, happening::reconnect, 0);
  switch (kind) {
    case fault::crash:
      return crash(of);
    case fault::cut_one:
      for (std::size_t i = 0; i < max_nodes; ++i) {
        cut_[of][i] = cut_[i][of] = true;
        lose_connection(of, i);
      }
      return;
    case fault::cut_one_way:
      for (std::size_t i = 0; i < max_nodes; ++i) (chance_.chance(500) ? cut_[of][i] : cut_[i][of]) = true;
      return;
    case fault::partition:
      return partition();
    case fault::reconnect:
      return reconnect();
    case fault::pause:
      nodes_[of].paused_until = now_ + chance_.between(50, 1500) * ms;
      return;
    case fault::slow_disk:
      nodes_[of].slow_disk = !nodes_[of].slow_disk;
      return;
    case fault::disk_fails:
      nodes_[of].disk_fails = nodes_[of].up;
      return;
    case fault::disk_full:
      return fill_disk(of, !nodes_[of].storage.full);
    case fault::disk_refuses: // as for want of open files, which is over with the next write
      nodes_[of].storage.refuses = nodes_[of].up ? 1 + chance_.below(4) : 0;
      return;
    case fault::hand_over:
      return hand_over();
    case fault::restart:
      for (std::size_t i = 0; i < max_nodes; ++i)
        if (nodes_[i].started && !nodes_[i].up && chance_.chance(700)) start(i);
      return;
    case fault::carriers:
      for (std::size_t i = 0; i < max_nodes; ++i)
        if (chance_.chance(600)) kill_carrier(i);
      return;
  }
}

// Other groups have filled the disk, or made room. The member is told in both cases.
void world::fill_disk(std::size_t of, bool full) {
  nodes_[of].storage.full = full;
  if (!runs(of)) return;
  nodes_[of].machine->disk_full(now_, full, effects_);
  carry_out(of);
}

void world::reconnect() {
  for (auto& row : cut_) std::fill(std::begin(row), std::end(row), false);
}

// Replaces the cuts that there were, so members that were apart may be on one side now. Sometimes one member
// is on both sides.
void world::partition() {
  reconnect();
  const std::uint64_t sides = chance_.next();
  const std::size_t on_both = chance_.chance(200) ? chance_.below(max_nodes) : max_nodes;
  for (std::size_t i = 0; i < max_nodes; ++i)
    for (std::size_t j = 0; j < max_nodes; ++j)
      cut_[i][j] = ((sides >> i ^ sides >> j) & 1) != 0 && i != on_both && j != on_both;
}

// Possibly no other member knows yet what this leader has committed.
void world::disturb_commit(std::size_t of) {
  if (calm_ || !chance_.chance(churn_ / 6)) return;
  switch (chance_.below(3)) {
    case 0:
      return schedule(chance_.between(0, 4) * ms, happening::crash, of);
    case 1:
      return schedule(chance_.between(0, 4) * ms, happening::isolate, of);
    default:
      nodes_[of].paused_until = now_ + chance_.between(200, 1500) * ms;
  }
}

void world::isolate(std::size_t of) {
  for (std::size_t i = 0; i < max_nodes; ++i)
    if (chance_.chance(800)) cut_[of][i] = cut_[i][of] = true;
}

// Most faults show just after a vote, and just after a leader's first entries.
void world::disturb_election(std::size_t of, bool new_leader) {
  if (calm_ || churn_ == 0) return;
  const auto soon = [&] { return chance_.between(0, churn_within_) * ms; };
  if (new_leader && chance_.chance(churn_changes_)) schedule(soon(), happening::change, of);
  if (!chance_.chance(churn_)) return;
  if (new_leader ? chance_.chance(churn_crashes_) : churn_crashes_ > 0)
    return schedule(chance_.between(0, 30) * ms, happening::crash, of);
  if (new_leader)
    schedule(soon(), chance_.chance(churn_partitions_) ? happening::partition : happening::isolate, of);
}

// The operator acts at a pace of its own, also on leaders that are cut off, or replaced and not aware of it.
void world::operate() {
  if (calm_) return;
  schedule(chance_.between(1, 2 * change_pace_) * ms, happening::operate, 0);
  const std::size_t leader = some_leader();
  if (leader < max_nodes) change_members(leader);
}

void world::change_members(std::size_t leader) {
  const configuration& now = nodes_[leader].machine->members();
  const bool removes = now.voters() > 1 && chance_.chance(now.voters() > 3 ? removals_ : removals_ / 4);
  const std::size_t who =
      removes ? node_of(now.members()[chance_.below(now.members().size())].id) : chance_.below(max_nodes);
  change_request wanted;
  wanted.who.id = nodes_[who].id;
  if (removes)
    wanted.what = change_request::action::remove;
  else if (chance_.chance(200))
    wanted.what = change_request::action::add_learner;
  if (!nodes_[who].started) {
    nodes_[who].storage.put({}, nodes_[leader].storage.cluster());
    start(who);
  }
  ++result_.changes;
  tokens_.push_back({SIZE_MAX, 0, 0, false});
  nodes_[leader].machine->change(now_, tokens_.size() - 1, wanted, effects_);
  carry_out(leader);
}

void world::hand_over() {
  const std::size_t leader = some_leader();
  if (leader >= max_nodes) return;
  // The old leader may not hear of its successor.
  if (chance_.chance(500)) schedule(chance_.between(0, 60) * ms, happening::isolate, leader);
  tokens_.push_back({SIZE_MAX, 0, 0, false});
  nodes_[leader].machine->transfer(now_, tokens_.size() - 1, nodes_[chance_.below(max_nodes)].id, effects_);
  carry_out(leader);
}

void world::heal() {
  calm_ = true;
  loss_ = twice_ = 0;
  reconnect();
  for (std::size_t i = 0; i < max_nodes; ++i) {
    node& one = nodes_[i];
    one.slow_disk = one.disk_fails = false;
    one.storage.refuses = 0;
    one.paused_until = std::min(one.paused_until, now_);
    fill_disk(i, false);
    if (one.started && !one.up) start(i);
  }
}

// Empty: every member of the leader's configuration has applied what was committed when everything healed,
// and no change of members is in progress. Otherwise what is missing.
std::string world::unsettled(log_index goal) {
  const std::size_t leader = newest_leader();
  if (leader >= max_nodes || !nodes_[leader].machine->established()) return "no leader";
  const core& machine = *nodes_[leader].machine;
  if (machine.log().members_at() > machine.commit()) return "a change of members is under way";
  for (const member& one : machine.members().members()) {
    const std::size_t of = node_of(one.id);
    if (!nodes_[of].up || nodes_[of].applied < goal) return "member " + std::to_string(of + 1) + " is behind";
    if (one.role == member_role::joining) return "member " + std::to_string(of + 1) + " has no vote";
  }
  if (!quiet_) return {};
  // A node that is not a member, because its addition was lost, knows no leader.
  for (const client& one : clients_)
    if (one.busy && machine.members().find(nodes_[one.target].id) != nullptr)
      return "member " + std::to_string(one.target + 1) + " answers no read";
  return {};
}

// Tests what a growing log would hide: followers that are restarted while nothing is appended and then answer
// reads, and a new voter that is slow to catch up.
void world::run_without_clients() {
  quiet_ = true;
  for (client& one : clients_) one.busy = false;
  run_until_settled("after the clients stopped", false);
  const bool joins = chance_.chance(500);
  const std::size_t leader = newest_leader();
  if (joins) join_one(leader);
  const std::vector<member> members = nodes_[leader].machine->members().members();
  for (const member& one : members) {
    const std::size_t of = node_of(one.id);
    if (joins || of == leader || !chance_.chance(600)) continue;
    crash(of);
    schedule(chance_.between(0, 40) * ms, happening::restart, of);
  }
  for (client& one : clients_) {
    one.busy = one.is_read = true;
    one.opening = false;
    one.target = node_of(members[chance_.below(members.size())].id);
    one.shown = truth_.shown();
    one.due = now_;
  }
  run_until_settled("in a group without clients", false);
}

void world::join_one(std::size_t leader) {
  const core& machine = *nodes_[leader].machine;
  const std::size_t from = chance_.below(max_nodes);
  for (std::size_t i = 0; i < max_nodes; ++i) {
    const std::size_t of = (from + i) % max_nodes;
    if (machine.members().votes(nodes_[of].id)) continue;
    if (nodes_[of].started && nodes_[of].storage.cluster() != machine.cluster()) continue;
    if (!nodes_[of].started) {
      nodes_[of].storage.put({}, nodes_[leader].storage.cluster());
      start(of);
    }
    nodes_[of].paused_until = now_ + chance_.between(0, 600) * ms;
    ++result_.changes;
    tokens_.push_back({SIZE_MAX, 0, 0, false});
    nodes_[leader].machine->change(
        now_, tokens_.size() - 1,
        {change_request::action::add_voter, {nodes_[of].id, member_role::voter, {}}}, effects_);
    return carry_out(leader);
  }
}

// A member that has everything that is committed goes on alone. A minority of the voters comes back; it is
// not heard, so there is still one truth.
void world::lose_majority() {
  const core& led = *nodes_[newest_leader()].machine;
  const configuration members = led.members();
  std::size_t left = node_of(led.self());
  const std::size_t other = node_of(members.members()[chance_.below(members.members().size())].id);
  if (nodes_[other].machine->log().last() >= truth_.committed()) left = other;
  // It leads already, and has lost no other voter.
  if (members.voters() == 1 && members.votes(nodes_[left].id)) return;
  for (std::size_t i = 0; i < max_nodes; ++i)
    if (i != left) crash(i);
  std::size_t back = members.majority() - (members.votes(nodes_[left].id) ? 2 : 1);
  for (const member& one : members.members()) {
    const std::size_t of = node_of(one.id);
    if (of == left || back == 0 || one.role != member_role::voter || chance_.chance(300)) continue;
    --back;
    start(of);
  }
  recover_alone(left);
  quiet_ = false;
  for (client& one : clients_) one.busy = false;
  const base::nanos until = now_ + 60'000 * ms;
  while (now_ < until && !nodes_[left].machine->established()) step_next();
  if (now_ >= until) fail("progress: a member that recovered alone leads nobody");
  if (chance_.chance(500)) join_one(left);
  run_until_settled("after a member recovered alone", true);
  ++result_.recoveries;
}

// Repeats until the disk has the new cluster, since a crash may undo an attempt.
void world::recover_alone(std::size_t of) {
  const base::nanos until = now_ + 60'000 * ms;
  for (cluster_id fresh = first_cluster; nodes_[of].storage.cluster() == first_cluster;) {
    ++fresh.low;
    const core& machine = *nodes_[of].machine;
    // What is not on its disk could be lost between two attempts.
    while (now_ < until && (machine.leader() || !nodes_[of].storage.idle())) step_next();
    tokens_.push_back({SIZE_MAX, 0, 0, false});
    nodes_[of].machine->recover_alone(now_, tokens_.size() - 1, fresh, effects_);
    carry_out(of);
    if (chance_.chance(300)) {
      crash(of);
      start(of);
    }
    while (now_ < until && !nodes_[of].storage.idle()) step_next();
    if (now_ >= until) fail("progress: a member does not recover alone");
  }
}

} // namespace coppice::consensus::simulation
