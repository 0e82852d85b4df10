// SPDX-License-Identifier: MIT
// A member's part in its group's effects (group_effects.hpp): it tells its actor from which entry on it
// leads, and makes entries of the outcomes of timers and monitors that the actor tells. An entry that the
// core does not take now is tried again as long as the member leads; the next leader's actor learns the
// outcome by itself. In the process's own turn.
#include <algorithm>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/raft/member.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

constexpr base::nanos propose_again = 100 * base::nanos_per_ms;

} // namespace

// Messages of an entry are sent by the leader of the entry's term, and a member leads in a term once, so no
// message is sent twice.
void member::note_lead(process& self) {
  const bool leads = core_->what() == consensus::role::leader;
  const bool told = leads_from_ != 0;
  if (leads ? told && leads_in_ == core_->term() : !told) return;
  forget_came();
  leads_in_ = core_->term();
  const consensus::raft_log& log = core_->log();
  leads_from_ = leads ? log.last_not_above(log.last(), leads_in_ - 1) + 1 : 0;
  tell_lead(self);
}

void member::tell_lead(process& self) {
  if (!has_machine() || !machine_began_) return;
  carried_ = std::max(carried_, progress_->carried.load(std::memory_order_relaxed));
  message_writer out;
  begin_body(out);
  out.tuple(4);
  out.atom(lead_word);
  out.unsigned_integer(leads_from_);
  out.unsigned_integer(carried_);
  out.unsigned_integer(options_->entry_bytes);
  tell_machine(self, out);
}

void member::forget_came() {
  came_.clear();
  came_again_.clear();
}

// {Came}
void member::take_came(process& self, etf::cursor at, const message& m) {
  etf::bytes what;
  if (!at.read_term(what) || core_->what() != consensus::role::leader) return;
  const token of = ++last_token_;
  came_.emplace(of, m.slice(what).compact());
  propose_came(self, of);
}

// {Time, Random, came, Came}, which no client can append: a command is the third element of a tuple of
// three.
void member::propose_came(process& self, token of) {
  const message& what = came_.at(of);
  etf::vector_writer body(what.size() + 64);
  body.tuple(4);
  body.integer(entry_time());
  body.unsigned_integer(base::random_u64());
  body.atom(came_word);
  body.raw(what.bytes());
  consensus::proposal made;
  made.token = of;
  made.kind = consensus::entry_kind::command;
  made.body = consensus::payload(body.take());
  queue_proposal(self, std::move(made));
}

bool member::take_came_outcome(process& self, const consensus::answer& one) {
  using consensus::outcome;
  const auto found = came_.find(one.token);
  if (found == came_.end()) return false;
  switch (one.what) {
    case outcome::overloaded:
    case outcome::transferring:
    case outcome::busy:
    case outcome::timed_out:
      came_again_.emplace_back(self.now() + propose_again, one.token);
      return true;
    case outcome::too_large:
      base::log::error("raft",
                       "{}: what came of a timer or a monitor has more bytes than limits.entry, "
                       "and is not applied",
                       own_);
      break;
    case outcome::committed:
    case outcome::has_leader:
    case outcome::no_leader: // the next leader sets timers and monitors again
    case outcome::invalid:
    case outcome::not_ready:
    case outcome::unknown:
      break;
  }
  came_.erase(found);
  return true;
}

// No more than one batch in a turn: outcomes that were refused together are due together, and there may be
// many MiB of them.
void member::propose_came_again(process& self) {
  const std::size_t before = effects_.writes.size();
  while (!came_again_.empty() && came_again_.front().first <= self.now() &&
         effects_.writes.size() == before) {
    const token of = came_again_.front().second;
    came_again_.pop_front();
    if (came_.contains(of)) propose_came(self, of);
  }
}

} // namespace coppice::behaviours::raft
