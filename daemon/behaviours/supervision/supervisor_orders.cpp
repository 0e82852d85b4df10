// SPDX-License-Identifier: MIT
// How a supervisor carries out changes of the configuration: a child is added, removed, replaced or told, or
// the supervisor's flags are exchanged. Its other children do not notice, whatever its strategy. Changes of
// the env are in supervisor_environment.cpp. In the process's own turn.
#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <unordered_map>

#include "behaviours/gen/config_change.hpp"
#include "behaviours/supervision/order_answer.hpp"
#include "behaviours/supervision/supervisor.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::process;
using namespace order_answer;

namespace {

std::optional<engine_order> order_of(const std::shared_ptr<const child_spec>& spec) {
  return spec->kind == nullptr ? std::nullopt : spec->kind->order_for(spec);
}

} // namespace

message supervisor::carry_out(process& self, const supervisor_order& order) {
  using kind = supervisor_order::kind;
  found_child unasked;
  found_child& found = order.found != nullptr ? *order.found : unasked;
  switch (order.what) {
    case kind::add:
      return order_add(self, order.child, found);
    case kind::remove:
      return order_remove(self, *order.child, found);
    case kind::pause:
      return order_pause(self, order.child, found);
    case kind::replace:
      return order_replace(self, order.child, found);
    case kind::reconfigure:
      return order_reconfigure(self, order.child, found);
    case kind::restore:
      return order_restore(self, order.child->id, found);
    case kind::update:
      return order_update(self, order.child);
    case kind::adopt:
      return order_adopt(self, order.whole);
    case kind::environment:
      return order_environment(self, order);
  }
  return done("updated");
}

found_child supervisor::note_of(const child* one) {
  if (one == nullptr) return {.noted = true};
  const bool runs = one->state == child_state::running;
  return {.noted = true,
          .present = true,
          .spec = one->spec,
          .state = one->state,
          .pid = runs ? one->pid : runtime::pid(),
          .env = one->env,
          .rests = one->rests,
          .terminated = one->terminated,
          .awaits = one->awaits,
          .waits = one->waits,
          .wait_began = one->wait_began,
          .due = one->due};
}

message supervisor::order_add(process& self, const std::shared_ptr<const child_spec>& spec,
                              found_child& found) {
  child* const known = children_.find(spec->id.bytes());
  if (known != nullptr) return order_replace(self, spec, found);
  found = note_of(nullptr);
  child& one = children_.append(spec, spec->id, spec->args, spec->secrets);
  const launched started = start(self, one, shared_->env, pace::bounded);
  if (started) {
    if (!*started && spec->restart == restart_type::temporary) children_.remove(one);
    return done("started");
  }
  report::start_failed(child_label(one), started.error().reason, started.error().note);
  children_.remove(one);
  return runtime::error_message(started.error().reason);
}

message supervisor::order_remove(process& self, const child_spec& spec, found_child& found) {
  child* const one = children_.find(spec.id.bytes());
  found = note_of(one);
  if (one == nullptr) return done("stopped");
  halt(self, *one);
  if (self.exiting()) return terminating();
  children_.remove(*one);
  release(self);
  return self.exiting() ? terminating() : done("stopped");
}

message supervisor::order_pause(process& self, const std::shared_ptr<const child_spec>& spec,
                                found_child& found) {
  child* const one = children_.find(spec->id.bytes());
  found = note_of(one);
  if (one == nullptr) return done("stopped");
  halt(self, *one, after_halt::comes_again);
  if (self.exiting()) return terminating();
  children_.set_stopped(*one);
  children_.set_awaits(*one, false); // a step of its own starts it
  children_.respecify(*one, spec);
  return done("stopped");
}

message supervisor::order_replace(process& self, const std::shared_ptr<const child_spec>& spec,
                                  found_child& found) {
  child* const one = children_.find(spec->id.bytes());
  if (one == nullptr) return order_add(self, spec, found);
  found = note_of(one);
  halt(self, *one, after_halt::comes_again);
  if (self.exiting()) return terminating();
  children_.set_stopped(*one);
  children_.respecify(*one, spec);
  one->waits = 0;
  const launched started = start(self, *one, shared_->env, pace::bounded);
  if (started) {
    if (!*started && spec->restart == restart_type::temporary) children_.remove(*one);
    release(self); // also for a child that waited when it was paused
    return done("restarted");
  }
  report::start_failed(child_label(*one), started.error().reason, started.error().note);
  one->kept.reset(); // kept by the kind of the refused specification
  children_.respecify(*one, found.spec);
  // If the child waits for a restart, the notice that ends its wait has not been handled meanwhile.
  (void)put_back(self, *one, found);
  return runtime::error_message(started.error().reason);
}

// Puts the child back as it was found. Returns an error if it ran and does not start; that is tried again.
message supervisor::put_back(process& self, child& one, const found_child& found) {
  one.waits = found.waits;
  one.env = found.env;
  switch (found.state) {
    case child_state::running: {
      const launched again = start(self, one, found.env, pace::bounded);
      if (!again) {
        message reason = again.error().reason;
        if (!self.exiting()) try_again(self, one, again.error());
        return reason;
      }
      if (!*again && one.spec->restart == restart_type::temporary) children_.remove(one);
      return {};
    }
    case child_state::restarting:
      children_.set_restarting(one);
      one.wait_began = found.wait_began;
      one.due = found.due;
      return {};
    case child_state::given_up:
      children_.set_given_up(one);
      return {};
    case child_state::stopped:
      break;
  }
  children_.set_stopped(one);
  children_.set_rests(one, found.rests, found.terminated);
  children_.set_awaits(one, found.awaits);
  return {};
}

// Takes another order back. A process that took the change while it ran is told again, and goes on.
message supervisor::order_restore(process& self, const message& id, const found_child& found) {
  if (!found.noted) return done("updated");
  child* one = children_.find(id.bytes());
  if (!found.present) {
    found_child now;
    return one == nullptr ? done("stopped") : order_remove(self, *one->spec, now);
  }
  const bool ran = found.state == child_state::running;
  if (ran && one != nullptr && one->state == child_state::running) {
    if (one->spec == found.spec) return done("updated");
    if (one->pid == found.pid && told(self, *one, found.spec, found.env)) return done("updated");
    if (self.exiting()) return terminating();
  }
  if (one == nullptr) {
    one = &children_.append(found.spec, found.spec->id, found.spec->args, found.spec->secrets);
  } else {
    halt(self, *one, ran ? after_halt::comes_again : after_halt::stays_down);
    if (self.exiting()) return terminating();
    children_.set_stopped(*one);
    children_.respecify(*one, found.spec);
  }
  const message failure = put_back(self, *one, found);
  if (failure) return runtime::error_message(failure);
  // The notice that the child waited for may have come between the two orders, when it did not wait.
  if (found.state == child_state::restarting) wait_on(self, *one);
  release(self); // the child may have begun to wait between the two orders
  return done("restarted");
}

// Whether a running child has taken the specification, which names the same actor.
bool supervisor::told(process& self, child& one, const std::shared_ptr<const child_spec>& spec,
                      const message& env) {
  if (spec->secrets != nullptr) return false;
  if (tell_options(self, one, *one.spec, *spec)) return false;
  if (!runtime::is_atom(change_config(self, one.pid, spec->args, env), "ok")) return false;
  if (self.exiting()) return false;
  forget_former(one, values::config);
  one.env = env;
  keep_to(self, one, spec);
  return true;
}

message supervisor::order_reconfigure(process& self, const std::shared_ptr<const child_spec>& spec,
                                      found_child& found) {
  child* const one = children_.find(spec->id.bytes());
  // Secrets are read when an actor starts, so an actor that has secrets is started anew.
  if (one == nullptr || one->state != child_state::running || spec->secrets != nullptr)
    return order_replace(self, spec, found);
  found = note_of(one);
  if (message failure = offer_options(self, *one, *spec)) return failure;
  const message old_env = std::exchange(one->env, shared_->env);
  const message answer = change_config(self, one->pid, spec->args, shared_->env);
  if (self.exiting()) return terminating();
  if (runtime::is_atom(answer, "unhandled")) {
    one->env = old_env;
    return order_replace(self, spec, found);
  }
  if (!runtime::is_atom(answer, "ok")) {
    one->env = old_env;
    if (is_late(answer) && one->secrets != nullptr) {
      halt(self, *one, after_halt::comes_again); // no actor can be told secrets
      if (self.exiting()) return terminating();
      children_.set_stopped(*one);
      (void)put_back(self, *one, found);
      return answer;
    }
    // It may take the change later. Then it takes its former arguments again, which are behind the change.
    if (is_late(answer)) {
      await_former(send_former_config(self, one->pid, one->args, old_env), *one, values::config);
      if (!std::ranges::equal(spec->options.bytes(), one->spec->options.bytes()))
        await_former(send_former_options(self, one->pid, one->spec->options), *one, values::options);
      return answer;
    }
    (void)tell_options(self, *one, *spec, *one->spec);
    return answer;
  }
  forget_former(*one, values::config);
  keep_to(self, *one, spec);
  return done("updated");
}

// Applies what a specification says about a child that goes on running, or waiting for its restart.
void supervisor::keep_to(process& self, child& one, const std::shared_ptr<const child_spec>& spec) {
  const auto former = one.spec->backoff;
  children_.respecify(one, spec);
  if (one.state == child_state::running) self.host().set_compression(one.pid, spec->compression);
  if (spec->backoff != former) wait_anew(self, one);
}

message supervisor::order_update(process& self, const std::shared_ptr<const child_spec>& spec) {
  if (simple()) {
    take_template(self, spec);
  } else if (child* const one = children_.find(spec->id.bytes())) {
    if (message failure = offer_options(self, *one, *spec)) return failure;
    if (message failure = tell_engine(self, *one, spec)) {
      if (!self.exiting()) (void)tell_options(self, *one, *spec, *one->spec);
      return failure;
    }
    keep_to(self, *one, spec);
  }
  return done("updated");
}

// Children that share a specification share the one that takes its place.
void supervisor::take_template(process& self, const std::shared_ptr<const child_spec>& spec) {
  template_ = spec;
  std::unordered_map<const child_spec*, std::shared_ptr<const child_spec>> successors;
  for (child& one : children_.in_start_order()) {
    const std::shared_ptr<const child_spec> former = one.spec;
    const bool same = former->restart == spec->restart && former->shutdown == spec->shutdown &&
                      former->start_timeout == spec->start_timeout && former->backoff == spec->backoff;
    if (same) continue;
    std::shared_ptr<const child_spec>& successor = successors[former.get()];
    if (successor == nullptr) {
      auto made = std::make_shared<child_spec>(*former);
      made->restart = spec->restart;
      made->shutdown = spec->shutdown;
      made->start_timeout = spec->start_timeout;
      made->backoff = spec->backoff;
      successor = std::move(made);
    }
    children_.resupervise(one, successor);
    if (successor->backoff != former->backoff) wait_anew(self, one);
  }
}

message supervisor::tell_options(process& self, const child& one, const child_spec& from,
                                 const child_spec& to) {
  if (one.state != child_state::running || std::ranges::equal(from.options.bytes(), to.options.bytes()))
    return {};
  const message answer = change_options(self, one.pid, to.options);
  if (self.exiting()) return terminating();
  if (runtime::is_atom(answer, "ok")) {
    forget_former(one, values::options);
    return {};
  }
  return reason_of(answer) ? answer : runtime::error_message(answer);
}

// A child that does not answer may take the options later. Then it takes its former ones again, which are
// behind them.
message supervisor::offer_options(process& self, const child& one, const child_spec& to) {
  message failure = tell_options(self, one, *one.spec, to);
  if (is_late(failure) && !self.exiting())
    await_former(send_former_options(self, one.pid, one.spec->options), one, values::options);
  return failure;
}

// A child that ends meanwhile starts by the new specification.
message supervisor::tell_engine(process& self, const child& one,
                                const std::shared_ptr<const child_spec>& spec) {
  if (one.state != child_state::running) return {};
  auto told = order_of(spec);
  if (!told) return {};
  const message request = shared_->orders->add(std::move(told->what));
  const auto back = order_of(one.spec); // what has to be stopped may take longer than what has to start
  const base::nanos most = std::max(told->patience, back ? back->patience : 0);
  const auto answer = call_engine(self, one.pid, request, base::mono_now() + most);
  if (self.exiting()) return terminating();
  if (!answer) {
    const bool seen = !shared_->orders->take(request.bytes()).has_value();
    if (answer.error().what != gen::call_error::kind::timeout) return {};
    // The child may still carry out the late order. The next order gives it its former specification again.
    if (auto former = order_of(one.spec); former && seen)
      (void)call_engine(self, one.pid, shared_->orders->add(std::move(former->what)), 0);
    return late(child_label(one), most);
  }
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
  window_.set_limit(whole->intensity, whole->period);
  spec_ = whole;
  children_.set_whole(whole);
  if (simple()) {
    take_template(self, whole->children.front());
  } else {
    children_.arrange(whole->children);
    release(self);
  }
  return done("updated");
}

} // namespace coppice::behaviours
