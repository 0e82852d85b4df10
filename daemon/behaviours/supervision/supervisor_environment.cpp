// SPDX-License-Identifier: MIT
// How a supervisor gives its children another env, and what it does about a child that answered a change too
// late: it is given its former values behind the change, and is started again if it has taken the change and
// does not take them. So what runs is what the answer to the order says. In the process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "behaviours/gen/config_change.hpp"
#include "behaviours/supervision/order_answer.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::process;
using namespace order_answer;

std::shared_ptr<const supervision> supervisor::shared_with(const message& env, pace how) const {
  const bool bounded = how == pace::bounded;
  if (std::ranges::equal(env.bytes(), shared_->env.bytes()) && shared_->bounded == bounded) return shared_;
  auto next = std::make_shared<supervision>(*shared_);
  next->env = env;
  next->bounded = bounded;
  return next;
}

message supervisor::order_environment(process& self, const supervisor_order& order) {
  const auto before = shared_;
  shared_ = shared_with(*order.env);
  std::vector<child*> asked;
  message failure;
  for (child& one : children_.in_start_order()) {
    if (one.state != child_state::running) continue;
    if (order.spared != nullptr && order.spared->contains(one.spec.get())) continue;
    asked.push_back(&one);
    const message refused = renew(self, one, order.spared, order.takes_back);
    if (self.exiting()) return terminating();
    if (!refused) continue;
    failure = refused;
    if (!order.takes_back) break;
    try_if_down(self, one, refused);
  }
  if (failure && !order.takes_back) {
    shared_ = before;
    for (auto one = asked.rbegin(); one != asked.rend(); ++one) {
      const message again = renew(self, **one, nullptr, true);
      if (self.exiting()) return terminating();
      if (again) try_if_down(self, **one, again);
    }
  }
  for (child* const one : asked) leave_if_ignored(*one);
  return failure ? runtime::error_message(failure) : done("updated");
}

void supervisor::try_if_down(process& self, child& one, const message& why) {
  const bool is_down = one.state == child_state::stopped || one.state == child_state::restarting;
  if (is_down) try_again(self, one, {.reason = why});
}

// A child that is stopped here has said `ignore` when it was started anew.
void supervisor::leave_if_ignored(child& one) {
  const bool stays = !simple() && one.spec->restart != restart_type::temporary;
  if (one.state == child_state::stopped && !stays) retire(one);
}

// An actor that does not handle a change is started anew, and one that refuses it too if the change takes
// another one back. An actor that ended meanwhile is started. All of them get the env of shared_.
message supervisor::renew(process& self, child& one, const spared_children& spared, bool takes_back) {
  if (one.spec->is_supervisor()) return renew_below(self, one, spared, takes_back);
  if (one.state == child_state::running) {
    if (std::ranges::equal(one.env.bytes(), shared_->env.bytes())) return {};
    const message former = std::exchange(one.env, shared_->env);
    if (one.secrets == nullptr) {
      const message answer = change_config(self, one.pid, one.args, shared_->env);
      if (self.exiting()) return {};
      if (runtime::is_atom(answer, "ok")) return forget_former(one, values::config), message();
      if (is_late(answer)) {
        if (!takes_back) one.env = former;
        await_former(send_former_config(self, one.pid, one.args, one.env), one, values::config);
        return takes_back ? message() : reason_of(answer);
      }
      if (reason_of(answer) && !takes_back) {
        one.env = former;
        return reason_of(answer);
      }
    }
    halt(self, one, after_halt::comes_again);
    if (self.exiting()) return {};
    // A child of a template is found by the pid of its last process until it runs again.
    simple() ? children_.set_restarting(one) : children_.set_stopped(one);
  }
  one.waits = 0;
  const launched started = start(self, one, shared_->env, pace::bounded);
  return started ? message() : started.error().reason;
}

// A supervisor that does not answer in time may carry out the order later. order_environment() then gives it
// its former env again, by an order that takes this one back.
message supervisor::renew_below(process& self, child& one, const spared_children& spared, bool takes_back) {
  supervisor_order below{supervisor_order::kind::environment, {}, {}, shared_->env, spared};
  below.takes_back = takes_back;
  const message request = shared_->orders->add(std::move(below));
  const base::nanos most = start_patience(*one.spec->supervisor) + stop_patience(*one.spec->supervisor);
  const auto answer = gen::call(self, one.pid, request.bytes(), base::mono_now() + most);
  if (self.exiting()) {
    (void)shared_->orders->take(request.bytes());
    return {};
  }
  if (answer) {
    const message failure = reason_of(*answer);
    if (!failure || takes_back) one.env = shared_->env;
    return failure;
  }
  const bool is_here = answer.error().what == gen::call_error::kind::timeout;
  if (is_here && takes_back) { // it comes to the order
    one.env = shared_->env;
    return {};
  }
  (void)shared_->orders->take(request.bytes());
  return is_here ? reason_of(late(child_label(one), most)) : message();
}

// The answer to former values comes to hear_of_former().
void supervisor::await_former(const runtime::reference& asked, const child& one, values which) {
  former_.push_back({asked, one.pid, which});
}

// The child has taken a later change, so it does not matter whether it took its former values. The answer
// about them is still taken from the mailbox, but has no effect.
void supervisor::forget_former(const child& one, values which) {
  for (former_values& sent : former_)
    if (sent.to == one.pid && sent.which == which) sent.to = {};
}

bool supervisor::hear_of_former(process& self, const message& m) {
  if (former_.empty()) return false;
  auto& names = self.host().nodes();
  etf::cursor end(m.bytes());
  const bool is_end = self.origin().notice && end.read_tuple_of(5) && end.read_atom_is("DOWN");
  etf::cursor answer(m.bytes());
  std::uint32_t length = 0;
  const bool is_answer =
      answer.read_tuple_of(2) && answer.read_list(length) && length == 1 && answer.read_atom_is("alias");
  if (!is_end && !is_answer) return false;
  auto asked = runtime::read_reference(is_end ? end : answer, names);
  if (asked && is_answer) asked = asked->whole(self.self());
  const auto sent = asked ? std::ranges::find(former_, *asked, &former_values::asked) : former_.end();
  if (sent == former_.end()) return false;
  child* const one = children_.find(sent->to);
  former_.erase(sent);
  const bool keeps = is_answer && is_refusal(answer.rest());
  if (keeps && one != nullptr && one->state == child_state::running) start_by_former(self, *one);
  return true;
}

// The specification is the former one, since the change was refused.
void supervisor::start_by_former(process& self, child& one) {
  report::keeps_change(child_label(one));
  halt(self, one, after_halt::comes_again);
  if (self.exiting()) return;
  simple() ? children_.set_restarting(one) : children_.set_stopped(one);
  one.waits = 0;
  const launched started = start(self, one, one.env);
  if (self.exiting()) return;
  if (!started) return try_again(self, one, started.error());
  leave_if_ignored(one);
}

} // namespace coppice::behaviours
