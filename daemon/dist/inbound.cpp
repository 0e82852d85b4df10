// SPDX-License-Identifier: MIT
// Picks the part of the protocol for a control message, and handles messages and calls itself. One thread.
#include "dist/inbound.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/log_counted.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/sound_term.hpp"

namespace coppice::dist {
namespace {

using runtime::destination;
using runtime::make_signal;
using runtime::signal_kind;

constexpr std::size_t control_message_room = 64 * 1024; // bytes in a frame, beside its payload

// Takes the place of a payload over the limits.
runtime::message over_limit() {
  return runtime::message::atom("over_limit");
}

} // namespace

inbound::inbound(connection_context& of, outbound& replies, const spawn_handler& spawns)
    : context_(of),
      replies_(replies),
      frames_(of.settings.term_limits.bytes + control_message_room),
      unpacker_(of.settings.term_limits, of.peer.capabilities),
      relations_(of, replies),
      spawns_(of, replies, spawns) {}

base::status inbound::handle() {
  std::size_t handled = 0;
  const auto handle_taken = [&](base::result<unpacked*> taken) -> base::status {
    if (!taken) return unexpected(std::move(taken.error()));
    if (*taken == nullptr) return {};
    ++handled;
    if (!handle_one(**taken)) context_.counters.dropped();
    return {};
  };
  if (busy())
    if (auto gone_on = handle_taken(unpacker_.go_on()); !gone_on) return gone_on;
  if (!busy()) {
    auto read = frames_.for_each(
        [&](base::bytes_span frame, const runtime::message& memory) {
          return handle_taken(unpacker_.take(frame, memory));
        },
        [this] { return busy(); });
    if (!read) return read;
  }
  context_.counters.received(handled);
  replies_.answer(handled);
  if (context_.relations.shared() > context_.settings.relations)
    return base::fail(
        base::errc::limit,
        fmt::format("there are more than {} links, monitors and calls with it", context_.settings.relations));
  return {};
}

bool inbound::handle_one(unpacked& in) {
  if (in.dropped.empty()) return handle_whole(in);
  const bool told = handle_without_payload(in);
  base::log::counted(
      base::log::level::warning, "dist", "payload over a limit", "{}: {}: {}", context_.peer.name,
      told ? "a payload was dropped, and `over_limit` is in its place" : "a message was dropped", in.dropped);
  return told;
}

bool inbound::handle_without_payload(unpacked& in) {
  using kind = short_form::kind;
  const short_form& m = in.head;
  if (m.what != kind::none) {
    const runtime::pid from{context_.ids.peer(), context_.peer.creation, m.from.id, m.from.serial};
    const runtime::pid to{0, context_.system.creation(), m.to.id, m.to.serial};
    if (m.what == kind::answer || m.what == kind::bare_answer)
      return end_call(runtime::reference::made_by(to, m.number), from);
    const bool call = m.what != kind::send && m.what != kind::send_to_name;
    if (!call || !from) return false;
    const auto ref = runtime::reference::made_by(from, m.number);
    if (!context_.relations.add_call(runtime::call_id::of(ref), {})) return false;
    replies_.send(from, make_signal(signal_kind::down, {}, ref, over_limit()));
    return true;
  }
  const control_message& c = in.control;
  switch (c.what) {
    case op::spawn_request:
    case op::spawn_request_tt:
      return spawns_.refuse(c, "system_limit");
    case op::altact_sig_send:
      if ((c.flags & altact::exit) != 0) break;
      [[fallthrough]];
    case op::alias_send:
    case op::alias_send_tt: {
      const auto to = context_.receiver(c.to);
      return to.what() == destination::kind::alias && end_call(to.alias_ref(), context_.sender(c.from));
    }
    case op::payload_exit:
    case op::payload_exit_tt:
    case op::payload_exit2:
    case op::payload_exit2_tt:
    case op::payload_monitor_p_exit:
      break;
    default:
      return false;
  }
  in.payload = over_limit();
  return relations_.handle(in);
}

bool inbound::handle_whole(unpacked& in) {
  runtime::note_sound(in.payload); // it was checked while it came
  if (in.head.what != short_form::kind::none) return handle_short_form(in);
  switch (in.control.what) {
    case op::altact_sig_send:
      if ((in.control.flags & altact::exit) != 0) return relations_.handle(in);
      return handle_message(in);
    case op::send:
    case op::send_tt:
    case op::reg_send:
    case op::reg_send_tt:
    case op::send_sender:
    case op::send_sender_tt:
    case op::alias_send:
    case op::alias_send_tt:
      return handle_message(in);
    case op::spawn_request:
    case op::spawn_request_tt:
      return spawns_.handle_request(in);
    case op::spawn_reply:
    case op::spawn_reply_tt:
      return spawns_.handle_reply(in.control);
    default:
      return relations_.handle(in);
  }
}

bool inbound::handle_message(unpacked& in) {
  const auto& c = in.control;
  const runtime::pid from = context_.sender(c.from);
  const auto to = context_.receiver(c.to);
  if (to.what() == destination::kind::none) return false;
  auto s = make_signal(signal_kind::message, from, std::move(in.payload));
  if (to.what() == destination::kind::alias) {
    if (asks_for_priority(c)) s->flags = runtime::signal::priority;
    handle_answer(to.alias_ref(), std::move(s));
  } else {
    context_.deliver(to, std::move(s));
  }
  return true;
}

bool inbound::handle_short_form(unpacked& in) {
  using kind = short_form::kind;
  const short_form& m = in.head;
  const runtime::pid from{context_.ids.peer(), context_.peer.creation, m.from.id, m.from.serial};
  const runtime::pid to{0, context_.system.creation(), m.to.id, m.to.serial};
  switch (m.what) {
    case kind::send:
      context_.deliver(to, make_signal(signal_kind::message, from, std::move(in.payload)));
      return true;
    case kind::send_to_name:
      context_.deliver(destination::named(std::string(m.name)),
                       make_signal(signal_kind::message, from, std::move(in.payload)));
      return true;
    case kind::call:
    case kind::call_by_name:
    case kind::bare_call:
    case kind::bare_call_by_name:
      return handle_call(m, from, std::move(in.payload));
    case kind::answer:
    case kind::bare_answer: {
      auto s = make_signal(signal_kind::message, from, std::move(in.payload));
      if (m.is_bare()) s->flags = runtime::signal::bare;
      handle_answer(runtime::reference::made_by(to, m.number), std::move(s));
      return true;
    }
    case kind::none:
      break;
  }
  return false;
}

bool inbound::handle_call(const short_form& call, const runtime::pid& from, runtime::message payload) {
  runtime::pid target{0, context_.system.creation(), call.to.id, call.to.serial};
  if (!call.name.empty()) target = context_.system.whereis(call.name).value_or(runtime::pid{});
  const auto ref = runtime::reference::made_by(from, call.number);
  if (!from || !context_.relations.add_call(runtime::call_id::of(ref), target)) return false;
  const auto refuse = [&](runtime::message why) {
    replies_.send(from, make_signal(signal_kind::down, target, ref, std::move(why)));
  };
  if (!target) return refuse(runtime::reasons::noproc()), true;
  auto s = make_signal(signal_kind::message, from, ref, std::move(payload));
  s->flags =
      runtime::signal::of_call | runtime::signal::remote | (call.is_bare() ? runtime::signal::bare : 0);
  if (context_.system.deliver(target, std::move(s)) != runtime::send_status::full) return true;
  refuse(runtime::reasons::mailbox_full());
  return false;
}

bool inbound::end_call(const runtime::reference& alias, const runtime::pid& from) {
  const auto call = context_.relations.take_outgoing_call(alias);
  if (!call) return false;
  if (!call->one_message) replies_.end_call_monitor(alias, *call);
  context_.deliver_ahead(alias.owner(), make_signal(signal_kind::down, from, alias, over_limit()));
  return true;
}

// Delivers to an alias here. The first message to the alias of a call is its answer: the call's monitor has
// ended with it, and a peer that does not know that by itself gets a demonitor.
void inbound::handle_answer(const runtime::reference& alias, runtime::signal_ptr what) {
  if (const auto call = context_.relations.take_outgoing_call(alias)) {
    if (!call->one_message) replies_.end_call_monitor(alias, *call);
    what->flags |= runtime::signal::ends_monitor;
    return context_.deliver_ahead(destination::alias(alias), std::move(what));
  }
  context_.deliver(destination::alias(alias), std::move(what));
}

} // namespace coppice::dist
