// SPDX-License-Identifier: MIT
// Decisions of an actor type in a pool (coppice/draft/pool.h), tested without a pool: the test sets the
// workers' loads.
//
//   pool_in_test rooms(plugin::linked(), {.loads = {0, 2, std::nullopt}});
//   CHECK(rooms.choose(std::tuple(etf::atom{"join"}, 4)) == 1);
//   CHECK(rooms.on_overload(value(1)).answer == atom("later"));
//
// Header-only. In the test's thread.
#pragma once

#include <coppice/draft/pool.h>
#include <coppice/testing.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace coppice::testing {

enum class pool_asks_of : std::uint32_t {
  call = COPPICE_POOL_CALL,
  cast = COPPICE_POOL_CAST,
  info = COPPICE_POOL_INFO
};

struct pool_settings {
  std::string_view actor{};                                 ///< empty: the plugin's first
  std::vector<std::optional<std::uint64_t>> loads = {0, 0}; ///< of each worker; empty: it does not run
  std::uint32_t in_flight = 1;
  std::uint64_t queued = 0;
};

class pool_in_test {
 public:
  /// Throws: this type has no pool table.
  explicit pool_in_test(const plugin& from, pool_settings how = {}) : now(std::move(how)) {
    const coppice_actor_type& type = from.type(now.actor);
    if (coppice_find_table(&type, COPPICE_POOL_DRAFT_1) == nullptr)
      throw failure("actor " + std::string(type.name) + " has no table " COPPICE_POOL_DRAFT_1);
    callbacks_ = detail::table_of<coppice_pool>(type, COPPICE_POOL_DRAFT_1);
  }

  /// The chosen worker; empty: `dispatch` decides, also if the number is no worker's.
  std::optional<std::uint32_t> choose(const value& request, pool_asks_of kind = pool_asks_of::call) const {
    if (callbacks_.choose == nullptr) return std::nullopt;
    const question asked(now, request, kind);
    std::uint32_t worker = COPPICE_POOL_ANY;
    const std::int32_t status = callbacks_.choose(&asked, &worker);
    if (status != COPPICE_OK || worker >= now.loads.size()) return std::nullopt;
    return worker;
  }

  struct last_word {
    bool usual = true; ///< `queue: { on_full }` decides
    value answer{};    ///< else the caller's answer; none: no answer
  };
  last_word on_overload(const value& request, pool_asks_of kind = pool_asks_of::call) const {
    if (callbacks_.on_overload == nullptr) return {};
    const question asked(now, request, kind);
    if (callbacks_.on_overload(&asked) != COPPICE_OK) return {};
    return {false, asked.said};
  }

  pool_settings now;

 private:
  struct question : coppice_pool_request {
    question(const pool_settings& of, const value& request, pool_asks_of what)
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
    const std::vector<std::optional<std::uint64_t>>& loads;
    mutable value said{};
  };

  coppice_pool callbacks_{};
};

} // namespace coppice::testing
