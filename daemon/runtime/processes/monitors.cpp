// SPDX-License-Identifier: MIT
// Monitors, both ends. The monitor of a call by a process of this node is kept apart at the monitored side
// (in `callers`, which inspection does not show). It ends with the reply, so that a call needs no demonitor.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {

pid process_record::send_monitor(const reference& ref, const destination& to, std::uint16_t flags) {
  pid target;
  if (to.what() == destination::kind::process) target = to.process();
  if (to.what() == destination::kind::name) {
    target = host().whereis(to.name()).value_or(pid{});
    if (!target) {
      delivery::push(*this, make_signal(signal_kind::down, {}, ref, reasons::noproc()));
      return target;
    }
  }
  if (target == id()) return target;
  signal_ptr what = make_signal(signal_kind::monitor, id(), ref);
  what->flags = flags;
  if (to.what() != destination::kind::process) what->flags |= signal::by_name;
  delivery::dispatch(host(), target ? destination(target) : to, std::move(what), nullptr);
  return target;
}

void process_record::send_demonitor(std::uint64_t number, const pid& target, const destination* by_name) {
  if (target == id() || (!target && by_name == nullptr)) return;
  if (!target && by_name->here()) return;
  delivery::dispatch(host(), target ? destination(target) : *by_name,
                     make_signal(signal_kind::demonitor, id(), reference_of(number)), nullptr);
}

reference process::monitor(const destination& to, bool call, bool client) {
  if (!call) return monitor(to, {.client = client});
  process_record& me = record_of(*this);
  const reference ref = me.new_reference(client ? reference::of_client : 0);
  if (me.dead) return ref;
  const pid target = me.send_monitor(ref, to, to.here() ? signal::of_call : 0);
  call_state& state = me.needs_relations().calls[ref.number()];
  state.target = target;
  if (to.what() != destination::kind::process) state.by_name = std::make_unique<destination>(to);
  return ref;
}

reference process::monitor(const destination& to, monitor_options options) {
  process_record& me = record_of(*this);
  if (!delivery::may_go(host(), to, options.how)) return {};
  const reference ref = me.new_reference((options.request ? reference::of_request : 0) |
                                         (options.client ? reference::of_client : 0));
  if (me.dead) return ref;
  std::unique_ptr<monitor_state::details> more;
  if (const bool by_name = to.what() != destination::kind::process; by_name || options.tag) {
    more = std::make_unique<monitor_state::details>();
    if (by_name) more->by_name = to;
    more->tag = std::move(options.tag);
  }
  relations& mine = me.needs_relations();
  if (options.alias == alias_until::unalias) mine.aliases[ref.number()] = {};
  const pid target = me.send_monitor(ref, to, options.how.connects ? 0 : signal::no_connect);
  const std::lock_guard guard(mine.lock);
  monitor_state& state = mine.monitors[ref.number()];
  state.target = target;
  state.more = std::move(more);
  if (options.alias != alias_until::unalias) state.alias = options.alias;
  state.priority = options.how.urgency == urgency::priority;
  return ref;
}

bool process::demonitor(const reference& ref, bool flush) {
  process_record& me = record_of(*this);
  relations* mine = me.related();
  if (mine == nullptr || ref != me.reference_of(ref.number()) || me.dead) return false;
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
  me.end_monitor(ref.number(), *state);
  return true;
}

void process_record::end_monitor(std::uint64_t number, const monitor_state& state) {
  send_demonitor(number, state.target, state.by_name());
  relations& mine = *related();
  const std::lock_guard guard(mine.lock);
  mine.monitors.erase(number);
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
  const destination object = state->by_name() != nullptr ? *state->by_name() : destination(state->target);
  const message tag = state->more == nullptr ? message() : state->more->tag;
  signal_ptr notice = make_signal(signal_kind::message, what.from,
                                  down_message(what.ref, object, what.payload(), host().nodes(), tag));
  notice->flags = signal::notice;
  state->priority ? mailbox.enqueue_urgent(std::move(notice)) : mailbox.enqueue(std::move(notice));
  const std::lock_guard guard(mine->lock);
  mine->monitors.erase(number);
}

} // namespace coppice::runtime
