// SPDX-License-Identifier: MIT
// Tests of what a node knows, after its start, about how its previous run ended.
#include "node/shown/life_record.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "temporary_folder.hpp"

using namespace coppice;

TEST_CASE("a life knows how the one before ended") {
  test::temporary_folder place;
  {
    node::life_record first;
    REQUIRE(first.begin(place.path()));
    CHECK_FALSE(first.former());
    first.end(true, "it was stopped");
  }
  {
    node::life_record second;
    REQUIRE(second.begin(place.path()));
    REQUIRE(second.former());
    CHECK(second.former()->orderly);
    CHECK(second.former()->how == "it was stopped");
    CHECK(write(second.last_words(), "coppice: SIGSEGV\nmore\n", 22) == 22);
  }
  {
    node::life_record third;
    REQUIRE(third.begin(place.path()));
    REQUIRE(third.former());
    CHECK_FALSE(third.former()->orderly);
    CHECK(third.former()->how == "coppice: SIGSEGV");
  }
  node::life_record fourth;
  REQUIRE(fourth.begin(place.path()));
  CHECK(fourth.former()->how.starts_with("it was killed"));
}
