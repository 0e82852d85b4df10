// SPDX-License-Identifier: MIT
// Spawn requests, both ways: what the peer asks of this node and how it is answered, what processes here ask
// of the peer and what they hear. The answer is the first a process hears of the one made for it: both come
// by way of this connection, in order. One thread, the worker's.
#include <coppice/etf/cursor.hpp>
#include <utility>

#include "dist/connection.hpp"
#include "dist/flags.hpp"
#include "runtime/exit_reason.hpp"

namespace coppice::dist {
namespace {

using runtime::make_signal;
using runtime::signal;
using runtime::signal_kind;

// Takes apart what signal_kind::spawn_request carries.
bool read_request(etf::bytes payload, control_message& c, etf::bytes& options, etf::bytes& arguments) {
  etf::cursor in(payload);
  std::uint64_t arity = 0;
  const bool whole = in.read_tuple_of(6) && in.read_pid(c.leader) && in.read_atom(c.module) &&
                     in.read_atom(c.function) && in.read_unsigned(arity) && in.read_term(options) &&
                     in.read_term(arguments);
  c.arity = static_cast<std::uint32_t>(arity);
  return whole;
}

// The options that go by flags before those that are given.
void write_options(etf::writer& out, const signal& request, etf::bytes given) {
  etf::cursor in(given);
  std::uint32_t count = 0;
  in.read_list(count);
  const bool link = (request.flags & signal::linked) != 0;
  const bool monitor = (request.flags & signal::monitored) != 0;
  const std::uint32_t all = count + (link ? 1 : 0) + (monitor ? 1 : 0);
  out.list(all);
  if (link) out.atom("link");
  if (monitor) out.atom("monitor");
  etf::bytes one;
  for (std::uint32_t i = 0; i < count && in.read_term(one); ++i) out.raw(one);
  out.nil();
}

} // namespace

// What the peer asks ------------------------------------------------------------------------------------

base::status connection::handle_spawn(unpacked& in) {
  const auto& c = in.control;
  const auto from = ids_.in(c.from.pid);
  const auto id = ids_.in(c.ref);
  const auto leader = ids_.in_from_anywhere(c.leader);
  if (!from || !id || !leader || from->node != ids_.peer()) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  spawn_request request;
  request.id = *id;
  request.from = *from;
  request.group_leader = *leader;
  request.module = c.module;
  request.function = c.function;
  request.arity = c.arity;
  request.arguments = std::move(in.payload);
  read_spawn_options(c.options, request);
  answer_spawn(request);
  return {};
}

// The reply goes out before anything the new process can send: it has no turn before this one is over.
void connection::answer_spawn(const spawn_request& request) {
  tl::expected<runtime::pid, std::string> made = tl::unexpected<std::string>("notsup");
  if (!request.known_options) {
    made = tl::unexpected<std::string>("badopt");
  } else if (const auto& handler = owner_.spawns()) {
    made = handler(request);
  }
  etf::vector_writer result(64);
  control_message reply;
  reply.what = op::spawn_reply;
  reply.ref = ids_.out(request.id);
  reply.to = address::of(ids_.out(request.from));
  if (made) {
    result.pid(ids_.out(*made));
    if (request.link) {
      reply.flags |= spawn_reply_flag::link;
      relations_.linked(*made, request.from);
      deliver(*made, make_signal(signal_kind::link, request.from));
    }
    if (request.monitor && relations_.watched(request.id, {request.from, *made, {}})) {
      reply.flags |= spawn_reply_flag::monitor;
      deliver(*made, make_signal(signal_kind::monitor, request.from, request.id));
    }
  } else {
    result.atom(made.error());
  }
  reply.reason = result.view();
  pack(reply, {runtime::message()});
}

// What is asked of the peer -----------------------------------------------------------------------------

void connection::ask_to_spawn(runtime::signal_ptr what) {
  const auto refuse = [&](signal_kind how, runtime::message why) {
    deliver(what->from, make_signal(how, {}, what->ref, std::move(why)));
  };
  if (ended_) return refuse(signal_kind::down, runtime::reasons::noconnection());
  if (!has(flag::spawn)) return refuse(signal_kind::spawn_reply, runtime::message::atom("notsup"));
  const runtime::message request = what->payload(); // the control message borrows from it
  control_message c;
  etf::bytes given;
  etf::bytes arguments;
  if (!read_request(request.bytes(), c, given, arguments))
    return refuse(signal_kind::spawn_reply, runtime::message::atom("badarg"));
  etf::vector_writer options(64);
  write_options(options, *what, given);
  c.what = op::spawn_request;
  c.ref = ids_.out(what->ref);
  c.from = address::of(ids_.out(what->from));
  c.options = options.view();
  relations_.asking(what->ref, what->from);
  auto carrier = make_signal(signal_kind::spawn_request, what->from, what->ref, request.slice(arguments));
  carrier->compression = what->compression;
  if (arguments.size() > large_window / 4 && packer_.takes_fragments())
    return begin_large(c, std::move(carrier));
  pack(c, {carrier->payload(), carrier->compression});
}

// A peer that knows how to, and says notsup, does not want to.
base::status connection::handle_spawn_reply(const control_message& c) {
  const auto ref = ids_.in(c.ref);
  const auto who = ref ? relations_.stop_asking(*ref) : std::nullopt;
  if (!who) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  etf::cursor at(c.reason);
  etf::pid pid;
  std::string_view why;
  runtime::pid made;
  auto answer = runtime::message::copy_of(c.reason);
  if (at.read_pid(pid)) {
    const auto known = ids_.in(pid);
    if (known && known->node == ids_.peer()) made = *known;
  }
  if (!made && !at.read_atom(why)) why = "internal";
  if (!made) answer = runtime::message::atom(why == "notsup" ? "not_allowed" : why);
  auto s = make_signal(signal_kind::spawn_reply, made, *ref, std::move(answer));
  if (made && (c.flags & spawn_reply_flag::link) != 0) {
    s->flags |= signal::linked;
    relations_.linked(*who, made);
  }
  if (made && (c.flags & spawn_reply_flag::monitor) != 0) {
    s->flags |= signal::monitored;
    relations_.watching(*ref, {*who, made, 0});
  }
  deliver(*who, std::move(s));
  return {};
}

} // namespace coppice::dist
