// SPDX-License-Identifier: MIT
// Answers: messages that come to an alias, or to the process itself as {Tag, Reply} with the tag of a call
// that waits, are the call's and never enter the mailbox. Sources: gen.erl, "Process aliases" in the
// reference manual.
#include <coppice/etf/cursor.hpp>

#include "runtime/call_forms.hpp"
#include "runtime/engine.hpp"

namespace coppice::runtime {
namespace {

// The reference of {Ref, _}, {[alias|Ref], _} or {[[alias|Ref]|_], _}.
std::optional<etf::reference> tag_of_reply(etf::bytes term) {
  if (term.size() < 4 || term[0] != static_cast<std::uint8_t>(etf::tag::small_tuple) || term[1] != 2)
    return std::nullopt;
  etf::cursor in(term);
  if (!in.read_tuple_of(2)) return std::nullopt;
  std::uint32_t length = 0;
  for (unsigned depth = 0; depth < 2 && in.peek() == etf::kind::list && in.read_list(length); ++depth)
    if (in.read_atom_is("alias")) break;
  etf::reference found;
  if (!in.read_reference(found)) return std::nullopt;
  return found;
}

} // namespace

call_state* engine::find_call(const process& p, std::uint64_t number) {
  if (p.direct_ != nullptr && p.direct_->number == number) return p.direct_;
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  return mine == nullptr ? nullptr : mine->calls.find(number);
}

void engine::keep_among_callers(process& p, signal& call) {
  p.needs_relations().callers[call.ref] = call.from;
  call.flags |= signal::among_callers;
}

void engine::take_in_hand(process& p, const signal& call) {
  if ((call.flags & signal::among_callers) != 0) return;
  p.asker_ = call.from;
  p.asked_ = call.ref.number();
}

void engine::keep_caller(process& p) {
  const pid asker = std::exchange(p.asker_, {});
  p.needs_relations().callers[reference::made_by(asker, p.asked_)] = asker;
}

void engine::forget_caller(process& p, const reference& to) {
  if (let_go_of(p, {to.owner(), to.number()})) return;
  if (relations* mine = p.relations_.load(std::memory_order_relaxed);
      mine != nullptr && mine->callers.erase(to))
    return;
  if (p.first_ != nullptr && p.first_->ref == to)
    p.first_->flags &= static_cast<std::uint16_t>(~signal::of_call);
}

void engine::settle(process& p, std::uint64_t number, bool down, message result, bool bare) {
  call_state* call = find_call(p, number);
  if (call == nullptr || call->answered) return;
  call->answered = true;
  call->down = down;
  call->bare = bare;
  if (bare && call != p.direct_)
    result = whole_answer(p.host().nodes(), {p.self_, number}, std::move(result));
  call->result = std::move(result);
  if (p.waiting_ != nullptr && p.waiting_->number == number) p.waiting_->ready = true;
}

bool engine::settle_here(process& p, std::uint64_t number, const pid& from, message& reply) {
  direct_call* const call = p.direct_;
  if (call == nullptr || call->number != number || call->answered || p.exiting_ || call->target != from)
    return false;
  if (!p.inbox_.empty()) take_inbox(p);
  if (p.pending_first_ != nullptr) return false;
  call->answered = true;
  call->bare = true;
  call->result = std::move(reply);
  if (p.waiting_ == nullptr || p.waiting_->number != number) return true;
  p.waiting_->ready = true;
  if (!p.scheduled_) p.followed_ = 0;
  p.home().schedule(p);
  return true;
}

bool engine::handle_reply(process& p, signal_ptr& what) {
  if (!expects_answers(p)) return false;
  const auto tag = tag_of_reply(what->payload().bytes());
  if (!tag || tag->node != p.host().node_name()) return false;
  const reference ref{0, tag->creation, tag->count, tag->words};
  const std::uint64_t number = ref.number();
  if (ref != reference_of(p, number)) return false;
  const call_state* call = find_call(p, number);
  if (call == nullptr || call->answered) return false;
  send_demonitor(p, number, call->target, call->by_name.get());
  uncount(p, *what);
  settle(p, number, false, consume(std::move(what)));
  return true;
}

void engine::handle_alias(process& p, signal_ptr what) {
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  const std::uint64_t number = what->ref.number();
  const auto nobody = [&] { answer_for_missing(p.host(), p.self_, std::move(what), reasons::noproc()); };
  if (what->ref != reference_of(p, number)) return nobody();
  if (const call_state* call = find_call(p, number); call != nullptr && !call->answered) {
    const bool ended_itself =
        (what->flags & signal::ends_monitor) != 0 || (call->target.here() && what->from == call->target);
    if (!ended_itself) send_demonitor(p, number, call->target, call->by_name.get());
    const bool bare = (what->flags & signal::bare) != 0;
    return settle(p, number, false, consume(std::move(what)), bare);
  }
  if (mine == nullptr) return nobody();
  if ((what->flags & signal::bare) != 0) {
    const pid from = what->from;
    const reference ref = what->ref;
    what = make_signal(signal_kind::message, from, ref,
                       whole_answer(p.host().nodes(), {p.self_, number}, consume(std::move(what))));
    what->flags = signal::unbounded;
  }
  if (const monitor_state* state = mine->monitors.find(number); state != nullptr && state->request) {
    send_demonitor(p, number, state->target, state->by_name.get());
    const std::lock_guard guard(mine->lock);
    mine->monitors.erase(number);
    return enqueue(p, std::move(what));
  }
  if (const alias_state* state = mine->aliases.find(number)) {
    const bool first = state->priority && (what->flags & signal::priority) != 0;
    if (state->once) mine->aliases.erase(number);
    return enqueue(p, std::move(what), first);
  }
  nobody();
}

// Under any of its forms: of a call or request that waits for what is sent to it, or made as an alias.
bool engine::is_alias(const process& p, const reference& ref, bool& of_priority) {
  of_priority = false;
  if (ref != reference_of(p, ref.number())) return false;
  if (const call_state* call = find_call(p, ref.number()); call != nullptr) return !call->answered;
  relations* mine = p.relations_.load(std::memory_order_relaxed);
  if (mine == nullptr) return false;
  if (const monitor_state* state = mine->monitors.find(ref.number()); state != nullptr) return state->request;
  const alias_state* state = mine->aliases.find(ref.number());
  of_priority = state != nullptr && state->priority;
  return state != nullptr;
}

reference process::make_alias(bool once, urgency most) {
  const reference ref = engine::new_reference(*this);
  if (!exiting_) needs_relations().aliases[ref.number()] = {once, most == urgency::priority};
  return ref;
}

bool process::unalias(const reference& ref) {
  relations* mine = relations_.load(std::memory_order_relaxed);
  return mine != nullptr && ref.here() && mine->aliases.erase(ref.number());
}

reference process::make_ack() {
  const reference ref = engine::new_reference(*this);
  if (!exiting_) needs_relations().calls[ref.number()];
  return ref;
}

reference process::make_reference() {
  return engine::new_reference(*this);
}

bool process::answered(const reference& ref) {
  engine::take_signals(*this);
  relations* mine = relations_.load(std::memory_order_relaxed);
  const call_state* call = mine == nullptr || !ref.here() ? nullptr : mine->calls.find(ref.number());
  return call == nullptr || call->answered || exiting_;
}

process::awaited process::await(const reference& ref, base::nanos deadline) {
  using kind = await_error::kind;
  const auto failed = [](kind what, message reason = {}) {
    return tl::unexpected(await_error{what, std::move(reason)});
  };
  if (exiting_) return failed(kind::exiting);
  const std::uint64_t number = ref.number();
  relations* mine = relations_.load(std::memory_order_relaxed);
  const call_state* call = mine == nullptr || !ref.here() ? nullptr : mine->calls.find(number);
  if (call == nullptr) return failed(kind::invalid);

  bool has_stack = true;
  if (!call->answered) {
    wait parked;
    parked.number = number;
    has_stack = engine::wait_for(*this, parked, deadline);
  }
  if (exiting_) return failed(kind::exiting);
  call_state* state = mine->calls.find(number);
  if (!state->answered) {
    engine::send_demonitor(*this, number, state->target, state->by_name.get());
    mine->calls.erase(number);
    return failed(has_stack ? kind::timeout : kind::limit);
  }
  const bool down = state->down;
  message result = std::move(state->result);
  mine->calls.erase(number);
  if (down) return failed(kind::down, std::move(result));
  return result;
}

answer_to_call process::call(const pid& to, message&& request, base::nanos deadline) {
  using kind = answer_to_call::kind;
  if (exiting_) return {kind::exiting};
  worker& here = home();
  process* receiver = engine::find(here.host(), to);
  if (receiver == nullptr) [[unlikely]]
    return {kind::down, reasons::noproc()};
  direct_call mine;
  mine.target = to;
  const std::uint64_t number = mine.number = ++next_number_;
  direct_ = &mine;
  const std::uint32_t weight = engine::weight_of(request);
  signal_ptr what =
      make_signal(signal_kind::message, self_, reference::made_by(self_, number), std::move(request));
  what->flags = signal::of_call | signal::bare;
  send_status sent = send_status::ok;
  if (engine::lives_on(here, *receiver) && engine::counts(*receiver, weight)) [[likely]] {
    if (receiver->first_ != nullptr || receiver->asker_) engine::keep_among_callers(*receiver, *what);
    engine::pass(here, *receiver, what.release(), weight);
  } else {
    sent = engine::send_bounded(*receiver, std::move(what), this);
  }
  bool has_stack = true;
  if (!mine.answered && sent == send_status::ok) {
    wait parked;
    parked.number = number;
    has_stack = engine::wait_for(*this, parked, deadline);
  }
  direct_ = nullptr;
  if (exiting_) return {kind::exiting};
  if (sent == send_status::full) return {kind::full};
  if (!mine.answered) {
    engine::send_demonitor(*this, number, to, nullptr);
    return {has_stack ? kind::timeout : kind::limit};
  }
  return {mine.down ? kind::down : mine.bare ? kind::reply : kind::enveloped, std::move(mine.result)};
}

} // namespace coppice::runtime
