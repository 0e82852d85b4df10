// SPDX-License-Identifier: MIT
// See lib/stdlib gen.erl and gen_server.erl. A From's tag comes as a reference, as [alias|Ref] (an answer
// goes to the alias) or as [[alias|Ref]|_] (the same, with the caller's own data); whatever it is, it is
// echoed byte for byte. In the process's own turn.
#include "behaviours/gen.hpp"

#include "runtime/system.hpp"

namespace coppice::behaviours::gen {
namespace {

using runtime::message;
using runtime::process;

// [alias|Ref] at the cursor.
bool read_alias(etf::cursor& at, runtime::node_names& names, runtime::reference& out) {
  etf::cursor ahead = at;
  std::uint32_t length = 0;
  if (!ahead.read_list(length) || length != 1 || !ahead.read_atom_is("alias")) return false;
  const auto ref = runtime::read_reference(ahead, names);
  if (!ref) return false;
  out = *ref;
  at = ahead;
  return true;
}

// Where an answer with this tag goes, when the tag names an alias.
bool alias_of(etf::bytes tag, runtime::node_names& names, runtime::reference& out) {
  etf::cursor at(tag);
  if (read_alias(at, names, out)) return true;
  std::uint32_t length = 0;
  return at.read_list(length) && length >= 1 && read_alias(at, names, out);
}

bool is_self(process& self, const runtime::destination& to) {
  using kind = runtime::destination::kind;
  if (to.what() == kind::process) return to.process() == self.self();
  return to.what() == kind::name && !to.name().empty() && self.name() == to.name();
}

call_error error_of(runtime::await_error error) {
  using kind = call_error::kind;
  if (error.what == runtime::await_error::kind::timeout) return {kind::timeout, {}};
  if (error.what == runtime::await_error::kind::exiting) return {kind::exiting, {}};
  if (etf::cursor(error.reason.bytes()).read_atom_is("noproc")) return {kind::noproc, {}};
  if (etf::cursor(error.reason.bytes()).read_atom_is("noconnection")) return {kind::nodedown, {}};
  return {kind::exit, std::move(error.reason)};
}

} // namespace

request parse(const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::string_view tag;
  etf::bytes from;
  etf::bytes body;
  if (at.read_tuple(arity) && (arity == 2 || arity == 3) && at.read_atom(tag)) {
    if (arity == 2 && tag == "$gen_cast" && at.read_term(body)) {
      return {request::kind::cast, {}, m.slice(body)};
    }
    const bool call = tag == "$gen_call";
    if (arity == 3 && (call || tag == "system") && at.read_term(from) && at.read_term(body)) {
      etf::cursor in_from(from);
      if (in_from.read_tuple_of(2) && in_from.peek() == etf::kind::pid) {
        return {call ? request::kind::call : request::kind::system, m.slice(from), m.slice(body)};
      }
    }
  }
  return {request::kind::info, {}, m};
}

bool reply(process& self, const message& from, etf::bytes answer) {
  auto& names = self.host().nodes();
  etf::cursor at(from.bytes());
  if (!at.read_tuple_of(2)) return false;
  const auto caller = runtime::read_pid(at, names);
  etf::bytes tag;
  if (!caller || !at.read_term(tag)) return false;
  runtime::message_writer out(tag.size() + answer.size() + 16);
  out.tuple(2);
  out.raw(tag);
  out.raw(answer);
  runtime::reference alias;
  const auto to =
      alias_of(tag, names, alias) ? runtime::destination::alias(alias) : runtime::destination(*caller);
  self.send_unbounded(to, out.take());
  return true;
}

bool reply(process& self, const message& from, const message& answer) {
  return reply(self, from, answer.bytes());
}

message call_message(process& self, const runtime::reference& ref, etf::bytes body) {
  auto& names = self.host().nodes();
  runtime::message_writer out(body.size() + 160);
  out.tuple(3);
  out.atom("$gen_call");
  out.tuple(2);
  runtime::write(out, self.self(), names);
  out.list(1);
  out.atom("alias");
  runtime::write(out, ref, names);
  out.raw(body);
  return out.take();
}

message reply_of(const message& answer) {
  etf::cursor at(answer.bytes());
  etf::bytes body;
  if (!at.read_tuple_of(2) || !at.skip() || !at.read_term(body)) return {};
  return answer.slice(body);
}

tl::expected<runtime::reference, call_error> start_call(process& self, const runtime::destination& to,
                                                        etf::bytes body) {
  if (is_self(self, to)) return tl::unexpected(call_error{call_error::kind::calling_self, {}});
  const runtime::reference ref = self.monitor(to, true);
  if (self.send(to, call_message(self, ref, body)) == runtime::send_status::full) {
    self.demonitor(ref, true);
    return tl::unexpected(call_error{call_error::kind::exit, message::atom("mailbox_full")});
  }
  return ref;
}

call_result finish_call(process& self, const runtime::reference& call, base::nanos deadline) {
  auto answer = self.await(call, deadline);
  if (!answer) return tl::unexpected(error_of(std::move(answer.error())));
  message body = reply_of(*answer);
  // Someone else who knew the alias: not an answer, and the reference is spent.
  if (!body) return tl::unexpected(call_error{call_error::kind::exit, message::atom("bad_reply")});
  return body;
}

call_result call(process& self, const runtime::destination& to, etf::bytes body, base::nanos deadline) {
  const auto started = start_call(self, to, body);
  if (!started) return tl::unexpected(started.error());
  return finish_call(self, *started, deadline);
}

std::vector<call_result> call_many(process& self, std::span<const runtime::destination> to, etf::bytes body,
                                   base::nanos deadline) {
  std::vector<tl::expected<runtime::reference, call_error>> started;
  started.reserve(to.size());
  for (const auto& one : to) started.push_back(start_call(self, one, body));
  std::vector<call_result> out;
  out.reserve(to.size());
  for (const auto& one : started) {
    out.push_back(one ? finish_call(self, *one, deadline) : call_result(tl::unexpected(one.error())));
  }
  return out;
}

runtime::send_status cast(process& self, const runtime::destination& to, etf::bytes body) {
  runtime::message_writer out(body.size() + 16);
  out.tuple(2);
  out.atom("$gen_cast");
  out.raw(body);
  return self.send(to, out.take());
}

bool read_exit(process& self, const message& m, exit_notice& out) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(3) || !at.read_atom_is("EXIT")) return false;
  const auto from = runtime::read_pid(at, self.host().nodes());
  etf::bytes reason;
  if (!from || !at.read_term(reason)) return false;
  out = {*from, m.slice(reason)};
  return true;
}

} // namespace coppice::behaviours::gen
