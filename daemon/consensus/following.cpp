// SPDX-License-Identifier: MIT
// A follower takes entries, heartbeats and snapshots from its leader. It removes an entry only if the leader
// has another one in its place, and never a committed one. It acknowledges only entries that are on the disk.
#include <algorithm>

#include "consensus/core.hpp"

namespace coppice::consensus {

// For a message of the present term. Returns false if another member leads this term, as a term has only one
// leader.
bool core::accept_leader(const member_id& from, effects& out) {
  if (role_ == role::leader || (leader_ && leader_ != from)) {
    count(drop::impossible);
    return false;
  }
  if (role_ != role::follower || !leader_) follow(hard_.term, from, out);
  leader_heard_ = now_;
  heard_any_ = true;
  restart_election_timer();
  return true;
}

void core::on(const member_id& from, term_number, append_request& in, effects& out) {
  if (!accept_leader(from, out)) return;
  const log_index end = in.previous + in.entries.size();
  if (in.previous < commit_ && end <= commit_) {
    // An old message. All committed entries equal the leader's.
    verified_ = std::max(verified_, commit_);
    return tell_after(std::max(hard_write_, write_that_has(commit_)), from,
                      append_answer{true, commit_, 0, 0}, out);
  }
  std::size_t skip = 0;
  if (in.previous < log_.base()) {
    skip = log_.base() - in.previous; // the skipped entries are in the snapshot
    if (in.entries[skip - 1].term != log_.term_at(log_.base())) return count(drop::impossible);
  } else if (in.previous > log_.last() || log_.term_at(in.previous) != in.previous_term) {
    if (in.previous <= commit_) return count(drop::impossible);
    return refuse_append(from, in, out);
  }
  // An entry that is here already stays, with all later ones, unless the leader has another one in its place.
  log_index at = in.previous + skip + 1;
  while (skip < in.entries.size() && at <= log_.last() && log_.term_at(at) == in.entries[skip].term)
    ++skip, ++at;
  if (skip < in.entries.size()) {
    if (at <= commit_) return count(drop::impossible);
    if (disk_full_) return count(drop::full);
    add_entries(at, std::span(in.entries).subspan(skip), out);
  }
  verified_ = std::max(verified_, end);
  tell_after(std::max(hard_write_, write_that_has(end)), from, append_answer{true, end, 0, 0}, out);
  learn_commit(std::min(in.commit, end), out);
}

void core::add_entries(log_index first, std::span<entry> entries, effects& out) {
  // also if one configuration replaces another
  bool members_change = log_.members_at() >= first;
  write& into = next_write(out);
  if (first <= log_.last()) {
    into.truncate_from = first;
    log_.truncate_from(first);
    cut_pending_writes(first - 1);
  }
  into.first = first;
  into.entries.assign(entries.begin(), entries.end());
  for (entry& one : entries) {
    members_change = members_change || one.kind == entry_kind::configuration;
    log_.append(std::move(one));
  }
  writes_.back().last = log_.last();
  if (members_change) rebuild_others();
}

void core::refuse_append(const member_id& to, const append_request& in, effects& out) {
  append_answer refusal{false, in.previous, 0, 0};
  refusal.hint = log_.last_not_above(std::min(in.previous, log_.last()), in.previous_term);
  refusal.hint_term = log_.term_at(refusal.hint);
  tell_after(hard_write_, to, refusal, out);
}

void core::learn_commit(log_index commit, effects& out) {
  if (commit <= commit_ || commit > log_.last()) return;
  commit_ = commit;
  announce_commit(out);
}

void core::on(const member_id& from, term_number, heartbeat& in, effects& out) {
  if (!accept_leader(from, out)) return;
  learn_commit(std::min(in.commit, verified_), out);
  if (in.round == 0) return;
  heartbeat_answer said{in.round, verified_, std::min(verified_, on_disk_), versions_};
  tell_after(hard_write_, from, said, out);
}

void core::on(const member_id& from, term_number, snapshot_chunk& in, effects& out) {
  if (!accept_leader(from, out)) return;
  if (in.of.index <= commit_) {
    verified_ = std::max(verified_, commit_);
    return tell_after(std::max(hard_write_, write_that_has(commit_)), from,
                      append_answer{true, commit_, 0, 0}, out);
  }
  if (in.of.term < log_.term_at(commit_)) return count(drop::impossible);
  if (disk_full_) return count(drop::full);
  const bool same = incoming_ && incoming_->of.same_bytes(in.of);
  if (!same && in.offset == 0) incoming_ = incoming_snapshot{in.of, 0};
  snapshot_answer said{in.of.index, in.of.digest, 0, false};
  if (!same && in.offset > 0) return tell_after(hard_write_, from, said, out);
  if (in.offset != incoming_->received) {
    said.offset = incoming_->received;
    return tell_after(hard_write_, from, said, out);
  }
  incoming_->received += in.length;
  write& into = next_write(out);
  into.piece = snapshot_piece{incoming_->of, in.offset, std::move(in.bytes)};
  said.offset = incoming_->received;
  said.accepted = true;
  if (incoming_->received < incoming_->of.size) return tell_after(last_write_, from, said, out);
  const snapshot_meta whole = std::move(incoming_->of);
  incoming_.reset();
  install(whole, into);
  verified_ = std::max(verified_, whole.index);
  restore_ = pending_restore{last_write_, whole};
  tell_after(last_write_, from, append_answer{true, whole.index, 0, 0}, out);
  if (snapshot_.index > 0) superseded_.push_back(std::move(snapshot_));
  snapshot_ = whole;
}

void core::install(const snapshot_meta& of, write& into) {
  into.install = of;
  into.keep_log = log_.term_at(of.index) == of.term;
  if (into.keep_log) {
    log_.compact_to(of.index);
  } else {
    log_ = raft_log(of.index, of.term, of.members, of.version);
    cut_pending_writes(0);
  }
  writes_.back().last = log_.last();
  commit_ = of.index;
  ++counted_.snapshots_installed;
  rebuild_others();
}

} // namespace coppice::consensus
