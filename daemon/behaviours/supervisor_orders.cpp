// SPDX-License-Identifier: MIT
// What a supervisor does when the configuration changes around it: one child added, removed, replaced or
// told, or its own flags exchanged. Its other children hear nothing of it, whatever its strategy. In the
// process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>

#include "behaviours/config_change.hpp"
#include "behaviours/supervisor.hpp"
#include "behaviours/supervisor_report.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

message done(std::string_view what) {
  message_writer out;
  out.tuple(2);
  out.atom("ok");
  out.atom(what);
  return out.take();
}

// Of {error, Reason}; empty: that is no error.
message reason_of(const message& answer) {
  etf::cursor at(answer.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("error") ? answer.slice(at.rest()).compact() : message();
}

message terminating() {
  return runtime::error_message(message::atom("terminating"));
}

} // namespace

message supervisor::carry_out(process& self, const supervisor_order& order) {
  using kind = supervisor_order::kind;
  const message env = order.env.value_or(shared_->env);
  switch (order.what) {
    case kind::add:
      return order_add(self, order.child);
    case kind::remove:
      return order_remove(self, *order.child);
    case kind::replace:
      return order_replace(self, order.child, env);
    case kind::reconfigure:
      return order_reconfigure(self, order.child, env);
    case kind::update:
      return order_update(self, order.child);
    case kind::adopt:
      return order_adopt(self, order.whole);
    case kind::environment:
      return order_environment(self, order);
  }
  return done("updated");
}

message supervisor::order_add(process& self, const std::shared_ptr<const child_spec>& spec) {
  if (children_.find(spec->id.bytes()) != nullptr) return order_replace(self, spec, shared_->env);
  child& one = children_.append(spec, spec->id, spec->args);
  const launched started = start(self, one, shared_->env, most_of_ordered_start);
  if (started) {
    if (!*started && spec->restart == restart_type::temporary) children_.remove(one);
    return done("started");
  }
  report::start_failed(child_label(one), started.error().reason, started.error().note);
  children_.remove(one);
  return runtime::error_message(started.error().reason);
}

message supervisor::order_remove(process& self, const child_spec& spec) {
  child* const one = children_.find(spec.id.bytes());
  if (one == nullptr) return done("stopped");
  halt(self, *one);
  if (self.exiting()) return terminating();
  children_.remove(*one);
  return done("stopped");
}

message supervisor::order_replace(process& self, const std::shared_ptr<const child_spec>& spec,
                                  const message& env) {
  child* const one = children_.find(spec->id.bytes());
  if (one == nullptr) return order_add(self, spec);
  const std::shared_ptr<const child_spec> old = one->spec;
  const message old_env = one->env;
  const bool ran = one->state == child_state::running;
  halt(self, *one, after_halt::comes_again);
  if (self.exiting()) return terminating();
  children_.set_stopped(*one);
  children_.respecify(*one, spec);
  one->waits = 0;
  const launched started = start(self, *one, env, most_of_ordered_start);
  if (started) {
    if (!*started && spec->restart == restart_type::temporary) children_.remove(*one);
    return done("restarted");
  }
  report::start_failed(child_label(*one), started.error().reason, started.error().note);
  children_.respecify(*one, old);
  if (ran) {
    const launched again = start(self, *one, old_env, most_of_ordered_start);
    if (!again) try_again(self, *one, again.error());
  }
  return runtime::error_message(started.error().reason);
}

message supervisor::order_reconfigure(process& self, const std::shared_ptr<const child_spec>& spec,
                                      const message& env) {
  child* const one = children_.find(spec->id.bytes());
  if (one == nullptr || one->state != child_state::running) return order_replace(self, spec, env);
  if (message failure = tell_options(self, *one, *one->spec, *spec)) return failure;
  const message old_env = std::exchange(one->env, env); // as far as anyone knows, also if it does not answer
  const message answer = change_config(self, one->pid, spec->args, env);
  if (self.exiting()) return terminating();
  if (runtime::is_atom(answer, "unhandled")) {
    one->env = old_env;
    return order_replace(self, spec, env);
  }
  if (!runtime::is_atom(answer, "ok")) {
    (void)tell_options(self, *one, *spec, *one->spec);
    return answer;
  }
  keep_to(self, *one, spec);
  return done("updated");
}

// What of a specification holds for a child that goes on running.
void supervisor::keep_to(process& self, child& one, const std::shared_ptr<const child_spec>& spec) {
  children_.respecify(one, spec);
  if (one.state == child_state::running) self.host().set_compression(one.pid, spec->compression);
}

message supervisor::order_update(process& self, const std::shared_ptr<const child_spec>& spec) {
  if (simple()) {
    template_ = spec;
  } else if (child* const one = children_.find(spec->id.bytes())) {
    if (message failure = tell_options(self, *one, *one->spec, *spec)) return failure;
    if (message failure = tell_engine(self, *one, spec)) return failure;
    keep_to(self, *one, spec);
  }
  return done("updated");
}

message supervisor::tell_options(process& self, const child& one, const child_spec& from,
                                 const child_spec& to) {
  if (one.state != child_state::running || std::ranges::equal(from.options.bytes(), to.options.bytes()))
    return {};
  const message answer = change_options(self, one.pid, to.options);
  if (self.exiting()) return terminating();
  if (runtime::is_atom(answer, "ok")) return {};
  return reason_of(answer) ? answer : runtime::error_message(answer);
}

// One that ends meanwhile starts by the new one.
message supervisor::tell_engine(process& self, const child& one,
                                const std::shared_ptr<const child_spec>& spec) {
  if ((spec->pool == nullptr && spec->tcp == nullptr) || one.state != child_state::running) return {};
  const message request = shared_->orders->lay_down(specification_order{spec});
  const base::nanos drain = spec->pool != nullptr ? spec->pool->drain : 0;
  const auto answer = call_engine(self, one.pid, request, base::mono_now() + most_of_ordered_start + drain);
  if (self.exiting()) return terminating();
  if (!answer) return (void)shared_->orders->fetch(request.bytes()), message();
  return runtime::is_atom(*answer, "ok") ? message() : *answer;
}

message supervisor::order_adopt(process& self, const std::shared_ptr<const supervisor_spec>& whole) {
  if (whole->name != spec_->name) {
    if (!spec_->name.empty()) (void)self.unregister();
    const base::status named = whole->name.empty() ? base::status() : self.register_name(whole->name);
    if (!named) {
      if (!spec_->name.empty()) (void)self.register_name(spec_->name);
      message_writer why;
      why.tuple(2);
      why.atom("name_taken");
      why.atom(whole->name);
      return runtime::error_message(why.take());
    }
  }
  if (whole->intensity != spec_->intensity || whole->period != spec_->period) {
    window_ = restart_window(whole->intensity, whole->period);
  }
  spec_ = whole;
  if (simple()) {
    template_ = whole->children.front();
  } else {
    children_.arrange(whole->children);
  }
  return done("updated");
}

std::shared_ptr<const supervision> supervisor::shared_with(const message& env) const {
  if (std::ranges::equal(env.bytes(), shared_->env.bytes())) return shared_;
  auto next = std::make_shared<supervision>(*shared_);
  next->env = env;
  return next;
}

message supervisor::order_environment(process& self, const supervisor_order& order) {
  const auto before = shared_;
  shared_ = shared_with(*order.env);
  std::vector<child*> asked;
  for (child& one : children_.in_start_order()) {
    if (one.state != child_state::running) continue;
    if (order.spared != nullptr && order.spared->contains(one.spec.get())) continue;
    asked.push_back(&one);
    const message failure = renew(self, one, order.spared);
    if (self.exiting()) return terminating();
    if (!failure) continue;
    shared_ = before;
    while (!asked.empty() && !self.exiting()) {
      child& back = *asked.back();
      asked.pop_back();
      const message again = renew(self, back, nullptr);
      if (again && back.state == child_state::stopped) try_again(self, back, {.reason = again});
    }
    return runtime::error_message(failure);
  }
  for (child* const one : asked) {
    const bool ignored = one->state == child_state::stopped && one->spec->restart == restart_type::temporary;
    if (ignored) children_.remove(*one);
  }
  return done("updated");
}

// An actor without use for a change is started anew, one that ended meanwhile will be: both with the new env.
message supervisor::renew(process& self, child& one, const spared_children& spared) {
  if (one.spec->is_supervisor()) {
    supervisor_order below{supervisor_order::kind::environment, {}, {}, shared_->env, spared};
    const message request = shared_->orders->lay_down(std::move(below));
    const auto answer = gen::call(self, one.pid, request.bytes(), runtime::no_deadline);
    if (!answer) return (void)shared_->orders->fetch(request.bytes()), message();
    const message failure = reason_of(*answer);
    if (!failure) one.env = shared_->env;
    return failure;
  }
  if (one.state == child_state::running) {
    if (std::ranges::equal(one.env.bytes(), shared_->env.bytes())) return {};
    one.env = shared_->env; // as far as anyone knows, also if it does not answer
    const message answer = change_config(self, one.pid, one.args, shared_->env);
    if (self.exiting() || !runtime::is_atom(answer, "unhandled")) return reason_of(answer);
    halt(self, one, after_halt::comes_again);
    if (self.exiting()) return {};
    children_.set_stopped(one);
  }
  one.waits = 0;
  const launched started = start(self, one, shared_->env, most_of_ordered_start);
  return started ? message() : started.error().reason;
}

} // namespace coppice::behaviours
