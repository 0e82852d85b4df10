// SPDX-License-Identifier: MIT
// A leader replicates its log. Its own write runs at the same time as its followers' writes, and like theirs
// counts once it is on the disk. Only an entry of its own term is committed by counting; that commits all
// entries before it.
#include <algorithm>
#include <array>
#include <functional>

#include "consensus/core.hpp"

namespace coppice::consensus {

// The highest value that a majority of the voters has reached. `own`: this member's, if it votes.
template <class Value>
Value core::agreed(Value own, Value progress::*of) const {
  std::array<Value, configuration::max_members> values;
  std::size_t count = 0;
  if (members().votes(options_.self)) values[count++] = own;
  for (const progress& one : others_)
    if (one.votes()) values[count++] = one.*of;
  std::sort(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), std::greater<>());
  return values[count / 2];
}
// Used by reads.cpp too.
template std::uint64_t core::agreed(std::uint64_t own, std::uint64_t progress::*of) const;

bool core::has_quorum() const {
  return now_ - agreed(now_, &progress::heard) < options_.election;
}

void core::append(nanos now, std::span<const proposal> batch, effects& out) {
  enter(now);
  if (role_ == role::leader) end_quiescence(now_, true, out);
  for (const proposal& one : batch) {
    outcome refused = outcome::committed;
    if (role_ != role::leader)
      refused = outcome::no_leader;
    else if (handing_over_)
      refused = outcome::transferring;
    else if (one.kind == entry_kind::configuration || one.kind == entry_kind::no_op ||
             one.kind == entry_kind::version)
      refused = outcome::invalid;
    else if (one.body.size() > options_.max_entry)
      refused = outcome::too_large;
    else if (waiting_.size() >= options_.pending || uncommitted_bytes_ > options_.uncommitted_bytes)
      refused = outcome::overloaded;
    if (refused != outcome::committed) {
      out.answers.push_back({one.token, refused, 0, leader_});
      continue;
    }
    append_own({0, one.client, one.sequence, one.kind, one.body}, out);
    waiting_.push_back({log_.last(), one.token});
  }
  if (role_ == role::leader) replicate_all(out);
}

void core::append_own(entry one, effects& out) {
  note_busy();
  one.term = hard_.term;
  uncommitted_bytes_ += one.weight();
  // Entries of one batch share one write, and so do those of several batches whose effects the owner has not
  // yet carried out. There may be many of these, so a write has a bound.
  const bool goes_on = !out.writes.empty() && out.writes.back().number == last_write_ &&
                       !out.writes.back().entries.empty() &&
                       out.writes.back().first + out.writes.back().entries.size() == log_.last() + 1 &&
                       writes_.back().bytes + one.weight() <= options_.write_bytes;
  write& into = goes_on ? out.writes.back() : next_write(out);
  if (!goes_on) into.first = log_.last() + 1;
  into.entries.push_back(one);
  writes_.back().bytes += one.weight();
  log_.append(std::move(one));
  writes_.back().last = log_.last();
}

void core::advance_leader(effects& out) {
  if (!has_quorum()) return step_down(out);
  if (now_ < beat_due_) return;
  note_idle();
  timed_round_ = round_ + 1;
  beat(out);
}

void core::beat(effects& out) {
  ++round_;
  beat_due_ = options_.aligned_heartbeats ? (now_ / options_.heartbeat + 1) * options_.heartbeat
                                          : now_ + options_.heartbeat;
  // The reads without a round are at the end.
  for (auto one = reads_.rbegin(); one != reads_.rend() && one->round == 0; ++one)
    if (one->index > 0) one->round = read_round_ = round_;
  for (progress& one : others_) {
    one.commit_sent = std::max(one.commit_sent, std::min(one.match, commit_));
    tell(one.id, heartbeat{std::min(one.match, commit_), round_}, out);
  }
  confirm_reads(out);
}

bool core::may_wait(const message& one) const {
  const auto* const beat = std::get_if<heartbeat>(&one.body);
  if (beat == nullptr || beat->round == 0 || beat->round == read_round_) return false;
  const auto to =
      std::find_if(others_.begin(), others_.end(), [&](const progress& p) { return p.id == one.to; });
  return to != others_.end() && to->flight.empty() && !to->transfer;
}

// The heartbeat has an earlier round than each message that it may overtake, so its answer makes no message
// count as lost.
std::optional<message> core::overtaking(const message& one) const {
  const auto* const beat = std::get_if<heartbeat>(&one.body);
  if (beat == nullptr || beat->round == 0 || beat->round != timed_round_) return std::nullopt;
  const auto to =
      std::find_if(others_.begin(), others_.end(), [&](const progress& p) { return p.id == one.to; });
  if (to == others_.end() || to->round + 1 >= beat->round) return std::nullopt;
  std::uint64_t round = beat->round - 1;
  if (!to->flight.empty()) round = std::min(round, to->flight.front().round);
  if (to->transfer) round = std::min(round, to->transfer->round);
  message made = one;
  std::get<heartbeat>(made.body).round = round;
  return made;
}

void core::replicate_all(effects& out) {
  for (progress& one : others_) replicate(one, out);
}

void core::replicate(progress& to, effects& out) {
  if (to.transfer) return send_chunks(to, out);
  if (to.next <= log_.base()) return begin_snapshot(to, out);
  if (to.probing) {
    if (to.flight.empty()) send_entries(to, out);
    return;
  }
  while (to.next <= log_.last() && to.flight.size() < options_.in_flight_messages &&
         to.flight_bytes < options_.in_flight_bytes)
    send_entries(to, out);
}

void core::send_entries(progress& to, effects& out) {
  append_request ask;
  ask.previous = to.next - 1;
  ask.previous_term = log_.term_at(ask.previous);
  ask.commit = commit_;
  const auto entries = log_.slice(to.next, options_.batch_entries, options_.batch_bytes);
  ask.entries.assign(entries.begin(), entries.end());
  std::size_t bytes = 0;
  for (const entry& one : entries) bytes += one.weight();
  to.flight.push_back({ask.previous + entries.size(), bytes, round_});
  to.flight_bytes += bytes;
  to.commit_sent = commit_;
  if (!to.probing) to.next += entries.size();
  tell(to.id, std::move(ask), out);
}

void core::on(const member_id& from, term_number, append_answer& in, effects& out) {
  progress* const who = find(from);
  if (role_ != role::leader || who == nullptr) return count(drop::stale);
  if (in.index > log_.last()) return count(drop::impossible);
  who->heard = now_;
  if (in.accepted) return acknowledge(*who, in.index, out);
  lower_match(*who, in, out);
  const bool stale = who->transfer || (who->probing ? in.index + 1 != who->next : in.index <= who->match);
  if (stale || in.index <= who->match) return count(drop::stale);
  const log_index equal = log_.last_not_above(std::min(in.hint, in.index), in.hint_term);
  who->probe_from(std::max(std::min(equal + 1, in.index), who->match + 1));
  replicate(*who, out);
}

// A follower that lacks an entry which it has acknowledged has come back with an older disk. Nothing of what
// it had is known to be there, so it counts for nothing before it has acknowledged something again. A refusal
// that is late, from before the acknowledgement, does the same: nothing that is committed depends on `match`
// any more, and the follower's next answer puts it right.
void core::lower_match(progress& who, const append_answer& refusal, effects& out) {
  const bool is_of_probe = !who.transfer && who.probing && refusal.index + 1 == who.next;
  if (!is_of_probe || refusal.index == 0 || refusal.index != who.match) return;
  out.lost.push_back({who.id, who.match});
  who.match = who.commit_sent = 0;
}

void core::acknowledge(progress& who, log_index index, effects& out) {
  const bool first = who.probing;
  who.match = std::max(who.match, index);
  if (who.transfer && who.match >= who.transfer->of.index) end_snapshot(who, out);
  if (first && !who.transfer) {
    who.probing = false;
    who.next = who.match + 1;
    who.clear_flight();
  }
  while (!who.flight.empty() && who.flight.front().last <= who.match) {
    who.flight_bytes -= who.flight.front().bytes;
    who.flight.pop_front();
  }
  who.next = std::max(who.next, who.match + 1);
  advance_commit(out);
  if (role_ != role::leader) return;
  const member_id id = who.id;
  if (who.role == member_role::joining) promote(who, out); // rebuilds others_
  if (progress* const still = find(id)) replicate(*still, out);
  continue_transfer(out);
}

void core::on(const member_id& from, term_number, heartbeat_answer& in, effects& out) {
  progress* const who = find(from);
  if (role_ != role::leader || who == nullptr) return count(drop::stale);
  if (in.round > round_ || in.received > log_.last()) return count(drop::impossible);
  who->heard = now_;
  who->round = std::max(who->round, in.round);
  who->versions = in.versions;
  advance_version(out);
  confirm_reads(out);
  if (who->transfer && in.round > who->transfer->round &&
      now_ - who->transfer->moved > options_.election / 2) {
    who->transfer->sent = who->transfer->acknowledged;
    who->transfer->all_sent = false;
    who->transfer->has_moved(now_, round_);
    ++counted_.resent;
  }
  // A message sent before a heartbeat that is now answered has not arrived.
  if (!who->transfer && !who->flight.empty() && in.round > who->flight.front().round &&
      (who->probing || in.received < who->flight.front().last)) {
    ++counted_.resent;
    who->probe_from(who->probing ? who->next
                                 : std::max(who->match, std::min(in.received, who->next - 1)) + 1);
  }
  // A restarted follower trusts no commit index before it has compared its log with the leader's again.
  if (!who->transfer && who->flight.empty() && in.received < std::min(who->match, commit_))
    who->probe_from(who->match + 1);
  if (in.stored > who->match) return acknowledge(*who, in.stored, out);
  // In a group without appends no acknowledgement comes that would promote it.
  if (who->role == member_role::joining) promote(*who, out); // rebuilds others_
  if (progress* const still = find(from)) replicate(*still, out);
}

void core::advance_commit(effects& out) {
  const log_index index = agreed(on_disk_, &progress::match);
  if (index > commit_ && log_.term_at(index) == hard_.term) {
    for (log_index i = commit_ + 1; i <= index; ++i) uncommitted_bytes_ -= log_.at(i).weight();
    commit_ = index;
    answer_committed(out);
    announce_commit(out);
    leave_if_removed(out);
    if (role_ != role::leader) return;
    begin_reads(out);
    advance_version(out);
  }
  // Followers without messages in flight are told the commit index at once.
  for (progress& one : others_) {
    const log_index told = std::min(one.match, commit_);
    if (told <= one.commit_sent || one.probing || !one.flight.empty() || one.next <= log_.last()) continue;
    one.commit_sent = told;
    tell(one.id, heartbeat{told, 0}, out);
  }
}

void core::answer_committed(effects& out) {
  while (!waiting_.empty() && waiting_.front().index <= commit_) {
    out.answers.push_back({waiting_.front().token, outcome::committed, waiting_.front().index, leader_});
    waiting_.pop_front();
  }
}

} // namespace coppice::consensus
