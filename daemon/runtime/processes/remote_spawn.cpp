// SPDX-License-Identifier: MIT
// Processes that other nodes start for a process of this node. The request's reference is that of a call
// until the answer comes, and then that of the monitor. Link and monitor begin with the answer, which arrives
// before all signals of the new process, including its exit. Source: ERTS User's Guide, "Distribution
// Protocol", protocol for remote spawn.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {

reference process::spawn_at(const remote_spawn& what) {
  process_record& me = record_of(*this);
  const reference ref = make_ack();
  if (me.dead) return ref;
  const node_names& names = host().nodes();
  message_writer out(what.arguments.size() + what.options.size() + 256);
  out.tuple(6);
  write(out, group_leader() ? group_leader() : me.id(), names);
  out.atom(what.module);
  out.atom(what.function);
  out.integer(what.arity);
  if (what.options.empty())
    out.nil();
  else
    out.raw(what.options);
  out.raw(what.arguments);
  signal_ptr request = make_signal(signal_kind::spawn_request, me.id(), ref, out.take());
  if (what.link) request->flags |= signal::linked;
  if (what.monitor) request->flags |= signal::monitored;
  delivery::dispatch(host(), destination::at(what.node), std::move(request), nullptr);
  return ref;
}

void process_record::handle_spawn_reply(const signal& what) {
  const std::uint64_t number = what.ref.number();
  if (what.ref != reference_of(number)) return;
  const call_state* asked = find_call(number);
  if (asked == nullptr || asked->answered) {
    // No process waits for the answer any more, and no other process knows the new one.
    if (what.from)
      delivery::dispatch(host(), what.from, make_signal(signal_kind::exit2, id(), message::atom("kill")),
                         nullptr);
    return;
  }
  if (what.from) {
    relations& mine = needs_relations();
    const std::lock_guard guard(mine.lock);
    if ((what.flags & signal::linked) != 0) mine.links[what.from] = {};
    if ((what.flags & signal::monitored) != 0) mine.monitors[number].target = what.from;
  }
  settle(number, false, what.payload());
}

} // namespace coppice::runtime
