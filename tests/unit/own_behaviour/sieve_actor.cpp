// SPDX-License-Identifier: MIT
// rooms: node
// A plugin's sieve, and "coppice.sieve_host/draft-1". In the process's own turn.
#include "own_behaviour/sieve_actor.hpp"

#include "behaviours/gen/report_fields.hpp"
#include "host/actors/hosted.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/sized.hpp"
#include "host/boundary/type_totals.hpp"

namespace coppice::host {
namespace {

std::int32_t keep_cast(coppice_actor* self) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (self->is->find_totals<sieve_totals>() == nullptr) return COPPICE_E_CONTEXT;
  return static_cast<sieve&>(self->process->does()).keep() ? COPPICE_OK : COPPICE_E_CONTEXT;
}

constexpr coppice_sieve_api host_functions = {
    .size = sizeof(coppice_sieve_api), .reserved = 0, .keep = &entry<&keep_cast>::call};

} // namespace

sieve_code::sieve_code(const coppice_actor_type& type)
    : server_code(type),
      sifting(callbacks_of<coppice_sieve>(type, COPPICE_SIEVE_DRAFT_1, COPPICE_SIEVE_LEAST)) {}

std::shared_ptr<metrics::counters> sieve::make_totals(metrics::board* board, const std::string& type,
                                                      const std::string&) {
  return totals_on<sieve_totals>(board, {{"type", type}});
}

const coppice_sieve_api* sieve::host_interface() {
  return &host_functions;
}

bool sieve::keep() {
  if (sifts_) keeps_ = true;
  return sifts_;
}

runtime::outcome sieve::take_cast(runtime::process& self, const runtime::message& whole, etf::bytes request) {
  const coppice_sieve& callbacks = static_cast<const sieve_code&>(running()).sifting;
  const coppice_message what = lend(whole, request);
  sieve_totals& all = identity().totals<sieve_totals>();
  ++seen_;
  all.seen.add();
  sifts_ = true;
  keeps_ = false;
  const std::int32_t status =
      in_turn(actor(), "sift", request, [&] { return callbacks.sift(&actor(), state(), &what); });
  sifts_ = false;
  if (status != COPPICE_OK || !keeps_)
    return follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, "sift", request);
  ++kept_;
  all.kept.add();
  return server::take_cast(self, whole, request);
}

runtime::message sieve::engine_for_people(runtime::process&) {
  runtime::message_writer out;
  out.map(2);
  behaviours::report::number(out, "seen", seen_);
  behaviours::report::number(out, "kept", kept_);
  return out.take();
}

template hosted_behaviour hosted<sieve>(const coppice_behaviour* facts);

} // namespace coppice::host
