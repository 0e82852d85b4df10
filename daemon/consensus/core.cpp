// SPDX-License-Identifier: MIT
// The parts of a member that all roles share: the start from the state on the disk, which messages are
// accepted, terms, writes and the messages that wait for them, and time. One thread at a time.
#include "consensus/core.hpp"

#include <algorithm>

namespace coppice::consensus {

using base::errc;

namespace {

bool has_good_body(const entry& one) {
  configuration members;
  if (one.kind == entry_kind::configuration) return members.decode(one.body.bytes());
  return one.kind != entry_kind::version || one.sequence <= UINT32_MAX;
}

} // namespace

durable_state core::first_state(const configuration& members) {
  durable_state made;
  made.hard.term = 1;
  entry first;
  first.term = 1;
  first.kind = entry_kind::configuration;
  first.body = members.encode();
  made.entries.push_back(std::move(first));
  return made;
}

base::result<std::unique_ptr<core>> core::start(const options& how, random_source& random,
                                                durable_state found, nanos now, effects& out) {
  if (!how.self || !how.cluster) return base::fail(errc::invalid, "a member needs an id and a cluster");
  if (how.heartbeat <= 0 || how.election <= 2 * how.heartbeat)
    return base::fail(errc::invalid, "election has to be more than two heartbeats");
  if (how.batch_entries == 0 || how.in_flight_messages == 0 || how.in_flight_bytes == 0 ||
      how.snapshot_chunk == 0 || how.snapshot_window == 0)
    return base::fail(errc::invalid, "a bound of messages is zero");
  if (how.max_entry > largest_entry)
    return base::fail(errc::invalid, "max_entry is above " + std::to_string(largest_entry));
  if (how.batch_entries > largest_batch)
    return base::fail(errc::invalid, "batch_entries is above " + std::to_string(largest_batch));
  if (how.snapshot_chunk > largest_chunk)
    return base::fail(errc::invalid, "snapshot_chunk is above " + std::to_string(largest_chunk));
  std::unique_ptr<core> made(new core(how, random));
  made->now_ = now;
  if (auto read = made->recover(std::move(found), out); !read)
    return base::fail(read.error().code, read.error().text);
  made->restart_election_timer();
  made->note_busy();
  // An answer to a read from before the restart must not fit a later read.
  made->last_forwarded_ = random.next();
  return made;
}

base::status core::recover(durable_state found, effects& out) {
  const snapshot_meta& snapshot = found.snapshot;
  if (found.before > snapshot.index || snapshot.index > largest_number)
    return base::fail(errc::invalid, "the log begins behind the snapshot");
  if (found.hard.term > largest_number || snapshot.term > largest_number)
    return base::fail(errc::invalid, "a term makes no sense");
  if ((found.before == 0) != (found.before_term == 0) || found.hard.term < found.before_term ||
      (snapshot.index > 0 && (snapshot.term == 0 || snapshot.members.voters() == 0)))
    return base::fail(errc::invalid, "the log's beginning or the snapshot makes no sense");
  term_number before = found.before_term;
  for (std::size_t i = 0; i < found.entries.size(); ++i) {
    const entry& one = found.entries[i];
    if (one.term < before || one.term == 0 || one.term > found.hard.term || !has_good_body(one))
      return base::fail(errc::invalid,
                        "log entry " + std::to_string(found.before + i + 1) + " makes no sense");
    before = one.term;
  }
  hard_ = found.hard;
  log_ = raft_log(found.before, found.before_term, snapshot.members, snapshot.version);
  for (entry& one : found.entries) log_.append(std::move(one));
  snapshot_ = snapshot;
  commit_ = announced_ = snapshot.index;
  if (snapshot.index > 0) {
    out.restore = snapshot;
    // The snapshot was on disk before the entries that led to it were: only the snapshot counts.
    if (log_.term_at(snapshot.index) != snapshot.term) {
      log_ = raft_log(snapshot.index, snapshot.term, snapshot.members, snapshot.version);
      next_write(out).install = snapshot;
    }
  }
  // This member was given another member's snapshot. A leader's term is never below the terms in its log.
  if (hard_.term < snapshot.term) {
    hard_ = {snapshot.term, {}};
    write_hard_state(out);
  }
  on_disk_ = log_.last();
  rebuild_others();
  out.changed = true;
  return {};
}

void core::advance(nanos now, effects& out) {
  enter(now);
  if (handing_over_ && now_ >= handing_over_->due)
    end_transfer(handing_over_->told ? outcome::unknown : outcome::timed_out, out);
  if (role_ == role::leader && !quiescent_)
    advance_leader(out);
  else if (now_ >= election_due_ && !quiescent_)
    stand(true, false, out);
  expire_reads(out);
}

core::nanos core::wake() const {
  nanos at = role_ == role::leader ? beat_due_ : election_due_;
  if (quiescent_) at = INT64_MAX;
  if (handing_over_) at = std::min(at, handing_over_->due);
  if (!forwarded_.empty()) at = std::min(at, forwarded_.front().due);
  return at;
}

namespace {

// Most terms by which one message may raise the term. No group holds as many elections, and a member whose
// term came near largest_number could not hold an election any more.
constexpr term_number largest_step = term_number{1} << 32;

bool sound(std::uint64_t number) {
  return number <= largest_number;
}

struct well_formed {
  term_number term;

  bool operator()(const vote_request& in) const {
    return sound(in.last_index) && in.last_term < term && (in.last_index == 0) == (in.last_term == 0);
  }
  bool operator()(const append_request& in) const {
    if (!sound(in.previous) || !sound(in.commit) || in.previous_term > term ||
        (in.previous == 0) != (in.previous_term == 0))
      return false;
    if (in.entries.size() > largest_number - in.previous) return false;
    term_number before = std::max<term_number>(in.previous_term, 1);
    for (const entry& one : in.entries) {
      if (one.term < before || one.term > term || one.kind > entry_kind::skip ||
          one.body.size() > largest_entry || !has_good_body(one))
        return false;
      before = one.term;
    }
    return true;
  }
  bool operator()(const append_answer& in) const {
    return sound(in.index) && sound(in.hint) && in.hint_term <= term;
  }
  bool operator()(const heartbeat& in) const { return sound(in.commit); }
  bool operator()(const heartbeat_answer& in) const { return sound(in.received) && in.stored <= in.received; }
  bool operator()(const read_answer& in) const { return sound(in.index); }
  bool operator()(const snapshot_chunk& in) const {
    const snapshot_meta& of = in.of;
    return of.index > 0 && sound(of.index) && of.term > 0 && of.term <= term && of.size <= largest_snapshot &&
           in.offset <= of.size && in.length <= of.size - in.offset && in.bytes.size() == in.length &&
           (in.offset > 0 || of.members.voters() > 0);
  }
  bool operator()(const snapshot_answer& in) const { return sound(in.index) && sound(in.offset); }
  template <class Other>
  bool operator()(const Other&) const {
    return true;
  }
};

} // namespace

std::optional<drop> core::objection(const message& in) const {
  if (in.cluster != cluster_) return drop::cluster;
  if (in.to != options_.self || in.from == options_.self || !in.from) return drop::receiver;
  if (in.term == 0 || !sound(in.term) || in.term > hard_.term + largest_step) return drop::malformed;
  if (!std::visit(well_formed{in.term}, in.body)) return drop::malformed;
  return objection_to_sender(in);
}

// A member that is behind does not know the configuration that made its leader or a candidate a member. So a
// leader of a newer term is accepted, a leader of an older term is told the newer one, and a candidate is
// heard if its log is ahead, since that log may have the configuration. Every other message must come from a
// member.
std::optional<drop> core::objection_to_sender(const message& in) const {
  if (members().find(in.from) != nullptr) return {};
  if (const auto* const vote = std::get_if<vote_request>(&in.body)) {
    const bool ahead = vote->last_term > log_.last_term() ||
                       (vote->last_term == log_.last_term() && vote->last_index > log_.last());
    return ahead || members().members().empty() ? std::nullopt : std::optional(drop::sender);
  }
  const bool of_leader =
      std::holds_alternative<append_request>(in.body) || std::holds_alternative<heartbeat>(in.body) ||
      std::holds_alternative<snapshot_chunk>(in.body) || std::holds_alternative<elect_now>(in.body);
  const bool may_lead = in.term != hard_.term || !leader_ || leader_ == in.from;
  return of_leader && may_lead ? std::nullopt : std::optional(drop::sender);
}

void core::receive(nanos now, message&& in, effects& out) {
  enter(now);
  if (const auto why = objection(in)) return count(*why);
  end_quiescence(now_, in.from != leader_, out);
  if (settle_term(in, out)) std::visit([&](auto& body) { on(in.from, in.term, body, out); }, in.body);
}

// Returns false if the message needs no further handling.
bool core::settle_term(const message& in, effects& out) {
  const auto* const vote = std::get_if<vote_request>(&in.body);
  const bool request = std::holds_alternative<append_request>(in.body) ||
                       std::holds_alternative<heartbeat>(in.body) ||
                       std::holds_alternative<snapshot_chunk>(in.body);
  if (in.term < hard_.term) {
    // The sender has to learn of the newer term: it may be a leader that no member follows any more, and
    // pre-votes and check-quorum keep votes from spreading the term.
    if (request)
      tell_after(hard_write_, in.from, append_answer{}, out);
    else if (vote != nullptr)
      tell_after(hard_write_, in.from, vote_answer{vote->pre, false}, out);
    count(drop::stale);
    return false;
  }
  if (vote != nullptr && !vote->transfer && hears_leader()) {
    count(drop::disturbing);
    return false;
  }
  if (in.term == hard_.term) return true;
  const auto* const voted = std::get_if<vote_answer>(&in.body);
  const bool proposed = (vote != nullptr && vote->pre) || (voted != nullptr && voted->pre && voted->granted);
  if (!proposed) follow(in.term, request ? in.from : member_id{}, out);
  return true;
}

void core::tell(const member_id& to, term_number term, message_body body, effects& out) const {
  out.messages.push_back({cluster_, options_.self, to, term, std::move(body)});
}

void core::tell_after(std::uint64_t after, const member_id& to, message_body body, effects& out) {
  if (after <= written_) return tell(to, std::move(body), out);
  if (held_.size() >= max_held) return count(drop::full);
  held_.push_back({after, {cluster_, options_.self, to, hard_.term, std::move(body)}});
}

// A write to which a hard state and entries may be added.
write& core::next_write(effects& out) {
  if (!out.writes.empty()) {
    write& last = out.writes.back();
    if (last.number == last_write_ && last.entries.empty() && !last.piece && !last.install &&
        last.compact_to == 0 && last.truncate_from == 0)
      return last;
  }
  out.writes.emplace_back().number = ++last_write_;
  writes_.push_back({last_write_, log_.last(), 0});
  return out.writes.back();
}

void core::write_hard_state(effects& out) {
  next_write(out).hard = hard_;
  hard_write_ = last_write_;
}

// The first write after which the log is on disk up to `index`. 0: it is on disk already.
std::uint64_t core::write_that_has(log_index index) const {
  if (index <= on_disk_) return 0;
  for (const pending_write& one : writes_)
    if (one.last >= index) return one.number;
  return last_write_;
}

// The log was cut after `last`: pending writes bring the present log on disk up to `last` at most.
void core::cut_pending_writes(log_index last) {
  for (pending_write& one : writes_) one.last = std::min(one.last, last);
  on_disk_ = std::min(on_disk_, last);
}

void core::written(nanos now, std::uint64_t number, effects& out) {
  enter(now);
  if (number > last_write_ || number <= written_) return;
  written_ = number;
  while (!writes_.empty() && writes_.front().number <= number) {
    on_disk_ = writes_.front().last;
    writes_.pop_front();
  }
  std::size_t kept = 0;
  for (held_message& one : held_) {
    if (one.after <= written_)
      out.messages.push_back(std::move(one.what));
    else if (held_message& place = held_[kept++]; &place != &one)
      place = std::move(one);
  }
  held_.resize(kept);
  if (restore_ && restore_->after <= written_) {
    out.restore = std::move(restore_->of);
    announced_ = out.restore->index;
    restore_.reset();
    announce_commit(out);
    release_superseded(out);
  }
  if (role_ == role::candidate)
    count_votes(out);
  else if (role_ == role::leader)
    advance_commit(out);
}

void core::disk_full(nanos now, bool full, effects& out) {
  enter(now);
  disk_full_ = full;
  if (full) end_quiescence(now_, true, out);
  if (full && role_ != role::follower) step_down(out);
}

progress* core::find(const member_id& id) {
  for (progress& one : others_)
    if (one.id == id) return &one;
  return nullptr;
}

void core::rebuild_others() {
  std::vector<progress> before = std::move(others_);
  others_.clear();
  for (const member& one : members().members()) {
    if (one.id == options_.self) continue;
    const auto known =
        std::find_if(before.begin(), before.end(), [&](const progress& p) { return p.id == one.id; });
    if (known != before.end()) {
      others_.push_back(std::move(*known));
      others_.back().role = one.role;
      continue;
    }
    progress& added = others_.emplace_back(one);
    added.heard = now_;
    added.next = log_.last() + 1;
  }
}

void core::announce_commit(effects& out) {
  if (restore_ || commit_ <= announced_) return;
  announced_ = commit_;
  out.committed = commit_;
}

} // namespace coppice::consensus
