// SPDX-License-Identifier: MIT
// See node_liveness.hpp.
#include "consensus/node_liveness.hpp"

#include <algorithm>

namespace coppice::consensus {

// Another node may know numbers from before this node forgot it, so the numbers only rise.
node_liveness::peers::iterator node_liveness::enter(std::string_view node) {
  peer fresh;
  fresh.sent = fresh.change = fresh.floor = fresh.acknowledged = used_;
  return peers_.emplace(std::string(node), std::move(fresh)).first;
}

bool node_liveness::offer(nanos now, const quiescence& what, std::span<const place> followers, pace of) {
  bool all_live = true;
  for (const place& one : followers) {
    auto at = peers_.find(one.node);
    if (at == peers_.end()) {
      if (peers_.size() >= most_nodes) return false;
      at = enter(one.node);
    }
    peer& to = at->second;
    const bool lives = to.lives && now - to.answered < of.election;
    if (!lives && now >= to.ask_at) {
      to.is_asked = true;
      to.send_at = now;
      to.ask_at = now + of.election;
    }
    const auto other = to.offers.find(one.follower);
    const bool is_taken = other != to.offers.end() && other->second.leader != what.leader;
    all_live = all_live && lives && !is_taken && to.offers.size() < most_offers;
  }
  take_back(what.leader);
  if (!all_live) return false;
  for (const place& one : followers) {
    peer& to = peers_.find(one.node)->second;
    to.offers[one.follower] = what;
    change(to, one.follower);
    to.heartbeats.insert(of.heartbeat);
    to.elections.insert(of.election);
    to.patience = *to.elections.begin();
    to.send_at = std::min(to.send_at, now);
    if (to.offers.size() == 1) to.send_at = now;
  }
  leaders_[what.leader] = {{followers.begin(), followers.end()}, of};
  return true;
}

void node_liveness::change(peer& at, const member_id& follower) {
  auto& last = at.change_of[follower];
  if (last != 0) at.changed.erase(last);
  last = ++at.change;
  at.changed[last] = follower;
}

void node_liveness::take_back(const member_id& of) {
  const auto known = leaders_.find(of);
  if (known == leaders_.end()) return;
  for (const place& one : known->second.followers) {
    peer& to = peers_.find(one.node)->second;
    to.offers.erase(one.follower);
    change(to, one.follower);
    to.heartbeats.erase(to.heartbeats.find(known->second.of.heartbeat));
    to.elections.erase(to.elections.find(known->second.of.election));
    if (!to.elections.empty()) to.patience = *to.elections.begin();
  }
  leaders_.erase(known);
}

bool node_liveness::follow(nanos now, const member_id& follower, std::string_view node,
                           const quiescence& what, nanos election) {
  const auto at = peers_.find(node);
  if (at == peers_.end() || now - at->second.heard >= election) return false;
  const auto offer = at->second.offered.find(follower);
  if (offer == at->second.offered.end() || offer->second != what) return false;
  wake(follower);
  at->second.followers.insert(follower);
  at->second.followed.insert(election);
  at->second.awake.erase(follower);
  followers_[follower] = {at->first, election};
  return true;
}

void node_liveness::wake(const member_id& one) {
  take_back(one);
  const auto known = followers_.find(one);
  if (known == followers_.end()) return;
  peer& at = peers_.find(known->second.node)->second;
  at.followers.erase(one);
  at.followed.erase(at.followed.find(known->second.election));
  if (at.offered.contains(one)) at.awake[one] = 0;
  followers_.erase(known);
}

void node_liveness::rouse(peer& at, const member_id& of, outcome& out) {
  if (!at.followers.contains(of)) return;
  out.told.push_back({of, {}, {}, at.heard});
  wake(of);
}

void node_liveness::rouse_followers(peer& at, outcome& out) {
  while (!at.followers.empty()) rouse(at, member_id(*at.followers.begin()), out);
}

// Called when the other node may have lost the changes that it had of this node, or may not live.
void node_liveness::begin_anew(peer& at, outcome& out) {
  while (!at.offers.empty()) {
    const member_id leader = at.offers.begin()->second.leader;
    take_back(leader);
    out.told.push_back({leader, {}, {}, at.answered});
  }
  at.changed.clear();
  at.change_of.clear();
  at.floor = at.acknowledged = at.change;
  at.lives = false;
  at.is_asked = false;
}

// The data about another node does not outlive its connection. Otherwise a peer could fill the memory under
// one node name after the other.
void node_liveness::lost(std::string_view node, outcome& out) {
  const auto known = peers_.find(node);
  if (known == peers_.end()) return;
  lose(known->second, out);
  used_ = std::max({used_, known->second.sent, known->second.change});
  peers_.erase(known);
}

void node_liveness::lose(peer& at, outcome& out) {
  rouse_followers(at, out);
  at.offered.clear();
  at.awake.clear();
  at.applied = at.their_floor = 0;
  at.heard = 0;
  begin_anew(at, out);
}

void node_liveness::receive(nanos now, std::string_view node, const liveness_message& in, outcome& out) {
  auto known = peers_.find(node);
  if (known == peers_.end()) {
    if (peers_.size() >= most_nodes) return;
    known = enter(node);
  }
  peer& at = known->second;
  if (at.run != in.from) {
    lose(at, out);
    at.run = in.from;
    at.taken = 0;
  }
  if (in.number <= at.taken) return;
  at.taken = in.number;
  acknowledge(at, now, in, out);
  wake_leaders(at, in, out);
  apply(known->first, at, now, in, out);
  if (in.asks) send(now, known->first, at, false, out);
}

void node_liveness::acknowledge(peer& at, nanos now, const liveness_message& in, outcome& out) {
  if (in.applied > at.change) return;
  const bool has_lost = in.to != run_ || in.applied < at.acknowledged;
  if (at.lives && has_lost) return begin_anew(at, out);
  if (has_lost) {
    at.ask_at = 0; // it does not have `floor` yet
    return;
  }
  at.lives = true;
  at.answered = now;
  at.acknowledged = in.applied;
  while (!at.changed.empty() && at.changed.begin()->first <= in.applied) {
    at.change_of.erase(at.changed.begin()->second);
    at.changed.erase(at.changed.begin());
  }
}

bool node_liveness::has_room_for(const peer& at, const liveness_message& in) const {
  const auto is_absent = [](const liveness_change& one) { return one.offer && !one.is_here; };
  const auto absent = static_cast<std::size_t>(std::ranges::count_if(in.changes, is_absent));
  return at.offered.size() + in.changes.size() <= most_offers &&
         (absent == 0 || at.awake.size() + absent <= at.offered.size() + most_absent);
}

void node_liveness::apply(const std::string& node, peer& at, nanos now, const liveness_message& in,
                          outcome& out) {
  if (in.floor > at.their_floor) {
    rouse_followers(at, out);
    at.offered.clear();
    at.awake.clear();
    at.their_floor = at.applied = in.floor;
  }
  if (in.base > at.applied || !has_room_for(at, in)) return;
  at.applied = std::max(at.applied, in.upto);
  at.heard = now;
  for (const liveness_change& one : in.changes) {
    const auto before = at.offered.find(one.follower);
    const bool is_known = before != at.offered.end() && one.offer && before->second == *one.offer;
    if (is_known && at.followers.contains(one.follower)) continue;
    rouse(at, one.follower, out);
    if (before != at.offered.end()) at.offered.erase(before);
    at.awake.erase(one.follower);
    if (!one.offer) continue;
    if (!one.is_here) {
      at.awake[one.follower] = now;
      continue;
    }
    at.offered[one.follower] = *one.offer;
    at.awake[one.follower] = now + grace;
    out.told.push_back({one.follower, one.offer, node, 0});
  }
}

// A follower woke up, has ended, or never took the offer. It may have said so before it knew of the present
// offer.
void node_liveness::wake_leaders(peer& at, const liveness_message& in, outcome& out) {
  if (!at.lives || in.to != run_) return;
  for (const member_id& one : in.awake) {
    const auto offer = at.offers.find(one);
    if (offer == at.offers.end() || at.change_of.contains(one)) continue;
    const member_id leader = offer->second.leader;
    take_back(leader);
    out.told.push_back({leader, {}, {}, at.answered});
  }
}

void node_liveness::send(nanos now, const std::string& node, peer& at, bool asks, outcome& out) {
  std::uint64_t base = at.acknowledged;
  auto next = at.changed.begin();
  do {
    liveness_message made{run_, at.run, ++at.sent, at.applied, asks, at.floor, base, 0, {}, {}};
    for (; next != at.changed.end() && made.changes.size() < most_changes; ++next) {
      const auto offer = at.offers.find(next->second);
      made.changes.push_back(
          {next->second, offer == at.offers.end() ? std::nullopt : std::optional(offer->second)});
      base = next->first;
    }
    if (next == at.changed.end()) base = at.change;
    if (out.sent.empty() || out.sent.back().node != node)
      for (const auto& [one, since] : at.awake)
        if (since <= now && made.awake.size() < most_changes) made.awake.push_back(one);
    made.upto = base;
    out.sent.push_back({node, std::move(made)});
  } while (next != at.changed.end());
}

void node_liveness::advance(nanos now, outcome& out) {
  for (auto& [node, at] : peers_) {
    if (!at.followed.empty() && now - at.heard >= *at.followed.begin()) rouse_followers(at, out);
    // A node that does not answer gets no more messages, so that it wakes up its followers.
    if (at.lives && !(at.offers.empty() && at.changed.empty()) && now - at.answered >= at.patience)
      begin_anew(at, out);
    if (!at.has_to_send() || now < at.send_at) continue;
    send(now, node, at, true, out);
    at.is_asked = false;
    const nanos interval = std::max<nanos>(at.interval(), 1);
    at.send_at = (now / interval + 1) * interval; // the messages to all nodes leave at the same time
  }
}

base::nanos node_liveness::due() const {
  nanos due = INT64_MAX;
  for (const auto& [node, at] : peers_) {
    if (!at.followed.empty()) due = std::min(due, at.heard + *at.followed.begin());
    if (at.lives && !(at.offers.empty() && at.changed.empty()))
      due = std::min(due, at.answered + at.patience);
    if (at.has_to_send()) due = std::min(due, at.send_at);
  }
  return due;
}

base::nanos node_liveness::heard(std::string_view node) const {
  const auto at = peers_.find(node);
  return at == peers_.end() || !at->second.lives ? 0 : at->second.answered;
}

} // namespace coppice::consensus
