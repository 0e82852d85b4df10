// SPDX-License-Identifier: MIT
// "coppice.router_host/draft-2": where a router sends a message. In the process's own turn.
#include <coppice/draft/router.h>

#include <algorithm>

#include "host/actors/router.hpp"
#include "host/boundary/entry.hpp"

namespace coppice::host {
namespace {

// COPPICE_OK and the decision of the running callback, or an error.
std::int32_t decision_of(coppice_actor* self, routing_decision*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  if (self->extra == nullptr || self->extra->deciding == nullptr) return COPPICE_E_CONTEXT;
  out = self->extra->deciding;
  return COPPICE_OK;
}

std::int32_t to_route(coppice_actor* self, coppice_bytes name) {
  routing_decision* out = nullptr;
  if (const std::int32_t status = decision_of(self, out); status != COPPICE_OK) return status;
  if (name.data == nullptr) return COPPICE_E_INVALID;
  const std::string_view wanted(reinterpret_cast<const char*>(name.data),
                                static_cast<std::size_t>(name.size));
  const auto name_of = [](const std::shared_ptr<route>& one) -> std::string_view { return one->name; };
  const auto found = std::ranges::find(*out->routes, wanted, name_of);
  if (found == out->routes->end()) return COPPICE_E_INVALID;
  out->what = routing_decision::kind::route;
  out->chosen = *found;
  return COPPICE_OK;
}

std::int32_t to(coppice_actor* self, coppice_bytes destination) {
  routing_decision* out = nullptr;
  if (const std::int32_t status = decision_of(self, out); status != COPPICE_OK) return status;
  auto whom = destination_of(*self, destination);
  if (!whom) return COPPICE_E_INVALID;
  out->what = routing_decision::kind::elsewhere;
  out->elsewhere = std::move(*whom);
  return COPPICE_OK;
}

std::int32_t discard(coppice_actor* self) {
  routing_decision* out = nullptr;
  if (const std::int32_t status = decision_of(self, out); status != COPPICE_OK) return status;
  out->what = routing_decision::kind::discard;
  return COPPICE_OK;
}

constexpr coppice_router_api host_functions = {
    .size = sizeof(coppice_router_api),
    .reserved = 0,
    .to_route = &entry<&to_route>::call,
    .to = &entry<&to>::call,
    .discard = &entry<&discard>::call,
};

} // namespace

const coppice_router_api* router::host_interface() {
  return &host_functions;
}

} // namespace coppice::host
