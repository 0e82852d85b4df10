// SPDX-License-Identifier: MIT
// One case for each kind of signal. Source: ERTS user's guide, "Distribution Protocol"; dist.c of OTP 28 for
// what goes to aliases and what has priority. One thread.
#include "dist/control_builder.hpp"

#include <coppice/etf/cursor.hpp>
#include <utility>

#include "dist/handshake_message.hpp"

namespace coppice::dist {
namespace {

using runtime::destination;
using runtime::signal;
using runtime::signal_kind;

// Writes the options that the signal's flags stand for, then the given ones.
void write_spawn_options(etf::writer& out, const signal& request, etf::bytes given) {
  etf::cursor in(given);
  std::uint32_t count = 0;
  in.read_list(count);
  const bool link = (request.flags & signal::linked) != 0;
  const bool monitor = (request.flags & signal::monitored) != 0;
  out.list(count + (link ? 1 : 0) + (monitor ? 1 : 0));
  if (link) out.atom("link");
  if (monitor) out.atom("monitor");
  etf::bytes one;
  for (std::uint32_t i = 0; i < count && in.read_term(one); ++i) out.raw(one);
  out.nil();
}

} // namespace

control_builder::control_builder(connection_context& of)
    : context_(of),
      short_forms_((of.peer.capabilities & handshake_message::capability::short_forms) != 0),
      bare_calls_(short_forms_ && (of.peer.capabilities & handshake_message::capability::bare_calls) != 0) {}

// False: the peer knows no operation for it.
bool control_builder::choose(control_message& c, op best) const {
  const auto what = context_.words.of(best);
  if (what) c.what = *what;
  return what.has_value();
}

void control_builder::set_target(control_message& c, const runtime::pid& target) const {
  c.to = address::of(context_.ids.out(target));
}

void control_builder::set_target(control_message& c, std::string_view name) {
  name_ = name;
  c.to = address::of(std::string_view(name_));
}

void control_builder::set_ends(control_message& c, const destination& to, const runtime::pid& from) const {
  // Most operations have no form without a sender; peers accept a pid of ours that is no process.
  c.from = address::of(context_.ids.out(from ? from : runtime::pid{0, context_.system.creation(), 0, 0}));
  if (to.what() == destination::kind::process) set_target(c, to.process());
  if (to.what() == destination::kind::remote_name) c.to = address::of(to.name());
  if (to.what() == destination::kind::alias) c.to = address::of(context_.ids.out(to.alias_ref()));
}

bool control_builder::build(control_message& c, const destination& to, const signal& s) {
  set_ends(c, to, s.from);
  auto& relations = context_.relations;
  switch (s.kind) {
    case signal_kind::message:
      return build_message(c, to, s);
    case signal_kind::exit:
      relations.remove_link(s.from, to.process());
      return choose(c, op::payload_exit);
    case signal_kind::exit2:
      return build_exit2(c, to, s);
    case signal_kind::link:
      relations.add_link(s.from, to.process());
      return choose(c, op::link);
    case signal_kind::unlink:
      return build_unlink(c, to, s);
    case signal_kind::unlink_ack:
      relations.end_unlink_of_peer(s.from, to.process(), s.number);
      c.id = s.number;
      return choose(c, op::unlink_id_ack);
    case signal_kind::monitor:
      relations.add_monitor(s.ref, outgoing_monitor{s.from, to, s.flags});
      c.ref = context_.ids.out(s.ref);
      return choose(c, op::monitor_p);
    case signal_kind::demonitor:
      return build_demonitor(c, to, s);
    case signal_kind::down:
      return build_down(c, s);
    case signal_kind::group_leader:
      return choose(c, op::group_leader);
    case signal_kind::spawn_request: // see build_spawn_request()
    case signal_kind::spawn_reply:   // a request is answered where it is read
    case signal_kind::overflow:
    case signal_kind::stop_waiting:
    case signal_kind::answered:
    case signal_kind::unanswered:
    case signal_kind::io:
    case signal_kind::parcel:
    case signal_kind::whom_waits:
      break;
  }
  return false;
}

// altact_sig_send, which carries everything to aliases and everything with priority. False: the signal is
// neither, or the peer does not know the operation.
bool control_builder::build_altact(control_message& c, const destination& to, const signal& s) const {
  const bool to_alias = to.what() == destination::kind::alias;
  const bool priority = (s.flags & signal::priority) != 0;
  if (!(to_alias || priority) || !choose(c, op::altact_sig_send)) return false;
  c.flags = s.kind == signal_kind::exit2 ? altact::exit : 0;
  if (priority) c.flags |= altact::priority;
  if (to_alias) c.flags |= altact::alias;
  if (to.what() == destination::kind::remote_name) c.flags |= altact::name;
  return true;
}

bool control_builder::build_exit2(control_message& c, const destination& to, const signal& s) const {
  if (build_altact(c, to, s)) return true;
  return to.what() == destination::kind::process && choose(c, op::payload_exit2);
}

bool control_builder::build_message(control_message& c, const destination& to, const signal& s) const {
  if (build_altact(c, to, s)) return true;
  switch (to.what()) {
    case destination::kind::process:
      return choose(c, s.from ? op::send_sender : op::send);
    case destination::kind::remote_name:
      return choose(c, op::reg_send);
    case destination::kind::alias:
      return choose(c, op::alias_send);
    case destination::kind::none:
    case destination::kind::name:
    case destination::kind::node:
      break;
  }
  return false;
}

bool control_builder::build_unlink(control_message& c, const destination& to, const signal& s) {
  choose(c, op::unlink_id);
  if (c.what == op::unlink_id) {
    context_.relations.begin_unlink(s.from, to.process(), s.number);
    c.id = s.number;
    return true;
  }
  // A peer without the protocol acknowledges nothing, so we acknowledge to ourselves.
  context_.relations.remove_link(s.from, to.process());
  auto ack = runtime::make_signal(signal_kind::unlink_ack, to.process());
  ack->number = s.number;
  context_.system.deliver(s.from, std::move(ack));
  return true;
}

// Nothing is sent if the peer has ended the monitor already.
bool control_builder::build_demonitor(control_message& c, const destination& to, const signal& s) {
  if (context_.relations.take_outgoing_call(s.ref)) {
    const std::string* const name = to.what() == destination::kind::remote_name ? &to.name() : nullptr;
    return build_call_demonitor(c, s.ref, to.process(), name);
  }
  const auto what = context_.relations.take_outgoing_monitor(s.ref);
  if (!what) return false;
  c.from = address::of(context_.ids.out(what->watcher));
  c.ref = context_.ids.out(s.ref);
  if (what->target.what() == destination::kind::remote_name) {
    set_target(c, what->target.name());
  } else {
    set_target(c, what->target.process());
  }
  return choose(c, op::demonitor_p);
}

bool control_builder::build_call_monitor(control_message& c, const destination& to, const signal& call) {
  set_ends(c, to, call.from);
  c.ref = context_.ids.out(call.ref);
  return choose(c, op::monitor_p);
}

bool control_builder::build_call_demonitor(control_message& c, const runtime::reference& ref,
                                           const runtime::pid& target, const std::string* name) {
  c.from = address::of(context_.ids.out(ref.owner()));
  c.ref = context_.ids.out(ref);
  if (name != nullptr) {
    set_target(c, *name);
  } else {
    set_target(c, target);
  }
  return choose(c, op::demonitor_p);
}

// Nothing is sent if the down crossed the peer's demonitor.
bool control_builder::build_down(control_message& c, const signal& s) {
  c.ref = context_.ids.out(s.ref);
  if (context_.relations.take_incoming_call(s.ref)) {
    set_target(c, s.ref.owner());
    return choose(c, op::payload_monitor_p_exit);
  }
  auto who = context_.relations.take_incoming_monitor(s.ref);
  if (!who) return false;
  set_target(c, who->watcher);
  if (!who->name.empty()) {
    name_ = std::move(who->name);
    c.from = address::of(std::string_view(name_));
  } else {
    c.from = address::of(context_.ids.out(who->target));
  }
  return choose(c, op::payload_monitor_p_exit);
}

bool control_builder::build_spawn_request(control_message& c, const signal& s, etf::bytes& arguments) {
  etf::cursor in(s.payload().bytes());
  std::uint64_t arity = 0;
  etf::bytes given;
  const bool whole = in.read_tuple_of(6) && in.read_pid(c.leader) && in.read_atom(c.module) &&
                     in.read_atom(c.function) && in.read_unsigned(arity) && in.read_term(given) &&
                     in.read_term(arguments);
  if (!whole) return false;
  spawn_options_.rewind();
  write_spawn_options(spawn_options_, s, given);
  c.ref = context_.ids.out(s.ref);
  c.from = address::of(context_.ids.out(s.from));
  c.arity = static_cast<std::uint32_t>(arity);
  c.options = spawn_options_.view();
  context_.relations.add_spawn_request(s.ref, s.from);
  return choose(c, op::spawn_request);
}

std::optional<short_form> control_builder::build_short_form(const destination& to, const signal& s) const {
  if (!short_forms_ || (!bare_calls_ && (s.flags & signal::bare) != 0)) return std::nullopt;
  return to_short_form(to, s, context_.peer.creation);
}

} // namespace coppice::dist
