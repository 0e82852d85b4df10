// SPDX-License-Identifier: MIT
// Linearizable reads without a log entry. A read gets the leader's commit index. It may be answered once a
// majority has answered a round of heartbeats that began after the read came: then no newer leader can have
// committed anything before the read. Reads that come while a round for reads is under way share the next
// one; a round that was due by time delays no read, as its answers may come late.
#include <algorithm>

#include "consensus/core.hpp"

namespace coppice::consensus {

void core::read(nanos now, std::uint64_t token, effects& out) {
  enter(now);
  end_quiescence(now_, true, out);
  if (role_ == role::leader) return queue_read({}, token, out);
  if (!leader_) return out.answers.push_back({token, outcome::no_leader, 0, {}});
  if (forwarded_.size() >= options_.pending)
    return out.answers.push_back({token, outcome::overloaded, 0, leader_});
  forwarded_.push_back({++last_forwarded_, token, now_ + options_.election});
  tell_after(hard_write_, leader_, read_request{last_forwarded_}, out);
}

void core::on(const member_id& from, term_number, read_request& in, effects& out) {
  if (role_ == role::leader) return queue_read(from, in.number, out);
  tell_after(hard_write_, from, read_answer{in.number, 0}, out);
}

void core::on(const member_id& from, term_number, read_answer& in, effects& out) {
  const auto at = std::ranges::lower_bound(forwarded_, in.number, {}, &forwarded_read::number);
  if (at == forwarded_.end() || at->number != in.number || from != leader_) return count(drop::stale);
  if (in.index > 0)
    out.reads.push_back({at->token, in.index});
  else
    out.answers.push_back({at->token, outcome::no_leader, 0, {}});
  forwarded_.erase(at);
}

void core::queue_read(const member_id& from, std::uint64_t token, effects& out) {
  if (reads_.size() >= options_.pending) {
    if (from) return tell(from, read_answer{token, 0}, out);
    return out.answers.push_back({token, outcome::overloaded, 0, leader_});
  }
  note_busy();
  reads_.push_back({from, token, 0, 0});
  begin_reads(out);
}

// A new leader knows which entries of its predecessors are committed only after an entry of its own term is.
void core::begin_reads(effects& out) {
  if (!established()) return;
  bool waits = false;
  for (auto one = reads_.rbegin(); one != reads_.rend() && one->round == 0; ++one) {
    if (one->index == 0) one->index = commit_;
    waits = true;
  }
  if (waits && confirmed_ >= read_round_) beat(out);
}

void core::confirm_reads(effects& out) {
  confirmed_ = std::max(confirmed_, agreed(round_, &progress::round));
  while (!reads_.empty() && reads_.front().round > 0 && reads_.front().round <= confirmed_) {
    const waiting_read one = reads_.front();
    reads_.pop_front();
    if (one.from)
      tell(one.from, read_answer{one.token, one.index}, out);
    else
      out.reads.push_back({one.token, one.index});
  }
  if (confirmed_ >= read_round_ && !reads_.empty()) begin_reads(out);
}

void core::expire_reads(effects& out) {
  while (!forwarded_.empty() && forwarded_.front().due <= now_) {
    out.answers.push_back({forwarded_.front().token, outcome::timed_out, 0, leader_});
    forwarded_.pop_front();
  }
}

void core::drop_reads(effects& out) {
  for (const waiting_read& one : reads_) {
    if (one.from)
      tell(one.from, read_answer{one.token, 0}, out);
    else
      out.answers.push_back({one.token, outcome::no_leader, 0, {}});
  }
  reads_.clear();
}

} // namespace coppice::consensus
