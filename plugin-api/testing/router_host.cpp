// SPDX-License-Identifier: MIT
// The host's interface for routers: the running callback's decision is noted. In the actor's callbacks.
#include <coppice/testing/router_host.hpp>

namespace coppice::testing::detail {

namespace {

/// COPPICE_OK and the decision of the running callback, or an error.
std::int32_t decision_of(coppice_actor* self, const char* function, routed_message*& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  world& w = *of(self);
  if (w.routing.deciding == nullptr) {
    complain_of_callback(function, ", which says where a message goes: route and failed are for that");
    return COPPICE_E_CONTEXT;
  }
  out = w.routing.deciding;
  return COPPICE_OK;
}
std::int32_t to_route(coppice_actor* self, coppice_bytes name) {
  routed_message* out = nullptr;
  const std::int32_t status = decision_of(self, COPPICE_ROUTER_HOST_DRAFT_2 "'s to_route", out);
  if (status != COPPICE_OK) return status;
  if (name.data == nullptr) return COPPICE_E_INVALID;
  const std::string wanted(reinterpret_cast<const char*>(name.data), static_cast<std::size_t>(name.size));
  const auto& routes = *of(self)->routing.routes;
  const auto found = routes.find(wanted);
  if (found == routes.end()) return COPPICE_E_INVALID;
  out->route = wanted;
  out->to = found->second;
  out->decided = true;
  return COPPICE_OK;
}
std::int32_t route_to(coppice_actor* self, coppice_bytes destination) {
  routed_message* out = nullptr;
  const std::int32_t status = decision_of(self, COPPICE_ROUTER_HOST_DRAFT_2 "'s to", out);
  if (status != COPPICE_OK) return status;
  const auto whom = destination_of(destination);
  if (!whom) return COPPICE_E_INVALID;
  out->route.clear();
  out->to = *whom;
  out->decided = true;
  return COPPICE_OK;
}
std::int32_t discard_routed(coppice_actor* self) {
  routed_message* out = nullptr;
  const std::int32_t status = decision_of(self, COPPICE_ROUTER_HOST_DRAFT_2 "'s discard", out);
  if (status != COPPICE_OK) return status;
  out->route.clear();
  out->to = {};
  out->decided = true;
  return COPPICE_OK;
}

} // namespace

const coppice_router_api* router_interface() {
  static constexpr coppice_router_api table = {.size = sizeof(coppice_router_api),
                                               .reserved = 0,
                                               .to_route = &to_route,
                                               .to = &route_to,
                                               .discard = &discard_routed};
  return &table;
}

} // namespace coppice::testing::detail
