// SPDX-License-Identifier: MIT
// The actor that applies commands: it is started, given entries and queries, asked for snapshots, and started
// again from a snapshot when it crashes. A command that crashes it three times, or a snapshot that it does
// not take, makes the member stop applying; it goes on to store and to vote. In the process's own turn.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr unsigned most_batches = 2; // that the actor has at once
constexpr std::size_t batch_entries = 256;
constexpr std::size_t batch_bytes = 1024 * 1024;
constexpr std::uint64_t crashes_to_park = 3;
// Crashes outside of commands that are borne within a time.
constexpr std::size_t other_crashes_borne = 5;
constexpr base::nanos other_crashes_within = 10 * base::nanos_per_second;
constexpr base::nanos long_save = base::nanos_per_second;
constexpr base::nanos save_again = 10 * base::nanos_per_second; // after it failed, at the earliest
constexpr base::nanos restore_again = 30 * base::nanos_per_second;
// Questions of clients that the actor has at once. No bound of a mailbox counts them, as they are notices.
constexpr std::size_t most_asked = 256;
constexpr std::size_t most_asked_bytes = std::size_t{16} << 20;

// Word | {Word, Why}
bool is_about(const message& reason, std::string_view word) {
  etf::cursor at(reason.bytes());
  std::uint32_t arity = 0;
  if (at.peek() != etf::kind::atom && !at.read_tuple(arity)) return false;
  return at.read_atom_is(word);
}

} // namespace

base::result<std::unique_ptr<runtime::behaviour>> member::make_machine() {
  const child_spec& child = *of_.child;
  auto made = of_.shared->factory->make({child.actor, of_.args, of_.env, of_.label, child.unhandled,
                                         child.postponed, child.options, of_.secrets});
  if (!made) return made;
  const auto* const applies = dynamic_cast<const machine*>(made->get());
  if (applies == nullptr)
    return base::fail(base::errc::invalid, child.actor + " is no actor of the behaviour raft");
  if (progress_ != nullptr) carried_ = std::max(carried_, progress_->carried.load(std::memory_order_relaxed));
  progress_ = applies->progress();
  return made;
}

runtime::spawn_options member::machine_options() const {
  runtime::spawn_options out;
  out.label = of_.label;
  out.link = true;
  out.priority = of_.child->priority;
  out.mailbox = of_.child->mailbox;
  return out;
}

outcome member::spawn_machine(process& self) {
  auto made = make_machine();
  runtime::message_writer why;
  why.tuple(2);
  why.atom("bad_actor");
  if (!made) {
    why.binary(made.error().text);
    return runtime::stop(why.take());
  }
  auto spawned = self.spawn(machine_options(), std::move(*made));
  if (!spawned) {
    why.binary(spawned.error().text);
    return runtime::stop(why.take());
  }
  machine_ = *spawned;
  machine_began_ = false;
  return runtime::carry_on();
}

// An append that an earlier life had is not answered by this one.
void member::begin_machine(process& self) {
  ++run_;
  machine_began_ = true;
  batches_ = 0;
  saving_ = false;
  bytes_since_ = 0;
  const consensus::snapshot_meta& from = core_->snapshot();
  no_snapshots_ = false; // its code may be another one
  next_save_ = 0;
  save_pause_.reset();
  ask_again();
  sent_ = applied_ = from.index;
  run_serial_ = 0;
  machine_version_ = saved_version_ = from.version;
  has_state_ = from.index != 0;
  told_compacted_ = core_->log().base();
  behind_bytes_ = weight_of(applied_, may_apply_);
  std::vector<token> lost;
  for (const auto& [index, of] : committed_)
    if (index <= sent_) lost.push_back(of);
  std::erase_if(committed_, [this](const auto& one) { return one.first <= sent_; });
  for (const token of : lost) answer(self, of, runtime::error_message(message::atom("timeout")));
  if (from.index != 0 && !known_versions().has(from.version)) {
    machine_began_ = false;
    return park_without(self, from.version);
  }
  message_writer out(static_cast<std::size_t>(from.size) + 256);
  begin_body(out);
  out.tuple(4);
  out.atom(begin_word);
  out.unsigned_integer(membership_.clients);
  if (from.index == 0) {
    out.atom("undefined");
  } else if (auto bytes = storage_->whole(from)) {
    out.binary(std::string_view(*bytes));
  } else {
    machine_began_ = false;
    return park(self, parked::snapshot, 0, bytes.error().text);
  }
  out.unsigned_integer(options_->check);
  tell_machine(self, out);
  std::erase_if(skips_, [&](const auto& one) { return one.second <= from.index; });
  tell_all(self);
}

void member::tell_all(process& self) {
  // The actor has heard of a skip before the skip's entry. Behind that entry it would skip a later command.
  for (const auto& [serial, index] : skips_)
    if (index > sent_) tell_skip(self, serial);
  // At the first start tell_changes() does this.
  if (told_members_ == core_->members()) tell_members(self);
  if (told_any_leader_) tell_leader(self);
  if (told_quorum_) tell_quorum(self);
  if (leads_from_ != 0) tell_lead(self);
}

void member::begin_body(message_writer& out) const {
  out.tuple(3);
  out.atom(machine_tag);
  out.unsigned_integer(run_);
}

void member::tell_machine(process& self, message_writer& body) {
  message m = body.take();
  if (!m || !machine_) return;
  self.notify(machine_, std::move(m));
}

void member::feed(process& self) {
  if (!has_machine() || !machine_began_) return;
  ask_validations(self);
  const consensus::raft_log& log = core_->log();
  while (sent_ < may_apply_ && batches_ < most_batches) {
    // Below: a snapshot is on its way, which begins the actor anew.
    if (sent_ < log.base()) return;
    const std::size_t most = std::min<std::size_t>(batch_entries, may_apply_ - sent_);
    auto entries = log.slice(sent_ + 1, most, batch_bytes);
    if (entries.empty()) return;
    consensus::machine_version lacking = 0;
    entries = entries.first(batch_length(entries, lacking));
    if (entries.empty()) return park_without(self, lacking);
    message_writer out(4096);
    begin_body(out);
    out.tuple(2);
    out.atom(apply_word);
    out.list(static_cast<std::uint32_t>(entries.size()));
    for (const consensus::entry& one : entries) {
      ++sent_;
      bytes_since_ += one.weight();
      has_state_ = has_state_ || one.kind == consensus::entry_kind::command;
      if (one.kind == consensus::entry_kind::version)
        note_version_sent(static_cast<consensus::machine_version>(one.sequence));
      out.tuple(6);
      out.unsigned_integer(sent_);
      out.unsigned_integer(static_cast<std::uint64_t>(one.kind));
      out.unsigned_integer(one.client);
      out.unsigned_integer(one.sequence);
      out.boolean(committed_.contains(sent_));
      out.binary(one.body.bytes());
    }
    out.nil();
    tell_machine(self, out);
    ++batches_;
  }
  if (log.base() > told_compacted_) {
    told_compacted_ = log.base();
    message_writer out;
    begin_body(out);
    out.tuple(2);
    out.atom(compacted_word);
    out.unsigned_integer(told_compacted_);
    tell_machine(self, out);
  }
  ask_queries(self);
  take_snapshot(self);
}

// The actor answers in order, so a query may be asked as soon as all entries before it are sent.
void member::ask_queries(process& self) {
  for (std::size_t left = reads_.size(); left > 0 && may_ask_more(); --left) {
    const consensus::ready_read one = reads_.front();
    reads_.pop_front();
    const auto found = waiting_.find(one.token);
    if (found == waiting_.end()) continue;
    if (one.index > sent_) {
      reads_.push_back(one);
      continue;
    }
    ask(self, one.token, one.index, true);
  }
}

void member::ask_validations(process& self) {
  while (!to_validate_.empty() && may_ask_more()) {
    const token of = to_validate_.front();
    to_validate_.pop_front();
    if (waiting_.contains(of)) ask(self, of, 0, false);
  }
}

bool member::may_ask_more() const {
  return asked_.size() < most_asked && asked_bytes_ < most_asked_bytes;
}

void member::ask(process& self, token of, consensus::log_index index, bool query) {
  const waiting& call = waiting_.at(of);
  const message& what = call.body;
  const bool gets = call.what == waiting::kind::get;
  message_writer out(what.size() + 64);
  begin_body(out);
  out.tuple(3);
  out.atom(gets ? get_word : query ? query_word : validate_word);
  out.unsigned_integer(of);
  if (gets)
    out.unsigned_integer(call.sequence);
  else
    out.raw(what.bytes());
  asked_.push_back({of, index, query, what.size()});
  asked_bytes_ += what.size();
  tell_machine(self, out);
}

void member::asked_is_answered(token of) {
  const auto found = std::ranges::find(asked_, of, &asked::of);
  if (found == asked_.end()) return;
  asked_bytes_ -= found->bytes;
  asked_.erase(found);
}

void member::ask_again() {
  for (auto one = asked_.rbegin(); one != asked_.rend(); ++one) {
    if (one->query)
      reads_.push_front({one->of, one->index});
    else
      to_validate_.push_front(one->of);
  }
  asked_.clear();
  asked_bytes_ = 0;
}

void member::take_snapshot(process& self) {
  if (saving_ || storage_->is_storing() || full_ || self.now() < next_save_) return;
  // After a change of the version at once: later code need not know the version of the snapshot before.
  const bool other_version = machine_version_ != saved_version_;
  const bool due = sent_ >= snapshot_at_ + options_->snapshot_entries ||
                   ((bytes_since_ >= options_->snapshot_bytes || other_version) && sent_ > snapshot_at_);
  if (!due) return;
  saving_ = true;
  saved_version_ = machine_version_;
  bytes_since_ = 0;
  message_writer out;
  begin_body(out);
  out.atom(save_word);
  tell_machine(self, out);
}

outcome member::take_from_machine(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::uint64_t run = 0;
  std::uint32_t arity = 0;
  std::string_view word;
  if (!at.read_tuple_of(3) || !at.read_atom_is(machine_tag) || !at.read_unsigned(run))
    return runtime::carry_on();
  if (run != run_ || core_ == nullptr) return runtime::carry_on();
  if (!at.read_tuple(arity) || !at.read_atom(word)) return runtime::carry_on();
  if (word == applied_word) {
    take_applied(self, at, m);
  } else if (word == queried_word || word == validated_word) {
    token of = 0;
    etf::bytes said;
    if (!at.read_unsigned(of)) return runtime::carry_on();
    asked_is_answered(of);
    const bool accepted = word == validated_word && at.peek() == etf::kind::atom;
    if (!at.read_term(said)) return runtime::carry_on();
    if (!accepted) {
      answer(self, of, m.slice(said));
    } else if (const auto found = waiting_.find(of); found != waiting_.end()) {
      const message command = std::exchange(found->second.body, {});
      propose(self, of, consensus::entry_kind::command, command.bytes());
    }
  } else if (word == got_word) {
    take_got(self, at);
  } else if (word == checked_word) {
    take_checked(self, at);
  } else if (word == came_word) {
    take_came(self, at, m);
  } else if (word == saved_word) {
    take_saved(self, at);
  } else if (word == not_saved_word) {
    etf::bytes why;
    at.read_binary(why);
    lose_save(self, base::as_text(why));
  }
  return carry_out(self);
}

// {Index, Serial, Clients, [{Index, Answer}]}
void member::take_applied(process& self, etf::cursor at, const message& m) {
  std::uint64_t index = 0;
  std::uint32_t count = 0;
  if (!at.read_unsigned(index) || !at.read_unsigned(serial_) || !at.read_unsigned(sessions_) ||
      !at.read_list(count))
    return;
  behind_bytes_ -= std::min(behind_bytes_, weight_of(applied_, index));
  applied_ = index;
  run_serial_ = serial_;
  if (batches_ > 0) --batches_;
  for (; count > 0; --count) {
    etf::bytes said;
    if (!at.read_tuple_of(2) || !at.read_unsigned(index) || !at.read_term(said)) return;
    const auto found = committed_.find(index);
    if (found == committed_.end()) continue;
    const token of = found->second;
    committed_.erase(found);
    if (const auto one = waiting_.find(of); one != waiting_.end())
      counters_->appends.observe(static_cast<double>(self.now() - one->second.began) /
                                 base::nanos_per_second);
    answer(self, of, m.slice(said));
  }
}

// {Token, Index, Reply}, which makes {ok, Command, Reply} with the log's entry.
void member::take_got(process& self, etf::cursor at) {
  token of = 0;
  std::uint64_t index = 0;
  etf::bytes reply;
  if (!at.read_unsigned(of) || !at.read_unsigned(index) || !at.read_term(reply)) return;
  asked_is_answered(of);
  const consensus::raft_log& log = core_->log();
  const bool is_there = index > log.base() && index <= log.last();
  etf::bytes command;
  etf::cursor in(is_there ? log.at(index).body.bytes() : etf::bytes());
  // {Time, Random, Command}
  if (!is_there || !in.read_tuple_of(3) || !in.skip() || !in.skip() || !in.read_term(command))
    return answer(self, of, runtime::error_message(message::atom("compacted")));
  message_writer out(command.size() + reply.size() + 32);
  out.tuple(3);
  out.atom("ok");
  out.raw(command);
  out.raw(reply);
  answer(self, of, out.take());
}

// {Index, Snapshot, Microseconds}
void member::take_saved(process& self, etf::cursor at) {
  saving_ = false;
  std::uint64_t index = 0;
  std::uint64_t us = 0;
  etf::bytes bytes;
  if (!at.read_unsigned(index) || !at.read_binary(bytes) || !at.read_unsigned(us)) return;
  if (static_cast<base::nanos>(us) * 1000 > long_save)
    base::log::warning("raft", "{}: save_state took {} ms, and nothing was applied meanwhile", own_,
                       us / 1000);
  if (bytes.size() > largest_state)
    return lose_save(self,
                     fmt::format("its state has {} bytes, and {} are the most", bytes.size(), largest_state));
  no_snapshots_ = false;
  save_pause_.reset();
  if (index <= core_->snapshot().index || storage_->is_storing()) return;
  consensus::snapshot_meta meta = core_->describe(index);
  if (meta.index == 0) return;
  meta.size = bytes.size();
  meta.digest = digest_of(bytes);
  snapshot_at_ = index;
  if (auto put = storage_->keep(meta, consensus::payload(bytes)); !put)
    base::log::warning("raft", "{} could not store a snapshot: {}", own_, put.error().text);
}

// Memory may be there later, and code that saves may come with a reload.
void member::lose_save(process& self, std::string_view why) {
  saving_ = false;
  if (!no_snapshots_) base::log::error("raft", "{} could take no snapshot, so its log grows: {}", own_, why);
  no_snapshots_ = true;
  saved_version_ = core_->snapshot().version;
  next_save_ = self.now() + std::max(save_again, save_pause_.next(self.now()));
}

outcome member::lose_machine(process& self, const message& reason) {
  machine_ = {};
  machine_began_ = false;
  saving_ = false;
  const std::uint64_t serial = progress_->applying.load(std::memory_order_relaxed);
  // A command that ends the actor does so in all members and after each start, whatever the reason says.
  if (serial == 0 && runtime::is_orderly(reason)) return runtime::stop(reason);
  if (etf::cursor(reason.bytes()).read_atom_is(has_skipped_reason)) {
    base::log::info("raft", "{}: its actor begins again without a command that its group passes over", own_);
    checks_ = {}; // what the actor has told last is of the state with the command
    return raise_machine(self);
  }
  counters_->crashes.add_alone();
  if (is_about(reason, "bad_snapshot")) {
    park(self, parked::snapshot, 0, "its actor does not take it: " + runtime::shown(reason));
    return core_ == nullptr ? runtime::carry_on() : carry_out(self);
  }
  if (is_about(reason, bad_version_reason)) {
    parked_version_ = machine_version_;
    park(self, parked::version, 0,
         fmt::format("applies nothing: its actor cannot go over to version {} of its group: {}",
                     parked_version_, runtime::shown(reason)));
    return core_ == nullptr ? runtime::carry_on() : carry_out(self);
  }
  base::log::error("raft", "{}: the actor that applies commands crashed{}: {}", own_,
                   serial == 0 ? std::string() : fmt::format(" at serial {}", serial),
                   runtime::shown(reason));
  // It answers in order, so outside of a command it crashed at the first question.
  if (serial == 0 && !asked_.empty()) {
    const token of = asked_.front().of;
    asked_is_answered(of);
    answer(self, of, runtime::error_message(message::atom("timeout")));
  }
  ask_again();
  if (serial != 0) {
    crashes_ = crashed_at_ == serial ? crashes_ + 1 : 1;
    crashed_at_ = serial;
    if (crashes_ >= crashes_to_park) {
      park(self, parked::command, serial, runtime::shown(reason));
      return core_ == nullptr ? runtime::carry_on() : carry_out(self);
    }
  } else {
    const base::nanos now = self.now();
    other_crashes_.push_back(now);
    while (now - other_crashes_.front() > other_crashes_within) other_crashes_.pop_front();
    if (other_crashes_.size() > other_crashes_borne) return runtime::stop(reason);
  }
  // All that the snapshot has not is applied again. Commands that crash it one after the other must not make
  // the member do nothing else.
  const base::nanos pause = crash_pause_.next(self.now());
  if (pause == 0) return raise_machine(self);
  machine_at_ = self.now() + pause;
  if (core_ != nullptr) return carry_out(self);
  arm(self);
  return runtime::carry_on();
}

outcome member::begin_anew(process& self) {
  unpark();
  crashes_ = 0;
  crash_pause_.reset();
  machine_at_ = 0;
  if (!machine_)
    if (outcome spawned = spawn_machine(self); spawned.stops()) return spawned;
  begin_machine(self);
  return runtime::carry_on();
}

bool member::note_skips(process& self, consensus::log_index upto) {
  bool passes = false;
  const consensus::raft_log& log = core_->log();
  for (consensus::log_index i = std::max(may_apply_, log.base()) + 1; i <= std::min(upto, log.last()); ++i) {
    const consensus::entry& one = log.at(i);
    if (one.kind != consensus::entry_kind::skip) continue;
    skips_[one.sequence] = i;
    checks_.forget_from(one.sequence);
    base::log::warning("raft", "{}: its group passes over the command at serial {}", own_, one.sequence);
    // The state may differ only since it has the command.
    const bool has_it = parked_for_ == parked::differs && one.sequence <= parked_;
    if (has_it || crashing_serial() == one.sequence)
      passes = true;
    else if (has_machine() && machine_began_)
      tell_skip(self, one.sequence);
  }
  return passes;
}

void member::tell_skip(process& self, std::uint64_t serial) {
  message_writer out;
  begin_body(out);
  out.tuple(2);
  out.atom(skip_word);
  out.unsigned_integer(serial);
  tell_machine(self, out);
}

outcome member::raise_machine(process& self) {
  machine_at_ = 0;
  if (parked_for_ == parked::snapshot || parked_for_ == parked::version)
    parked_for_ = parked::nothing; // park() says if it is not
  if (!machine_)
    if (outcome spawned = spawn_machine(self); spawned.stops()) return spawned;
  if (core_ == nullptr) {
    arm(self);
    return runtime::carry_on();
  }
  begin_machine(self);
  return carry_out(self);
}

void member::park(process& self, parked what, std::uint64_t serial, std::string why) {
  if (what == parked::command)
    base::log::error("raft",
                     "{} applies nothing any more: the command at serial {} has crashed its actor {} times",
                     own_, serial, crashes_);
  else if (what == parked::differs || (what == parked::version && why != parked_why_))
    base::log::error("raft", "{} {}", own_, why);
  else if (what == parked::snapshot && why != parked_why_)
    base::log::error("raft", "{} applies nothing, as it has no use for its snapshot: {}", own_, why);
  parked_for_ = what;
  parked_ = serial;
  parked_why_ = std::move(why);
  // Other code may take the snapshot, and the leader may send a newer one.
  const bool tries_again = what == parked::snapshot || (what == parked::version && !machine_);
  machine_at_ = tries_again ? self.now() + restore_again : 0;
  const auto refuse = [&](token of, std::string_view said) {
    answer(self, of, runtime::error_message(message::atom(said)));
  };
  // An actor that only lacks newer code answers what it has.
  const bool answers = what == parked::version && machine_ && machine_began_;
  if (!answers) ask_again();
  for (const consensus::ready_read& one : std::exchange(reads_, {})) refuse(one.token, "parked");
  for (const token of : std::exchange(to_validate_, {})) refuse(of, "parked");
  std::vector<token> done; // and yet it is not known what was answered
  for (const auto& [index, of] : committed_)
    if (!answers || index > sent_) done.push_back(of);
  std::erase_if(committed_, [&](const auto& one) { return !answers || one.first > sent_; });
  for (const token of : done) refuse(of, "timeout");
  if (core_ != nullptr) hand_over(self);
}

void member::unpark() {
  parked_for_ = parked::nothing;
  parked_ = 0;
  parked_why_.clear();
  checks_ = {}; // of a state that it has no longer
}

// The other members may be as unable as this one, so that the lead would go round: it goes more and more
// rarely.
void member::hand_over(process& self) {
  if (parked_for_ == parked::nothing || core_->what() != consensus::role::leader) return;
  if (self.now() < hand_over_at_) return;
  const consensus::progress* const to = best_voter();
  if (to == nullptr) return;
  hand_over_at_ = self.now() + std::max(options_->election, hand_over_pause_.next(self.now()));
  core_->transfer(self.now(), 0, to->id, effects_);
}

void member::tell_leader(process& self) {
  if (!has_machine() || !machine_began_) return;
  message_writer out;
  begin_body(out);
  out.tuple(3);
  out.atom(leader_word);
  const consensus::member* const leader = core_->members().find(told_leader_);
  if (leader == nullptr)
    out.atom("undefined");
  else
    write_address(out, leader->address);
  out.unsigned_integer(told_term_);
  tell_machine(self, out);
}

void member::tell_quorum(process& self) {
  if (!has_machine() || !machine_began_) return;
  message_writer out;
  begin_body(out);
  out.tuple(3);
  out.atom(quorum_word);
  out.unsigned_integer(core_->members().voters());
  out.boolean(*told_quorum_);
  tell_machine(self, out);
}

void member::tell_members(process& self) {
  if (!has_machine() || !machine_began_) return;
  message_writer out(256);
  begin_body(out);
  out.tuple(2);
  out.atom(members_word);
  write_members(out);
  tell_machine(self, out);
}

} // namespace coppice::behaviours::raft
