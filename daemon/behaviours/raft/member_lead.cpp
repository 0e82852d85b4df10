// SPDX-License-Identifier: MIT
// Tells other parts of the node of the lead: the member enters its standing on the node's lead_board, and
// answers the question whether it leads once a majority has confirmed that. In the process's own turn.
#include <utility>

#include "behaviours/raft/member.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours::raft {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message error(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

} // namespace

void member::enter_lead() {
  if (leads_ == nullptr) return;
  lead_board::standing now;
  if (core_ != nullptr && core_->leader())
    now = {true, core_->what() == consensus::role::leader, core_->term()};
  if (std::exchange(entered_, now) != now) leads_->enter(of_.child->name, now);
}

message member::confirm_lead() {
  return message::atom(lead_asked_word);
}

// The question is a read of nothing: a leader that can read has been the leader since the read came.
void member::take_lead_question(process& self, const message& from) {
  waiting one;
  one.what = waiting::kind::lead;
  one.from = from.compact();
  one.began = self.now();
  const consensus::member* const leader = core_ == nullptr ? nullptr : core_->members().find(core_->leader());
  if (leader == nullptr) return answer(self, one, error("no_leader"));
  if (core_->what() != consensus::role::leader) {
    message_writer out;
    out.tuple(2);
    out.atom("led_by");
    out.binary(leader->address);
    return answer(self, one, runtime::error_message(out.take()));
  }
  if (is_overloaded(one, one.from.size())) return answer(self, one, error("overloaded"));
  core_->read(self.now(), keep(self, std::move(one)), effects_);
}

bool member::answer_lead(process& self, token of) {
  const auto found = waiting_.find(of);
  if (found == waiting_.end() || found->second.what != waiting::kind::lead) return false;
  if (core_->what() != consensus::role::leader) {
    answer(self, of, error("no_leader"));
    return true;
  }
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  out.unsigned_integer(core_->term());
  answer(self, of, out.take());
  return true;
}

} // namespace coppice::behaviours::raft
