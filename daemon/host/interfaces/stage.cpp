// SPDX-License-Identifier: MIT
// "coppice.stage_host/draft-2". Calls with an immediate effect go to the engine; calls that would call back
// into the plugin become a message to the stage itself, as in GenStage's own functions. In the process's own
// turn.
#include <coppice/draft/stage.h>

#include "host/actors/stage.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/stage_totals.hpp"

namespace coppice::host {
namespace {

using runtime::message;
using runtime::message_writer;

// COPPICE_OK and the stage, or an error.
std::int32_t stage_of(coppice_actor* self, stage*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (self->is->find_totals<stage_totals>() == nullptr) return COPPICE_E_CONTEXT;
  out = &static_cast<stage&>(self->process->does());
  return COPPICE_OK;
}

std::int32_t emit(coppice_actor* self, coppice_message* events) {
  const message m = take(events);
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  auto* const engine = of->emitting();
  if (engine == nullptr) return COPPICE_E_CONTEXT;
  const bool good = m && engine->emit(m);
  of->count();
  return good ? COPPICE_OK : COPPICE_E_TERM;
}

std::int32_t ask(coppice_actor* self, coppice_bytes from, std::uint64_t count) {
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  if (of->engine() == nullptr) return COPPICE_E_CONTEXT;
  const auto party = term_of(from);
  return party && of->engine()->ask(*party, count) ? COPPICE_OK : COPPICE_E_INVALID;
}

std::int32_t cancel(coppice_actor* self, coppice_bytes from, coppice_message* reason) {
  const message why = take(reason);
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  if (of->engine() == nullptr) return COPPICE_E_CONTEXT;
  if (!why) return COPPICE_E_TERM;
  const auto party = term_of(from);
  return party && of->engine()->cancel(*party, why.bytes()) ? COPPICE_OK : COPPICE_E_INVALID;
}

// {'$gen_cast', Request}
std::int32_t cast_self(coppice_actor& self, const message& request) {
  const message whole = tagged("$gen_cast", request.bytes());
  self.process->send_unbounded(self.process->self(), whole);
  return COPPICE_OK;
}

std::int32_t subscribe_with(coppice_actor* self, etf::bytes current, coppice_bytes to,
                            const message& options) {
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  if (!options) return COPPICE_E_TERM;
  const auto whom = term_of(to);
  if (!whom || !behaviours::read_subscription(options.bytes())) return COPPICE_E_INVALID;
  message_writer out(options.size() + whom->size() + current.size() + 32);
  out.tuple(4);
  out.atom("$subscribe");
  out.raw(current);
  out.raw(*whom);
  out.raw(options.bytes());
  return cast_self(*self, out.take());
}

std::int32_t subscribe(coppice_actor* self, coppice_bytes to, coppice_message* options) {
  const message m = take(options);
  return subscribe_with(self, message::atom("nil").bytes(), to, m);
}

std::int32_t resubscribe(coppice_actor* self, coppice_bytes from, coppice_message* reason, coppice_bytes to,
                         coppice_message* options) {
  const message why = take(reason);
  const message m = take(options);
  if (!why) return may_call(self) == COPPICE_OK ? COPPICE_E_TERM : may_call(self);
  const auto party = term_of(from);
  etf::bytes pid, tag;
  if (!party || !behaviours::read_current(*party, pid, tag)) return COPPICE_E_INVALID;
  return subscribe_with(self, behaviours::pair_of(tag, why.bytes()).bytes(), to, m);
}

std::int32_t set_demand(coppice_actor* self, std::uint32_t mode) {
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  if (mode != COPPICE_STAGE_FORWARD && mode != COPPICE_STAGE_ACCUMULATE) return COPPICE_E_INVALID;
  const message word = message::atom(mode == COPPICE_STAGE_FORWARD ? "forward" : "accumulate");
  return cast_self(*self, tagged("$demand", word.bytes()));
}

std::int32_t info(coppice_actor* self, coppice_message* what) {
  const message m = take(what);
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  return m ? cast_self(*self, tagged("$info", m.bytes())) : COPPICE_E_TERM;
}

std::int32_t configure(coppice_actor* self, coppice_message* options) {
  const message m = take(options);
  stage* of = nullptr;
  if (const std::int32_t status = stage_of(self, of); status != COPPICE_OK) return status;
  if (of->engine() != nullptr) return COPPICE_E_CONTEXT;
  if (!m) return COPPICE_E_TERM;
  const auto done = of->configure(m.bytes());
  if (done) return COPPICE_OK;
  coppice_error& error = self->needs_extra().error;
  error.told = true;
  error.code = COPPICE_E_INVALID;
  error.text = done.error().text;
  return COPPICE_E_INVALID;
}

constexpr coppice_stage_api host_functions = {
    .size = sizeof(coppice_stage_api),
    .reserved = 0,
    .emit = &entry<&emit>::call,
    .ask = &entry<&ask>::call,
    .cancel = &entry<&cancel>::call,
    .subscribe = &entry<&subscribe>::call,
    .resubscribe = &entry<&resubscribe>::call,
    .set_demand = &entry<&set_demand>::call,
    .info = &entry<&info>::call,
    .configure = &entry<&configure>::call,
};

} // namespace

const coppice_stage_api* stage::host_interface() {
  return &host_functions;
}

} // namespace coppice::host
