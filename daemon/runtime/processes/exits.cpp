// SPDX-License-Identifier: MIT
// Exit signals and death, with Erlang's semantics: which signals kill, are trapped or are ignored. When a
// process dies, it can no longer be found, then its name is free, then links and monitors fire. If it is
// parked, its stack goes on only to unwind.
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {

void process_record::handle_exit(signal_ptr what) {
  const pid from = what->from;
  const bool asked_for = what->kind == signal_kind::exit2;
  bool first = exits_first;
  if (what->kind == signal_kind::overflow) return die(reasons::mailbox_full());
  if (what->kind == signal_kind::exit) {
    relations* mine = related();
    if (mine == nullptr) return;
    const std::lock_guard guard(mine->lock);
    const link_state* there = mine->links.find(from);
    const bool active = there != nullptr && there->unlinking == 0;
    first = first || (active && there->priority);
    if (there != nullptr) mine->links.erase(from);
    if (!active) return;
  }
  if (asked_for && what->ref) {
    bool of_priority = false;
    if (!is_alias(what->ref, of_priority)) return;
    first = first || (of_priority && (what->flags & signal::priority) != 0);
  }
  if (of_node() && !from.here()) return;
  message reason = consume(std::move(what));
  if (asked_for && is_atom(reason, "kill")) return die(reasons::killed());
  if (trapping_exit()) {
    signal_ptr notice = make_signal(signal_kind::message, from, exit_message(from, reason, host().nodes()));
    notice->flags = signal::notice;
    return first ? mailbox.enqueue_urgent(std::move(notice)) : mailbox.enqueue(std::move(notice));
  }
  const bool from_itself = asked_for && from == id();
  if (is_normal(reason) && !from_itself) return;
  die(std::move(reason));
}

void process_record::answer_ack(message answer) {
  const call_id starter = received_calls.take();
  if (!starter.who) return;
  process_record* const waits = delivery::find(host(), starter.who);
  if (waits != nullptr && waits->lives_on(&home()) && waits->settle_here(starter.number, id(), answer))
    return;
  delivery::dispatch(host(), destination::alias(starter.ref()),
                     make_signal(signal_kind::message, id(), std::move(answer)), nullptr);
}

void process_record::die(message reason, message answer) {
  if (dead) return;
  dead = true;
  if (!reason) reason = reasons::normal();
  set_status(process_status::exiting);
  system_core& core = host().core();
  relations* mine = related();

  if (schedule.stays) behaviour->died(*this);
  leave_line();
  home().timers_started().end_all(*this);
  lingering = parked_on() != nullptr;
  // Before it is gone from the table, for system::stop().
  if (lingering) core.lingering.fetch_add(1, std::memory_order_relaxed);
  core.table.unlink({self_here.id, self_here.serial});
  if (mine != nullptr && !mine->name.empty()) core.registered.remove(mine->name);
  core.table.give_back({self_here.id, self_here.serial}, &home().slots);
  home().processes.fetch_sub(1, std::memory_order_relaxed);

  if (!answer && !started) answer = error_message(reason);
  if (answer) answer_ack(std::move(answer));
  // What other nodes are told. The reason is checked once for all of them, however many there are.
  message abroad;
  const auto told = [&](const destination& whom) -> const message& {
    if (whom.here()) return reason;
    if (!abroad) abroad = delivery::sound_reason(host(), id(), reason);
    return abroad;
  };
  const auto tell = [&](const destination& whom, signal_ptr what) {
    if (whom.here())
      delivery::deliver(host(), whom, std::move(what), this);
    else
      delivery::dispatch_sound(host(), whom, std::move(what), this);
  };
  if (const call_id last = received_calls.take(); last.who)
    tell(last.who, make_signal(signal_kind::down, id(), last.ref(), told(last.who)));
  if (mine != nullptr) {
    mine->links.for_each([&](const pid& other, link_state& state) {
      if (state.unlinking == 0) tell(other, make_signal(signal_kind::exit, id(), told(other)));
    });
    mine->watchers.for_each([&](const reference& ref, watcher_state& state) {
      signal_ptr down = make_signal(signal_kind::down, id(), ref, told(state.watcher));
      if (state.by_name) down->flags |= signal::by_name;
      tell(state.watcher, std::move(down));
    });
    mine->callers.for_each([&](const reference& ref, pid& caller) {
      tell(caller, make_signal(signal_kind::down, id(), ref, told(caller)));
    });
    mine->monitors.for_each([&](std::uint64_t number, monitor_state& state) {
      send_demonitor(number, state.target, state.by_name());
    });
    mine->calls.for_each([&](std::uint64_t number, call_state& state) {
      if (!state.answered) send_demonitor(number, state.target, state.by_name.get());
    });
    mine->asked.for_each(
        [&](std::uint64_t number, const pid& target) { send_demonitor(number, target, nullptr); });
    if (mine->part != nullptr) gate::leave(*this);
    const std::lock_guard guard(mine->lock);
    mine->links = {};
    mine->watchers = {};
    mine->monitors = {};
    mine->callers = {};
    mine->calls = {};
    mine->aliases = {};
    mine->asked = {};
  }
  if (direct != nullptr && !direct->answered)
    send_demonitor(direct->number, direct->target, direct->by_name.get());
  send_away_those_outside();
  while (signal_ptr left = mailbox.next_message()) {
    if (left->kind != signal_kind::parcel) left->flags = 0; // its caller was told the reason above
    delivery::answer_for_missing(host(), id(), std::move(left), reasons::noproc());
  }

  if (waiting != nullptr && !waiting->holds) waiting->ready = true;
  if (lingering) home().ended().expect_end_of(*this);
}

void process_record::finish() {
  finished = true;
  if (lingering) host().core().lingering.fetch_sub(1, std::memory_order_relaxed);
  while (signal_ptr left = mailbox.next_message())
    delivery::answer_for_missing(host(), id(), std::move(left), reasons::noproc());
  home().retire(*this);
}

} // namespace coppice::runtime
