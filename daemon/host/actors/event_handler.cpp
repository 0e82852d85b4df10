// SPDX-License-Identifier: MIT
// A plugin's event handler; behaviours/event_manager/event_protocol.hpp has the messages of its manager. In
// the process's own turn.
#include "host/actors/event_handler.hpp"

#include "behaviours/event_manager/event_protocol.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/requests.hpp"
#include "host/boundary/sized.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::host {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;
namespace events = behaviours::events;

event_handler_code::event_handler_code(const coppice_actor_type& type)
    : actor_code(type),
      callbacks(callbacks_of<coppice_event_handler>(type, COPPICE_EVENT_HANDLER_DRAFT_2,
                                                    COPPICE_EVENT_HANDLER_LEAST)) {}

outcome event_handler::take_info(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (self.origin().notice && at.read_tuple_of(2) && at.read_atom_is(events::batch_tag))
    return take_batch(m, at.rest());
  if (actor().extra != nullptr && actor().extra->has_requested) {
    response ended;
    const matched found = match(actor(), m, ended);
    if (found == matched::late) return runtime::carry_on();
    if (found == matched::ended) {
      const coppice_message answer = ended.answer ? lend(ended.answer) : coppice_message{};
      const shown_context shown(actor(), ended.context);
      const std::int32_t status = in_turn(actor(), "on_response", {}, [&] {
        return call_or(COPPICE_UNHANDLED, callbacks().on_response, &actor(), state(), ended.id, ended.tag,
                       ended.status, &answer);
      });
      return decide(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "on_response", ended.answer.bytes());
    }
  }
  return happened(false, m, m.bytes());
}

outcome event_handler::take_batch(const message& whole, etf::bytes list) {
  process& self = *actor().process;
  etf::cursor at(list);
  std::uint32_t count = 0;
  if (!at.read_list(count)) return runtime::carry_on();
  base::nanos began = base::mono_now();
  for (bool first = true; count != 0; --count, first = false) {
    if (!first) {
      self.reductions(1);
      if (self.should_yield()) {
        self.yield();
        if (self.exiting()) return runtime::carry_on();
        began = base::mono_now();
      }
    }
    std::uint64_t kind = 0;
    etf::bytes term;
    if (!at.read_tuple_of(2) || !at.read_unsigned(kind) || !at.read_term(term)) break;
    ++taken_;
    outcome next = happened(kind == static_cast<std::uint64_t>(events::kind::event), whole, term);
    if (next.stops()) return next;
    if (self.exiting()) return runtime::carry_on();
    const base::nanos now = base::mono_now();
    meter_->handled(now - began);
    began = now;
  }
  meter_->took_in(whole.size());
  return runtime::carry_on();
}

outcome event_handler::happened(bool event, const message& whole, etf::bytes term) {
  const auto callback = event ? callbacks().handle_event : callbacks().handle_info;
  const char* const name = event ? "handle_event" : "handle_info";
  if (event && callback == nullptr) return runtime::carry_on();
  const coppice_message body = lend(whole, term);
  const std::int32_t status = in_turn(
      actor(), name, term, [&] { return call_or(COPPICE_UNHANDLED, callback, &actor(), state(), &body); });
  if (status != COPPICE_UNHANDLED) [[likely]]
    return decide(status, name, term);
  const std::string why = take_error_text();
  if (if_unhandled() != runtime::unhandled::ignore) tell_unhandled("message", term, why);
  return runtime::carry_on();
}

outcome event_handler::take_call(process& self, const message& whole, etf::bytes from, etf::bytes request) {
  etf::cursor at(request);
  const bool managers = self.origin().notice;
  if (managers && at.read_atom_is(events::sync_call)) {
    gen::reply(self, from, message::atom("ok"));
    return runtime::carry_on();
  }
  if (managers && at.read_atom_is(events::state_call)) {
    gen::reply(self, from, shown_state());
    return runtime::carry_on();
  }
  std::uint32_t arity = 0;
  std::string_view what;
  etf::bytes first;
  etf::bytes second;
  if (managers && at.read_tuple(arity) && at.read_atom(what) && at.read_term(first)) {
    if (what == events::leave_call) {
      gen::reply(self, from, leave(whole.slice(first)));
      return runtime::stop(runtime::reasons::normal());
    }
    if (what == events::query_call && at.read_term(second)) {
      outcome next = query(whole, first, second);
      if (!next.stops() && !self.exiting()) meter_->took_call();
      if ((!next.stops() || left_) && !self.exiting()) gen::reply(self, from, message::atom("ok"));
      return next;
    }
  }
  gen::reply(self, from, gen::refusal("an event handler is asked by way of its manager: gen_event:call"));
  return runtime::carry_on();
}

outcome event_handler::query(const message& whole, etf::bytes from, etf::bytes request) {
  const coppice_message body = lend(whole, request);
  const std::int32_t status = in_turn(actor(), "handle_call", request, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks().handle_call, &actor(), state(), &body, lend_bytes(from));
  });
  // The manager reads this count when it is told that the handler leaves.
  if (status == COPPICE_REMOVE_HANDLER || status == COPPICE_SWAP_HANDLER) meter_->took_call();
  if (status != COPPICE_UNHANDLED) [[likely]]
    return decide(status, "handle_call", request);
  return refuse_call(from, request, "handle_call", "event handler");
}

outcome event_handler::take_cast(process&, const message&, etf::bytes request) {
  if (if_unhandled() != runtime::unhandled::ignore) tell_unhandled("cast", request, {});
  return runtime::carry_on();
}

outcome event_handler::decide(std::int32_t status, const char* callback, etf::bytes given) {
  if (status != COPPICE_REMOVE_HANDLER && status != COPPICE_SWAP_HANDLER) [[likely]]
    return follow(status, callback, given);
  process& self = *actor().process;
  message args = message::atom("remove_handler");
  message handler, next_args;
  if (status == COPPICE_SWAP_HANDLER) {
    const message to = stop_reason(actor(), COPPICE_STOP);
    etf::cursor at(to.bytes());
    etf::bytes parts[3];
    if (!at.read_tuple_of(3) || !at.read_term(parts[0]) || !at.read_term(parts[1]) || !at.read_term(parts[2]))
      return stop_in(callback, given, tagged("bad_swap_handler", to.bytes()));
    args = to.slice(parts[0]);
    handler = to.slice(parts[1]);
    next_args = to.slice(parts[2]);
  }
  const message result = leave(args);
  if (self.exiting()) return runtime::carry_on();
  message_writer left;
  left.tuple(3);
  left.atom(events::left_tag);
  runtime::write(left, self.self(), self.host().nodes());
  if (handler) {
    left.tuple(4);
    left.raw(handler.bytes());
    left.raw(next_args.bytes());
    left.raw(result.bytes());
    left.unsigned_integer(taken_);
  } else {
    left.atom("remove");
  }
  meter_->leave();
  if (self.parent()) self.notify(self.parent(), left.take());
  return runtime::stop(runtime::reasons::normal());
}

message event_handler::leave(const message& why) {
  const auto callback = callbacks().removed;
  if (std::exchange(left_, true) || callback == nullptr || !actor().created) return message::atom("ok");
  const coppice_message_api& messages = *message_interface();
  coppice_writer out;
  if (messages.write_begin(64, &out) != COPPICE_OK) return message::atom("ok");
  const std::uint8_t* const begin = out.at;
  const coppice_message given = lend(why);
  const std::int32_t status =
      in_turn(actor(), "removed", why.bytes(), [&] { return callback(&actor(), state(), &given, &out); });
  if (status != COPPICE_OK) {
    messages.discard(&out);
    const message failed = stop_reason(actor(), status);
    return tagged("EXIT", failed.bytes());
  }
  if (out.at == begin) return messages.discard(&out), message::atom("ok");
  coppice_message made;
  return messages.finish(&out, &made) == COPPICE_OK ? take(&made) : message::atom("ok");
}

// The end of the handler's manager arrives as an exit of its parent.
void event_handler::terminate(process&, const message& reason) {
  if (runtime::is_orderly(reason)) {
    leave(message::atom("stop"));
  } else {
    leave(tagged("error", tagged("EXIT", reason.bytes()).bytes()));
  }
  end(reason);
}

template hosted_behaviour hosted<event_handler>(const coppice_behaviour* facts);

} // namespace coppice::host
