// SPDX-License-Identifier: MIT
// What a peer's control message means here: each becomes a signal to a process of this node. A signal must
// come from the peer's own processes and be for ours; one that is not is dropped and counted, since a
// well-meaning node may send it in the moment a process or node is replaced. One thread, the worker's.
#include <utility>

#include "base/log.hpp"
#include "dist/connection.hpp"
#include "dist/flags.hpp"
#include "runtime/exit_reason.hpp"

namespace coppice::dist {
namespace {

using runtime::make_signal;
using runtime::signal_kind;

bool asks_for_priority(const control_message& c) {
  return c.what == op::altact_sig_send && (c.flags & altact::priority) != 0;
}

base::status dropped(connection_counters& counters) {
  counters.dropped.fetch_add(1, std::memory_order_relaxed);
  return {};
}

} // namespace

base::status connection::handle(unpacked& in) {
  if (!in.dropped.empty()) {
    base::log::warning("dist", "{}: a message was dropped: {}", peer_.name, in.dropped);
    return dropped(counters_);
  }
  if (in.brief.what != short_form::kind::none) return handle_short(in);
  switch (in.control.what) {
    case op::send:
    case op::send_tt:
    case op::reg_send:
    case op::reg_send_tt:
    case op::send_sender:
    case op::send_sender_tt:
    case op::alias_send:
    case op::alias_send_tt:
    case op::altact_sig_send:
      return handle_message(in);
    case op::link:
      return handle_link(in.control);
    case op::unlink:
    case op::unlink_id:
    case op::unlink_id_ack:
      return handle_unlink(in.control);
    case op::exit:
    case op::exit_tt:
    case op::exit2:
    case op::exit2_tt:
    case op::payload_exit:
    case op::payload_exit_tt:
    case op::payload_exit2:
    case op::payload_exit2_tt:
      return handle_exit(in);
    case op::monitor_p:
      return handle_monitor(in.control);
    case op::demonitor_p:
      return handle_demonitor(in.control);
    case op::monitor_p_exit:
    case op::payload_monitor_p_exit:
      return handle_down(in);
    case op::group_leader:
      return handle_group_leader(in.control);
    case op::spawn_request:
    case op::spawn_request_tt:
      return handle_spawn(in);
    case op::spawn_reply:
    case op::spawn_reply_tt:
      return handle_spawn_reply(in.control);
    case op::node_link:
      break;
  }
  return dropped(counters_);
}

void connection::deliver(const runtime::destination& to, runtime::signal_ptr what) {
  what->flags |= runtime::signal::remote;
  if (system_.deliver(to, std::move(what)) == runtime::send_status::full) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
  }
}

base::status connection::handle_message(unpacked& in) {
  const auto& c = in.control;
  runtime::pid from;
  if (c.from.what == address::form::pid) {
    if (const auto known = ids_.in(c.from.pid)) from = *known;
  }
  if (c.what == op::altact_sig_send && (c.flags & altact::exit)) return handle_exit(in);
  const auto to = receiver_in(c);
  if (to.what() == runtime::destination::kind::none) return dropped(counters_);
  auto s = make_signal(signal_kind::message, from, std::move(in.payload));
  if (to.what() == runtime::destination::kind::alias) {
    if (asks_for_priority(c)) s->flags = runtime::signal::priority;
    return handle_answer(to.alias_ref(), std::move(s));
  }
  deliver(to, std::move(s));
  return {};
}

// Of this node; none: it is not.
runtime::destination connection::receiver_in(const control_message& c) const {
  using runtime::destination;
  switch (c.to.what) {
    case address::form::pid:
      if (const auto who = ids_.in(c.to.pid); who && who->here()) return *who;
      break;
    case address::form::name:
      return destination::named(std::string(c.to.name));
    case address::form::reference:
      if (const auto alias = ids_.in(c.to.reference); alias && alias->here())
        return destination::alias(*alias);
      break;
    case address::form::none:
      break;
  }
  return {};
}

base::status connection::handle_short(unpacked& in) {
  using kind = short_form::kind;
  const short_form& m = in.brief;
  runtime::pid from;
  if (m.from != short_form::process{}) from = {ids_.peer(), peer_.creation, m.from.id, m.from.serial};
  const runtime::pid to{0, system_.creation(), m.to.id, m.to.serial};
  switch (m.what) {
    case kind::send:
      deliver(to, make_signal(signal_kind::message, from, std::move(in.payload)));
      return {};
    case kind::send_to_name:
      deliver(runtime::destination::named(std::string(m.name)),
              make_signal(signal_kind::message, from, std::move(in.payload)));
      return {};
    case kind::call:
    case kind::call_by_name:
      return handle_call(m, from, std::move(in.payload));
    case kind::answer:
      return handle_answer(runtime::reference::made_by(to, m.number),
                           make_signal(signal_kind::message, from, std::move(in.payload)));
    case kind::none:
      break;
  }
  return dropped(counters_);
}

base::status connection::handle_call(const short_form& call, const runtime::pid& from,
                                     runtime::message payload) {
  runtime::pid target{0, system_.creation(), call.to.id, call.to.serial};
  if (call.what == short_form::kind::call_by_name)
    target = system_.whereis(call.name).value_or(runtime::pid{});
  const auto ref = runtime::reference::made_by(from, call.number);
  if (!from || !relations_.called(ref, target)) return dropped(counters_);
  const auto refuse = [&](runtime::message why) {
    send(from, make_signal(signal_kind::down, target, ref, std::move(why)));
  };
  if (!target) return refuse(runtime::reasons::noproc()), base::status();
  auto s = make_signal(signal_kind::message, from, ref, std::move(payload));
  s->flags = runtime::signal::of_call | runtime::signal::remote;
  if (system_.deliver(target, std::move(s)) == runtime::send_status::full) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
    refuse(runtime::reasons::mailbox_full());
  }
  return {};
}

// To an alias here. The first one to a call's is its answer: with that its monitor has ended, and a peer
// that does not know this by itself is told at once.
base::status connection::handle_answer(const runtime::reference& alias, runtime::signal_ptr what) {
  if (const auto call = relations_.stop_calling(alias)) {
    if (!call->rides) end_monitor(alias, *call);
    what->flags |= runtime::signal::ends_monitor;
  }
  deliver(runtime::destination::alias(alias), std::move(what));
  return {};
}

base::status connection::handle_link(const control_message& c) {
  const auto from = ids_.in(c.from.pid);
  const auto to = ids_.in(c.to.pid);
  if (!from || !to || from->node != ids_.peer() || !to->here()) return dropped(counters_);
  relations_.linked(*to, *from);
  deliver(*to, make_signal(signal_kind::link, *from));
  return {};
}

base::status connection::handle_unlink(const control_message& c) {
  const auto from = ids_.in(c.from.pid);
  const auto to = ids_.in(c.to.pid);
  if (!from || !to || from->node != ids_.peer() || !to->here()) return dropped(counters_);
  const bool acknowledges = c.what == op::unlink_id_ack;
  if (acknowledges) {
    relations_.unlink_acknowledged(*to, *from);
  } else {
    relations_.unlinked(*to, *from);
  }
  auto s = make_signal(acknowledges ? signal_kind::unlink_ack : signal_kind::unlink, *from);
  s->number = c.what == op::unlink ? 1 : c.id;
  deliver(*to, std::move(s));
  return {};
}

base::status connection::handle_exit(unpacked& in) {
  const auto& c = in.control;
  const auto from = ids_.in(c.from.pid);
  const auto to = receiver_in(c);
  if (!from || to.what() == runtime::destination::kind::none) return dropped(counters_);
  const bool asked = c.what == op::exit2 || c.what == op::exit2_tt || c.what == op::payload_exit2 ||
                     c.what == op::payload_exit2_tt || c.what == op::altact_sig_send;
  auto reason = in.payload ? std::move(in.payload) : runtime::message::copy_of(c.reason);
  if (!asked) relations_.unlinked(to.process(), *from);
  auto s = make_signal(asked ? signal_kind::exit2 : signal_kind::exit, *from, std::move(reason));
  if (asks_for_priority(c)) s->flags = runtime::signal::priority;
  deliver(to, std::move(s));
  return {};
}

base::status connection::handle_monitor(const control_message& c) {
  const auto from = ids_.in(c.from.pid);
  const auto ref = ids_.in(c.ref);
  if (!from || !ref || from->node != ids_.peer()) return dropped(counters_);
  watched_here who{*from, {}, {}};
  if (c.to.what == address::form::name) {
    who.name = c.to.name;
    if (const auto found = system_.whereis(c.to.name)) who.target = *found;
  } else if (const auto to = ids_.in(c.to.pid); to && to->here()) {
    who.target = *to;
  } else {
    return dropped(counters_);
  }
  const auto target = who.target;
  const bool by_name = !who.name.empty();
  if (!relations_.watched(*ref, std::move(who))) return dropped(counters_);
  auto s = make_signal(target ? signal_kind::monitor : signal_kind::down, target ? *from : runtime::pid{},
                       *ref, target ? runtime::message{} : runtime::reasons::noproc());
  s->flags = by_name ? runtime::signal::by_name : 0;
  if (target) {
    deliver(target, std::move(s));
  } else {
    send(*from, std::move(s));
  }
  return {};
}

base::status connection::handle_demonitor(const control_message& c) {
  const auto from = ids_.in(c.from.pid);
  const auto ref = ids_.in(c.ref);
  if (!from || !ref || from->node != ids_.peer()) return dropped(counters_);
  if (const auto target = relations_.stop_called(*ref)) {
    deliver(*target, make_signal(signal_kind::demonitor, *from, *ref));
    return {};
  }
  // Not there when it crossed the end of the process: that down is on its way.
  const auto who = relations_.stop_watched(*ref);
  if (who && who->target) deliver(who->target, make_signal(signal_kind::demonitor, *from, *ref));
  return {};
}

base::status connection::handle_down(unpacked& in) {
  const auto& c = in.control;
  const auto to = ids_.in(c.to.pid);
  const auto ref = ids_.in(c.ref);
  if (!to || !ref || !to->here()) return dropped(counters_);
  const bool of_call = relations_.stop_calling(*ref).has_value();
  const auto what = of_call ? watched_there{} : relations_.stop_watching(*ref);
  if (!what) return {}; // it crossed our demonitor
  runtime::pid from;
  if (c.from.what == address::form::pid) {
    if (const auto known = ids_.in(c.from.pid)) from = *known;
  }
  auto reason = in.payload ? std::move(in.payload) : runtime::message::copy_of(c.reason);
  auto s = make_signal(signal_kind::down, from, *ref, std::move(reason));
  s->flags = what->flags & runtime::signal::by_name;
  deliver(*to, std::move(s));
  return {};
}

base::status connection::handle_group_leader(const control_message& c) {
  const auto from = ids_.in(c.from.pid);
  const auto to = ids_.in(c.to.pid);
  if (!from || !to || !to->here()) return dropped(counters_);
  deliver(*to, make_signal(signal_kind::group_leader, *from));
  return {};
}

} // namespace coppice::dist
