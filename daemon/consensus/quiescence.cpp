// SPDX-License-Identifier: MIT
// When a leader's group is idle, and how a member becomes quiescent and wakes up. The core trusts its owner
// that a quiescent follower's leader is quiescent and lives, and that a quiescent leader's followers do. No
// read relies on that: it waits for a round of heartbeats, which the leader begins when it wakes up. One
// thread at a time.
#include <algorithm>

#include "consensus/core.hpp"

namespace coppice::consensus {

namespace {

// A group whose quiescence ends again and again waits up to so many times as long before the next one.
constexpr std::uint32_t longest_wait = 32;

} // namespace

// A member that has answered a heartbeat which told it the commit index knows that index.
bool core::is_idle() const {
  const bool is_settled =
      established() && commit_ == log_.last() && on_disk_ == commit_ && writes_.empty() && held_.empty();
  const bool is_waited_for = handing_over_ || restore_ || !waiting_.empty() || !reads_.empty() || disk_full_;
  if (!is_settled || is_waited_for) return false;
  return std::all_of(others_.begin(), others_.end(), [&](const progress& one) {
    const bool has_all = one.match == commit_ && one.commit_sent == commit_ && !one.probing;
    const bool is_at_rest = one.flight.empty() && !one.transfer && one.role != member_role::joining;
    return has_all && is_at_rest && one.versions && one.round == round_;
  });
}

// Called when a heartbeat is due: the members have had an interval to answer the heartbeat before.
void core::note_idle() {
  idle_beats_ = is_idle() ? idle_beats_ + 1 : 0;
}

// Called for the work that a group exists for: entries and reads.
void core::note_busy() {
  idle_beats_ = 0;
  idle_wanted_ = options_.quiesce_after;
}

bool core::may_quiesce() const {
  return options_.quiesce_after > 0 && !quiescent_ && idle_beats_ >= idle_wanted_ && is_idle();
}

void core::quiesce(nanos now) {
  enter(now);
  quiescent_ = may_quiesce();
}

void core::quiesce_under(nanos now, const member_id& leader, term_number term, log_index last, effects& out) {
  enter(now);
  if (quiescent_ || role_ != role::follower || !leader_ || leader_ != leader || hard_.term != term) return;
  const bool has_all = log_.last() == last && commit_ == last && verified_ == last && on_disk_ == last;
  const bool is_at_rest = hard_write_ <= written_ && forwarded_.empty() && !restore_ && !disk_full_;
  quiescent_ = true;
  if (!has_all || !is_at_rest || options_.quiesce_after == 0) end_quiescence(now_, true, out);
}

void core::wake_up(nanos now, nanos heard, effects& out) {
  enter(now);
  end_quiescence(std::min(heard, now_), true, out);
}

// `tells`: a follower tells its leader.
void core::end_quiescence(nanos heard, bool tells, effects& out) {
  if (!quiescent_) return;
  quiescent_ = false;
  idle_beats_ = 0;
  if (role_ == role::leader) {
    idle_wanted_ = std::min(2 * idle_wanted_, longest_wait * options_.quiesce_after);
    for (progress& one : others_) one.heard = now_;
    timed_round_ = round_ + 1;
    return beat(out);
  }
  // The groups whose leaders were on one node do not all stand at once, even if `heard` is long ago.
  leader_heard_ = heard;
  heard_any_ = true;
  restart_election_timer();
  election_due_ -= std::min(now_ - heard, options_.election);
  if (tells) tell_after(hard_write_, leader_, own_state(), out);
}

void core::ask_for_leader(effects& out) {
  if (options_.quiesce_after == 0) return;
  for (const progress& one : others_) tell_after(hard_write_, one.id, own_state(), out);
}

// In the form of an answer, but of round 0: it answers no heartbeat.
heartbeat_answer core::own_state() const {
  return {0, verified_, std::min(verified_, on_disk_), versions_};
}

} // namespace coppice::consensus
