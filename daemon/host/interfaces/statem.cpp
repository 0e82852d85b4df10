// SPDX-License-Identifier: MIT
// "coppice.statem_host/draft-2": each call adds to the transition of the running callback; the machine
// applies it when the callback has returned. In the process's own turn.
#include <coppice/draft/statem.h>

#include <cstring>
#include <optional>

#include "host/actors/statem.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/sized.hpp"

namespace coppice::host {
namespace {

using runtime::message;
using action = behaviours::statem::action;

constexpr std::size_t longest_atom = 255 * 4; // bytes

// COPPICE_OK and the machine whose transition is being made, or an error.
std::int32_t machine_of(coppice_actor* self, behaviours::statem::machine*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!self->in_transition) return COPPICE_E_CONTEXT;
  out = &static_cast<statem&>(self->process->does()).made();
  return COPPICE_OK;
}

// A copy of a plugin's term. None: not a term.
message copied(coppice_bytes from_plugin) {
  const auto term = term_of(from_plugin);
  return term ? message::copy_of(*term) : message();
}

// Whether the term, canonical, is this atom of less than 256 bytes.
bool is_short_atom(const message& term, std::string_view text) {
  const etf::bytes encoded = term.bytes();
  return encoded.size() == text.size() + 2 && encoded[0] == 119 &&
         std::memcmp(encoded.data() + 2, text.data(), text.size()) == 0;
}

std::int32_t next_state(coppice_actor* self, coppice_message* state) {
  message m = take(state);
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  if (!m) return COPPICE_E_TERM;
  to->next_state(m.compact());
  return COPPICE_OK;
}

std::int32_t next_state_atom(coppice_actor* self, const char* name) {
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  if (name == nullptr) return COPPICE_E_INVALID;
  const std::string_view text(name, strnlen(name, longest_atom + 1));
  if (text.size() > longest_atom) return COPPICE_E_INVALID;
  // Most machines alternate between few states: a known term is shared.
  for (const message* known : {&to->old_state(), &to->previous()}) {
    if (!is_short_atom(*known, text)) continue;
    to->next_state(*known);
    return COPPICE_OK;
  }
  message m = message::atom(text);
  if (!m) return COPPICE_E_INVALID;
  to->next_state(std::move(m));
  return COPPICE_OK;
}

std::int32_t repeat_state(coppice_actor* self) {
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  to->repeat_state();
  return COPPICE_OK;
}

std::int32_t keep_state(coppice_actor* self) {
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  to->keep_state();
  return COPPICE_OK;
}

std::int32_t postpone(coppice_actor* self) {
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  to->postpone();
  return COPPICE_OK;
}

std::int32_t next_event(coppice_actor* self, std::uint32_t type, coppice_bytes about,
                        coppice_message* content) {
  message m = take(content);
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  if (!m) return COPPICE_E_TERM;
  const bool named = type == COPPICE_STATEM_EVENT_CALL || type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT;
  message name = named ? copied(about) : message();
  if (named && !name) return COPPICE_E_INVALID;
  to->add(
      {.what = action::kind::next_event, .type = type, .about = std::move(name), .content = std::move(m)});
  return COPPICE_OK;
}

// Adds one of the three actions for time-outs.
std::int32_t add_timeout(coppice_actor* self, action::kind what, const coppice_statem_timeout* given,
                         message content) {
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  const auto timeout = sized(given, COPPICE_STATEM_TIMEOUT_LEAST);
  if (!timeout || timeout->absolute > 1) return COPPICE_E_INVALID;
  const bool named = timeout->type == COPPICE_STATEM_EVENT_NAMED_TIMEOUT;
  message name = named ? copied(timeout->name) : message();
  if (named && !name) return COPPICE_E_INVALID;
  to->add({.what = what,
           .absolute = timeout->absolute != 0,
           .type = timeout->type,
           .about = std::move(name),
           .content = std::move(content),
           .time = timeout->time});
  return COPPICE_OK;
}

std::int32_t set_timeout(coppice_actor* self, const coppice_statem_timeout* what, coppice_message* content) {
  message m = take(content);
  if (!m) return may_call(self) == COPPICE_OK ? COPPICE_E_TERM : may_call(self);
  return add_timeout(self, action::kind::set_timeout, what, std::move(m));
}

std::int32_t update_timeout(coppice_actor* self, const coppice_statem_timeout* what,
                            coppice_message* content) {
  message m = take(content);
  if (!m) return may_call(self) == COPPICE_OK ? COPPICE_E_TERM : may_call(self);
  return add_timeout(self, action::kind::update_timeout, what, std::move(m));
}

std::int32_t cancel_timeout(coppice_actor* self, const coppice_statem_timeout* what) {
  return add_timeout(self, action::kind::cancel_timeout, what, {});
}

std::int32_t reply(coppice_actor* self, coppice_bytes from, coppice_message* answer) {
  message m = take(answer);
  behaviours::statem::machine* to = nullptr;
  if (const std::int32_t status = machine_of(self, to); status != COPPICE_OK) return status;
  if (!m) return COPPICE_E_TERM;
  message whom = copied(from);
  if (!whom) return COPPICE_E_INVALID;
  to->add({.what = action::kind::reply, .about = std::move(whom), .content = std::move(m)});
  return COPPICE_OK;
}

constexpr coppice_statem_api host_functions = {
    .size = sizeof(coppice_statem_api),
    .reserved = 0,
    .next_state = &entry<&next_state>::call,
    .next_state_atom = &entry<&next_state_atom>::call,
    .repeat_state = &entry<&repeat_state>::call,
    .keep_state = &entry<&keep_state>::call,
    .postpone = &entry<&postpone>::call,
    .next_event = &entry<&next_event>::call,
    .set_timeout = &entry<&set_timeout>::call,
    .update_timeout = &entry<&update_timeout>::call,
    .cancel_timeout = &entry<&cancel_timeout>::call,
    .reply = &entry<&reply>::call,
};

} // namespace

const coppice_statem_api* statem::host_interface() {
  return &host_functions;
}

} // namespace coppice::host
