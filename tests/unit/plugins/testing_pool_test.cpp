// SPDX-License-Identifier: MIT
// Tests of coppice/testing/pool.hpp and coppice/pool.hpp: the callbacks by which a class takes part in the
// decisions of a pool of its actors, called without a pool.
#include <doctest/doctest.h>
#include <coppice/testing/pool.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

TEST_CASE("a class chooses a worker by the request, or leaves it to dispatch") {
  const plugin rooms = fixture("rooms");
  const pool_in_test pool(rooms, {.loads = {0, 0, 0}});
  CHECK(pool.choose("{join, 4}"_erl) == 1);
  CHECK(pool.choose("{join, 4}"_erl, pool_asks_of::cast) == 1);
  CHECK(pool.choose("who"_erl) == std::nullopt);
  CHECK(pool.choose("wrong"_erl) == std::nullopt); // there is no such worker
  CHECK(pool.choose("fails"_erl) == std::nullopt); // its callback throws
}

TEST_CASE("a class says what becomes of a request that there is no room for") {
  const plugin rooms = fixture("rooms");
  pool_in_test pool(rooms, {.loads = {3}, .queued = 7});
  CHECK(pool.on_overload("{join, 4}"_erl).answer == "{later, 7, 3}"_erl);
  pool.now.loads = {std::nullopt};
  CHECK(pool.on_overload("who"_erl).answer == "{later, 7, undefined}"_erl);
  CHECK_FALSE(pool.on_overload("drop"_erl).usual);
  CHECK(pool.on_overload("drop"_erl).answer == value());
  CHECK(pool.on_overload("usual"_erl).usual);
  CHECK(pool.on_overload("fails"_erl).usual);
  CHECK_FALSE(pool.on_overload("{join, 4}"_erl, pool_asks_of::info).usual);
  CHECK(pool.on_overload("{join, 4}"_erl, pool_asks_of::info).answer == value());
}

TEST_CASE("a type without a say in its pool has nothing to ask") {
  const plugin wires = fixture("wires");
  CHECK_THROWS_AS(pool_in_test{wires}, failure);
}
