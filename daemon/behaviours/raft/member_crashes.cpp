// SPDX-License-Identifier: MIT
// An actor that ends is started again from a snapshot, after a pause that grows. A command that crashes it
// three times, or a snapshot that it does not take, makes the member stop applying (`parked`); it goes on to
// store and to vote, and leaves the lead to another member. In the process's own turn.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
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

constexpr std::uint64_t crashes_to_park = 3;
// Most crashes outside of commands within this time. After more of them the member ends.
constexpr std::size_t other_crashes_borne = 5;
constexpr base::nanos other_crashes_within = 10 * base::nanos_per_second;
constexpr base::nanos restore_again = 30 * base::nanos_per_second;

// Word | {Word, Why}
bool is_about(const message& reason, std::string_view word) {
  etf::cursor at(reason.bytes());
  std::uint32_t arity = 0;
  if (at.peek() != etf::kind::atom && !at.read_tuple(arity)) return false;
  return at.read_atom_is(word);
}

} // namespace

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
  // The actor answers in order, so outside of a command it crashed at the first question.
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
  // All commands after the snapshot are applied again. Commands that crash the actor one after the other
  // must not keep the member from everything else.
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
    // The state may differ only because it has the command.
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
    parked_for_ = parked::nothing; // park() is called again if it still cannot apply
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
  // An actor that only lacks newer code answers from the state that it has.
  const bool answers = what == parked::version && machine_ && machine_began_;
  if (!answers) ask_again();
  for (const consensus::ready_read& one : std::exchange(reads_, {})) refuse(one.token, "parked");
  for (const token of : std::exchange(to_validate_, {})) refuse(of, "parked");
  std::vector<token> done; // their commands are committed, but the reply is not known
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
  checks_ = {}; // of a state that the actor has no longer
}

// The other members may be as unable to apply as this one, and would pass the lead round. So the pauses
// between two transfers grow.
void member::hand_over(process& self) {
  if (parked_for_ == parked::nothing || core_->what() != consensus::role::leader) return;
  if (self.now() < hand_over_at_) return;
  const consensus::progress* const to = best_voter();
  if (to == nullptr) return;
  hand_over_at_ = self.now() + std::max(options_->election, hand_over_pause_.next(self.now()));
  core_->transfer(self.now(), 0, to->id, effects_);
}

} // namespace coppice::behaviours::raft
