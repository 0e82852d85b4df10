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

TEST_CASE("a folder is for one life at a time, and a second one leaves its files as they are") {
  test::temporary_folder place;
  {
    node::life_record first;
    REQUIRE(first.begin(place.path()));
    REQUIRE(write(first.last_words(), "coppice: SIGSEGV\n", 17) == 17);
    node::life_record second;
    const auto refused = second.begin(place.path());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == base::errc::refused);
    CHECK(second.last_words() == -1);
    second.end(true, "it was stopped");
  }
  node::life_record next;
  REQUIRE(next.begin(place.path()));
  REQUIRE(next.former());
  CHECK_FALSE(next.former()->orderly);
  CHECK(next.former()->how == "coppice: SIGSEGV");
}
