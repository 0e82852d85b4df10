// SPDX-License-Identifier: MIT
// Elections: when a member stands, for which candidate it votes, and how it becomes a leader or a follower. A
// vote is on the disk before it is sent, and a candidate's own vote before it asks for others.
#include "consensus/core.hpp"

namespace coppice::consensus {

bool core::up_to_date(const vote_request& in) const {
  if (in.last_term != log_.last_term()) return in.last_term > log_.last_term();
  return in.last_index >= log_.last();
}

bool core::hears_leader() const {
  if (role_ == role::leader) return has_quorum();
  return leader_ && heard_any_ && now_ - leader_heard_ < options_.election;
}

void core::restart_election_timer() {
  election_due_ = now_ + options_.election +
                  static_cast<nanos>(random_.next() % static_cast<std::uint64_t>(options_.election));
}

void core::on(const member_id& from, term_number term, vote_request& in, effects& out) {
  if (in.pre) {
    const bool granted = term > hard_.term && up_to_date(in);
    return tell(from, granted ? term : hard_.term, vote_answer{true, granted}, out);
  }
  const bool free = !hard_.voted_for || hard_.voted_for == from;
  const bool granted = free && role_ != role::leader && up_to_date(in);
  if (granted && !hard_.voted_for) {
    hard_.voted_for = from;
    write_hard_state(out);
  }
  if (granted) restart_election_timer();
  tell_after(hard_write_, from, vote_answer{false, granted}, out);
}

void core::on(const member_id& from, term_number term, vote_answer& in, effects& out) {
  const bool expected = in.pre ? role_ == role::pre_candidate && term == hard_.term + (in.granted ? 1 : 0)
                               : role_ == role::candidate && term == hard_.term;
  progress* const who = find(from);
  if (!expected || who == nullptr) return count(drop::stale);
  who->said = in.granted ? progress::vote::granted : progress::vote::refused;
  count_votes(out);
}

void core::on(const member_id& from, term_number, elect_now&, effects& out) {
  if (role_ == role::leader || from != leader_) return count(drop::impossible);
  stand(false, true, out);
}

void core::stand(bool pre, bool for_transfer, effects& out) {
  restart_election_timer();
  // This also holds for a member that may not stand: its leader is gone, or has forgotten it.
  if (leader_) out.changed = true;
  leader_ = {};
  // A voter whose own removal is in its log, not committed, still stands (4.2.2): the others' logs may lack
  // that entry, and then none of them can lead.
  const bool needed =
      log_.members_at() > commit_ && log_.members_as_of(log_.members_at() - 1).votes(options_.self);
  if (disk_full_ || (!members().votes(options_.self) && !needed)) return ask_for_leader(out);
  out.changed = true;
  for (progress& one : others_) one.said = progress::vote::none;
  role_ = pre ? role::pre_candidate : role::candidate;
  if (!pre) {
    ++counted_.elections;
    hard_ = {hard_.term + 1, options_.self};
    verified_ = 0;
    write_hard_state(out);
    vote_write_ = hard_write_;
  }
  const vote_request ask{log_.last(), log_.last_term(), pre, for_transfer};
  for (const progress& one : others_) {
    if (!one.votes()) continue;
    if (pre)
      tell(one.id, hard_.term + 1, ask, out);
    else
      tell_after(vote_write_, one.id, ask, out);
  }
  count_votes(out);
}

void core::count_votes(effects& out) {
  const bool own = members().votes(options_.self);
  std::size_t granted = own && (role_ == role::pre_candidate || vote_write_ <= written_) ? 1 : 0;
  std::size_t refused = 0;
  for (const progress& one : others_) {
    if (!one.votes()) continue;
    granted += one.said == progress::vote::granted ? 1 : 0;
    refused += one.said == progress::vote::refused ? 1 : 0;
  }
  if (granted >= members().majority()) {
    if (role_ == role::pre_candidate)
      stand(false, false, out);
    else
      lead(out);
  } else if (refused >= members().majority()) {
    role_ = role::follower;
    out.changed = true;
  }
}

// `term` is the present term or a newer one.
void core::follow(term_number term, const member_id& leader, effects& out) {
  if (role_ == role::leader) {
    ++counted_.stepped_down;
    for (const waiting_append& one : waiting_)
      out.answers.push_back({one.token, outcome::unknown, one.index, leader});
    waiting_.clear();
    uncommitted_bytes_ = 0;
    drop_reads(out);
    for (progress& one : others_) end_snapshot(one, out);
  }
  if (term > hard_.term) {
    hard_ = {term, {}};
    write_hard_state(out);
  }
  role_ = role::follower;
  leader_ = leader;
  verified_ = 0;
  out.changed = true;
  restart_election_timer();
  settle_transfer(out);
}

void core::step_down(effects& out) {
  follow(hard_.term, {}, out);
}

void core::lead(effects& out) {
  role_ = role::leader;
  leader_ = options_.self;
  out.changed = true;
  incoming_.reset();
  end_transfer(outcome::unknown, out); // a transfer of an earlier term
  for (progress& one : others_) {
    const member_id id = one.id;
    one = progress({id, one.role, {}});
    one.next = log_.last() + 1;
    one.heard = now_;
  }
  confirmed_ = round_;
  note_busy();
  for (log_index i = commit_ + 1; i <= log_.last(); ++i) uncommitted_bytes_ += log_.at(i).weight();
  entry first;
  first.kind = entry_kind::no_op;
  append_own(std::move(first), out);
  begin_version(out);
  beat(out);
  replicate_all(out);
}

} // namespace coppice::consensus
