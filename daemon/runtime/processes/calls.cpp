// SPDX-License-Identifier: MIT
// Calls and their answers. A message that comes to the alias of a waiting call, or to the process itself as
// {Tag, Reply} with that call's tag, is the call's answer and does not enter the mailbox. It counts only if
// it comes from the node that was asked, so no other node can answer in its place. Sources: gen.erl; "Process
// aliases" in the Erlang reference manual.
#include "runtime/messages/call_forms.hpp"
#include "runtime/messages/delivery.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::runtime {
namespace {

// The result of an answered call. Takes it out.
answer_to_call answer_of(call_state& call) {
  using kind = answer_to_call::kind;
  return {call.down ? kind::down : call.bare ? kind::reply : kind::enveloped, std::move(call.result)};
}

} // namespace

// The node of the asked process; this node if no other can answer.
template <class Asked>
static std::uint32_t asked_node(const Asked& of, const destination* by_name) {
  return of.target || by_name == nullptr ? of.target.node : by_name->node();
}

call_state* process_record::find_call(std::uint64_t number) const {
  if (direct != nullptr && direct->number == number) return direct;
  relations* mine = related();
  return mine == nullptr ? nullptr : mine->calls.find(number);
}

void process_record::forget_other_caller(const reference& to) {
  if (relations* mine = related()) mine->callers.erase(to);
}

void process_record::settle(std::uint64_t number, bool down, message result, bool bare) {
  call_state* call = find_call(number);
  if (call == nullptr || call->answered) return;
  call->answered = true;
  call->down = down;
  call->bare = bare;
  call->result = std::move(result);
  if (waiting != nullptr && waiting->number == number) waiting->ready = true;
}

bool process_record::handle_reply(signal_ptr& what) {
  if (!expects_answers()) return false;
  const auto tag = tag_of_reply(what->payload().bytes());
  if (!tag || tag->node != host().node_name()) return false;
  const reference ref = reference{0, tag->creation, tag->count, tag->words}.whole(id());
  const std::uint64_t number = ref.number();
  if (ref != reference_of(number)) return false;
  const call_state* call = find_call(number);
  if (call == nullptr || call->answered) return false;
  if (what->from.node != asked_node(*call, call->by_name.get())) return false;
  send_demonitor(number, call->target, call->by_name.get());
  mailbox.uncount(*what);
  settle(number, false, consume(std::move(what)));
  return true;
}

void process_record::handle_alias(signal_ptr what) {
  relations* mine = related();
  const std::uint64_t number = what->ref.number();
  const auto nobody = [&] {
    mailbox.uncount(*what);
    delivery::answer_for_missing(host(), id(), std::move(what), reasons::noproc());
  };
  if (what->ref != reference_of(number)) return nobody();
  if (const call_state* call = find_call(number); call != nullptr && !call->answered) {
    if (what->from.node != asked_node(*call, call->by_name.get())) return nobody();
    const bool ended_itself = (what->flags & signal::ends_monitor) != 0 ||
                              (!call->watched && call->target.here() && what->from == call->target);
    if (!ended_itself) send_demonitor(number, call->target, call->by_name.get());
    mailbox.uncount(*what);
    const bool bare = (what->flags & signal::bare) != 0;
    return settle(number, false, consume(std::move(what)), bare);
  }
  if (mine == nullptr) return nobody();
  if (take_answer(what, false)) return;
  if ((what->flags & signal::bare) != 0) {
    const destination alias = destination::alias(what->ref);
    what = enveloped(host().nodes(), alias, std::move(what));
  }
  if (const monitor_state* state = mine->monitors.find(number);
      state != nullptr && state->alias != alias_until::never) {
    if (state->alias == alias_until::reply) {
      const bool request = (number & reference::of_request) != 0;
      if (request && what->from.node != asked_node(*state, state->by_name())) return nobody();
      end_monitor(number, *state);
    }
    return mailbox.enqueue(std::move(what));
  }
  if (const alias_state* state = mine->aliases.find(number)) {
    const bool first = state->priority && (what->flags & signal::priority) != 0;
    if (state->once) mine->aliases.erase(number);
    return first ? mailbox.enqueue_urgent(std::move(what)) : mailbox.enqueue(std::move(what));
  }
  nobody();
}

bool process_record::take_answer(signal_ptr& what, bool down) {
  relations* const mine = related();
  if (mine == nullptr || mine->asked.empty() || !what->from.here()) return false;
  const std::uint64_t number = what->ref.number();
  const pid* const target = mine->asked.find(number);
  if (target == nullptr || what->ref != reference_of(number)) return false;
  // The process that was asked has passed the call on.
  if (!down && what->from != *target) send_demonitor(number, *target, nullptr);
  mine->asked.erase(number);
  mailbox.uncount(*what);
  what->weight = 0;
  const bool whole = !down && (what->flags & (signal::bare | signal::acknowledged)) == 0;
  if (whole) {
    message reply = reply_in(consume(std::move(what)));
    down = !reply;
    what = make_signal(signal_kind::answered, id(), reference_of(number),
                       reply ? std::move(reply) : message::atom("bad_reply"));
  }
  what->kind = down ? signal_kind::unanswered : signal_kind::answered;
  what->flags |= signal::unbounded | signal::bare;
  mailbox.enqueue(std::move(what));
  return true;
}

void process_record::acknowledge(const call_id& asker) {
  forget_caller(asker.ref());
  process_record* const there = delivery::find(host(), asker.who);
  if (there == nullptr) return;
  signal_ptr what = make_signal(signal_kind::message, id(), asker.ref());
  what->flags = signal::unbounded | signal::bare | signal::acknowledged;
  delivery::push(*there, std::move(what));
}

std::optional<std::uint64_t> process::ask(const pid& to, message&& request, asking how) {
  process_record& me = record_of(*this);
  if (me.dead || to == me.id()) return std::nullopt;
  worker& here = me.home();
  process_record* const receiver = delivery::find(here.host(), to);
  if (receiver == nullptr) return std::nullopt;
  const reference ref = me.new_reference(how == asking::client_call ? reference::of_client : 0);
  const std::uint64_t number = ref.number();
  relations& mine = me.needs_relations();
  mine.asked[number] = to;
  signal_ptr what = make_signal(signal_kind::message, me.id(), ref, std::move(request));
  what->flags =
      signal::of_call | signal::unbounded | (how == asking::message ? signal::acknowledged : signal::bare);
  if (receiver->lives_on(&here) && !receiver->dead && !receiver->mailbox.has_signals()) [[likely]] {
    receiver->note_call({me.id(), number});
    delivery::pass(here, *receiver, what.release(), 0, worker::order::first);
  } else {
    what->number = static_cast<std::uint64_t>(here.recent());
    delivery::push(*receiver, std::move(what));
  }
  return number;
}

std::optional<pid> process::caller(const reference& of) const {
  const process_record& me = record_of(*this);
  const call_id call{of.owner(), of.number()};
  if (call.ref() == of && me.received_calls.has(call)) return call.who;
  relations* const mine = me.related();
  if (mine == nullptr) return std::nullopt;
  if (const pid* const found = mine->callers.find(of)) return *found;
  const watcher_state* const found = mine->watchers.find(of);
  return found == nullptr ? std::nullopt : std::optional(found->watcher);
}

bool process::end_call(const reference& of, message reason) {
  const auto asker = caller(of);
  if (!asker) return false;
  process_record& me = record_of(*this);
  delivery::dispatch(host(), *asker, make_signal(signal_kind::down, me.id(), of, std::move(reason)), &me);
  me.forget_caller(of);
  relations* const mine = me.related();
  if (mine == nullptr) return true;
  const std::lock_guard guard(mine->lock);
  mine->watchers.erase(of);
  return true;
}

// In any of its forms: of a call or request that waits for an answer, of a monitor, or made as an alias.
bool process_record::is_alias(const reference& ref, bool& of_priority) const {
  of_priority = false;
  if (ref != reference_of(ref.number())) return false;
  if (const call_state* call = find_call(ref.number()); call != nullptr) return !call->answered;
  relations* mine = related();
  if (mine == nullptr) return false;
  if (mine->asked.find(ref.number()) != nullptr) return true;
  if (const monitor_state* state = mine->monitors.find(ref.number());
      state != nullptr && state->alias != alias_until::never)
    return true;
  const alias_state* state = mine->aliases.find(ref.number());
  of_priority = state != nullptr && state->priority;
  return state != nullptr;
}

reference process::make_alias(bool once, urgency most) {
  process_record& me = record_of(*this);
  const reference ref = me.new_reference();
  if (!me.dead) me.needs_relations().aliases[ref.number()] = {once, most == urgency::priority};
  return ref;
}

bool process::unalias(const reference& ref) {
  process_record& me = record_of(*this);
  relations* mine = me.related();
  if (mine == nullptr || ref != me.reference_of(ref.number())) return false;
  monitor_state* const state = mine->monitors.find(ref.number());
  if (state != nullptr && std::exchange(state->alias, alias_until::never) != alias_until::never) return true;
  return mine->aliases.erase(ref.number());
}

reference process::make_ack() {
  process_record& me = record_of(*this);
  const reference ref = me.new_reference();
  if (!me.dead) me.needs_relations().calls[ref.number()];
  return ref;
}

reference process::make_reference() {
  process_record& me = record_of(*this);
  return me.new_reference();
}

bool process::answered(const reference& ref) {
  process_record& me = record_of(*this);
  me.take_signals();
  relations* mine = me.related();
  const call_state* call = mine == nullptr || !ref.here() ? nullptr : mine->calls.find(ref.number());
  return call == nullptr || call->answered || me.dead;
}

bool process::expect_answer(const reference& ref) {
  process_record& me = record_of(*this);
  relations* mine = me.related();
  if (mine == nullptr || me.dead || ref != me.reference_of(ref.number())) return false;
  me.take_signals();
  monitor_state* const watched = mine->monitors.find(ref.number());
  if (watched == nullptr || watched->alias != alias_until::reply) return false;
  call_state asked;
  asked.target = watched->target;
  asked.watched = true;
  if (const destination* const name = watched->by_name())
    asked.by_name = std::make_unique<destination>(*name);
  mine->calls[ref.number()] = std::move(asked);
  const std::lock_guard guard(mine->lock);
  mine->monitors.erase(ref.number());
  return true;
}

message process::take_message(const behaviour::message_test& wanted) {
  process_record& me = record_of(*this);
  if (message held = me.behaviour->take_held(wanted)) return held;
  me.take_signals();
  const signal_ptr found = me.mailbox.take_message([&](const signal& one) {
    if ((one.flags & signal::bare) != 0) return false; // the request of a call
    return wanted(one.payload(), message_origin{one.from.node, (one.flags & signal::notice) != 0});
  });
  return found == nullptr ? message() : found->payload();
}

process::awaited process::await(const reference& ref, base::nanos deadline) {
  using kind = answer_to_call::kind;
  const auto failed = [](await_error::kind what, message reason = {}) {
    return unexpected(await_error{what, std::move(reason)});
  };
  answer_to_call came = await_reply(ref, deadline);
  switch (came.what) {
    case kind::reply:
      return whole_answer(host().nodes(), {self(), ref.number()}, std::move(came.term));
    case kind::enveloped:
      return std::move(came.term);
    case kind::down:
      return failed(await_error::kind::down, std::move(came.term));
    case kind::exiting:
      return failed(await_error::kind::exiting);
    case kind::limit:
      return failed(await_error::kind::limit);
    case kind::invalid:
      return failed(await_error::kind::invalid);
    case kind::timeout:
    case kind::full:
    case kind::malformed:
      break;
  }
  return failed(await_error::kind::timeout);
}

answer_to_call process::await_reply(const reference& ref, base::nanos deadline) {
  process_record& me = record_of(*this);
  using kind = answer_to_call::kind;
  if (me.dead) return {kind::exiting};
  const std::uint64_t number = ref.number();
  relations* mine = me.related();
  const call_state* call = mine == nullptr || !ref.here() ? nullptr : mine->calls.find(number);
  if (call == nullptr) return {kind::invalid};

  bool has_stack = true;
  if (!call->answered) {
    wait parked;
    parked.number = number;
    has_stack = me.wait_for(parked, deadline);
  }
  if (me.dead) return {kind::exiting};
  call_state* state = mine->calls.find(number);
  if (!state->answered) {
    const pid called = state->target;
    me.send_demonitor(number, called, state->by_name.get());
    mine->calls.erase(number);
    if (!has_stack) return {kind::limit};
    me.look_for_circle(called);
    return {me.dead ? kind::exiting : kind::timeout};
  }
  answer_to_call came = answer_of(*state);
  mine->calls.erase(number);
  return came;
}

[[gnu::always_inline]] inline answer_to_call process_record::answer_to(direct_call& mine,
                                                                       base::nanos deadline) {
  using kind = answer_to_call::kind;
  bool has_stack = true;
  if (!mine.answered) [[likely]] {
    wait parked;
    parked.number = mine.number;
    has_stack = wait_for(parked, deadline);
  }
  direct = nullptr;
  if (dead) return {kind::exiting};
  if (mine.answered) [[likely]]
    return answer_of(mine);
  send_demonitor(mine.number, mine.target, mine.by_name.get());
  if (!has_stack) return {kind::limit};
  look_for_circle(mine.target);
  return {dead ? kind::exiting : kind::timeout};
}

answer_to_call process::call(const pid& to, message&& request, base::nanos deadline) {
  process_record& me = record_of(*this);
  using kind = answer_to_call::kind;
  if (me.dead) return {kind::exiting};
  worker& here = me.home();
  process_record* receiver = delivery::find(here.host(), to);
  if (receiver == nullptr) [[unlikely]]
    return {kind::down, reasons::noproc()};
  const pid self = me.id();
  direct_call mine;
  mine.target = to;
  const std::uint64_t number = mine.number = me.new_number();
  me.direct = &mine;
  const std::uint32_t weight = mailbox::weight_of(request);
  // The reference is built in each branch, where the signal needs it: a local variable would be stored and
  // copied.
  signal_ptr what =
      signal_access::fits_in_place(request)
          ? signal_ptr(signal_access::make_in_place(std::move(request), signal_kind::message, self,
                                                    reference::made_by(self, number)))
          : make_signal(signal_kind::message, me.id(), me.reference_of(number), std::move(request));
  what->flags = signal::of_call | signal::bare;
  send_status sent = send_status::ok;
  if (receiver->lives_on(&here) && delivery::counts(*receiver, weight)) [[likely]] {
    receiver->note_call({self, number});
    delivery::pass(here, *receiver, what.release(), weight, worker::order::first);
  } else {
    sent = delivery::send_bounded(*receiver, std::move(what), &me);
  }
  if (sent == send_status::ok) [[likely]]
    return me.answer_to(mine, deadline);
  me.direct = nullptr;
  return {me.dead ? kind::exiting : kind::full};
}

answer_to_call process::call_away(const destination& to, message&& request, base::nanos deadline) {
  process_record& me = record_of(*this);
  using kind = answer_to_call::kind;
  if (me.dead) return {kind::exiting};
  direct_call mine;
  mine.number = me.new_number();
  me.direct = &mine;
  const send_status sent =
      send_call(to, me.reference_of(mine.number), std::move(request), call_form::request);
  if (sent == send_status::ok) [[likely]]
    return me.answer_to(mine, deadline);
  me.direct = nullptr;
  return {me.dead ? kind::exiting : kind::malformed};
}

base::result<process::begun> process::start(spawn_options&& options, std::unique_ptr<behaviour> does,
                                            base::nanos deadline) {
  process_record& me = record_of(*this);
  direct_call mine;
  mine.number = me.new_number();
  options.ack = me.reference_of(mine.number);
  me.direct = &mine;
  auto made = spawn(std::move(options), std::move(does));
  if (!made) {
    me.direct = nullptr;
    return unexpected(std::move(made).error());
  }
  mine.target = *made;
  return begun{*made, me.answer_to(mine, deadline)};
}

} // namespace coppice::runtime
