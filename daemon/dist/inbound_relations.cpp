// SPDX-License-Identifier: MIT
// One function for each operation. One thread.
#include "dist/inbound_relations.hpp"

#include <utility>

#include "runtime/messages/exit_reason.hpp"

namespace coppice::dist {
namespace {

using runtime::destination;
using runtime::make_signal;
using runtime::signal_kind;

// The reason is the payload, or is in the control message of a peer without EXIT_PAYLOAD.
runtime::message reason_in(unpacked& in) {
  return in.payload ? std::move(in.payload) : runtime::message::copy_of(in.control.reason);
}

} // namespace

bool inbound_relations::handle(unpacked& in) {
  switch (in.control.what) {
    case op::link:
      return handle_link(in.control);
    case op::unlink:
    case op::unlink_id:
      return handle_unlink(in.control);
    case op::unlink_id_ack:
      return handle_unlink_ack(in.control);
    case op::exit:
    case op::exit_tt:
    case op::payload_exit:
    case op::payload_exit_tt:
      return handle_exit(in);
    case op::exit2:
    case op::exit2_tt:
    case op::payload_exit2:
    case op::payload_exit2_tt:
    case op::altact_sig_send:
      return handle_exit2(in);
    case op::monitor_p:
      return handle_monitor(in.control);
    case op::demonitor_p:
      return handle_demonitor(in.control);
    case op::monitor_p_exit:
    case op::payload_monitor_p_exit:
      return handle_down(in);
    case op::group_leader:
      return handle_group_leader(in.control);
    default:
      return false;
  }
}

bool inbound_relations::handle_link(const control_message& c) {
  const auto from = context_.at_peer(c.from);
  const auto to = context_.at_home(c.to);
  if (!from || !to) return false;
  context_.relations.add_link_of_peer(*to, *from);
  context_.deliver(*to, make_signal(signal_kind::link, *from));
  return true;
}

bool inbound_relations::handle_unlink(const control_message& c) {
  const auto from = context_.at_peer(c.from);
  const auto to = context_.at_home(c.to);
  if (!from || !to) return false;
  auto s = make_signal(signal_kind::unlink, *from);
  s->number = c.what == op::unlink ? 1 : c.id;
  context_.relations.begin_unlink_of_peer(*to, *from, s->number);
  context_.deliver(*to, std::move(s));
  return true;
}

bool inbound_relations::handle_unlink_ack(const control_message& c) {
  const auto from = context_.at_peer(c.from);
  const auto to = context_.at_home(c.to);
  if (!from || !to) return false;
  context_.relations.end_unlink(*to, *from, c.id);
  auto s = make_signal(signal_kind::unlink_ack, *from);
  s->number = c.id;
  context_.deliver(*to, std::move(s));
  return true;
}

bool inbound_relations::handle_exit(unpacked& in) {
  const auto from = context_.at_peer(in.control.from);
  const auto to = context_.at_home(in.control.to);
  if (!from || !to) return false;
  context_.relations.remove_link(*to, *from);
  context_.deliver(*to, make_signal(signal_kind::exit, *from, reason_in(in)));
  return true;
}

bool inbound_relations::handle_exit2(unpacked& in) {
  const auto from = context_.at_peer(in.control.from);
  const auto to = context_.receiver(in.control.to);
  if (!from || to.what() == destination::kind::none) return false;
  auto s = make_signal(signal_kind::exit2, *from, reason_in(in));
  if (asks_for_priority(in.control)) s->flags = runtime::signal::priority;
  if (runtime::is_atom(s->payload(), "kill"))
    context_.deliver_ahead(to, std::move(s));
  else
    context_.deliver(to, std::move(s));
  return true;
}

bool inbound_relations::handle_monitor(const control_message& c) {
  const auto from = context_.at_peer(c.from);
  const auto ref = context_.made_at_peer(c.ref);
  if (!from || !ref) return false;
  incoming_monitor made{*from, {}, {}};
  if (c.to.what == address::form::name) {
    made.name = c.to.name;
    made.target = context_.system.whereis(c.to.name).value_or(runtime::pid{});
  } else if (const auto to = context_.at_home(c.to)) {
    made.target = *to;
  } else {
    return false;
  }
  const auto target = made.target;
  const std::uint16_t flags = made.name.empty() ? 0 : runtime::signal::by_name;
  if (!context_.relations.add_monitor(*ref, std::move(made))) return false;
  auto s = target ? make_signal(signal_kind::monitor, *from, *ref)
                  : make_signal(signal_kind::down, {}, *ref, runtime::reasons::noproc());
  s->flags = flags;
  if (target) {
    context_.deliver(target, std::move(s));
  } else {
    replies_.send(*from, std::move(s));
  }
  return true;
}

bool inbound_relations::handle_demonitor(const control_message& c) {
  const auto from = context_.at_peer(c.from);
  const auto ref = context_.made_at_peer(c.ref);
  if (!from || !ref) return false;
  // There is none if the demonitor crossed the end of the process: then the down is on its way.
  auto target = context_.relations.take_incoming_call(*ref);
  if (!target) {
    if (const auto monitor = context_.relations.take_incoming_monitor(*ref)) target = monitor->target;
  }
  if (target && *target) context_.deliver(*target, make_signal(signal_kind::demonitor, *from, *ref));
  return true;
}

bool inbound_relations::handle_down(unpacked& in) {
  const auto& c = in.control;
  const auto to = context_.at_home(c.to);
  const auto named = context_.ids.in(c.ref);
  // Of a monitor by name the process is not known; the pid says only which node it is of.
  const auto from = c.from.what == address::form::pid ? context_.at_peer(c.from) : context_.sender(c.from);
  if (!to || !named || !from) return false;
  const auto ref = named->whole(*to);
  auto s = make_signal(signal_kind::down, *from, ref, reason_in(in));
  if (context_.relations.take_outgoing_call(ref)) {
    context_.deliver_ahead(*to, std::move(s));
    return true;
  }
  const auto monitor = context_.relations.take_outgoing_monitor(ref);
  if (!monitor) return true; // the down crossed our demonitor
  s->flags = monitor->flags & runtime::signal::by_name;
  context_.deliver(*to, std::move(s));
  return true;
}

bool inbound_relations::handle_group_leader(const control_message& c) {
  const auto from = context_.at_peer(c.from);
  const auto to = context_.at_home(c.to);
  if (!from || !to) return false;
  context_.deliver(*to, make_signal(signal_kind::group_leader, *from));
  return true;
}

} // namespace coppice::dist
