// SPDX-License-Identifier: MIT
// A member of a Raft group as a pure machine: events in, effects out. It has no thread and no clock, draws no
// randomness itself and does no I/O; the same events give the same effects. Each call passes the time, and
// the core adds to `out` what its owner has to do. After Ongaro's dissertation, with pre-vote (9.6),
// check-quorum (6.2), read-index (6.4), single-server changes (4.1) after the term's no-op, and leadership
// transfer (3.10). daemon/README.md has the rules that hold across its files. One thread at a time.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "consensus/effects.hpp"
#include "consensus/options.hpp"
#include "consensus/progress.hpp"
#include "consensus/raft_log.hpp"

namespace coppice::consensus {

// An entry that a client wants in the log.
struct proposal {
  std::uint64_t token = 0;               // names this proposal in its answer
  entry_kind kind = entry_kind::command; // not configuration, not no_op, not version
  std::uint64_t client = 0, sequence = 0;
  payload body{};
};

struct change_request {
  enum class action : std::uint8_t { add_learner, add_voter, remove } what = action::add_voter;
  member who{}; // its role is not read; for `remove` only its id is
};

class core {
 public:
  using nanos = base::nanos;

  // `found` is the state on the disk. A group's first members start with first_state(), a log of one
  // configuration entry of term 1; a member that will be added to a group starts with nothing. errc::invalid:
  // the state is damaged. `random` must outlive the core.
  static base::result<std::unique_ptr<core>> start(const options& how, random_source& random,
                                                   durable_state found, nanos now, effects& out);
  static durable_state first_state(const configuration& members);
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  // Lets time pass. Must be called at the time wake() at the latest.
  void advance(nanos now, effects& out);
  nanos wake() const;

  // `in` may be anything; a message that makes no sense is dropped and counted.
  void receive(nanos now, message&& in, effects& out);
  // Every write up to this number is on the disk.
  void written(nanos now, std::uint64_t number, effects& out);

  // The disk takes no entries and no snapshots, or takes them again. While it is full, this member votes and
  // answers heartbeats, but drops entries, and neither stands for election nor leads. At the start the disk
  // counts as not full.
  void disk_full(nanos now, bool full, effects& out);

  // One batch: one write, and one message to each follower. Each proposal is answered once.
  void append(nanos now, std::span<const proposal> batch, effects& out);
  void read(nanos now, std::uint64_t token, effects& out);
  void change(nanos now, std::uint64_t token, const change_request& what, effects& out);
  void transfer(nanos now, std::uint64_t token, const member_id& to, effects& out);
  // The code of this member knows these versions from now on. The leader logs the group's next version once
  // the code of every voter can go over to it.
  void set_versions(nanos now, const version_range& known, effects& out);
  // The group goes over to the next version although the code of the voter `without` cannot, or is not known
  // to. outcome::not_ready: the code of another voter cannot either.
  void upgrade(nanos now, std::uint64_t token, const member_id& without, effects& out);
  // The voters for which a leader waits before it logs the group's next version. Also empty if no voter has
  // told that its code knows the next version.
  std::vector<member_id> waits_for() const;
  // For a group that has lost its majority for good: this member becomes a group of one that has all of this
  // member's log. Entries that only the others had are lost. `fresh` is a cluster id that was never used, so
  // that this member and a member of the old group that comes back ignore each other; a member that is to
  // join again needs an emptied disk. Refused while a leader is known, and if this member has no log. The
  // other members are not asked.
  void recover_alone(nanos now, std::uint64_t token, const cluster_id& fresh, effects& out);

  // Quiescence. A quiescent leader sends no heartbeats, and a quiescent follower runs no election time-out,
  // so wake() has no time for either. Anything that happens in the group ends the quiescence: a message of a
  // member, an entry, a read, a change. Then a leader sends a heartbeat at once, and a follower tells its
  // leader. The owner has to know by other means that the leader of a quiescent follower lives and is
  // quiescent itself. It has to know the same of the followers of a quiescent leader; see node_liveness.hpp.
  // Whether this member leads a group that has been idle for quiesce_after heartbeats: all members have
  // everything and have answered the last heartbeat, and nothing is under way.
  bool may_quiesce() const;
  void quiesce(nanos now); // may_quiesce() holds
  // The leader is quiescent in that term, with that last entry. If this follower of it is in the same state,
  // it becomes quiescent. If it is in another state, it tells the leader, which wakes up.
  void quiesce_under(nanos now, const member_id& leader, term_number term, log_index last, effects& out);
  // The liveness of the other node was lost, or that node took the quiescence back. A follower's time-out
  // runs as if it had heard its leader last at `heard`.
  void wake_up(nanos now, nanos heard, effects& out);
  bool is_quiescent() const { return quiescent_; }

  // The data that the owner has to keep beside a snapshot's bytes; `index` must be applied. Index 0 in the
  // answer: the entry is no longer in the log.
  snapshot_meta describe(log_index index) const;
  // `taken` comes from describe(), with size and digest added; bytes and meta are on the disk. A snapshot
  // that is not newer than the one in use is not used, and released. A snapshot above largest_snapshot is not
  // used.
  void snapshot_taken(nanos now, const snapshot_meta& taken, effects& out);

  role what() const { return role_; }
  term_number term() const { return hard_.term; }
  const member_id& self() const { return options_.self; }
  const cluster_id& cluster() const { return cluster_; }
  const member_id& leader() const { return leader_; } // none: not known
  log_index commit() const { return commit_; }
  log_index on_disk() const { return on_disk_; }
  const raft_log& log() const { return log_; }
  const snapshot_meta& snapshot() const { return snapshot_; }
  // Whether snapshot() came from the leader and is not on the disk yet. effects::restore follows.
  bool is_restoring() const { return restore_.has_value(); }
  const configuration& members() const { return log_.members(); }
  const std::vector<progress>& others() const { return others_; }
  const version_range& versions() const { return versions_; }
  const counters& counted() const { return counted_; }
  // Whether this member is a leader that has committed an entry of its term. Only then it serves reads and
  // changes members.
  bool established() const { return role_ == role::leader && log_.term_at(commit_) == hard_.term; }
  // Whether a heartbeat of the last call's effects may leave late by a small part of `heartbeat`, and out of
  // order with other messages, so that an owner can send those of many groups together. False: a read waits
  // for its answer, the heartbeat only tells a commit index, or messages to that member are in flight, and
  // the answer tells whether they have arrived.
  bool may_wait(const message& one) const;
  // A heartbeat that may overtake all messages on their way to the receiver of `one`, behind which `one` may
  // wait. Its answer says that the member is there, but neither what has arrived nor that a read may be
  // served. `one` is a message of the last call's effects. nullopt: `one` is no heartbeat that was due by
  // time, or its receiver has answered the heartbeat before.
  std::optional<message> overtaking(const message& one) const;

 private:
  core(const options& how, random_source& random)
      : options_(how), random_(random), cluster_(how.cluster), versions_(how.versions) {}

  // core.cpp
  base::status recover(durable_state found, effects& out);
  std::optional<drop> objection(const message& in) const;
  std::optional<drop> objection_to_sender(const message& in) const;
  bool settle_term(const message& in, effects& out);
  void dispatch(message& in, effects& out);
  void enter(nanos now) { now_ = now > now_ ? now : now_; }
  void count(drop why) { ++counted_.dropped[static_cast<std::size_t>(why)]; }
  void tell(const member_id& to, term_number term, message_body body, effects& out) const;
  void tell(const member_id& to, message_body body, effects& out) const {
    tell(to, hard_.term, std::move(body), out);
  }
  // Sends as soon as the write `after` is on the disk.
  void tell_after(std::uint64_t after, const member_id& to, message_body body, effects& out);
  write& next_write(effects& out);
  void write_hard_state(effects& out);
  std::uint64_t write_that_has(log_index index) const;
  void cut_pending_writes(log_index last);
  progress* find(const member_id& id);
  void rebuild_others();
  void announce_commit(effects& out);

  // election.cpp
  void on(const member_id& from, term_number term, vote_request& in, effects& out);
  void on(const member_id& from, term_number term, vote_answer& in, effects& out);
  void on(const member_id& from, term_number term, elect_now& in, effects& out);
  bool up_to_date(const vote_request& in) const;
  bool hears_leader() const;
  void restart_election_timer();
  void stand(bool pre, bool for_transfer, effects& out);
  void count_votes(effects& out);
  void follow(term_number term, const member_id& leader, effects& out);
  void step_down(effects& out);
  void lead(effects& out);

  // following.cpp
  void on(const member_id& from, term_number term, append_request& in, effects& out);
  void on(const member_id& from, term_number term, heartbeat& in, effects& out);
  void on(const member_id& from, term_number term, snapshot_chunk& in, effects& out);
  bool accept_leader(const member_id& from, effects& out);
  void add_entries(log_index first, std::span<entry> entries, effects& out);
  void learn_commit(log_index commit, effects& out);
  void refuse_append(const member_id& to, const append_request& in, effects& out);
  void install(const snapshot_meta& of, write& into);

  // leading.cpp
  void on(const member_id& from, term_number term, append_answer& in, effects& out);
  void on(const member_id& from, term_number term, heartbeat_answer& in, effects& out);
  void lower_match(progress& who, const append_answer& refusal, effects& out);
  void acknowledge(progress& who, log_index index, effects& out);
  void append_own(entry one, effects& out);
  void advance_leader(effects& out);
  bool has_quorum() const;
  void beat(effects& out);
  void replicate(progress& to, effects& out);
  void send_entries(progress& to, effects& out);
  void replicate_all(effects& out);
  void advance_commit(effects& out);
  void answer_committed(effects& out);
  template <class Value>
  Value agreed(Value own, Value progress::*of) const;

  // quiescence.cpp
  bool is_idle() const;
  void note_idle();
  void note_busy();
  // For a member that may not stand for election, and to which a quiescent leader sends nothing.
  void ask_for_leader(effects& out);
  heartbeat_answer own_state() const;
  void end_quiescence(nanos heard, bool tells, effects& out);

  // reads.cpp
  void on(const member_id& from, term_number term, read_request& in, effects& out);
  void on(const member_id& from, term_number term, read_answer& in, effects& out);
  void queue_read(const member_id& from, std::uint64_t token, effects& out);
  void begin_reads(effects& out);
  void confirm_reads(effects& out);
  void expire_reads(effects& out);
  void drop_reads(effects& out);

  // membership.cpp
  // `token`: the request's token. Empty: there was no request.
  void put_configuration(std::optional<std::uint64_t> token, const configuration& next, effects& out);
  void promote(progress& who, effects& out);
  void leave_if_removed(effects& out);
  void continue_transfer(effects& out);
  void settle_transfer(effects& out);
  void end_transfer(outcome how, effects& out);

  // versions.cpp
  void begin_version(effects& out);
  void advance_version(effects& out);
  void append_version(machine_version next, effects& out);
  // Voters whose code cannot go over to the next version, or is not known to.
  std::vector<member_id> unready_voters() const;
  bool is_ready(const std::optional<version_range>& code) const {
    return code && code->goes_beyond(log_.version());
  }
  bool may_upgrade() const;

  // snapshots.cpp
  void on(const member_id& from, term_number term, snapshot_answer& in, effects& out);
  void begin_snapshot(progress& to, effects& out);
  void send_chunks(progress& to, effects& out);
  void end_snapshot(progress& to, effects& out);
  void release(const snapshot_meta& one, effects& out) const;
  void release_superseded(effects& out);
  void compact(effects& out);

  const options options_;
  random_source& random_;
  cluster_id cluster_;
  version_range versions_;
  nanos now_ = 0;
  counters counted_;

  hard_state hard_;
  raft_log log_;
  snapshot_meta snapshot_; // the snapshot in use
  log_index commit_ = 0;
  log_index announced_ = 0; // the last committed entry that the owner was told of

  role role_ = role::follower;
  member_id leader_;
  nanos leader_heard_ = 0;
  bool heard_any_ = false; // false: leader_heard_ is not set
  nanos election_due_ = 0;
  bool quiescent_ = false;
  std::vector<progress> others_; // the members() other than this one

  // Writes that the owner has and that are not on the disk yet, with the log's end after each.
  struct pending_write {
    std::uint64_t number = 0;
    log_index last = 0;
    std::size_t bytes = 0; // of entries that this member has appended as leader
  };
  std::deque<pending_write> writes_;
  std::uint64_t last_write_ = 0, written_ = 0;
  std::uint64_t hard_write_ = 0; // the write that has the present hard state
  log_index on_disk_ = 0;        // end of the part of this log that is on the disk
  bool disk_full_ = false;
  struct held_message {
    std::uint64_t after = 0;
    message what;
  };
  static constexpr std::size_t max_held = 4096;
  std::deque<held_message> held_;

  // While a candidate.
  std::uint64_t vote_write_ = 0; // this member's own vote counts once this write is on the disk

  // While a follower.
  log_index verified_ = 0; // up to here the log equals that of this term's leader
  struct incoming_snapshot {
    snapshot_meta of;
    std::uint64_t received = 0;
  };
  std::optional<incoming_snapshot> incoming_;
  struct pending_restore {
    std::uint64_t after = 0;
    snapshot_meta of;
  };
  std::optional<pending_restore> restore_;
  // Snapshots older than the one in use. The disk needs the last of them until the one in use is installed
  // there.
  std::vector<snapshot_meta> superseded_;
  struct forwarded_read {
    std::uint64_t number = 0, token = 0;
    nanos due = 0;
  };
  std::deque<forwarded_read> forwarded_;
  std::uint64_t last_forwarded_ = 0; // begins at a random number and may wrap

  // While a leader.
  nanos beat_due_ = 0;
  // Rounds of heartbeats: the last one begun, and the last one that a majority has answered.
  std::uint64_t round_ = 0, confirmed_ = 0;
  std::uint64_t timed_round_ = 0; // the last round that was due by time, and not for a read
  std::uint64_t read_round_ = 0;  // the last round for which a read waits, or has waited
  std::uint32_t idle_beats_ = 0;  // heartbeats in a row at which the group was idle
  // Heartbeats after which it may quiesce. Doubled by each quiescence that ends without an entry or a read.
  std::uint32_t idle_wanted_ = 0;
  struct waiting_append {
    log_index index = 0;
    std::uint64_t token = 0;
  };
  std::deque<waiting_append> waiting_;
  std::size_t uncommitted_bytes_ = 0;
  struct waiting_read {
    member_id from; // none: this member
    std::uint64_t token = 0;
    log_index index = 0;     // 0: set once the leader has committed an entry of its term
    std::uint64_t round = 0; // the round that has to be confirmed. 0: not begun
  };
  std::deque<waiting_read> reads_;
  struct handing_over {
    member_id to;
    std::uint64_t token = 0;
    nanos due = 0;
    bool told = false;
  };
  // Once `told`, it is kept beyond the leadership, until the next leader is known.
  std::optional<handing_over> handing_over_;
};

} // namespace coppice::consensus
