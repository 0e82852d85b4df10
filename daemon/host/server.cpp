// SPDX-License-Identifier: MIT
// See server.hpp. A callback that lets a C++ exception out although it may not is caught here, so that it
// ends its actor and not the node. In the process's own turn.
#include "host/server.hpp"

#include <coppice/etf/text.hpp>

#include "base/log.hpp"
#include "host/callback.hpp"
#include "host/requests.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

using runtime::message;
using runtime::outcome;
using runtime::process;

} // namespace

server::server(server_plan plan)
    : callbacks_(static_cast<const coppice_server*>(plan.type->callbacks)),
      type_(plan.type),
      identity_(plan.is),
      generation_(plan.image->generation()) {
  actor_.image = std::move(plan.image);
  actor_.args = std::move(plan.spec.args);
  actor_.env = std::move(plan.spec.env);
  if (plan.saved != nullptr) needs_handover().saved = std::move(plan.saved);
}

server::handover& server::needs_handover() {
  if (handover_ == nullptr) handover_ = std::make_unique<handover>();
  return *handover_;
}

server::~server() {
  if (has_prepared()) forget(*handover_->next);
  if (actor_.created && callbacks_->destroy != nullptr)
    guarded(actor_, [this] { return callbacks_->destroy(state_), COPPICE_OK; });
}

outcome server::init(process& self) {
  actor_.process = &self;
  actor_.restricted = true;
  std::int32_t status = in_turn(actor_, "create", {},
                                [this] { return call_or(COPPICE_OK, callbacks_->create, &actor_, &state_); });
  actor_.restricted = false;
  if (status != COPPICE_OK) return runtime::stop(stop_reason(actor_, status));
  actor_.created = true;
  if (handover_ != nullptr) return init_restored();

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
      continue_first(self);
      return runtime::carry_on();
    case COPPICE_UNHANDLED:
      return runtime::stop(stop_reason(actor_, COPPICE_E_INVALID));
    default:
      return runtime::stop(stop_reason(actor_, status));
  }
}

outcome server::init_restored() {
  const auto from = std::move(std::exchange(handover_, nullptr)->saved);
  actor_.restricted = true;
  base::status restored = takes_over(*type_, bool{from->term});
  if (restored) restored = restore(*callbacks_, state_, *from);
  actor_.restricted = false;
  if (restored) return runtime::carry_on();
  runtime::message_writer why;
  why.binary(restored.error().text);
  return runtime::stop(why.take());
}

outcome server::take_info(process& self, const message& m) {
  if (actor_.extra != nullptr && actor_.extra->has_requested) [[unlikely]]
    if (outcome next = runtime::carry_on(); take_response(m, next)) return next;
  const coppice_message lent = lend(m);
  const std::int32_t status = in_turn(actor_, "handle_info", m.bytes(), [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->handle_info, &actor_, state_, &lent);
  });
  if (status != COPPICE_UNHANDLED) [[likely]]
    return follow(status);
  base::log::warning(actor_.image->id(), "{} got a message it does not know: {}",
                     to_text(self.self(), self.host().nodes()), etf::print(m.bytes()));
  return runtime::carry_on();
}

outcome server::take_cast(process&, const message& whole, etf::bytes request) {
  const coppice_message body = lend(whole, request);
  const std::int32_t status = in_turn(actor_, "handle_cast", request, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->handle_cast, &actor_, state_, &body);
  });
  if (status == COPPICE_UNHANDLED) return runtime::stop(tagged("bad_cast", request));
  return follow(status);
}

outcome server::receive_call(process& self, const runtime::call_id& asking, message request) {
  const runtime::own_forms& own = self.host().nodes().forms();
  if (!takes_calls() || !own.known()) [[unlikely]]
    return behaviour::receive_call(self, asking, std::move(request));
  runtime::own_forms::from written;
  own.put_from(written, asking.who, asking.ref());
  asked_call asked{{written.data(), own.from_size()}, asking};
  actor_.asked = &asked;
  return server::take_call(self, request, asked.from, request.bytes());
}

outcome server::take_call(process&, const message& whole, etf::bytes from, etf::bytes request) {
  const coppice_message body = lend(whole, request);
  const std::int32_t status = in_turn(actor_, "handle_call", request, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->handle_call, &actor_, state_, &body, lend_bytes(from));
  });
  actor_.asked = nullptr;
  if (status == COPPICE_UNHANDLED) return runtime::stop(tagged("bad_call", request));
  return follow(status);
}

outcome server::take_config(process& self, const message& from, behaviours::config_change to) {
  // The actor is to see the new env already while it is asked.
  message old_env = std::exchange(actor_.env, std::move(to.env));
  const message old = actor_.args ? actor_.args : message::immortal(etf::empty_map);
  const coppice_message before = lend(old);
  const coppice_message after = lend(to.args);
  const std::int32_t status = in_turn(actor_, "config_change", {}, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->config_change, &actor_, state_, &before, &after);
  });
  if (status == COPPICE_UNHANDLED || status < 0) {
    actor_.env = std::move(old_env);
    const bool unhandled = status == COPPICE_UNHANDLED;
    gen::reply(self, from,
               unhandled ? message::atom("unhandled") : runtime::error_message(stop_reason(actor_, status)));
    return runtime::carry_on();
  }
  actor_.args = std::move(to.args);
  gen::reply(self, from, message::atom("ok"));
  return follow(status);
}

bool server::take_response(const message& m, outcome& next) {
  response ended;
  const matched found = match(actor_, m, ended);
  if (found != matched::ended) return found == matched::late;
  const coppice_message answer = ended.answer ? lend(ended.answer) : coppice_message{};
  const std::int32_t status = in_turn(actor_, "on_response", {}, [&] {
    return call_or(COPPICE_UNHANDLED, callbacks_->on_response, &actor_, state_, ended.id, ended.tag,
                   ended.status, &answer);
  });
  next = follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status);
  return true;
}

outcome server::take_continue(process&) {
  return follow(COPPICE_CONTINUE);
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
    if (actor_.extra != nullptr && actor_.extra->error.told) actor_.extra->error = {};
    return runtime::carry_on();
  }
  return runtime::stop(stop_reason(actor_, status));
}

void server::terminate(process& self, const message& reason) {
  if (!runtime::is_orderly(reason)) {
    const std::string name = self.name();
    base::log::error(actor_.image->id(), "server {} terminating: {}",
                     name.empty() ? to_text(self.self(), self.host().nodes()) : name,
                     etf::print(reason.bytes()));
  }
  if (callbacks_->terminate == nullptr || !actor_.created) return;
  const coppice_message lent = lend(reason);
  in_turn(actor_, "terminate", reason.bytes(),
          [&] { return callbacks_->terminate(&actor_, state_, &lent), COPPICE_OK; });
}

void server::describe(runtime::description& out) const {
  out.behaviour = "server";
  out.plugin = identity_->plugin;
  out.actor = identity_->actor;
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
  else if (actor_.extra != nullptr && actor_.extra->error.told)
    actor_.extra->error = {};
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

} // namespace coppice::host
