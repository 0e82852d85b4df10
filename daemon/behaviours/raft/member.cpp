// SPDX-License-Identifier: MIT
// A member's life: from its disk, over the meeting with the others, to a core that runs, and the effects
// that the core asks for. In the process's own turn.
#include "behaviours/raft/member.hpp"
#include "behaviours/gen/tagged.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/raft/address.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using consensus::core;
using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

// Time for the command that the actor has in hand when the member stops.
constexpr base::nanos stop_patience = 5 * base::nanos_per_second;
// Heartbeats without anything to do after which a group becomes quiescent.
constexpr std::uint32_t quiesce_after = 10;

} // namespace

member::member(parts of)
    : native_server(std::string(behaviour_name)),
      of_(std::move(of)),
      options_(of_.options),
      alike_(group_of(options_->members, options_->clients)),
      last_token_(base::random_u64() >> 2) {}

member::~member() {
  if (leads_ != nullptr) leads_->remove(of_.child->name);
}

consensus::identity member::random_identity() {
  consensus::identity made;
  while (!made) made = {base::random_u64(), base::random_u64()};
  return made;
}

std::uint64_t member::next() {
  return base::random_u64();
}

outcome member::on_start(process& self) {
  self.trap_exit(true);
  own_ = fmt::format("{}@{}", of_.child->name, self.host().node_name());
  journal_ = of_.shared->resources.find<journal>();
  if (journal_ == nullptr) return runtime::stop(tagged_text("log", "this node has no durable log"));
  beats_ = of_.shared->resources.find<beat_exchange>();
  leads_ = of_.shared->resources.find<lead_board>();
  if (const auto* const bound = of_.shared->resources.find<state_bound>()) largest_state_ = *bound;
  if (auto* const board = of_.shared->resources.find<metrics::board>())
    on_board_ = board->enter({{"group", of_.child->name}}, counters_);
  counters_->patience.set(static_cast<std::uint64_t>(2 * options_->election));
  leaderless_since_ = self.now();
  group_contents found;
  if (auto read = read_log(self, found); !read) {
    if (self.exiting()) return runtime::carry_on();
    if (read.error().code == base::errc::limit) return start_again(self, read.error());
    // If the log was never there, the node was started wrongly.
    if (log_ == nullptr) return runtime::stop(tagged_text("log", read.error().text));
    return halt(self, read.error());
  }
  auto made = make_machine();
  if (!made) return runtime::stop(tagged_text("bad_actor", made.error().text));
  auto started = gen::start(
      self, machine_options(), std::move(*made),
      of_.child->start_timeout == 0 ? runtime::no_deadline : self.now() + of_.child->start_timeout);
  if (!started) {
    using kind = gen::start_error::kind;
    if (started.error().what == kind::init) return runtime::stop(started.error().reason);
    return runtime::stop(started.error().what == kind::exiting ? runtime::reasons::killed()
                                                               : gen::system_limit());
  }
  machine_ = *started;
  return begin(self, std::move(found));
}

base::status member::read_log(process& self, group_contents& into) {
  base::status done;
  const std::string name = "raft/" + of_.child->name;
  const auto ran = self.blocking_run([&] {
    done = journal_->open();
    if (!done) return;
    log_ = journal_->log();
    if (log_ == nullptr) return void(done = base::fail(base::errc::closed, "the durable log is closed"));
    if (const auto failure = log_->report().failure) return void(done = unexpected(*failure));
    auto number = log_->group(name);
    if (!number) return void(done = unexpected(number.error()));
    group_ = *number;
    auto read = read_group(*log_, group_);
    if (!read) return void(done = unexpected(read.error()));
    into = std::move(*read);
  });
  return ran ? done : ran;
}

outcome member::begin(process& self, group_contents found) {
  storage_ = std::make_unique<storage>(*log_, self.host(), self.self(), group_, found);
  if (found.of) {
    self_ = found.self;
    membership_ = *found.of;
    return start_core(self, std::move(found));
  }
  phase_ = found.self ? phase::meeting : phase::naming;
  self_ = found.self ? found.self : random_identity();
  meeting_.emplace(options_->members, own_, self_);
  if (phase_ == phase::naming) {
    if (auto put = storage_->put_identity(self_); !put) return start_again(self, put.error());
    publish();
    return runtime::carry_on();
  }
  found_group();
  return wake(self);
}

outcome member::start_core(process& self, group_contents found) {
  consensus::options how;
  how.cluster = membership_.cluster;
  how.self = self_;
  how.heartbeat = options_->heartbeat;
  how.election = options_->election;
  how.aligned_heartbeats = true; // heartbeats of all groups of the node go together
  how.quiesce_after = beats_ == nullptr ? 0 : quiesce_after;
  how.in_flight_bytes = static_cast<std::size_t>(options_->in_flight_bytes);
  how.max_entry = static_cast<std::size_t>(options_->entry_bytes) + 64; // with its time and random number
  how.uncommitted_bytes = std::size_t{32} << 20;                        // half of what the log's queue takes
  how.pending = options_->pending;
  how.keep_entries = options_->keep_entries;
  how.keep_bytes = static_cast<std::size_t>(options_->snapshot_bytes);
  how.snapshot_chunk = piece_bytes;
  how.versions = known_versions();
  effects_.clear();
  // Nothing that an earlier core said of its log holds for the log of this core.
  unapplied_ = {};
  may_apply_ = sent_ = applied_ = 0;
  skips_.clear();
  auto made = core::start(how, *this, std::move(found.state), self.now(), effects_);
  if (!made) return halt(self, made.error());
  core_ = std::move(*made);
  phase_ = phase::running;
  if (const consensus::member* const known = core_->members().find(self_);
      known != nullptr && known->address != own_)
    base::log::warning(
        "raft",
        "{} has the disk of {}, or a copy of it: the group's other members take nothing from it "
        "on this node",
        own_, known->address);
  if (beats_ != nullptr) {
    seat_ = beats_->enter(self_, self.self());
    beats_->keep_carrier(self);
    if (auto* const others = self.host().router(); others != nullptr) others->expect_ahead();
  }
  meeting_.reset();
  beginning_ = {};
  snapshot_at_ = core_->snapshot().index;
  full_ = log_->report().is_full;
  if (full_) core_->disk_full(self.now(), true, effects_);
  rebuild_trusted();
  if (!effects_.restore) begin_machine(self);
  return carry_out(self);
}

outcome member::take_news(process& self) {
  auto news = storage_->take();
  if (!news) return start_again(self, news.error());
  if (news->failure) {
    // A disk without room refuses new changes and goes on; every other failure is the end of the log.
    const bool goes_on =
        news->failure->code == base::errc::limit || news->failure->code == base::errc::refused;
    if (!goes_on) return halt(self, *news->failure);
    return start_again(self, *news->failure);
  }
  if (news->slowest > 0)
    counters_->writes.observe(static_cast<double>(news->slowest) / base::nanos_per_second);
  if (news->slowest > options_->heartbeat) note_slow_write(news->slowest, self.now());
  if (news->identity_written && phase_ == phase::naming) {
    phase_ = phase::meeting;
    next_hello_ = 0;
    found_group();
    return wake(self);
  }
  if (news->membership_written && phase_ == phase::joining) return start_core(self, std::move(beginning_));
  if (core_ == nullptr) return runtime::carry_on();
  if (news->core_written > 0) core_->written(self.now(), news->core_written, effects_);
  if (news->stored) {
    counters_->snapshots.add_alone();
    snapshot_at_ = std::max(snapshot_at_, news->stored->index);
    core_->snapshot_taken(self.now(), *news->stored, effects_);
  }
  return carry_out(self);
}

outcome member::wake(process& self) {
  if (phase_ == phase::again && self.now() >= again_at_) return read_again(self);
  if (self.now() >= next_hello_) {
    say_hello(self);
    found_group(); // the log may have had no room for the group's beginning
  }
  expire(self);
  if (machine_at_ != 0 && self.now() >= machine_at_) return raise_machine(self);
  if (phase_ == phase::meeting && log_->report().is_full && self.now() >= next_touch_) {
    next_touch_ = self.now() + base::nanos_per_second;
    if (auto put = storage_->touch(); !put) return start_again(self, put.error());
  }
  if (core_ == nullptr) {
    publish();
    arm(self);
    return runtime::carry_on();
  }
  if (auto put = storage_->catch_up(); !put) return start_again(self, put.error());
  if (full_ && !log_->report().is_full) {
    full_ = false;
    core_->disk_full(self.now(), false, effects_);
  } else if (full_ && self.now() >= next_touch_) {
    // The log looks for room when something is written, and a full disk makes the core write nothing.
    next_touch_ = self.now() + base::nanos_per_second;
    if (auto put = storage_->touch(); !put) return start_again(self, put.error());
  }
  if (beats_ != nullptr) beats_->keep_carrier(self);
  core_->advance(self.now(), effects_);
  propose_came_again(self);
  hand_over(self);
  return carry_out(self);
}

const consensus::progress* member::best_voter() const {
  const consensus::progress* best = nullptr;
  for (const consensus::progress& one : core_->others())
    if (one.votes() && (best == nullptr || one.match > best->match)) best = &one;
  return best;
}

std::uint64_t member::weight_of(consensus::log_index from, consensus::log_index to) const {
  const consensus::raft_log& log = core_->log();
  std::uint64_t sum = 0;
  for (consensus::log_index i = std::max(from, log.base()) + 1; i <= std::min(to, log.last()); ++i)
    sum += log.at(i).weight();
  return sum;
}

base::status member::write_all(std::vector<consensus::write>& writes) {
  for (consensus::write& one : writes) {
    if (one.cluster) membership_.cluster = *one.cluster;
    if (one.install) counters_->snapshots.add_alone();
    if (auto put = storage_->write(std::move(one)); !put) return put;
  }
  return {};
}

outcome member::carry_out(process& self) {
  note_versions(self);
  consensus::effects now = std::exchange(effects_, {});
  if (auto put = write_all(now.writes); !put) return start_again(self, put.error());
  send_all(self, now.messages);
  if (now.restore) {
    // The command that crashed the actor is behind it now.
    snapshot_at_ = std::max(snapshot_at_, now.restore->index);
    if (outcome begun = begin_anew(self); begun.stops()) return begun;
  }
  for (const consensus::answer& one : now.answers) answer_outcome(self, one);
  if (now.committed > may_apply_) {
    behind_bytes_ += weight_of(may_apply_, now.committed);
    const bool passes = note_skips(self, now.committed);
    may_apply_ = now.committed;
    if (passes)
      if (outcome begun = begin_anew(self); begun.stops()) return begun;
  }
  for (const consensus::snapshot_meta& one : now.released) storage_->release(one);
  for (const consensus::lost_entry& one : now.lost) note_lost(one);
  for (const consensus::ready_read& one : now.reads)
    if (!answer_lead(self, one.token)) reads_.push_back(one);
  tell_changes(self);
  feed(self);
  settle_quiescence(self);
  arm(self);
  note_waiting(self.now());
  publish();
  return runtime::carry_on();
}

// Tells the actor and the node's log of changes: the leader, whether a majority is there, and the members.
void member::tell_changes(process& self) {
  if (core_->leader()) {
    leaderless_since_ = 0;
  } else if (leaderless_since_ == 0) {
    leaderless_since_ = self.now();
  }
  if (told_members_ != core_->members()) {
    told_members_ = core_->members();
    rebuild_trusted();
    for (const consensus::member& one : told_members_.members())
      std::erase_if(strangers_, [&](const auto& known) { return known.second.address == one.address; });
    tell_members(self);
  }
  if (!told_any_leader_ || told_leader_ != core_->leader() || told_term_ != core_->term()) {
    const bool other = told_leader_ != core_->leader();
    told_any_leader_ = true;
    told_leader_ = core_->leader();
    told_term_ = core_->term();
    if (other && told_leader_ == self_)
      base::log::info("raft", "{} leads its group in term {}", own_, told_term_);
    tell_leader(self);
  }
  note_lead(self);
  const bool reachable = bool{core_->leader()};
  if (told_quorum_ != reachable) {
    told_quorum_ = reachable;
    tell_quorum(self);
  }
}

void member::arm(process& self) {
  // A quiescent member knows its leader, and says hello to no member.
  const bool is_quiescent = core_ != nullptr && core_->is_quiescent();
  base::nanos due = is_quiescent ? runtime::no_deadline : next_hello_;
  if (core_ != nullptr) due = std::min(due, core_->wake());
  if (phase_ == phase::again) due = std::min(due, again_at_);
  if (machine_at_ != 0) due = std::min(due, machine_at_);
  if (!came_again_.empty()) due = std::min(due, came_again_.front().first);
  if (!append_due_.empty()) due = std::min(due, append_due_.front().first);
  if (!query_due_.empty()) due = std::min(due, query_due_.front().first);
  if (due == runtime::no_deadline) return;
  if (armed_ != 0 && armed_ <= due) return;
  if (armed_ != 0) self.cancel_timer(timer_);
  armed_ = std::max<base::nanos>(due, 1);
  timer_ = self.remind(armed_, message::atom("$coppice_raft_tick"));
}

outcome member::handle_info(process& self, const message& m) {
  if (storage_ != nullptr && storage::is_news(self, m)) return take_news(self);
  if (gen::exit_notice exit; gen::read_exit(self, m, exit)) {
    if (machine_ && exit.from == machine_) return lose_machine(self, exit.reason);
    return runtime::carry_on();
  }
  etf::cursor at(m.bytes());
  if (self.origin().notice) {
    if (at.read_atom_is("$coppice_raft_tick")) {
      if (armed_ != 0) self.cancel_timer(timer_);
      armed_ = 0;
      return wake(self);
    }
    if (at.read_atom_is("$coppice_raft_flush")) {
      flush_sent_ = false;
      if (core_ == nullptr) return runtime::carry_on();
      flush(self);
      return carry_out(self);
    }
    if (take_liveness_notice(self, m)) return core_ == nullptr ? runtime::carry_on() : carry_out(self);
    if (at.read_tuple_of(3) && at.read_atom_is(beat_word)) return take_beat(self, at);
    return take_from_machine(self, m);
  }
  std::uint32_t arity = 0;
  std::string_view word;
  if (!at.read_tuple(arity) || arity < 3 || !at.read_atom(word)) return native_server::handle_info(self, m);
  if (word == "raft") {
    take_message(self, origin_name(self), m.bytes());
  } else if (word == hello_word) {
    take_hello(self, m);
  } else if (word == met_word) {
    take_met(self, m);
  } else if (word == check_word) {
    take_check(self, m);
  } else if (word == "raft_ask") {
    take_forwarded(self, m);
  } else if (word == "raft_answer") {
    take_back(self, m);
  } else if (word == where_word) {
    take_where(self, m);
  } else if (word == here_word) {
    take_here(self, m);
  } else {
    return native_server::handle_info(self, m);
  }
  if (core_ == nullptr) {
    publish();
    arm(self);
    return runtime::carry_on();
  }
  return carry_out(self);
}

// An orderly end: another voter is told to stand, so that the group need not wait for an election.
void member::on_stop(process& self, const message& reason) {
  if (core_ != nullptr && runtime::is_orderly(reason) && core_->what() == consensus::role::leader) {
    if (const consensus::progress* const best = best_voter(); best != nullptr) {
      effects_.clear();
      core_->transfer(self.now(), 0, best->id, effects_);
      send_all(self, effects_.messages);
    }
  }
  if (!machine_) return;
  const runtime::reference ended = self.monitor(machine_, true);
  self.exit(machine_, runtime::reasons::shutdown());
  const auto how = self.await(ended, self.now() + stop_patience);
  if (!how && how.error().what == runtime::await_error::kind::timeout)
    self.exit(machine_, runtime::reasons::kill());
}

} // namespace coppice::behaviours::raft
