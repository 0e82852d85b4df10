// SPDX-License-Identifier: MIT
// The order of events is that of lib/stdlib supervisor.erl. A child is out of the table, or marked stopped,
// before its siblings are touched. A start that fails during a restart is tried again by a message of the
// supervisor to itself, so that a request to stop gets in between; each try counts against the intensity. If
// a child has a backoff, its siblings are stopped at once; then it waits, counted once, before any is
// started. A child that ended before it was told to stop is noticed by its monitor (noproc). It is named in
// the log when its exit signal, which has the reason, is read. In the process's own turn.
#include "behaviours/supervision/supervisor.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/supervision/supervisor_report.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

namespace {

constexpr base::nanos slow_stop = base::nanos_per_second;
// How long a start for which there was no stack waits for the next try.
constexpr base::nanos stack_pause = 100 * base::nanos_per_ms;
constexpr std::string_view try_again_tag = "try_again_restart";
constexpr std::string_view wait_over_tag = "backoff_over";

// {shutdown, {failed_to_start_child, Id, Reason}}
message failed_to_start(const message& id, const message& reason) {
  message_writer out(id.size() + reason.size() + 64);
  out.tuple(2);
  out.atom("shutdown");
  out.tuple(3);
  out.atom("failed_to_start_child");
  out.raw(id.bytes());
  out.raw(reason.bytes());
  return out.take();
}

// Whether a child told to stop ended as it should have.
bool stopped_well(const child_spec& spec, const message& reason) {
  const bool brutal = spec.shutdown.how == shutdown_limit::kind::brutal_kill;
  if (runtime::is_atom(reason, brutal ? "killed" : "shutdown")) return true;
  return spec.restart != restart_type::permanent && classify(reason.bytes()) != exit_class::abnormal;
}

// The exit reason that a child is first told to stop with.
message first_order(const shutdown_limit& limit) {
  const bool brutal = limit.how == shutdown_limit::kind::brutal_kill;
  return brutal ? runtime::reasons::kill() : runtime::reasons::shutdown();
}

base::nanos patience(const shutdown_limit& limit) {
  switch (limit.how) {
    case shutdown_limit::kind::after:
      return base::mono_now() + limit.time;
    case shutdown_limit::kind::brutal_kill:
      return base::mono_now() + kill_patience;
    case shutdown_limit::kind::infinity:
      break;
  }
  return runtime::no_deadline;
}

// The note that the child left of its end, for the log; empty: none.
runtime::crash_note left_by(const process& self, const runtime::pid& child) {
  return self.host().crashes().take(child).value_or(runtime::crash_note());
}

} // namespace

supervisor::supervisor(std::shared_ptr<const supervisor_spec> spec, std::shared_ptr<const supervision> shared,
                       std::string label, unsigned above, runtime::pid pool)
    : native_server("supervisor"),
      spec_(std::move(spec)),
      shared_(std::move(shared)),
      label_(std::move(label)),
      above_(above),
      pool_(pool),
      window_(spec_->intensity, spec_->period) {}

supervisor::~supervisor() {
  leave_tree();
}

void supervisor::leave_tree() {
  if (in_tree_) shared_->tree->leave(in_tree_);
  in_tree_ = {};
}

outcome supervisor::on_start(process& self) {
  self.trap_exit(true);
  self.take_exits_first();
  self.use_reserved_stacks();
  in_tree_ = pool_ ? pool_ : self.self();
  shared_->tree->enter(in_tree_, children_);
  children_.set_whole(spec_);
  if (!simple()) children_.reserve(spec_->children.size());
  for (const std::shared_ptr<const child_spec>& spec : spec_->children) {
    if (simple()) {
      template_ = spec;
    } else {
      children_.append(spec, spec->id, spec->args, spec->secrets);
    }
  }
  auto& all = children_.in_start_order();
  for (auto next = all.begin(); next != all.end();) {
    child& one = *next++;
    const launched started = start(self, one, shared_->env, shared_->bounded ? pace::bounded : pace::free);
    if (self.exiting()) return runtime::stop(runtime::reasons::killed());
    if (!started) {
      report::start_failed(child_label(one), started.error().reason, started.error().note);
      const message reason = failed_to_start(one.id, started.error().reason);
      halt_all(self);
      leave_tree();
      return runtime::stop(reason);
    }
    if (!*started && one.spec->restart == restart_type::temporary) children_.remove(one);
  }
  shared_ = shared_with(shared_->env);
  return runtime::carry_on();
}

outcome supervisor::child_ended(process& self, const gen::exit_notice& exit) {
  const runtime::crash_note note = left_by(self, exit.from);
  child* const one = children_.find(exit.from);
  if (one == nullptr || one->state != child_state::running) {
    const auto early = ended_early_.find(exit.from);
    if (early == ended_early_.end()) return runtime::carry_on();
    report::stopped_badly(early->second, exit.reason, note);
    ended_early_.erase(early);
    return runtime::carry_on();
  }
  using kind = exit_decision::kind;
  children_.note_end(*one, exit.reason);
  const exit_decision decided = on_exit(spec_->strategy, one->spec->restart, classify(exit.reason.bytes()));
  if (decided.report) {
    report::child_ended(child_label(*one), exit.from, exit.reason,
                        decided.what == kind::restart ? "restarting it" : "it is not restarted",
                        window_.left(base::mono_now()), note);
  }
  if (decided.what == kind::restart) {
    const auto& backoff = one->spec->backoff;
    if (backoff && base::mono_now() - one->began >= backoff->max) one->waits = 0;
    return restart(self, *one);
  }
  const bool last = ends_supervisor(spec_->auto_shutdown, children_, *one);
  retire(*one);
  return last ? runtime::stop(runtime::reasons::shutdown()) : runtime::carry_on();
}

void supervisor::retire(child& one) {
  if (simple()) child_left(one);
  if (simple() || one.spec->restart == restart_type::temporary) return children_.remove(one);
  one.kept.reset();
  children_.set_stopped(one);
}

outcome supervisor::restart(process& self, child& failed) {
  if (!window_.add(base::mono_now())) {
    if (spec_->on_exceeded == on_exceeded::give_up) return park(self, failed);
    report::restarts_exceeded(label_, child_label(failed), spec_->intensity, spec_->period);
    if (simple())
      children_.remove(failed); // no child takes its place: the supervisor ends
    else
      retire(failed);
    return runtime::stop(runtime::reasons::shutdown());
  }
  if (!simple()) children_.set_stopped(failed);
  const auto& backoff = failed.spec->backoff;
  const base::nanos wait = backoff ? backoff_wait(*backoff, failed.waits++, base::random_share()) : 0;
  if (wait == 0) return start_again(self, failed);
  if (stop_siblings(self, plan_restart(spec_->strategy, children_, failed))) {
    wait_for_restart(self, failed, wait);
  }
  return runtime::carry_on();
}

// The child's siblings go on as they are. The count of restarts begins anew.
outcome supervisor::park(process& self, child& failed) {
  report::gave_up(child_label(failed), spec_->intensity, spec_->period);
  window_ = restart_window(spec_->intensity, spec_->period);
  if (simple()) { // no request can start it again
    retire(failed);
    return runtime::carry_on();
  }
  failed.kept.reset();
  children_.set_given_up(failed);
  release(self);
  return runtime::carry_on();
}

// Under one_for_all the restart of any child starts all children, under rest_for_one those behind it.
void supervisor::release(process& self) {
  if (self.exiting() || children_.awaiting() == 0) return;
  auto& all = children_.in_start_order();
  auto end = all.end();
  if (spec_->strategy != strategy::one_for_one)
    end = std::ranges::find(all, child_state::restarting, &child::state);
  if (spec_->strategy == strategy::one_for_all && end != all.end()) return;
  for (auto one = all.begin(); one != end; ++one) {
    if (!one->awaits) continue;
    const launched started = start(self, *one);
    if (self.exiting()) return;
    if (!started) return try_again(self, *one, started.error());
    children_.count_restart(*one);
  }
}

bool supervisor::stop_siblings(process& self, const restart_plan& plan) {
  for (child* const one : plan.stop) {
    const bool again = one->spec->restart != restart_type::temporary;
    const bool is_down = one->state == child_state::stopped && !one->awaits; // nothing is to start it
    halt(self, *one, again ? after_halt::comes_again : after_halt::stays_down);
    if (self.exiting()) return false;
    retire(*one);
    if (again) children_.set_awaits(*one, !is_down);
  }
  return true;
}

outcome supervisor::start_again(process& self, child& failed) {
  const restart_plan plan = plan_restart(spec_->strategy, children_, failed);
  if (!stop_siblings(self, plan)) return runtime::carry_on();
  for (child* const one : plan.start) {
    const launched started = start(self, *one);
    if (self.exiting()) return runtime::carry_on();
    if (!started) {
      try_again(self, *one, started.error());
      const bool comes_later = one != &failed && failed.state != child_state::running && !failed.rests;
      if (comes_later) {
        children_.set_stopped(failed);
        children_.set_awaits(failed, true);
      }
      break;
    }
    children_.count_restart(*one);
    if (simple() && !*started) retire(*one); // without a pid it cannot be found
  }
  release(self);
  return runtime::carry_on();
}

void supervisor::try_again(process& self, child& one, const start_failure& why) {
  // The log is not told with each try that there is still no stack.
  const bool is_known =
      why.lacks_stack && !one.ends.empty() && one.ends.back().reason == runtime::shown(why.reason);
  if (!is_known) {
    report::start_failed(child_label(one), why.reason, why.note);
    children_.note_end(one, why.reason);
  }
  children_.set_restarting(one);
  one.wait_began = base::mono_now();
  one.due = why.lacks_stack ? one.wait_began + stack_pause : runtime::no_deadline;
  wait_on(self, one);
}

void supervisor::wait_for_restart(process& self, child& failed, base::nanos wait) {
  report::waits(child_label(failed), wait);
  children_.set_restarting(failed);
  failed.wait_began = base::mono_now();
  failed.due = failed.wait_began + wait;
  wait_on(self, failed);
}

void supervisor::wait_anew(process& self, child& one) {
  if (one.state != child_state::restarting || one.due == runtime::no_deadline || one.waits == 0) return;
  const auto& backoff = one.spec->backoff;
  const base::nanos wait = backoff ? backoff_wait(*backoff, one.waits - 1, base::random_share()) : 0;
  one.due = one.wait_began + wait;
  wait_on(self, one);
}

void supervisor::wait_on(process& self, const child& one) {
  const bool at_once = one.due == runtime::no_deadline;
  cast_later(self, one, at_once ? try_again_tag : wait_over_tag, at_once ? base::mono_now() : one.due);
}

// The cast is a timer's notice: notices are never dropped, and no other process can send one.
void supervisor::cast_later(process& self, const child& one, std::string_view what, base::nanos when) {
  message_writer out(one.id.size() + 64);
  out.tuple(2);
  out.atom("$gen_cast");
  out.tuple(2);
  out.atom(what);
  if (simple()) {
    runtime::write(out, one.pid, self.host().nodes());
  } else {
    out.raw(one.id.bytes());
  }
  self.remind(when, out.take());
}

// A timer is ignored if its child has been started, stopped or made to wait anew since.
outcome supervisor::handle_cast(process& self, const message& request) {
  etf::cursor at(request.bytes());
  std::string_view what;
  if (!self.origin().notice || !at.read_tuple_of(2) || !at.read_atom(what)) return runtime::carry_on();
  child* const one = find(self, at.rest());
  if (one == nullptr || one->state != child_state::restarting) return runtime::carry_on();
  if (what == try_again_tag && one->due == runtime::no_deadline) return restart(self, *one);
  if (what == wait_over_tag && base::mono_now() >= one->due) return start_again(self, *one);
  return runtime::carry_on();
}

outcome supervisor::handle_info(process& self, const message& m) {
  gen::exit_notice exit;
  if (gen::read_exit(self, m, exit)) return child_ended(self, exit);
  if (hear_of_former(self, m)) return runtime::carry_on();
  base::log::warning("supervisor", "{} got a message it has no use for: {}", label_, runtime::shown(m, 200));
  return runtime::carry_on();
}

void supervisor::on_stop(process& self, const message&) {
  halt_all(self);
  leave_tree();
}

void supervisor::halt(process& self, child& one, after_halt next) {
  one.kept.reset();
  if (one.state != child_state::running) return;
  if (next == after_halt::comes_again && one.spec->kind != nullptr)
    if (message notice = one.spec->kind->restart_notice()) self.notify(one.pid, std::move(notice));
  const shutdown_limit& limit = one.spec->shutdown;
  const runtime::reference ended = self.monitor(one.pid, true);
  self.exit(one.pid, first_order(limit));
  children_.set_busy(&one);
  await_end(self, one, ended, patience(limit));
  children_.set_busy(nullptr);
}

void supervisor::await_end(process& self, child& one, runtime::reference ended, base::nanos deadline) {
  child* late[] = {&one};
  if (!ends_in_time(self, one, ended, deadline)) kill_all(self, late);
}

// Kills all children that have not ended by the deadline of their shutdown, and then waits for them.
void supervisor::kill_all(process& self, std::span<child* const> late) {
  std::vector<runtime::reference> ends;
  for (child* const one : late) {
    if (one->spec->shutdown.how == shutdown_limit::kind::brutal_kill) {
      report::left_behind(child_label(*one)); // it has been killed
      ends.emplace_back();
      continue;
    }
    report::killed(child_label(*one), one->spec->shutdown.time);
    ends.push_back(self.monitor(one->pid, true));
    self.exit(one->pid, runtime::reasons::kill());
  }
  const base::nanos deadline = base::mono_now() + kill_patience;
  for (std::size_t i = 0; i < ends.size() && !self.exiting(); ++i) {
    if (!ends[i]) continue;
    const auto answer = self.await(ends[i], deadline);
    if (!answer && answer.error().what == runtime::await_error::kind::timeout)
      report::left_behind(child_label(*late[i]));
  }
}

bool supervisor::ends_in_time(process& self, child& one, runtime::reference ended, base::nanos deadline) {
  using kind = runtime::await_error::kind;
  const base::nanos began = base::mono_now();
  const auto answer = self.await(ended, deadline);
  if (answer || answer.error().what == kind::exiting) return true;
  if (answer.error().what == kind::timeout) return false;
  if (answer.error().what == kind::limit) {
    report::not_awaited(child_label(one));
    self.exit(one.pid, runtime::reasons::kill());
    return true;
  }
  const message& reason = answer.error().reason;
  if (runtime::is_atom(reason, "noproc")) {
    ended_early_.emplace(one.pid, child_label(one));
  } else if (!stopped_well(*one.spec, reason)) {
    report::stopped_badly(child_label(one), reason, left_by(self, one.pid));
  } else if (base::mono_now() - began >= slow_stop) {
    report::stopped_slowly(child_label(one), base::mono_now() - began);
  }
  return true;
}

void supervisor::halt_all(process& self) {
  auto& all = children_.in_start_order();
  if (!simple()) {
    for (auto one = all.rbegin(); one != all.rend() && !self.exiting(); ++one) {
      halt(self, *one);
      children_.set_stopped(*one);
    }
    return;
  }
  if (template_ == nullptr) return;
  const shutdown_limit& limit = template_->shutdown;
  const message reason = first_order(limit);
  std::vector<std::pair<child*, runtime::reference>> told;
  for (child& one : all) {
    if (one.state != child_state::running) continue;
    told.emplace_back(&one, self.monitor(one.pid, true));
    self.exit(one.pid, reason);
  }
  const base::nanos deadline = patience(limit);
  std::vector<child*> late;
  for (auto& [one, ended] : told) {
    if (!ends_in_time(self, *one, ended, deadline)) late.push_back(one);
    if (self.exiting()) return;
  }
  kill_all(self, late);
  if (self.exiting()) return;
  for (const auto& [one, ended] : told) children_.set_stopped(*one);
}

std::string supervisor::child_label(const child& one) const {
  return one.id ? label_ + "/" + runtime::shown(one.id) : label_of_template();
}

std::string supervisor::label_of_template() const {
  return label_ + "/" + runtime::shown(template_->id);
}

} // namespace coppice::behaviours
