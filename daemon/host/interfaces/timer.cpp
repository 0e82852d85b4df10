// SPDX-License-Identifier: MIT
// "coppice.timer/1" over the runtime's timers and clocks. Timers belong to the process and not to the
// plugin's generation, so they survive a reload. In the process's own turn; the clocks on any thread.
#include "base/clock.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/sized.hpp"
#include "host/interfaces/noted_effects.hpp"

namespace coppice::host {
namespace {

constexpr base::nanos shortest_period = base::nanos_per_ms;

std::int64_t now() {
  return base::mono_now();
}

std::int64_t wall_clock() {
  return base::wall_now();
}

std::int32_t start(coppice_actor* self, const coppice_timer_options* options, coppice_message* term,
                   std::uint64_t* out_id) {
  runtime::message m = take(term);
  if (out_id != nullptr) *out_id = 0;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (!m) return COPPICE_E_TERM;
  const auto given = sized(options, COPPICE_TIMER_OPTIONS_LEAST);
  if (!given || (given->period != 0 && given->period < shortest_period)) return COPPICE_E_INVALID;
  const auto to = given->destination.size == 0 ? runtime::destination(self->process->self())
                                               : destination_of(*self, given->destination);
  if (!to) return COPPICE_E_INVALID;
  const std::uint64_t id = self->process->start_timer(given->deadline, *to, std::move(m), given->period);
  if (out_id != nullptr) *out_id = id;
  return COPPICE_OK;
}

std::int32_t cancel(coppice_actor* self, std::uint64_t id) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  return self->process->cancel_timer(id) < 0 ? COPPICE_E_NOT_FOUND : COPPICE_OK;
}

std::int32_t remaining(coppice_actor* self, std::uint64_t id, std::int64_t* out_left) {
  if (out_left == nullptr) return COPPICE_E_INVALID;
  *out_left = 0;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const base::nanos left = self->process->remaining(id);
  if (left < 0) return COPPICE_E_NOT_FOUND;
  *out_left = left;
  return COPPICE_OK;
}

} // namespace

const coppice_timer_api* timer_interface() {
  static const coppice_timer_api table = {
      .size = sizeof(coppice_timer_api),
      .reserved = 0,
      .now = &plain_entry<&now>::call,
      .wall_clock = &plain_entry<&wall_clock>::call,
      .start = &entry<&start, marked::actor, &note_timer>::call,
      .cancel = &entry<&cancel, marked::actor, &note_cancel>::call,
      .remaining = &entry<&remaining>::call,
  };
  return &table;
}

} // namespace coppice::host
