// SPDX-License-Identifier: MIT
// The messages about requests: the answer is {[alias|Ref], Reply}, the callee's end {'DOWN', Ref, process,
// _, Reason}, the deadline {'$coppice_deadline', Ref}. The reference identifies the request. A message that
// comes after the request's end, or is in the mailbox by then, is also known by its reference, since this
// process made the reference for a request. In the process's own turn.
#include "host/boundary/requests.hpp"

#include <algorithm>

#include "runtime/system.hpp"

namespace coppice::host {
namespace {

using runtime::message;

constexpr std::string_view deadline_tag = "$coppice_deadline";

// The reference in `m`, and the kind of message.
struct notice {
  runtime::reference ref;
  std::int32_t status = COPPICE_OK;
  message answer;
};

std::int32_t status_of(etf::bytes reason) {
  if (etf::cursor(reason).read_atom_is("noproc")) return COPPICE_E_NOPROC;
  if (etf::cursor(reason).read_atom_is("noconnection")) return COPPICE_E_NODEDOWN;
  return COPPICE_E_EXIT;
}

std::optional<notice> read(coppice_actor& self, const message& m, runtime::message_origin from) {
  auto& names = self.process->host().nodes();
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::uint32_t length = 0;
  etf::bytes body;
  if (!at.read_tuple(arity)) return std::nullopt;
  if (arity == 2 && at.read_list(length)) {
    if (length != 1 || !at.read_atom_is("alias")) return std::nullopt;
    const auto ref = runtime::read_reference(at, names);
    if (!ref || !at.read_term(body)) return std::nullopt;
    return notice{ref->whole(self.process->self()), COPPICE_OK, m.slice(body)};
  }
  if (!from.notice) return std::nullopt;
  if (arity == 2 && at.read_atom_is(deadline_tag)) {
    const auto ref = runtime::read_reference(at, names);
    if (!ref) return std::nullopt;
    return notice{*ref, COPPICE_E_TIMEOUT, {}};
  }
  if (arity == 5 && at.read_atom_is("DOWN")) {
    const auto ref = runtime::read_reference(at, names);
    if (!ref || !at.skip() || !at.skip() || !at.read_term(body)) return std::nullopt;
    const std::int32_t status = status_of(body);
    return notice{*ref, status, status == COPPICE_E_EXIT ? m.slice(body) : message()};
  }
  return std::nullopt;
}

bool is_own_request(const coppice_actor& self, const runtime::reference& ref) {
  return ref.is_of_request() && ref == runtime::reference::made_by(self.process->self(), ref.number());
}

// References made here contain a number that is unique in their process.
std::uint64_t id_of(const runtime::reference& ref) {
  return ref.number() + 1;
}

} // namespace

expected<std::uint64_t, runtime::send_status> begin_request(coppice_actor& self,
                                                            const runtime::destination& to, etf::bytes body,
                                                            base::nanos deadline, std::uint64_t tag,
                                                            runtime::sending how, bool of_client) {
  runtime::process& process = *self.process;
  open_request made;
  made.tag = tag;
  made.ref =
      process.monitor(to, {.alias = runtime::alias_until::reply, .request = true, .client = of_client});
  if (deadline != runtime::no_deadline) {
    runtime::message_writer out(96);
    out.tuple(2);
    out.atom(deadline_tag);
    runtime::write(out, made.ref, process.host().nodes());
    made.timer = process.remind(deadline, out.take());
  }
  const runtime::reference ref = made.ref;
  const std::uint64_t id = id_of(ref);
  self.needs_extra().requests.emplace(id, std::move(made));
  self.extra->has_requested = true;
  const auto sent = process.send(to, gen::call_message(process, ref, body), how);
  if (sent == runtime::send_status::ok) return id;
  forget(self, id);
  return unexpected(sent);
}

bool forget(coppice_actor& self, std::uint64_t id) {
  if (self.extra == nullptr) return false;
  const auto found = self.extra->requests.find(id);
  if (found == self.extra->requests.end()) return false;
  const open_request ended = std::move(found->second);
  self.extra->requests.erase(found);
  if (ended.timer != 0) self.process->cancel_timer(ended.timer);
  self.process->demonitor(ended.ref);
  self.process->unalias(ended.ref);
  return true;
}

matched match(coppice_actor& self, const message& m, response& out) {
  if (self.extra == nullptr) return matched::nothing;
  auto said = read(self, m, self.process->origin());
  if (!said) return matched::nothing;
  if (!is_own_request(self, said->ref)) return matched::nothing;
  const auto found = self.extra->requests.find(id_of(said->ref));
  if (found == self.extra->requests.end()) return matched::late;
  out = {found->first, found->second.tag, said->status, std::move(said->answer),
         std::move(found->second.context)};
  forget(self, out.id);
  return matched::ended;
}

// Takes the first message from the mailbox that ends the request.
static std::optional<gen::call_result> take_end(coppice_actor& self, const runtime::reference& of) {
  std::optional<notice> said;
  const message found = self.process->take_message([&](const message& m, runtime::message_origin from) {
    auto one = read(self, m, from);
    if (!one || !is_own_request(self, one->ref) || one->ref.number() != of.number()) return false;
    said = std::move(one);
    return true;
  });
  if (!found) return std::nullopt;
  using kind = gen::call_error::kind;
  switch (said->status) {
    case COPPICE_OK:
      return std::move(said->answer);
    case COPPICE_E_NOPROC:
      return unexpected(gen::call_error{kind::noproc, {}});
    case COPPICE_E_NODEDOWN:
      return unexpected(gen::call_error{kind::nodedown, {}});
    case COPPICE_E_TIMEOUT:
      return unexpected(gen::call_error{kind::timeout, {}});
    default:
      return unexpected(gen::call_error{kind::exit, std::move(said->answer)});
  }
}

std::optional<gen::call_result> wait_for_end(coppice_actor& self, std::uint64_t id) {
  if (self.extra == nullptr) return std::nullopt;
  const auto found = self.extra->requests.find(id);
  if (found == self.extra->requests.end()) return std::nullopt;
  const open_request asked = found->second;
  runtime::process& process = *self.process;
  const base::nanos left = asked.timer == 0 ? 0 : std::max<base::nanos>(process.remaining(asked.timer), 0);
  const bool awaits = process.expect_answer(asked.ref);
  // The message has come, or a full mailbox dropped it and none will come.
  if (!awaits) {
    auto ended = take_end(self, asked.ref);
    forget(self, id);
    return ended ? std::move(ended)
                 : gen::call_result(unexpected(gen::call_error{gen::call_error::kind::timeout, {}}));
  }
  self.extra->requests.erase(id);
  // A deadline that has passed has its message in the mailbox. The answer may still have come before, to a
  // full mailbox: then the wait finds it outside.
  if (asked.timer != 0 && process.cancel_timer(asked.timer) < 0) (void)take_end(self, asked.ref);
  return gen::finish_call(process, asked.ref,
                          asked.timer == 0 ? runtime::no_deadline : base::mono_now() + left);
}

} // namespace coppice::host
