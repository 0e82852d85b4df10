// SPDX-License-Identifier: MIT
// Asks an actor type's callbacks for pools. In the test's thread.
#include <coppice/testing/pool.hpp>

#include <optional>

#include <coppice/testing/calls.hpp>

namespace coppice::testing {

pool_in_test::pool_in_test(const plugin& from, pool_settings how) : now(std::move(how)) {
  const coppice_actor_type& type = from.type(now.actor);
  if (coppice_find_table(&type, COPPICE_POOL_DRAFT_1) == nullptr)
    throw failure("actor " + std::string(type.name) + " has no table " COPPICE_POOL_DRAFT_1);
  callbacks_ = detail::table_of<coppice_pool>(type, COPPICE_POOL_DRAFT_1);
}

std::optional<std::uint32_t> pool_in_test::choose(const value& request, pool_asks_of kind) const {
  if (callbacks_.choose == nullptr) return std::nullopt;
  const question asked(now, request, kind);
  std::uint32_t worker = COPPICE_POOL_ANY;
  const std::int32_t status = callbacks_.choose(&asked, &worker);
  if (status != COPPICE_OK || worker >= now.loads.size()) return std::nullopt;
  return worker;
}

pool_in_test::last_word pool_in_test::on_overload(const value& request, pool_asks_of kind) const {
  if (callbacks_.on_overload == nullptr) return {};
  const question asked(now, request, kind);
  if (callbacks_.on_overload(&asked) != COPPICE_OK) return {};
  return {false, asked.said};
}

pool_in_test::question::question(const pool_settings& of, const value& request, pool_asks_of what)
    : coppice_pool_request{}, loads(of.loads) {
  size = sizeof(coppice_pool_request);
  kind = static_cast<std::uint32_t>(what);
  content = {request.bytes().data(), request.bytes().size()};
  workers = static_cast<std::uint32_t>(of.loads.size());
  in_flight = of.in_flight;
  queued = of.queued;
  load = [](const coppice_pool_request* self, std::uint32_t worker) {
    const auto& all = static_cast<const question*>(self)->loads;
    return worker < all.size() ? all[worker].value_or(UINT64_MAX) : UINT64_MAX;
  };
  answer = [](const coppice_pool_request* self, coppice_bytes term) {
    if (self->kind != COPPICE_POOL_CALL) return COPPICE_E_CONTEXT;
    const auto given = detail::term_of(term);
    if (!given) return COPPICE_E_TERM;
    static_cast<const question*>(self)->said = *given;
    return COPPICE_OK;
  };
}

} // namespace coppice::testing
