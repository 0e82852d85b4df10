// SPDX-License-Identifier: MIT
// Snapshots. The log below a snapshot is removed, except for entries that followers may still need. A
// follower that is further behind gets the snapshot in chunks. A transfer continues at the offset that the
// receiver names, also under another leader that has the same bytes.
#include <algorithm>

#include "consensus/core.hpp"

namespace coppice::consensus {

snapshot_meta core::describe(log_index index) const {
  snapshot_meta made;
  if (index < log_.base() || index > announced_ || index == 0) return made;
  made.index = index;
  made.term = log_.term_at(index);
  made.members = log_.members_as_of(index);
  made.version = log_.version_as_of(index);
  return made;
}

void core::snapshot_taken(nanos now, const snapshot_meta& taken, effects& out) {
  enter(now);
  if (taken.index <= snapshot_.index) {
    // The leader's snapshot has arrived meanwhile.
    superseded_.push_back(taken);
    return release_superseded(out);
  }
  if (taken.index > announced_ || log_.term_at(taken.index) != taken.term || taken.size > largest_snapshot)
    return;
  if (snapshot_.index > 0) superseded_.push_back(std::move(snapshot_));
  snapshot_ = taken;
  release_superseded(out);
  compact(out);
}

void core::compact(effects& out) {
  log_index to = snapshot_.index > options_.keep_entries ? snapshot_.index - options_.keep_entries : 0;
  to = std::max(to, log_.base());
  std::size_t kept = 0;
  for (log_index i = snapshot_.index; i > to; --i) {
    kept += log_.at(i).weight();
    if (kept > options_.keep_bytes) to = i;
  }
  if (log_.bytes() <= options_.kept_for_transfer)
    for (const progress& one : others_)
      if (one.transfer) to = std::min(to, one.transfer->of.index);
  if (to <= log_.base()) return;
  log_.compact_to(to);
  write& into = next_write(out);
  into.compact_to = to;
  into.compact_term = log_.term_at(to);
}

// Tells the owner that it may delete the snapshot, unless it is in use or being sent.
void core::release(const snapshot_meta& one, effects& out) const {
  if (one.same_bytes(snapshot_)) return;
  for (const progress& other : others_)
    if (other.transfer && other.transfer->of.same_bytes(one)) return;
  out.released.push_back(one);
}

void core::release_superseded(effects& out) {
  if (restore_) return;
  for (const snapshot_meta& one : superseded_) release(one, out);
  superseded_.clear();
}

void core::begin_snapshot(progress& to, effects& out) {
  if (snapshot_.index == 0) return;
  to.clear_flight();
  to.probing = true;
  to.transfer = snapshot_transfer{snapshot_, 0, 0, false, now_, round_};
  ++counted_.snapshots_sent;
  send_chunks(to, out);
}

void core::send_chunks(progress& to, effects& out) {
  snapshot_transfer& on = *to.transfer;
  const std::uint64_t window = std::uint64_t{options_.snapshot_window} * options_.snapshot_chunk;
  while (!on.all_sent && on.sent - on.acknowledged < window) {
    snapshot_chunk chunk;
    chunk.of = on.of;
    if (on.sent > 0) {
      chunk.of.members = {};
      chunk.of.version = 0;
    }
    chunk.offset = on.sent;
    chunk.length =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(options_.snapshot_chunk, on.of.size - on.sent));
    on.sent += chunk.length;
    on.all_sent = on.sent == on.of.size;
    tell(to.id, std::move(chunk), out);
  }
}

void core::on(const member_id& from, term_number, snapshot_answer& in, effects& out) {
  progress* const who = find(from);
  if (role_ != role::leader || who == nullptr || !who->transfer) return count(drop::stale);
  snapshot_transfer& on = *who->transfer;
  if (in.index != on.of.index || in.digest != on.of.digest) return count(drop::stale);
  if (in.offset > on.of.size) return count(drop::malformed);
  who->heard = now_;
  if (in.offset > on.acknowledged) {
    // also if the receiver had the bytes before
    on.acknowledged = in.offset;
    on.sent = std::max(on.sent, in.offset);
    on.has_moved(now_, round_);
  } else if (!in.accepted && in.offset < on.acknowledged) {
    // The receiver has begun anew.
    on.acknowledged = on.sent = in.offset;
    on.all_sent = false;
    on.has_moved(now_, round_);
  }
  send_chunks(*who, out);
}

void core::end_snapshot(progress& to, effects& out) {
  if (!to.transfer) return;
  const snapshot_meta was = std::move(to.transfer->of);
  to.transfer.reset();
  release(was, out);
}

} // namespace coppice::consensus
