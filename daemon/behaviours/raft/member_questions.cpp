// SPDX-License-Identifier: MIT
// The questions of clients to the actor that applies commands: queries, commands that `validate` has to
// judge, and what was answered to a serial. The actor answers in order and has a bounded number of questions
// at once. If it ends, they are asked again. In the process's own turn.
#include <algorithm>

#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

// Questions of clients that the actor has at once. No bound of a mailbox counts them, as they are notices.
constexpr std::size_t most_asked = 256;
constexpr std::size_t most_asked_bytes = std::size_t{16} << 20;

} // namespace

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

// Before a leader has committed an entry of its term, its log may lack a command that another member's log
// has, and which is not lost yet.
void member::ask_validations(process& self) {
  if (core_->what() == consensus::role::leader && !core_->established()) return;
  while (!to_validate_.empty() && may_ask_more()) {
    const token of = to_validate_.front();
    to_validate_.pop_front();
    if (waiting_.contains(of)) ask(self, of, 0, false);
  }
}

// `validate` has refused a command, and an earlier try of that command may be in the log and not yet
// applied. Then the caller must not be told that the command is not done: the repeat goes into the log, too,
// which gives both one answer.
bool member::is_decided_by_log(process& self, token of) {
  const auto call = waiting_.find(of);
  if (call == waiting_.end() || call->second.client == 0) return false;
  if (core_->what() != consensus::role::leader) return true; // the core refuses the command
  flush(self);
  unapplied_.follow(core_->log(), core_->term(), applied_);
  return unapplied_.has(call->second.client, call->second.sequence);
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
  out.tuple(query ? 3 : 6);
  out.atom(gets ? get_word : query ? query_word : validate_word);
  out.unsigned_integer(of);
  if (!query) {
    out.unsigned_integer(call.client);
    out.unsigned_integer(call.sequence);
    out.atom(call.node_name);
  }
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

// Makes {ok, Command, Reply} of {Token, Index, Reply} and the log's entry.
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

} // namespace coppice::behaviours::raft
