// SPDX-License-Identifier: MIT
// The calls that have no answer yet: how many a member keeps, of all and of one other node, when they end
// without one, and what a caller is told. In the process's own turn.
#include <algorithm>

#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

// Most bytes of the queries and commands that wait, and of the addresses of their callers: in all, and of
// one other node. One node cannot fill the room for what the leader has appended and not committed.
constexpr std::size_t most_waiting_bytes = std::size_t{64} << 20;
constexpr std::size_t most_waiting_bytes_of_node = std::size_t{16} << 20;

message error(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

} // namespace

// A single call is accepted, however large it is. One other node has half of the calls at most.
bool member::is_overloaded(const waiting& by, std::size_t more) const {
  if (waiting_.size() >= options_->pending ||
      (waiting_bytes_ > 0 && waiting_bytes_ + more > most_waiting_bytes))
    return true;
  const auto share = shares_.find(by.node);
  return share != shares_.end() &&
         (share->second.calls >= std::max(options_->pending / 2, 1U) ||
          (share->second.bytes > 0 && share->second.bytes + more > most_waiting_bytes_of_node));
}

member::token member::keep(process& self, waiting one) {
  const token made = ++last_token_;
  const bool query =
      one.what == waiting::kind::query || one.what == waiting::kind::get || one.what == waiting::kind::lead;
  auto& due = query ? query_due_ : append_due_;
  due.emplace_back(self.now() + (query ? options_->query_timeout : options_->append_timeout), made);
  // The caller chooses the tag of its From, so that counts too.
  one.held = std::max(one.held, one.body.size()) + one.from.size();
  waiting_bytes_ += one.held;
  if (one.node != 0) {
    node_share& share = shares_[one.node];
    ++share.calls;
    share.bytes += one.held;
  }
  waiting_.emplace(made, std::move(one));
  return made;
}

void member::expire(process& self) {
  for (auto* const due : {&append_due_, &query_due_}) {
    while (!due->empty()) {
      const auto [at, of] = due->front();
      const bool waits = waiting_.contains(of);
      if (waits && at > self.now()) break;
      due->pop_front();
      if (!waits) continue;
      if (skip_ && skip_->of == of && core_ != nullptr)
        refuse_skip(self); // some voters have not answered, and nothing was appended
      else
        answer(self, of, error("timeout"));
    }
  }
  // An actor that hangs is asked nothing more. Calls that have their answer are removed.
  if (reads_.size() + to_validate_.size() > 2 * std::size_t{options_->pending}) {
    std::erase_if(reads_, [this](const consensus::ready_read& one) { return !waiting_.contains(one.token); });
    std::erase_if(to_validate_, [this](token of) { return !waiting_.contains(of); });
  }
}

void member::answer(process& self, const waiting& to, message term) {
  if (to.back.empty()) {
    gen::reply_at_once(self, to.from, term); // a slow client must not cost the group its leader
    return;
  }
  message_writer out(term.size() + 32);
  out.tuple(3);
  out.atom("raft_answer");
  out.unsigned_integer(to.number);
  out.raw(term.bytes());
  send_to(self, to.back, out.take());
}

void member::answer(process& self, token to, message term) {
  const auto found = waiting_.find(to);
  if (found == waiting_.end()) return;
  const waiting one = std::move(found->second);
  waiting_.erase(found);
  waiting_bytes_ -= one.held;
  if (const auto share = shares_.find(one.node); share != shares_.end()) {
    share->second.bytes -= one.held;
    if (--share->second.calls == 0) shares_.erase(share);
  }
  answer(self, one, std::move(term));
}
void member::answer_outcome(process& self, const consensus::answer& one) {
  using consensus::outcome;
  if (take_came_outcome(self, one)) return;
  const auto found = waiting_.find(one.token);
  if (found == waiting_.end()) return;
  const waiting::kind what = found->second.what;
  const auto refuse = [&](std::string_view why) {
    answer(self, one.token, runtime::error_message(message::atom(why)));
  };
  switch (one.what) {
    case outcome::committed:
      if (what == waiting::kind::append) {
        if (one.index <= sent_) return refuse("timeout"); // the actor has it, and was not asked for an answer
        if (parked_for_ != parked::nothing) return refuse("timeout");
        committed_[one.index] = one.token;
      } else if (what == waiting::kind::session) {
        message_writer out;
        out.tuple(2);
        out.atom("ok");
        out.unsigned_integer(one.index);
        answer(self, one.token, out.take());
      } else {
        answer(self, one.token, message::atom("ok"));
      }
      return;
    case outcome::has_leader:
      return refuse("has_leader");
    case outcome::no_leader:
      return refuse("no_leader");
    case outcome::overloaded:
      return refuse("overloaded");
    case outcome::too_large:
      return refuse("too_large");
    case outcome::transferring:
      // The request was not done, as without a leader; the next leader is near.
      return refuse(what == waiting::kind::change ? "transferring" : "no_leader");
    case outcome::busy:
      return refuse("busy");
    case outcome::invalid:
      return refuse("invalid");
    case outcome::not_ready:
      return refuse_upgrade(self, one.token);
    case outcome::timed_out:
    case outcome::unknown:
      return refuse("timeout");
  }
}

} // namespace coppice::behaviours::raft
