// SPDX-License-Identifier: MIT
// See server.hpp, and lib/stdlib gen_server.erl for the semantics. A callback that lets a C++ exception out
// although it may not is caught here, so that it ends its actor and not the node. In the process's own turn.
#include "behaviours/server.hpp"

#include <coppice/etf/text.hpp>

#include "base/log.hpp"
#include "behaviours/callback.hpp"
#include "behaviours/requests.hpp"
#include "runtime/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::outcome;
using runtime::process;

constexpr std::string_view continue_nudge = "$coppice_continue";
constexpr std::string_view config_change_tag = "$coppice_config_change";
constexpr base::nanos config_patience = 5 * base::nanos_per_second;

} // namespace

server::server(server_plan plan)
    : callbacks_(static_cast<const coppice_server*>(plan.type->callbacks)),
      type_(plan.type),
      is_(plan.is),
      generation_(plan.image->generation()) {
  actor_.image = std::move(plan.image);
  actor_.args = std::move(plan.spec.args);
  actor_.env = std::move(plan.spec.env);
  if (plan.saved != nullptr) now_and_then().saved = std::move(plan.saved);
}

server::occasional& server::now_and_then() {
  if (occasional_ == nullptr) occasional_ = std::make_unique<occasional>();
  return *occasional_;
}

sys::protocol& server::system_protocol() {
  auto& sys = now_and_then().sys;
  if (sys == nullptr) sys = std::make_unique<sys::protocol>();
  return *sys;
}

server::~server() {
  if (has_prepared()) forget(*occasional_->next);
  if (created_ && callbacks_->destroy != nullptr)
    guarded(actor_, [this] { return callbacks_->destroy(state_), COPPICE_OK; });
}

outcome server::init(process& self) {
  actor_.process = &self;
  actor_.restricted = true;
  std::int32_t status = in_turn(actor_, "create", {},
                                [this] { return call_or(COPPICE_OK, callbacks_->create, &actor_, &state_); });
  actor_.restricted = false;
  if (status != COPPICE_OK) return runtime::stop(stop_reason(actor_, status));
  created_ = true;
  if (occasional_ != nullptr) return init_restored();

  const message args = actor_.args ? actor_.args : message::immortal(etf::empty_map);
  const coppice_message lent = lend(args);
  status = in_turn(actor_, "init", {},
                   [&] { return call_or(COPPICE_OK, callbacks_->init, &actor_, state_, &lent); });
  switch (status) {
    case COPPICE_OK:
    case COPPICE_HIBERNATE:
      return runtime::carry_on();
    case COPPICE_IGNORE:
      return runtime::ignore();
    case COPPICE_CONTINUE:
      // The spawner hears of success first; then, before any message, handle_continue. The nudge is there
      // for when no message comes.
      continue_first_ = nudged_ = true;
      self.send_unbounded(self.self(), message::atom(continue_nudge));
      return runtime::carry_on();
    case COPPICE_UNHANDLED:
      return runtime::stop(stop_reason(actor_, COPPICE_E_INVALID));
    default:
      return runtime::stop(stop_reason(actor_, status));
  }
}

outcome server::init_restored() {
  const auto from = std::move(std::exchange(occasional_, nullptr)->saved);
  actor_.restricted = true;
  base::status restored = takes_over(*type_, bool{from->term});
  if (restored) restored = restore(*callbacks_, state_, *from);
  actor_.restricted = false;
  if (restored) return runtime::carry_on();
  message_writer why;
  why.binary(restored.error().text);
  return runtime::stop(why.take());
}

[[gnu::always_inline]] inline outcome server::info(const message& m) {
  const bool asked_before = actor_.rare != nullptr && actor_.rare->asked_before;
  if (gen::is_exit(m.bytes()) || asked_before || nudged_) [[unlikely]]
    if (outcome next = runtime::carry_on(); own_info(m, next)) return next;
  const coppice_message lent = lend(m);
  const std::int32_t status = in_turn(actor_, "handle_info", m.bytes(), [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->handle_info, &actor_, state_, &lent);
  });
  if (status != COPPICE_UNHANDLED) [[likely]]
    return follow(status);
  const process& self = *actor_.process;
  base::log::warning(actor_.image->id(), "{} got a message it does not know: {}",
                     to_text(self.self(), self.host().nodes()), etf::print(m.bytes()));
  return runtime::carry_on();
}

outcome server::receive(process& self, message m) {
  actor_.process = &self;
  if (continue_first_) [[unlikely]] {
    continue_first_ = false;
    if (outcome next = follow(COPPICE_CONTINUE); next.stops()) return next;
  }
  if (gen::is_plain(m.bytes()) && !suspended()) [[likely]]
    return info(m);
  return sort(self, std::move(m));
}

outcome server::sort(process& self, message m) {
  const gen::request_view what = gen::look(m.bytes());
  if (what.what != gen::request::kind::system) {
    if (!suspended()) return dispatch(m, what);
    gen::exit_notice exit;
    if (gen::read_exit(self, m, exit) && self.parent() && exit.from == self.parent())
      return runtime::stop(exit.reason);
    system_protocol().hold(std::move(m));
    return runtime::carry_on();
  }
  const gen::request request = gen::parse(m);
  outcome next = runtime::carry_on();
  if (config_request(request, next)) return next;
  sys::protocol& sys = system_protocol();
  next = sys.handle(self, *this, request);
  for (message held; !next.stops() && sys.next(held);) next = dispatch(held, gen::look(held.bytes()));
  return next;
}

outcome server::dispatch(const message& m, const gen::request_view& what) {
  switch (what.what) {
    case gen::request::kind::call:
      return call(m, what.body, what.from);
    case gen::request::kind::cast: {
      const coppice_message body = lend(m, what.body);
      const std::int32_t status = in_turn(actor_, "handle_cast", what.body, [&] {
        return call_or(COPPICE_UNHANDLED, callbacks_->handle_cast, &actor_, state_, &body);
      });
      if (status == COPPICE_UNHANDLED) return runtime::stop(tagged("bad_cast", what.body));
      return follow(status);
    }
    case gen::request::kind::system:
      return system_protocol().handle(*actor_.process, *this, gen::parse(m));
    case gen::request::kind::info:
      break;
  }
  return info(m);
}

outcome server::receive_call(process& self, const runtime::call_id& asking, message request) {
  const runtime::own_forms& own = self.host().nodes().forms();
  if (continue_first_ || !own.known() || suspended()) [[unlikely]]
    return behaviour::receive_call(self, asking, std::move(request));
  actor_.process = &self;
  runtime::own_forms::from written;
  own.put_from(written, asking.who, asking.ref());
  asked_call asked{{written.data(), own.from_size()}, asking};
  actor_.asked = &asked;
  return call(request, request.bytes(), asked.from);
}

outcome server::call(const message& m, etf::bytes request, etf::bytes from) {
  const coppice_message body = lend(m, request);
  const std::int32_t status = in_turn(actor_, "handle_call", request, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->handle_call, &actor_, state_, &body, lend_bytes(from));
  });
  actor_.asked = nullptr;
  if (status == COPPICE_UNHANDLED) return runtime::stop(tagged("bad_call", request));
  return follow(status);
}

bool server::own_info(const message& m, outcome& next) {
  process& self = *actor_.process;
  gen::exit_notice exit;
  if (gen::read_exit(self, m, exit) && self.parent() && exit.from == self.parent()) {
    next = runtime::stop(exit.reason);
    return true;
  }
  if (actor_.rare != nullptr && actor_.rare->asked_before) {
    struct response ended;
    const matched found = match(actor_, m, ended);
    if (found == matched::ended) next = response(ended);
    if (found != matched::nothing) return true;
  }
  if (!nudged_ || !etf::cursor(m.bytes()).read_atom_is(continue_nudge)) return false;
  nudged_ = false;
  return true;
}

message server::change_config(process& self, const runtime::pid& of, const message& args,
                              const message& env) {
  const runtime::reference ref = self.monitor(of, true);
  const auto& names = self.host().nodes();
  message_writer out(args.size() + env.size() + 128);
  out.tuple(3);
  out.atom("system");
  out.tuple(2);
  runtime::write(out, self.self(), names);
  out.list(1);
  out.atom("alias");
  runtime::write(out, ref, names);
  out.tuple(3);
  out.atom(config_change_tag);
  for (const message& map : {args, env}) {
    if (map) {
      out.raw(map.bytes());
    } else {
      out.map(0);
    }
  }
  self.send_unbounded(of, out.take());
  const auto answer = gen::finish_call(self, ref, base::mono_now() + config_patience);
  if (!answer && answer.error().what == gen::call_error::kind::timeout) {
    return runtime::error_message(message::atom("config_change_timeout"));
  }
  if (!answer) return message::atom("unhandled");
  etf::cursor at(answer->bytes());
  const bool unknown = at.read_tuple_of(2) && at.read_atom_is("error") && at.read_tuple_of(2) &&
                       at.read_atom_is("unknown_system_msg");
  return unknown ? message::atom("unhandled") : *answer;
}

bool server::config_request(const gen::request& what, outcome& next) {
  etf::cursor at(what.body.bytes());
  process& self = *actor_.process;
  etf::bytes args_term;
  if (!at.read_tuple_of(3) || !at.read_atom_is(config_change_tag) || !gen::from_here(self, what.from) ||
      !at.read_term(args_term)) {
    return false;
  }
  message args = what.body.slice(args_term).compact();
  // The actor is to see it already while it is asked.
  message old_env = std::exchange(actor_.env, what.body.slice(at.rest()).compact());
  const message old = actor_.args ? actor_.args : message::immortal(etf::empty_map);
  const coppice_message before = lend(old);
  const coppice_message after = lend(args);
  const std::int32_t status = in_turn(actor_, "config_change", {}, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->config_change, &actor_, state_, &before, &after);
  });
  if (status == COPPICE_UNHANDLED || status < 0) actor_.env = std::move(old_env);
  if (status == COPPICE_UNHANDLED) {
    gen::reply(self, what.from, message::atom("unhandled"));
  } else if (status < 0) {
    gen::reply(self, what.from, runtime::error_message(stop_reason(actor_, status)));
  } else {
    actor_.args = std::move(args);
    gen::reply(self, what.from, message::atom("ok"));
    next = follow(status);
  }
  return true;
}

outcome server::response(const struct response& ended) {
  const coppice_message answer = ended.answer ? lend(ended.answer) : coppice_message{};
  const std::int32_t status = in_turn(actor_, "on_response", {}, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->on_response, &actor_, state_, ended.id, ended.tag,
                   ended.status, &answer);
  });
  return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
}

outcome server::follow_on(std::int32_t status) {
  while (status == COPPICE_CONTINUE) {
    status = in_turn(actor_, "handle_continue", {},
                     [this] { return call_or(COPPICE_OK, callbacks_->handle_continue, &actor_, state_); });
    if (status == COPPICE_UNHANDLED) status = COPPICE_OK;
    if (status == COPPICE_CONTINUE && actor_.process->should_yield()) actor_.process->yield();
    if (actor_.process->exiting()) break;
  }
  // What was said to the error object without an error is of no use to a later one.
  if (status == COPPICE_OK || status == COPPICE_HIBERNATE) {
    if (actor_.rare != nullptr && actor_.rare->error.told) actor_.rare->error = {};
    return runtime::carry_on();
  }
  return runtime::stop(stop_reason(actor_, status));
}

void server::terminate(process& self, const message& reason) {
  actor_.process = &self;
  if (!runtime::is_orderly(reason)) {
    const std::string name = self.name();
    base::log::error(actor_.image->id(), "server {} terminating: {}",
                     name.empty() ? to_text(self.self(), self.host().nodes()) : name,
                     etf::print(reason.bytes()));
  }
  if (callbacks_->terminate == nullptr || !created_) return;
  const coppice_message lent = lend(reason);
  in_turn(actor_, "terminate", reason.bytes(),
          [&] { return callbacks_->terminate(&actor_, state_, &lent), COPPICE_OK; });
}

void server::describe(runtime::description& out) const {
  out.behaviour = "server";
  out.plugin = is_->plugin;
  out.actor = is_->actor;
  out.generation = generation_.load(std::memory_order_relaxed);
}

message server::written(const std::function<std::int32_t(coppice_writer*)>& callback, std::int32_t* result) {
  const coppice_message_api& messages = *message_interface();
  coppice_writer out;
  if (messages.write_begin(256, &out) != COPPICE_OK) return {};
  actor_.restricted = true;
  const std::int32_t status =
      in_turn(actor_, "format_status or save_state", {}, [&] { return callback(&out); });
  actor_.restricted = false;
  if (result != nullptr)
    *result = status;
  else if (actor_.rare != nullptr && actor_.rare->error.told)
    actor_.rare->error = {};
  if (status != COPPICE_OK) return messages.discard(&out), message();
  coppice_message made;
  if (messages.finish(&out, &made) != COPPICE_OK) return {};
  return take(&made);
}

message server::sys_state(process&) {
  message shown;
  if (callbacks_->format_status != nullptr) {
    shown = written([this](coppice_writer* out) { return callbacks_->format_status(&actor_, state_, out); });
  } else if (callbacks_->save_state != nullptr) {
    std::uint32_t version = type_->state_version;
    shown =
        written([&](coppice_writer* out) { return callbacks_->save_state(&actor_, state_, &version, out); });
  }
  return shown ? shown : message::atom("opaque");
}

std::string server::sys_module() const {
  return type_->name;
}

} // namespace coppice::behaviours
