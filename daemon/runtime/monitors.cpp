// SPDX-License-Identifier: MIT
// Monitors, both ends. A monitor of a call made by a process here is kept apart at the watched side (in
// `callers`, unseen by inspection) and ends by itself with the reply, so that a call needs no demonitor.
#include "runtime/engine.hpp"

namespace coppice::runtime {

reference engine::reference_of(const process& p, std::uint64_t number) {
  return reference::made_by(p.self_, number);
}

reference engine::new_reference(process& p) {
  return reference_of(p, ++p.next_number_);
}

// Returns whom the monitor went to; none if that is not known (a name elsewhere) or nobody.
pid engine::send_monitor(process& p, const reference& ref, const destination& to, bool of_call) {
  system& host = p.host();
  pid target;
  if (to.what() == destination::kind::process) target = to.process();
  if (to.what() == destination::kind::name) {
    target = host.whereis(to.name()).value_or(pid{});
    if (!target) {
      push(p, make_signal(signal_kind::down, {}, ref, reasons::noproc()));
      return target;
    }
  }
  if (target == p.self_) return target;
  signal_ptr what = make_signal(signal_kind::monitor, p.self_, ref);
  if (to.what() != destination::kind::process) what->flags |= signal::by_name;
  if (of_call && to.here()) what->flags |= signal::of_call;
  dispatch(host, target ? destination(target) : to, std::move(what), nullptr);
  return target;
}

void engine::send_demonitor(process& p, std::uint64_t number, const pid& target, const destination* by_name) {
  if (target == p.self_ || (!target && by_name == nullptr)) return;
  if (!target && by_name->here()) return;
  dispatch(p.host(), target ? destination(target) : *by_name,
           make_signal(signal_kind::demonitor, p.self_, reference_of(p, number)), nullptr);
}

reference process::monitor(const destination& to, bool call, urgency how) {
  const reference ref = engine::new_reference(*this);
  if (exiting_) return ref;
  std::unique_ptr<destination> by_name;
  if (to.what() != destination::kind::process) by_name = std::make_unique<destination>(to);
  relations& mine = needs_relations();
  if (call) {
    const pid target = engine::send_monitor(*this, ref, to, true);
    call_state& state = mine.calls[ref.number()];
    state.target = target;
    state.by_name = std::move(by_name);
    return ref;
  }
  const pid target = engine::send_monitor(*this, ref, to, false);
  const std::lock_guard guard(mine.lock);
  monitor_state& state = mine.monitors[ref.number()];
  state.target = target;
  state.by_name = std::move(by_name);
  state.priority = how == urgency::priority;
  return ref;
}

reference process::monitor_request(const destination& to) {
  const reference ref = monitor(to, false);
  if (!exiting_) needs_relations().monitors.find(ref.number())->request = true;
  return ref;
}

bool process::demonitor(const reference& ref, bool flush) {
  relations* mine = relations_.load(std::memory_order_relaxed);
  if (mine == nullptr || !ref.here() || exiting_) return false;
  if (mine->calls.find(ref.number()) != nullptr) {
    const call_state& call = *mine->calls.find(ref.number());
    const bool was_waiting = !call.answered;
    if (was_waiting) engine::send_demonitor(*this, ref.number(), call.target, call.by_name.get());
    mine->calls.erase(ref.number());
    return was_waiting;
  }
  const monitor_state* state = mine->monitors.find(ref.number());
  if (state == nullptr) {
    if (flush) engine::flush_down(*this, ref);
    return false;
  }
  engine::send_demonitor(*this, ref.number(), state->target, state->by_name.get());
  const std::lock_guard guard(mine->lock);
  mine->monitors.erase(ref.number());
  return true;
}

void engine::handle_monitor(process& p, const signal& what) {
  relations& mine = p.needs_relations();
  if ((what.flags & signal::of_call) != 0) {
    mine.callers[what.ref] = what.from;
    return;
  }
  const std::lock_guard guard(mine.lock);
  mine.watchers[what.ref] = {what.from, (what.flags & signal::by_name) != 0};
}

void engine::handle_demonitor(process& p, const signal& what) {
  forget_caller(p, what.ref);
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  if (mine == nullptr) return;
  const std::lock_guard guard(mine->lock);
  mine->watchers.erase(what.ref);
}

void engine::handle_down(process& p, const signal& what) {
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  if (what.ref != reference_of(p, what.ref.number())) return;
  const std::uint64_t number = what.ref.number();
  const call_state* call = find_call(p, number);
  if (call != nullptr && !call->answered) return settle(p, number, true, what.payload());
  if (mine == nullptr) return;
  const monitor_state* state = mine->monitors.find(number);
  if (state == nullptr) return;
  const destination object = state->by_name != nullptr ? *state->by_name : destination(state->target);
  signal_ptr notice = make_signal(signal_kind::message, what.from,
                                  down_message(what.ref, object, what.payload(), p.host().nodes()));
  enqueue(p, std::move(notice), state->priority);
  const std::lock_guard guard(mine->lock);
  mine->monitors.erase(number);
}

} // namespace coppice::runtime
