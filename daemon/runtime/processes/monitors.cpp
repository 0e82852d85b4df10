// SPDX-License-Identifier: MIT
// Monitors, both ends. A monitor of a call made by a process here is kept apart at the watched side (in
// `callers`, unseen by inspection) and ends by itself with the reply, so that a call needs no demonitor.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {

pid process_record::send_monitor(const reference& ref, const destination& to, bool of_call) {
  pid target;
  if (to.what() == destination::kind::process) target = to.process();
  if (to.what() == destination::kind::name) {
    target = host().whereis(to.name()).value_or(pid{});
    if (!target) {
      delivery::push(*this, make_signal(signal_kind::down, {}, ref, reasons::noproc()));
      return target;
    }
  }
  if (target == id) return target;
  signal_ptr what = make_signal(signal_kind::monitor, id, ref);
  if (to.what() != destination::kind::process) what->flags |= signal::by_name;
  if (of_call && to.here()) what->flags |= signal::of_call;
  delivery::dispatch(host(), target ? destination(target) : to, std::move(what), nullptr);
  return target;
}

void process_record::send_demonitor(std::uint64_t number, const pid& target, const destination* by_name) {
  if (target == id || (!target && by_name == nullptr)) return;
  if (!target && by_name->here()) return;
  delivery::dispatch(host(), target ? destination(target) : *by_name,
                     make_signal(signal_kind::demonitor, id, reference_of(number)), nullptr);
}

reference process::monitor(const destination& to, bool call, urgency how) {
  process_record& me = record_of(*this);
  const reference ref = me.new_reference();
  if (me.dead) return ref;
  std::unique_ptr<destination> by_name;
  if (to.what() != destination::kind::process) by_name = std::make_unique<destination>(to);
  relations& mine = me.needs_relations();
  if (call) {
    const pid target = me.send_monitor(ref, to, true);
    call_state& state = mine.calls[ref.number()];
    state.target = target;
    state.by_name = std::move(by_name);
    return ref;
  }
  const pid target = me.send_monitor(ref, to, false);
  const std::lock_guard guard(mine.lock);
  monitor_state& state = mine.monitors[ref.number()];
  state.target = target;
  state.by_name = std::move(by_name);
  state.priority = how == urgency::priority;
  return ref;
}

reference process::monitor_request(const destination& to) {
  process_record& me = record_of(*this);
  const reference ref = monitor(to, false);
  if (!me.dead) me.needs_relations().monitors.find(ref.number())->request = true;
  return ref;
}

bool process::demonitor(const reference& ref, bool flush) {
  process_record& me = record_of(*this);
  relations* mine = me.related();
  if (mine == nullptr || !ref.here() || me.dead) return false;
  if (mine->calls.find(ref.number()) != nullptr) {
    const call_state& call = *mine->calls.find(ref.number());
    const bool was_waiting = !call.answered;
    if (was_waiting) me.send_demonitor(ref.number(), call.target, call.by_name.get());
    mine->calls.erase(ref.number());
    return was_waiting;
  }
  const monitor_state* state = mine->monitors.find(ref.number());
  if (state == nullptr) {
    if (flush) me.flush_down(ref);
    return false;
  }
  me.send_demonitor(ref.number(), state->target, state->by_name.get());
  const std::lock_guard guard(mine->lock);
  mine->monitors.erase(ref.number());
  return true;
}

void process_record::handle_monitor(const signal& what) {
  relations& mine = needs_relations();
  if ((what.flags & signal::of_call) != 0) {
    mine.callers[what.ref] = what.from;
    return;
  }
  const std::lock_guard guard(mine.lock);
  mine.watchers[what.ref] = {what.from, (what.flags & signal::by_name) != 0};
}

void process_record::handle_demonitor(const signal& what) {
  forget_caller(what.ref);
  relations* mine = related();
  if (mine == nullptr) return;
  const std::lock_guard guard(mine->lock);
  mine->watchers.erase(what.ref);
}

void process_record::handle_down(const signal& what) {
  relations* mine = related();
  if (what.ref != reference_of(what.ref.number())) return;
  const std::uint64_t number = what.ref.number();
  const call_state* call = find_call(number);
  if (call != nullptr && !call->answered) return settle(number, true, what.payload());
  if (mine == nullptr) return;
  const monitor_state* state = mine->monitors.find(number);
  if (state == nullptr) return;
  const destination object = state->by_name != nullptr ? *state->by_name : destination(state->target);
  signal_ptr notice = make_signal(signal_kind::message, what.from,
                                  down_message(what.ref, object, what.payload(), host().nodes()));
  state->priority ? mailbox.enqueue_urgent(std::move(notice)) : mailbox.enqueue(std::move(notice));
  const std::lock_guard guard(mine->lock);
  mine->monitors.erase(number);
}

} // namespace coppice::runtime
