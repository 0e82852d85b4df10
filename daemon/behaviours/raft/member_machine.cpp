// SPDX-License-Identifier: MIT
// The actor that applies commands: it is started, begins with a snapshot, is given entries in order and told
// of the group's leader, quorum and members, and its answers are taken. In the process's own turn.
#include <algorithm>

#include "base/bound.hpp"
#include "behaviours/raft/address.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

const base::bound<unsigned> most_batches("raft: batches that the actor has", 2);
const base::bound<std::size_t> batch_entries("raft: entries of a batch for the actor", 256);
constexpr std::size_t batch_bytes = 1024 * 1024;

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

// An append that an earlier life of the actor had is not answered by this life. An actor that is started
// while a snapshot of the leader is on its way to the disk begins once it is there, with effects::restore.
void member::begin_machine(process& self) {
  if (core_->is_restoring()) return;
  ++run_;
  machine_began_ = true;
  batches_ = 0;
  saving_ = false;
  bytes_since_ = 0;
  const consensus::snapshot_meta& from = core_->snapshot();
  no_snapshots_ = false; // the actor's code may have changed
  too_large_state_ = 0;
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
  // The actor has heard of a skip before the skip's entry. After that entry it would skip a later command.
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
    // Entries are missing: a snapshot is on its way, with which the actor begins anew.
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
    const bool accepted =
        word == validated_word && (at.peek() == etf::kind::atom || is_decided_by_log(self, of));
    if (!at.read_term(said)) return runtime::carry_on();
    if (!accepted) {
      answer(self, of, m.slice(said));
    } else if (const auto found = waiting_.find(of); found != waiting_.end()) {
      const message command = std::exchange(found->second.body, {});
      propose_command(self, of, command.bytes());
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
  unapplied_.forget_up_to(applied_);
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
