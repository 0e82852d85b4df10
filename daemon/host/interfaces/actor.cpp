// SPDX-License-Identifier: MIT
// "coppice.actor/1" over runtime::process. Each function first calls may_call() (the right actor, alive, in
// its own turn) and then checks the plugin's arguments. In the process's own turn.
#include <algorithm>
#include <array>

#include "behaviours/gen/gen.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/flags.hpp"
#include "host/boundary/sized.hpp"
#include "host/interfaces/deadline.hpp"
#include "host/interfaces/noted_effects.hpp"
#include "runtime/system.hpp"

namespace coppice::host {
namespace {

using runtime::message;
using runtime::urgency;

constexpr coppice_bytes nothing{nullptr, 0};

// Writes a term into `place` once, so that it can be borrowed.
template <class Write>
coppice_bytes kept(std::vector<std::uint8_t>& place, Write write) {
  if (place.empty()) {
    etf::vector_writer out(64);
    write(out);
    place = out.take();
  }
  return {place.data(), place.size()};
}

coppice_bytes self_borrowed(coppice_actor* self) {
  if (may_look(self) != COPPICE_OK) return nothing;
  return kept(self->needs_extra().self_term, [self](etf::writer& out) {
    runtime::write(out, self->process->self(), self->process->host().nodes());
  });
}

coppice_bytes parent_borrowed(coppice_actor* self) {
  if (may_look(self) != COPPICE_OK || !self->process->parent()) return nothing;
  return kept(self->needs_extra().parent_term, [self](etf::writer& out) {
    runtime::write(out, self->process->parent(), self->process->host().nodes());
  });
}

coppice_bytes node_borrowed(coppice_actor* self) {
  if (may_look(self) != COPPICE_OK) return nothing;
  return kept(self->needs_extra().node_term,
              [self](etf::writer& out) { out.atom(self->process->host().node_name()); });
}

coppice_bytes args_borrowed(coppice_actor* self) {
  if (may_look(self) != COPPICE_OK) return nothing;
  return lend_bytes(self->origin.args() ? self->origin.args().bytes() : etf::bytes(etf::empty_map));
}

coppice_bytes env_borrowed(coppice_actor* self) {
  if (may_look(self) != COPPICE_OK) return nothing;
  return lend_bytes(self->origin.env() ? self->origin.env().bytes() : etf::bytes(etf::empty_map));
}

[[gnu::always_inline]] inline std::int32_t send(coppice_actor* self, coppice_bytes destination,
                                                coppice_message* term, std::uint32_t flags) {
  message m = take(term);
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  runtime::send_status sent{};
  if (runtime::pid to; flags == 0 && m && is_own_pid(*self, destination, to)) [[likely]] {
    sent = self->process->send(to, std::move(m));
  } else {
    const auto how = sending_of(flags, flags_of_messages);
    if (!how) return COPPICE_E_UNSUPPORTED;
    const auto elsewhere = destination_of(*self, destination);
    if (!m || !elsewhere) return m ? COPPICE_E_INVALID : COPPICE_E_TERM;
    sent = self->process->send(*elsewhere, std::move(m), *how);
  }
  if (self->process->exiting()) return COPPICE_E_EXITING;
  return status_of(sent);
}

std::int32_t link(coppice_actor* self, coppice_bytes pid, std::uint32_t flags) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto how = sending_of(flags, flags_of_signals);
  if (!how) return COPPICE_E_UNSUPPORTED;
  const auto to = pid_of(*self, pid);
  if (!to) return COPPICE_E_INVALID;
  return status_of(self->process->link(*to, *how));
}

std::int32_t unlink(coppice_actor* self, coppice_bytes pid) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto to = pid_of(*self, pid);
  if (!to) return COPPICE_E_INVALID;
  self->process->unlink(*to);
  return COPPICE_OK;
}

std::int32_t exit(coppice_actor* self, coppice_bytes whom, coppice_bytes reason, std::uint32_t flags) {
  using kind = runtime::destination::kind;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto how = sending_of(flags, flags_of_signals);
  if (!how) return COPPICE_E_UNSUPPORTED;
  const auto to = destination_of(*self, whom);
  if (!to || (to->what() != kind::process && to->what() != kind::alias)) return COPPICE_E_INVALID;
  const auto why = term_of(reason);
  if (!why) return COPPICE_E_TERM;
  const auto sent = self->process->exit(*to, message::copy_of(*why), *how);
  return self->process->exiting() ? COPPICE_E_EXITING : status_of(sent);
}

std::int32_t trap_exit(coppice_actor* self, std::int32_t on, std::int32_t* out_old) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const bool old = self->process->trap_exit(on != 0);
  if (out_old != nullptr) *out_old = old ? 1 : 0;
  return COPPICE_OK;
}

coppice_message reference_term(coppice_actor& self, const runtime::reference& ref) {
  runtime::message_writer out(96);
  runtime::write(out, ref, self.process->host().nodes());
  return give(out.take());
}

coppice_message pid_term(coppice_actor& self, const runtime::pid& pid) {
  runtime::message_writer out(96);
  runtime::write(out, pid, self.process->host().nodes());
  return give(out.take());
}

// Checks the flags and options of a monitor.
std::int32_t checked(std::uint32_t flags, const coppice_monitor_options* options,
                     runtime::monitor_options& into) {
  using until = runtime::alias_until;
  static constexpr std::array by_number{until::never, until::unalias, until::demonitor, until::reply};
  const auto how = sending_of(flags, flags_of_signals);
  if (!how) return COPPICE_E_UNSUPPORTED;
  into.how = *how;
  if (options == nullptr) return COPPICE_OK;
  const auto given = sized(options, COPPICE_MONITOR_OPTIONS_LEAST);
  if (!given) return COPPICE_E_INVALID;
  if (given->alias >= by_number.size()) return COPPICE_E_UNSUPPORTED;
  into.alias = by_number[given->alias];
  if (given->tag.size == 0) return COPPICE_OK;
  const auto tag = term_of(given->tag);
  if (!tag) return COPPICE_E_TERM;
  into.tag = message::copy_of(*tag);
  return COPPICE_OK;
}

std::int32_t monitor(coppice_actor* self, coppice_bytes destination, std::uint32_t flags,
                     const coppice_monitor_options* options, coppice_message* out_reference) {
  if (out_reference == nullptr) return COPPICE_E_INVALID;
  *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  runtime::monitor_options how;
  if (const std::int32_t status = checked(flags, options, how); status != COPPICE_OK) return status;
  const auto to = destination_of(*self, destination);
  if (!to || to->what() == runtime::destination::kind::alias) return COPPICE_E_INVALID;
  const runtime::reference made = self->process->monitor(*to, std::move(how));
  if (!made) return COPPICE_E_NODEDOWN;
  *out_reference = reference_term(*self, made);
  return COPPICE_OK;
}

std::int32_t demonitor(coppice_actor* self, coppice_bytes reference, std::int32_t flush) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto ref = reference_of(*self, reference);
  if (!ref) return COPPICE_E_INVALID;
  return self->process->demonitor(*ref, flush != 0) ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

std::int32_t monitor_node(coppice_actor* self, coppice_bytes node, std::int32_t on) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  runtime::system& host = self->process->host();
  const auto term = term_of(node);
  std::string_view name;
  if (!term || !etf::cursor(*term).read_atom(name) || name.find('@') == name.npos) return COPPICE_E_INVALID;
  const auto index = host.nodes().intern(name);
  if (!index) return COPPICE_E_MEMORY;
  if (host.router() == nullptr) return COPPICE_E_UNSUPPORTED;
  if (*index != 0)
    host.router()->monitor_node(self->process->self(), *index, on != 0); // the own node is never lost
  return COPPICE_OK;
}

std::int32_t alias(coppice_actor* self, std::uint32_t flags, coppice_message* out_reference) {
  if (out_reference == nullptr) return COPPICE_E_INVALID;
  *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!all_known(flags, COPPICE_PRIORITY | COPPICE_ONCE)) return COPPICE_E_UNSUPPORTED;
  const urgency most = (flags & COPPICE_PRIORITY) != 0 ? urgency::priority : urgency::ordinary;
  const bool once = (flags & COPPICE_ONCE) != 0;
  *out_reference = reference_term(*self, self->process->make_alias(once, most));
  return COPPICE_OK;
}

std::int32_t unalias(coppice_actor* self, coppice_bytes reference) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto ref = reference_of(*self, reference);
  if (!ref) return COPPICE_E_INVALID;
  return self->process->unalias(*ref) ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

std::int32_t register_name(coppice_actor* self, coppice_bytes name) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto text = text_of(name);
  if (!text || text->empty()) return COPPICE_E_INVALID;
  const auto done = self->process->register_name(std::string(*text));
  if (done) return COPPICE_OK;
  return done.error().code == base::errc::exists ? COPPICE_E_EXISTS : COPPICE_E_INVALID;
}

std::int32_t unregister_name(coppice_actor* self, coppice_bytes name) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto text = text_of(name);
  if (!text || text->empty() || self->process->name() != *text) return COPPICE_E_NOT_FOUND;
  return self->process->unregister() ? COPPICE_OK : COPPICE_E_NOT_FOUND;
}

std::int32_t whereis(coppice_actor* self, coppice_bytes name, coppice_message* out_pid) {
  if (out_pid == nullptr) return COPPICE_E_INVALID;
  *out_pid = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto text = text_of(name);
  const auto found = text ? self->process->host().whereis(*text) : std::nullopt;
  if (!found) return COPPICE_E_NOT_FOUND;
  *out_pid = pid_term(*self, *found);
  return COPPICE_OK;
}

// The status for a failed start; with COPPICE_E_EXIT `out_reason` is the reason.
std::int32_t status_of(const base::error& error, coppice_message* out_reason) {
  switch (error.code) {
    case base::errc::exists:
      return COPPICE_E_EXISTS;
    case base::errc::not_found:
      return COPPICE_E_NOT_FOUND;
    case base::errc::limit:
      return COPPICE_E_MEMORY;
    default: {
      runtime::message_writer text;
      text.binary(error.text);
      *out_reason = give(tagged("badarg", text.take().bytes()));
      return COPPICE_E_EXIT;
    }
  }
}

std::int32_t status_of(gen::start_error&& error, coppice_message* out_reason) {
  using kind = gen::start_error::kind;
  switch (error.what) {
    case kind::spawn:
      return status_of(error.error, out_reason);
    case kind::timeout:
      return COPPICE_E_TIMEOUT;
    case kind::limit:
      return COPPICE_E_MEMORY;
    case kind::exiting:
      return COPPICE_E_EXITING;
    case kind::init:
    case kind::ignored:
      break;
  }
  *out_reason = give(std::move(error.reason));
  return COPPICE_E_EXIT;
}

std::int32_t spawn(coppice_actor* self, const coppice_spawn_options* options, coppice_message* out_pid,
                   coppice_message* out_reference) {
  const auto given = sized(options, COPPICE_SPAWN_OPTIONS_LEAST);
  if (out_pid == nullptr || !given) return COPPICE_E_INVALID;
  *out_pid = {};
  if (out_reference != nullptr) *out_reference = {};
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!all_known(given->flags, COPPICE_SPAWN_LINK | COPPICE_SPAWN_MONITOR)) return COPPICE_E_UNSUPPORTED;
  const auto actor = text_of(given->actor);
  const auto name = text_of(given->name);
  const auto args = given->args.size == 0 ? std::optional<etf::bytes>(etf::empty_map) : term_of(given->args);
  const bool watch = (given->flags & COPPICE_SPAWN_MONITOR) != 0;
  if (!actor || actor->empty() || !name || !args || (watch && out_reference == nullptr))
    return COPPICE_E_INVALID;

  runtime::process& process = *self->process;
  runtime::actor_factory* const factory = process.host().factory();
  if (factory == nullptr) return COPPICE_E_UNSUPPORTED;
  runtime::actor_spec spec;
  if (actor->front() == ':') spec.actor = self->image->id();
  spec.actor += *actor;
  if (!std::ranges::equal(*args, etf::empty_map)) spec.args = message::copy_of(*args);
  spec.env = self->origin.env();
  auto does = factory->make(spec);
  if (!does) return status_of(does.error(), out_pid);

  runtime::reference monitor;
  runtime::spawn_options how;
  if (!name->empty()) how.name = *name;
  how.link = (given->flags & COPPICE_SPAWN_LINK) != 0;
  how.monitor = watch ? &monitor : nullptr;
  const base::nanos deadline = until(*self, given->deadline);
  auto started = gen::start(process, std::move(how), std::move(*does), deadline);
  if (!started) return status_of(std::move(started.error()), out_pid);
  *out_pid = pid_term(*self, *started);
  if (watch) *out_reference = reference_term(*self, monitor);
  return COPPICE_OK;
}

void set_error(coppice_actor* self, std::int32_t code, coppice_bytes text) {
  if (may_look(self) != COPPICE_OK) return;
  coppice_error& error = self->needs_extra().error;
  error.told = true;
  error.code = code;
  error.text = whole_text(text).substr(0, longest_text);
}

std::int32_t set_reason(coppice_actor* self, coppice_bytes reason) {
  if (const std::int32_t status = may_look(self); status != COPPICE_OK) return status;
  const auto term = term_of(reason);
  if (!term) return COPPICE_E_TERM;
  coppice_error& error = self->needs_extra().error;
  error.told = true;
  error.reason = message::copy_of(*term);
  error.thrown = frames_of_caught();
  return COPPICE_OK;
}

std::int32_t set_label(coppice_actor* self, coppice_bytes text) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto label = text_of(text);
  if (!label || label->size() > 64) return COPPICE_E_INVALID;
  self->process->set_label(std::string(*label));
  return COPPICE_OK;
}

} // namespace

const coppice_actor_api* actor_interface() {
  static const coppice_actor_api table = {
      .size = sizeof(coppice_actor_api),
      .reserved = 0,
      .self_borrowed = &entry<&self_borrowed, marked::look>::call,
      .parent_borrowed = &entry<&parent_borrowed, marked::look>::call,
      .node_borrowed = &entry<&node_borrowed, marked::look>::call,
      .args_borrowed = &entry<&args_borrowed, marked::look>::call,
      .env_borrowed = &entry<&env_borrowed, marked::look>::call,
      .send = &entry<&send, marked::actor, &note_send>::call,
      .link = &entry<&link>::call,
      .unlink = &entry<&unlink>::call,
      .exit = &entry<&exit>::call,
      .trap_exit = &entry<&trap_exit>::call,
      .monitor = &entry<&monitor, marked::actor, &note_monitor>::call,
      .demonitor = &entry<&demonitor, marked::actor, &note_demonitor>::call,
      .monitor_node = &entry<&monitor_node>::call,
      .alias = &entry<&alias>::call,
      .unalias = &entry<&unalias>::call,
      .register_name = &entry<&register_name>::call,
      .unregister_name = &entry<&unregister_name>::call,
      .whereis = &entry<&whereis>::call,
      .spawn = &entry<&spawn>::call,
      .set_error = &entry<&set_error, marked::look>::call,
      .set_reason = &entry<&set_reason, marked::look>::call,
      .set_label = &entry<&set_label>::call,
      .spawn_at = &entry<&spawn_at>::call,
  };
  return &table;
}

} // namespace coppice::host
