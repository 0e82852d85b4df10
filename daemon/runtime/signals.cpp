// SPDX-License-Identifier: MIT
// Taking signals: everything but ordinary messages is handled when it is taken, so that replies and exits
// never wait behind messages; messages go to the private queue in the order they came.
#include <cstring>

#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

void note_done(wait* waiting, std::uint64_t number) {
  if (waiting == nullptr || waiting->number != number) return;
  waiting->done = true;
  waiting->ready = true;
}

} // namespace

void engine::add_pending(process& p, signal_ptr what) {
  signal* const last = what.release();
  last->next = nullptr;
  (p.pending_first_ == nullptr ? p.pending_first_ : p.pending_last_->next) = last;
  p.pending_last_ = last;
}

void engine::take_inbox(process& p) {
  if (p.on_full_ == on_full::drop_old) [[unlikely]]
    return take_newest(p);
  take_pushed(p);
}

void engine::take_pushed(process& p) {
  if (p.inbox_.empty()) return;
  bool was_idle = false;
  std::uint64_t shares = 0;
  signal* const first = p.inbox_.take_all(was_idle);
  signal* last = first;
  for (signal* one = first; one != nullptr; last = one, one = one->next)
    if (one->weight != 0) shares += mailbox_load::share(one->weight);
  (p.pending_first_ == nullptr ? p.pending_first_ : p.pending_last_->next) = first;
  p.pending_last_ = last;
  if (shares != 0) p.load_.take_over(shares);
  if (was_idle) p.announced_ = true;
}

bool engine::accept(process& p, signal_ptr& what) {
  if (what->kind != signal_kind::message || p.exiting_ || p.pending_first_ != nullptr) return false;
  if ((what->flags & signal::of_call) != 0) return enqueue_call(p, std::move(what)), true;
  if (what->ref) {
    const std::uint64_t number = what->ref.number();
    const call_state* call = find_call(p, number);
    if (call == nullptr || call->answered || what->ref.words[2] != 0) return false;
    // From the callee, or what spawn is answered with: nothing is left to be told to anybody.
    const bool ends =
        (what->flags & signal::ends_monitor) != 0 ||
        (call->by_name == nullptr && ((call->target == what->from && call->target.here()) || !call->target));
    if (!ends) return false;
    const bool bare = (what->flags & signal::bare) != 0;
    settle(p, number, false, consume(std::move(what)), bare);
    return true;
  }
  if (expects_answers(p)) return false; // perhaps this is one
  enqueue(p, std::move(what));
  return true;
}

void engine::take_signals(process& p) {
  take_inbox(p);
  while (p.pending_first_ != nullptr) {
    signal_ptr what(std::exchange(p.pending_first_, p.pending_first_->next));
    if (what->kind == signal_kind::stop_waiting) {
      if (what->number != 0)
        note_done(p.waiting_, what->number);
      else if (p.exiting_)
        scatter_crowd(p);
      continue; // 0 and alive: the turn's end looks at the crowd
    }
    if (p.exiting_) {
      answer_for_missing(p.host(), p.self_, std::move(what), reasons::noproc());
      continue;
    }
    switch (what->kind) {
      case signal_kind::message:
        if ((what->flags & signal::of_call) != 0)
          enqueue_call(p, std::move(what));
        else if (what->ref)
          handle_alias(p, std::move(what));
        else if (!handle_reply(p, what))
          enqueue(p, std::move(what));
        break;
      case signal_kind::exit:
      case signal_kind::exit2:
      case signal_kind::overflow:
        handle_exit(p, std::move(what));
        break;
      case signal_kind::link:
        handle_link(p, *what);
        break;
      case signal_kind::unlink:
        handle_unlink(p, *what);
        break;
      case signal_kind::unlink_ack:
        handle_unlink_ack(p, *what);
        break;
      case signal_kind::monitor:
        handle_monitor(p, *what);
        break;
      case signal_kind::demonitor:
        handle_demonitor(p, *what);
        break;
      case signal_kind::down:
        handle_down(p, *what);
        break;
      case signal_kind::group_leader:
        p.set_group_leader(what->from);
        break;
      case signal_kind::spawn_reply:
        handle_spawn_reply(p, *what);
        break;
      case signal_kind::spawn_request: // for nodes
      case signal_kind::stop_waiting:
        break;
    }
  }
}

// The urgent ones are the first ones. A call that waits alone is known by being the first: not any more. A
// frozen process has looked at those behind it.
void engine::enqueue_urgent(process& p, signal_ptr what) {
  signal* const first = p.first_;
  const bool others = first != nullptr && (first->flags & signal::urgent) != 0;
  what->flags |= signal::urgent;
  if (first == nullptr) {
    p.needs_relations().last_urgent = what.get();
    return enqueue(p, std::move(what));
  }
  if (!others && (first->flags & (signal::of_call | signal::among_callers)) == signal::of_call) {
    p.needs_relations().callers[first->ref] = first->from;
    first->flags |= signal::among_callers;
  }
  signal* const raw = what.release();
  signal*& last_urgent = p.needs_relations().last_urgent;
  look_again(p);
  raw->next = std::exchange(others ? last_urgent->next : p.first_, raw);
  if (others && p.last_ == last_urgent) p.last_ = raw;
  last_urgent = raw;
  note_oldest(p);
}

bool engine::flush_down(process& p, const reference& ref) {
  take_signals(p);
  message_writer out;
  out.tuple(5);
  out.atom("DOWN");
  write(out, ref, p.host().nodes());
  const etf::bytes start = out.view();
  signal* before = nullptr;
  for (signal* at = p.first_; at != nullptr; before = at, at = at->next) {
    const etf::bytes term = at->payload().bytes();
    if (term.size() < start.size() || std::memcmp(term.data(), start.data(), start.size()) != 0) continue;
    (before == nullptr ? p.first_ : before->next) = at->next;
    if (p.last_ == at) p.last_ = before;
    if (p.needs_relations().last_urgent == at) p.needs_relations().last_urgent = before;
    look_again(p);
    const signal_ptr flushed(at);
    uncount(p, *flushed);
    return true;
  }
  return false;
}

} // namespace coppice::runtime
