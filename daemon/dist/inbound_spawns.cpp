// SPDX-License-Identifier: MIT
// Answers spawn requests, and takes answers. One thread.
#include "dist/inbound_spawns.hpp"

#include <coppice/etf/cursor.hpp>
#include <string>
#include <utility>

namespace coppice::dist {
namespace {

using runtime::make_signal;
using runtime::signal;
using runtime::signal_kind;

} // namespace

bool inbound_spawns::read(const control_message& c, spawn_request& into) const {
  const auto from = context_.at_peer(c.from);
  const auto id = context_.made_at_peer(c.ref);
  const auto leader = context_.ids.in_from_anywhere(c.leader);
  if (!from || !id || !leader || !context_.words.of(op::spawn_reply)) return false;
  into.id = *id;
  into.from = *from;
  into.group_leader = *leader;
  return true;
}

bool inbound_spawns::handle_request(unpacked& in) {
  const auto& c = in.control;
  spawn_request request;
  if (!read(c, request)) return false;
  request.module = c.module;
  request.function = c.function;
  request.arity = c.arity;
  request.arguments = std::move(in.payload);
  read_spawn_options(c.options, request);
  answer(request);
  return true;
}

bool inbound_spawns::refuse(const control_message& c, std::string_view why) {
  spawn_request request;
  if (!read(c, request)) return false;
  reply(request, unexpected<std::string>(std::string(why)));
  return true;
}

void inbound_spawns::answer(const spawn_request& request) {
  expected<runtime::pid, std::string> made = unexpected<std::string>("notsup");
  if (!request.known_options) {
    made = unexpected<std::string>("badopt");
  } else if (handler_) {
    made = handler_(request);
  }
  reply(request, made);
}

// The reply is sent before anything that the new process can send, because that has no turn before this one
// is over.
void inbound_spawns::reply(const spawn_request& request, const expected<runtime::pid, std::string>& made) {
  etf::vector_writer result(64);
  control_message reply;
  reply.what = op::spawn_reply;
  reply.ref = context_.ids.out(request.id);
  reply.to = address::of(context_.ids.out(request.from));
  if (made) {
    result.pid(context_.ids.out(*made));
    if (request.link) {
      reply.flags |= spawn_reply_flag::link;
      context_.relations.add_link(*made, request.from);
      context_.deliver(*made, make_signal(signal_kind::link, request.from));
    }
    if (request.monitor &&
        context_.relations.add_monitor(request.id, incoming_monitor{request.from, *made, {}})) {
      reply.flags |= spawn_reply_flag::monitor;
      context_.deliver(*made, make_signal(signal_kind::monitor, request.from, request.id));
    }
  } else {
    result.atom(made.error());
  }
  reply.reason = result.view();
  replies_.send(reply);
}

// A peer that takes spawn requests and answers notsup does not allow them.
bool inbound_spawns::handle_reply(const control_message& c) {
  const auto named = context_.ids.in(c.ref);
  const auto to = context_.at_home(c.to);
  if (!named || !to) return false;
  const auto ref = named->whole(*to);
  const auto who = context_.relations.take_spawn_request(ref);
  if (!who) return false;
  etf::cursor at(c.reason);
  etf::pid pid;
  std::string_view why;
  runtime::pid made;
  auto answer = runtime::message::copy_of(c.reason);
  if (at.read_pid(pid)) made = context_.at_peer(address::of(pid)).value_or(runtime::pid{});
  if (!made && !at.read_atom(why)) why = "internal";
  if (!made) answer = runtime::message::atom(why == "notsup" ? "not_allowed" : why);
  auto s = make_signal(signal_kind::spawn_reply, made, ref, std::move(answer));
  if (made && (c.flags & spawn_reply_flag::link) != 0) {
    s->flags |= signal::linked;
    context_.relations.add_link(*who, made);
  }
  if (made && (c.flags & spawn_reply_flag::monitor) != 0) {
    s->flags |= signal::monitored;
    context_.relations.add_monitor(ref, outgoing_monitor{*who, made, 0});
  }
  context_.deliver(*who, std::move(s));
  return true;
}

} // namespace coppice::dist
