// SPDX-License-Identifier: MIT
// Decisions of an actor type in a pool (coppice/draft/pool.h), tested without a pool: the test sets the
// workers' loads.
//
//   pool_in_test rooms(plugin::linked(), {.loads = {0, 2, std::nullopt}});
//   CHECK(rooms.choose(std::tuple(etf::atom{"join"}, 4)) == 1);
//   CHECK(rooms.on_overload(value(1)).answer == atom("later"));
//
// In the test's thread.
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
  explicit pool_in_test(const plugin& from, pool_settings how = {});

  /// The chosen worker; empty: `dispatch` decides, also if the number is no worker's.
  std::optional<std::uint32_t> choose(const value& request, pool_asks_of kind = pool_asks_of::call) const;

  struct last_word {
    bool usual = true; ///< `queue: { on_full }` decides
    value answer{};    ///< else the caller's answer; none: no answer
  };
  last_word on_overload(const value& request, pool_asks_of kind = pool_asks_of::call) const;

  pool_settings now;

 private:
  struct question : coppice_pool_request {
    question(const pool_settings& of, const value& request, pool_asks_of what);
    const std::vector<std::optional<std::uint64_t>>& loads;
    mutable value said{};
  };

  coppice_pool callbacks_{};
};

} // namespace coppice::testing
