// SPDX-License-Identifier: MIT
// After lib/stdlib gen.erl and gen_server.erl. A From's tag is a reference, or [alias|Ref] (an answer goes to
// the alias), or [[alias|Ref]|_] (the same, with the caller's data). It is always echoed byte for byte. In
// the process's own turn.
#include "behaviours/gen/gen.hpp"

#include <array>
#include <cstring>

#include "runtime/messages/call_forms.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/raw_message.hpp"
#include "runtime/on_behalf.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::gen {
namespace {

using runtime::message;
using runtime::process;

// Reads [alias|Ref] at the cursor.
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

// The alias to which an answer with this tag goes. False: the tag names no alias.
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

runtime::await_error::kind error_kind(runtime::answer_to_call::kind of) {
  using error = runtime::await_error::kind;
  switch (of) {
    case runtime::answer_to_call::kind::down:
      return error::down;
    case runtime::answer_to_call::kind::exiting:
      return error::exiting;
    case runtime::answer_to_call::kind::limit:
      return error::limit;
    case runtime::answer_to_call::kind::invalid:
      return error::invalid;
    case runtime::answer_to_call::kind::full:
      return error::full;
    default:
      return error::timeout;
  }
}

call_error error_of(runtime::await_error error) {
  using kind = call_error::kind;
  switch (error.what) {
    case runtime::await_error::kind::timeout:
      return {kind::timeout, {}};
    case runtime::await_error::kind::exiting:
      return {kind::exiting, {}};
    case runtime::await_error::kind::limit:
      return {kind::exit, system_limit()};
    case runtime::await_error::kind::invalid:
      return {kind::exit, message::atom("badarg")};
    case runtime::await_error::kind::full:
      return {kind::exit, message::atom("mailbox_full")};
    case runtime::await_error::kind::down:
      break;
  }
  if (etf::cursor(error.reason.bytes()).read_atom_is("noproc")) return {kind::noproc, {}};
  if (etf::cursor(error.reason.bytes()).read_atom_is("noconnection")) return {kind::nodedown, {}};
  return {kind::exit, std::move(error.reason)};
}

// An envelope is the part of a message before its last element. With usual node names it fits in this.
constexpr std::size_t usual_front = 256;

template <class Write>
message enveloped(message body, std::size_t most, Write write) {
  std::array<std::uint8_t, usual_front> here; // written before it is read
  if (most <= here.size()) [[likely]] {
    etf::writer out(here.data(), here.data() + here.size());
    write(out);
    return runtime::with_front(out.view(), std::move(body));
  }
  etf::vector_writer out(most);
  write(out);
  return runtime::with_front(out.view(), std::move(body));
}

// These heads are written in this form by both Coppice and OTP.
using runtime::call_head;
constexpr std::array<std::uint8_t, 13> cast_head{104, 2, 119, 9, '$', 'g', 'e', 'n', '_', 'c', 'a', 's', 't'};

template <std::size_t Size>
bool starts_with(etf::bytes term, const std::array<std::uint8_t, Size>& head) {
  return term.size() >= Size && std::memcmp(term.data(), head.data(), Size) == 0;
}

// Bytes of a tag. A tag is a reference, or a short term around one; a server copies it into its answer, in
// one turn however long it is.
constexpr std::size_t longest_tag = 16 * 1024;

bool skip_tag(etf::cursor& at) {
  const etf::bytes rest = at.rest();
  etf::cursor tag(rest.first(std::min(rest.size(), longest_tag)));
  if (!tag.skip()) return false;
  at.advance(tag.offset());
  return true;
}

// Skips {Pid, Tag}.
bool skip_from(etf::cursor& at) {
  etf::cursor ahead = at;
  etf::pid pid;
  if (!ahead.read_tuple_of(2) || !ahead.read_pid(pid)) return false;
  if (!runtime::skip_alias(ahead) && !skip_tag(ahead)) return false;
  at = ahead;
  return true;
}

} // namespace

const message& system_limit() {
  static constexpr std::array<std::uint8_t, 14> atom{119, 12,  's', 'y', 's', 't', 'e',
                                                     'm', '_', 'l', 'i', 'm', 'i', 't'};
  static const message reason = message::immortal(atom);
  return reason;
}

request_view look(etf::bytes term) {
  if (is_plain(term)) return {{}, {}, term};
  if (starts_with(term, cast_head)) return {request::kind::cast, {}, term.subspan(cast_head.size())};
  etf::cursor at(term);
  if (starts_with(term, call_head)) {
    at.advance(call_head.size());
    const std::uint8_t* const from = at.rest().data();
    if (!skip_from(at)) return {{}, {}, term};
    return {request::kind::call, {from, at.rest().data()}, at.rest()};
  }
  std::uint32_t arity = 0;
  std::string_view tag;
  if (!at.read_tuple(arity) || (arity != 2 && arity != 3) || !at.read_atom(tag)) return {{}, {}, term};
  if (arity == 2) {
    if (tag != "$gen_cast") return {{}, {}, term};
    return {request::kind::cast, {}, at.rest()};
  }
  const bool call = tag == "$gen_call";
  if (!call && tag != "system") return {{}, {}, term};
  const std::uint8_t* const start = at.rest().data();
  if (!skip_from(at)) return {{}, {}, term};
  return {call ? request::kind::call : request::kind::system, {start, at.rest().data()}, at.rest()};
}

request parse(const message& m) {
  const request_view seen = look(m.bytes());
  return {seen.what, seen.from.empty() ? message() : m.slice(seen.from), m.slice(seen.body)};
}

namespace {

// Sends an answer to another node, or to a caller of this node.
runtime::send_status answer_by(process& self, const runtime::reference& alias, message m, bool waits) {
  if (waits || alias.here()) return self.answer(alias, std::move(m));
  const auto to = runtime::destination::alias(alias);
  const auto sent = self.send(to, m, {.waits = false});
  if (sent != runtime::send_status::full) return sent;
  // The connection of the caller's node bounds what waits there.
  return runtime::on_behalf(self, runtime::pid{alias.node, 0, 0, 0}).send(to, std::move(m));
}

runtime::send_status answer_by(process& self, const runtime::pid& caller, message m, bool waits) {
  if (waits || caller.here()) return self.send_unbounded(caller, std::move(m));
  return runtime::on_behalf(self, caller).send(caller, std::move(m));
}

replied reply(process& self, etf::bytes from, message answer, bool waits) {
  auto& names = self.host().nodes();
  etf::cursor at(from);
  etf::pid asker;
  if (!at.read_tuple_of(2)) return std::nullopt;
  etf::cursor after_pid = at;
  if (!after_pid.read_pid(asker)) return std::nullopt;
  const etf::bytes tag = after_pid.rest();
  const auto enclosed = [&] {
    return enveloped(std::move(answer), tag.size() + 2, [&](etf::writer& out) {
      out.tuple(2);
      out.raw(tag);
    });
  };
  runtime::reference alias;
  etf::cursor in_tag = after_pid;
  if (read_alias(in_tag, names, alias) && in_tag.at_end()) [[likely]]
    return answer_by(self, alias, enclosed(), waits);
  const auto caller = runtime::read_pid(at, names);
  if (!caller || !after_pid.skip() || !after_pid.at_end()) return std::nullopt;
  if (alias_of(tag, names, alias)) return answer_by(self, alias, enclosed(), waits);
  return answer_by(self, *caller, enclosed(), waits);
}

} // namespace

replied reply(process& self, etf::bytes from, message answer) {
  return reply(self, from, std::move(answer), true);
}

replied reply_at_once(process& self, const message& from, const message& answer) {
  return reply(self, from.bytes(), answer, false);
}

replied reply(process& self, const message& from, etf::bytes answer) {
  return reply(self, from.bytes(), message::immortal(answer));
}

replied reply(process& self, const message& from, const message& answer) {
  return reply(self, from.bytes(), answer);
}

// The same reference is that of the caller's monitor.
std::optional<runtime::reference> call_reference(process& self, etf::bytes from) {
  auto& names = self.host().nodes();
  etf::cursor at(from);
  if (!at.read_tuple_of(2) || !runtime::read_pid(at, names)) return std::nullopt;
  runtime::reference call;
  if (alias_of(at.rest(), names, call)) return call;
  return runtime::read_reference(at, names);
}

bool is_of_client(process& self, etf::bytes from) {
  const auto call = call_reference(self, from);
  return call && call->is_of_client();
}

message refusal(std::string_view text) {
  runtime::message_writer why;
  why.tuple(2);
  why.atom("bad_request");
  why.binary(text);
  return runtime::error_message(why.take());
}

message unknown_request(process& self, etf::bytes from, std::string_view text) {
  return is_of_client(self, from) ? refusal(text) : runtime::error_message(message::atom("bad_request"));
}

std::optional<std::string_view> refusal_text(etf::bytes answer) {
  etf::cursor at(answer);
  etf::bytes text;
  const bool refused = at.read_tuple_of(2) && at.read_atom_is("error") && at.read_tuple_of(2) &&
                       at.read_atom_is("bad_request") && at.read_binary(text) && at.at_end();
  if (!refused) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(text.data()), text.size());
}

bool end_call(process& self, const message& from, message reason) {
  const auto call = call_reference(self, from.bytes());
  return call && self.end_call(*call, std::move(reason));
}

message call_message(process& self, const runtime::reference& ref, message body) {
  return runtime::whole_call(self.host().nodes(), {self.self(), ref.number()}, std::move(body));
}

message call_message(process& self, const runtime::reference& ref, etf::bytes body) {
  return call_message(self, ref, message::immortal(body));
}

expected<runtime::reference, call_error> start_call(process& self, const runtime::destination& to,
                                                    message body) {
  if (is_self(self, to)) return unexpected(call_error{call_error::kind::calling_self, {}});
  const runtime::reference ref = self.make_ack();
  const auto sent = self.send_call(to, ref, std::move(body), process::call_form::request);
  if (sent == runtime::send_status::ok) return ref;
  self.demonitor(ref, true);
  if (sent == runtime::send_status::malformed) return unexpected(call_error{call_error::kind::bad_term, {}});
  return unexpected(call_error{call_error::kind::exit, message::atom("mailbox_full")});
}

expected<runtime::reference, call_error> start_call(process& self, const runtime::destination& to,
                                                    etf::bytes body) {
  return start_call(self, to, message::immortal(body));
}

static call_result body_of(message answer) {
  message body = runtime::reply_in(std::move(answer));
  // Another process that knew the alias has sent something that is not an answer. The reference is used up.
  if (!body) return unexpected(call_error{call_error::kind::exit, message::atom("bad_reply")});
  return body;
}

call_result finish_call(process& self, const runtime::reference& call, base::nanos deadline) {
  return result_of(self.await_reply(call, deadline));
}

call_result call(process& self, const runtime::destination& to, etf::bytes body, base::nanos deadline) {
  return call(self, to, message::copy_of(body), deadline);
}

call_result call(process& self, const runtime::destination& to, message body, base::nanos deadline) {
  if (to.what() == runtime::destination::kind::name) {
    const auto found = self.host().whereis(to.name());
    if (!found) return unexpected(call_error{call_error::kind::noproc, {}});
    return call(self, *found, std::move(body), deadline);
  }
  if (!to.here()) return result_of(self.call_away(to, std::move(body), deadline));
  if (to.what() == runtime::destination::kind::process)
    return call(self, to.process(), std::move(body), deadline);
  const auto started = start_call(self, to, std::move(body));
  if (!started) return unexpected(started.error());
  return finish_call(self, *started, deadline);
}

call_result call(process& self, const runtime::pid& to, message body, base::nanos deadline) {
  if (!to.here()) return result_of(self.call_away(to, std::move(body), deadline));
  if (to == self.self()) return unexpected(call_error{call_error::kind::calling_self, {}});
  return result_of(self.call(to, std::move(body), deadline));
}

// Only servers of this node look at a reference that is marked as a client's, so a call to another node is
// like any other.
call_result call_for_client(process& self, const runtime::destination& to, message body,
                            base::nanos deadline) {
  if (!to.here()) return call(self, to, std::move(body), deadline);
  const runtime::reference ref = self.monitor(to, true, true);
  if (self.send(to, call_message(self, ref, std::move(body))) == runtime::send_status::ok)
    return finish_call(self, ref, deadline);
  self.demonitor(ref, true);
  return unexpected(call_error{call_error::kind::exit, message::atom("mailbox_full")});
}

call_result result_of(runtime::answer_to_call answer) {
  using kind = runtime::answer_to_call::kind;
  if (answer.what == kind::reply) [[likely]]
    return std::move(answer.term);
  if (answer.what == kind::enveloped) return body_of(std::move(answer.term));
  if (answer.what == kind::malformed) return unexpected(call_error{call_error::kind::bad_term, {}});
  return unexpected(error_of({error_kind(answer.what), std::move(answer.term)}));
}

std::vector<call_result> call_many(process& self, std::span<const runtime::destination> to, etf::bytes body,
                                   base::nanos deadline) {
  std::vector<expected<runtime::reference, call_error>> started;
  started.reserve(to.size());
  for (const auto& one : to) started.push_back(start_call(self, one, body));
  std::vector<call_result> out;
  out.reserve(to.size());
  for (const auto& one : started) {
    out.push_back(one ? finish_call(self, *one, deadline) : call_result(unexpected(one.error())));
  }
  return out;
}

runtime::send_status cast(process& self, const runtime::destination& to, message body, runtime::sending how) {
  return self.send(to, runtime::with_front(cast_head, std::move(body)), how);
}

runtime::send_status cast(process& self, const runtime::pid& to, message body) {
  return self.send(to, runtime::with_front(cast_head, std::move(body)));
}

runtime::send_status cast(process& self, const runtime::destination& to, etf::bytes body) {
  return cast(self, to, message::immortal(body));
}

bool read_exit(process& self, const message& m, exit_notice& out) {
  if (!self.origin().notice || !is_exit(m.bytes())) return false; // messages are canonical
  etf::cursor at(m.bytes());
  at.advance(8);
  const auto from = runtime::read_pid(at, self.host().nodes());
  etf::bytes reason;
  if (!from || !at.read_term(reason)) return false;
  out = {*from, m.slice(reason)};
  return true;
}

} // namespace coppice::behaviours::gen
