// SPDX-License-Identifier: MIT
// "coppice.saga_host/draft-2". An answer is kept by the actor and takes effect when the callback has
// returned. In the process's own turn.
#include <coppice/draft/saga.h>

#include "behaviours/saga/saga_words.hpp"
#include "host/actors/saga_actor.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/sized.hpp"

namespace coppice::host {
namespace {

using behaviours::saga_callbacks;
using runtime::message;
using reply = saga_callbacks::reply;

// COPPICE_OK and the actor, which takes answers, or an error.
std::int32_t actor_of(coppice_actor* self, saga_actor*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (self->is->find_totals<saga_totals>() == nullptr) return COPPICE_E_CONTEXT;
  out = &static_cast<saga_actor&>(self->process->does());
  return out->takes_answers() ? COPPICE_OK : COPPICE_E_CONTEXT;
}

std::int32_t status_of(saga_callbacks::given how) {
  switch (how) {
    case saga_callbacks::given::taken:
      return COPPICE_OK;
    case saga_callbacks::given::used:
      return COPPICE_E_USED;
    case saga_callbacks::given::invalid:
      break;
  }
  return COPPICE_E_INVALID;
}

// A value of the plugin, which may be none. nullopt: it is no term.
std::optional<::coppice::saga::term> value_of(coppice_message* from_plugin) {
  if (from_plugin == nullptr) return ::coppice::saga::term();
  const message m = take(from_plugin);
  if (!m || !term_of({m.bytes().data(), m.size()})) return std::nullopt;
  return behaviours::term_from(m.bytes());
}

std::int32_t answer(coppice_actor* self, const coppice_step* step, reply what, coppice_message* value_take) {
  auto value = value_of(value_take);
  saga_actor* actor = nullptr;
  if (const std::int32_t status = actor_of(self, actor); status != COPPICE_OK) return status;
  const auto about = sized(step, COPPICE_STEP_LEAST);
  if (!about) return COPPICE_E_INVALID;
  if (!value) return COPPICE_E_TERM;
  return status_of(actor->answer(about->token, what, std::move(*value)));
}

std::int32_t done(coppice_actor* self, const coppice_step* step, coppice_message* value_take) {
  return answer(self, step, reply::done, value_take);
}
std::int32_t failed(coppice_actor* self, const coppice_step* step, coppice_message* reason_take) {
  return answer(self, step, reply::failed, reason_take);
}
std::int32_t never(coppice_actor* self, const coppice_step* step, coppice_message* reason_take) {
  return answer(self, step, reply::never, reason_take);
}
std::int32_t retry(coppice_actor* self, const coppice_step* step) {
  return answer(self, step, reply::retry, nullptr);
}
std::int32_t steps(coppice_actor* self, const coppice_step* step) {
  return answer(self, step, reply::steps, nullptr);
}

// NAME, or NAME@ALIVE@HOST. nullopt: neither.
std::optional<::coppice::saga::address> receiver(std::string_view to, std::string_view own_node) {
  const std::size_t cut = to.find('@');
  const std::string_view name = to.substr(0, cut);
  const std::string_view node = cut == to.npos ? own_node : to.substr(cut + 1);
  const bool good = cut == to.npos || (node.find('@') != node.npos && node.front() != '@');
  if (!good || name.empty() || name.size() > ::coppice::saga::longest_name ||
      node.size() > ::coppice::saga::longest_name)
    return std::nullopt;
  return ::coppice::saga::address(std::string(name), std::string(node));
}

std::int32_t add_step(coppice_actor* self, const coppice_step* step, const coppice_next_step* next) {
  const auto given = sized(next, COPPICE_NEXT_STEP_LEAST);
  auto value = given ? value_of(given->value_take) : std::nullopt;
  saga_actor* actor = nullptr;
  if (const std::int32_t status = actor_of(self, actor); status != COPPICE_OK) return status;
  const auto about = sized(step, COPPICE_STEP_LEAST);
  const auto text = given ? text_of(given->to) : std::nullopt;
  if (!about || !text || given->beside > 1 || given->retry_first < 0 || given->retry_max < 0)
    return COPPICE_E_INVALID;
  auto to = receiver(*text, self->process->host().node_name());
  if (!to) return COPPICE_E_INVALID;
  if (!value) return COPPICE_E_TERM;
  ::coppice::saga::step_spec made;
  made.to = std::move(*to);
  made.value = std::move(*value);
  made.beside = given->beside == 1;
  made.retry_first = given->retry_first;
  made.retry_max = given->retry_max;
  return status_of(actor->add_step(about->token, std::move(made)));
}

std::int32_t interim(coppice_actor* self, const coppice_step* step, coppice_message* value_take) {
  auto value = value_of(value_take);
  saga_actor* actor = nullptr;
  if (const std::int32_t status = actor_of(self, actor); status != COPPICE_OK) return status;
  const auto about = sized(step, COPPICE_STEP_LEAST);
  const auto key = about ? term_of(about->key) : std::nullopt;
  if (!key) return COPPICE_E_INVALID;
  if (!value) return COPPICE_E_TERM;
  return actor->interim(*key, std::move(*value)) ? COPPICE_OK : COPPICE_E_INVALID;
}

constexpr coppice_saga_api host_functions = {
    .size = sizeof(coppice_saga_api),
    .reserved = 0,
    .done = &entry<&done>::call,
    .failed = &entry<&failed>::call,
    .never = &entry<&never>::call,
    .retry = &entry<&retry>::call,
    .add_step = &entry<&add_step>::call,
    .steps = &entry<&steps>::call,
    .interim = &entry<&interim>::call,
};

} // namespace

const coppice_saga_api* saga_actor::host_interface() {
  return &host_functions;
}

} // namespace coppice::host
