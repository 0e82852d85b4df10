// SPDX-License-Identifier: MIT
// Members come and go one at a time. A configuration is in force as soon as it is in the log. So the next
// one waits until the last one is committed, and a leader's first one waits until the term's no-op is
// committed. New voters begin in the role `joining`: without a vote until they have caught up.
#include <algorithm>

#include "consensus/core.hpp"

namespace coppice::consensus {

void core::change(nanos now, std::uint64_t token, const change_request& what, effects& out) {
  enter(now);
  const auto refuse = [&](outcome why) { out.answers.push_back({token, why, 0, leader_}); };
  if (role_ != role::leader) return refuse(outcome::no_leader);
  end_quiescence(now_, true, out);
  if (handing_over_) return refuse(outcome::transferring);
  if (!established()) return refuse(outcome::busy);
  if (log_.members_at() > commit_) return refuse(outcome::busy);
  configuration next = members();
  const member* const known = next.find(what.who.id);
  const bool votes = known != nullptr && known->role == member_role::voter;
  if (what.what == change_request::action::remove) {
    if (known == nullptr || (votes && next.voters() == 1)) return refuse(outcome::invalid);
    next.remove(what.who.id);
  } else {
    const member_role as =
        what.what == change_request::action::add_voter ? member_role::joining : member_role::learner;
    if (votes || (known != nullptr && known->role == as) || !what.who.id ||
        what.who.address.size() > configuration::max_address)
      return refuse(outcome::invalid);
    if (known == nullptr && next.members().size() >= configuration::max_members)
      return refuse(outcome::overloaded);
    next.put({what.who.id, as, what.who.address});
  }
  put_configuration(token, next, out);
}

void core::put_configuration(std::optional<std::uint64_t> token, const configuration& next, effects& out) {
  for (progress& one : others_)
    if (next.find(one.id) == nullptr) end_snapshot(one, out);
  entry made;
  made.kind = entry_kind::configuration;
  made.body = next.encode();
  append_own(std::move(made), out);
  if (token) waiting_.push_back({log_.last(), *token});
  rebuild_others();
  for (progress& one : others_)
    if (one.role == member_role::joining && one.goal == 0) one.goal = log_.last(), one.goal_since = now_;
  replicate_all(out);
}

// A member has caught up when it has stored the entry that was the log's end at most one election time-out
// ago. Otherwise it gets its next goal.
void core::promote(progress& who, effects& out) {
  const bool reached = who.goal > 0 && who.match >= who.goal;
  const bool soon = now_ - who.goal_since <= options_.election;
  if (reached && soon && !handing_over_ && established() && log_.members_at() <= commit_) {
    configuration next = members();
    member voter = *next.find(who.id);
    voter.role = member_role::voter;
    next.put(std::move(voter));
    return put_configuration({}, next, out);
  }
  if (who.goal == 0 || (reached && !soon)) who.goal = log_.last(), who.goal_since = now_;
}

// A leader that is removed goes on leading until its removal is committed. Then it tells the voter whose log
// has come furthest to stand.
void core::leave_if_removed(effects& out) {
  if (log_.members_at() > commit_ || members().votes(options_.self)) return;
  const progress* best = nullptr;
  for (const progress& one : others_)
    if (one.votes() && (best == nullptr || one.match > best->match)) best = &one;
  if (best != nullptr) tell(best->id, elect_now{}, out);
  step_down(out);
}

// The log stays whole: an entry may be committed although this member does not know it. The member stands at
// once, and leads as soon as the write with its configuration is on the disk.
void core::recover_alone(nanos now, std::uint64_t token, const cluster_id& fresh, effects& out) {
  enter(now);
  const auto refuse = [&](outcome why) { out.answers.push_back({token, why, 0, leader_}); };
  if (leader_) return refuse(outcome::has_leader);
  if (!fresh || fresh == cluster_ || members().members().empty()) return refuse(outcome::invalid);
  if (disk_full_) return refuse(outcome::overloaded);
  held_.clear(); // messages for members of the former cluster
  incoming_.reset();
  end_transfer(outcome::unknown, out);
  cluster_ = fresh;
  hard_ = {hard_.term + 1, options_.self};
  write_hard_state(out);
  next_write(out).cluster = fresh;
  const member* const known = members().find(options_.self);
  configuration alone;
  alone.put({options_.self, member_role::voter, known == nullptr ? std::string{} : known->address});
  entry made{hard_.term, 0, 0, entry_kind::configuration, alone.encode()};
  add_entries(log_.last() + 1, std::span(&made, 1), out);
  waiting_.push_back({log_.last(), token});
  ++counted_.elections;
  role_ = role::candidate;
  vote_write_ = hard_write_;
  verified_ = 0;
  restart_election_timer();
  out.changed = true;
}

void core::transfer(nanos now, std::uint64_t token, const member_id& to, effects& out) {
  enter(now);
  const auto refuse = [&](outcome why) { out.answers.push_back({token, why, 0, leader_}); };
  if (role_ != role::leader) return refuse(outcome::no_leader);
  if (handing_over_) return refuse(outcome::transferring);
  if (to == options_.self || !members().votes(to)) return refuse(outcome::invalid);
  end_quiescence(now_, true, out);
  handing_over_ = handing_over{to, token, now_ + options_.election, false};
  continue_transfer(out);
}

void core::continue_transfer(effects& out) {
  if (role_ != role::leader || !handing_over_ || handing_over_->told) return;
  const progress* const who = find(handing_over_->to);
  if (who == nullptr || who->match < log_.last()) return;
  handing_over_->told = true;
  tell(who->id, elect_now{}, out);
}

// This member does not lead any more. Any member may have brought the higher term, so the next leader decides
// whether the transfer succeeded.
void core::settle_transfer(effects& out) {
  if (!handing_over_) return;
  if (!handing_over_->told)
    end_transfer(outcome::no_leader, out);
  else if (leader_)
    end_transfer(leader_ == handing_over_->to ? outcome::committed : outcome::unknown, out);
}

void core::end_transfer(outcome how, effects& out) {
  if (!handing_over_) return;
  out.answers.push_back({handing_over_->token, how, 0, leader_});
  handing_over_.reset();
}

} // namespace coppice::consensus
