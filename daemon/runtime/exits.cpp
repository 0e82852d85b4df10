// SPDX-License-Identifier: MIT
// Exit signals and death, with Erlang's semantics: what kills, what is trapped, what is ignored, and in
// which order the world learns of it: the process is no longer found, its name is free, then links and
// monitors fire. Its stack, if it is parked, goes on only to unwind.
#include "runtime/engine.hpp"

namespace coppice::runtime {

void engine::handle_exit(process& p, signal_ptr what) {
  const pid from = what->from;
  const bool asked_for = what->kind == signal_kind::exit2;
  bool first = p.exits_first_;
  if (what->kind == signal_kind::overflow) return die(p, reasons::mailbox_full());
  if (what->kind == signal_kind::exit) {
    relations* mine = p.relations_.load(std::memory_order_relaxed);
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
    if (!is_alias(p, what->ref, of_priority)) return;
    first = first || (of_priority && (what->flags & signal::priority) != 0);
  }
  message reason = consume(std::move(what));
  if (asked_for && is_atom(reason, "kill")) return die(p, reasons::killed());
  if (p.trapping_exit()) {
    signal_ptr notice = make_signal(signal_kind::message, from, exit_message(from, reason, p.host().nodes()));
    return enqueue(p, std::move(notice), first);
  }
  const bool from_itself = asked_for && from == p.self_;
  if (is_normal(reason) && !from_itself) return;
  die(p, std::move(reason));
}

void engine::answer_ack(process& p, message answer) {
  const pid starter = std::exchange(p.asker_, {});
  if (!starter) return;
  const reference to = reference::made_by(starter, p.asked_);
  dispatch(p.host(), destination::alias(to), make_signal(signal_kind::message, p.self_, std::move(answer)),
           nullptr);
}

void engine::die(process& p, message reason) {
  if (p.exiting_) return;
  p.exiting_ = true;
  if (!reason) reason = reasons::normal();
  set_status(p, process_status::exiting);
  system& host = p.host();
  system::parts& parts = *host.parts_;
  if (p.asker_ && p.started_) keep_caller(p);
  if (p.first_ != nullptr && (p.first_->flags & (signal::of_call | signal::among_callers)) == signal::of_call)
    p.needs_relations().callers[p.first_->ref] = p.first_->from;
  relations* mine = p.relations_.load(std::memory_order_relaxed);

  leave_crowd(p);
  if (p.timers_ != nullptr) p.home().drop_timers_of(p);
  p.lingering_ = engine::parked_on(p) != nullptr;
  if (p.lingering_)
    parts.lingering.fetch_add(1, std::memory_order_relaxed); // before it is gone from the table
  parts.table.unlink({p.self_.id, p.self_.serial});
  if (mine != nullptr && !mine->name.empty()) parts.registered.remove(mine->name);
  parts.table.give_back({p.self_.id, p.self_.serial}, &p.home().slots);
  p.home().processes.fetch_sub(1, std::memory_order_relaxed);

  if (!p.started_) answer_ack(p, error_message(reason));
  if (mine != nullptr) {
    const auto tell = [&](const destination& whom, signal_ptr what) {
      dispatch(host, whom, std::move(what), &p);
    };
    mine->links.for_each([&](const pid& other, link_state& state) {
      if (state.unlinking == 0) tell(other, make_signal(signal_kind::exit, p.self_, reason));
    });
    mine->watchers.for_each([&](const reference& ref, watcher_state& state) {
      signal_ptr down = make_signal(signal_kind::down, p.self_, ref, reason);
      if (state.by_name) down->flags |= signal::by_name;
      tell(state.watcher, std::move(down));
    });
    mine->callers.for_each([&](const reference& ref, pid& caller) {
      tell(caller, make_signal(signal_kind::down, p.self_, ref, reason));
    });
    mine->monitors.for_each([&](std::uint64_t number, monitor_state& state) {
      send_demonitor(p, number, state.target, state.by_name.get());
    });
    mine->calls.for_each([&](std::uint64_t number, call_state& state) {
      if (!state.answered) send_demonitor(p, number, state.target, state.by_name.get());
    });
    if (mine->ice != nullptr) leave(p);
    const std::lock_guard guard(mine->lock);
    mine->links = {};
    mine->watchers = {};
    mine->monitors = {};
    mine->callers = {};
    mine->calls = {};
    mine->aliases = {};
  }
  if (p.direct_ != nullptr && !p.direct_->answered)
    send_demonitor(p, p.direct_->number, p.direct_->target, nullptr);
  scatter_crowd(p);
  while (signal_ptr left = next_message(p)) {
    left->flags = 0; // its caller was told why
    answer_for_missing(host, p.self_, std::move(left), reasons::noproc());
  }

  if (p.waiting_ != nullptr && !p.waiting_->holds) p.waiting_->ready = true;
  if (p.lingering_) p.home().expect_end_of(p);
}

void engine::finish(process& p) {
  p.finished_ = true;
  if (p.lingering_) p.host().parts_->lingering.fetch_sub(1, std::memory_order_relaxed);
  while (signal_ptr left = next_message(p))
    answer_for_missing(p.host(), p.self_, std::move(left), reasons::noproc());
  p.home().retire(p);
}

} // namespace coppice::runtime
