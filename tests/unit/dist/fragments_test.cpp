// SPDX-License-Identifier: MIT
// Joining fragments, in turn and interleaved, and the bounds.
#include "dist/fragments.hpp"

#include <doctest/doctest.h>

#include "hex.hpp"

using namespace coppice;
using namespace coppice::dist;

TEST_CASE("fragments of two senders interleave and come out whole") {
  fragments f({});
  const atom_table none;
  CHECK_FALSE(f.first(1, 3, none, from_hex("01")).value());
  CHECK_FALSE(f.first(2, 2, none, from_hex("aa")).value());
  CHECK_FALSE(f.next(1, 2, from_hex("02")).value());
  const auto two = f.next(2, 1, from_hex("bb"));
  REQUIRE(two.value());
  CHECK(to_hex((*two)->body.bytes()) == "aabb");
  const auto one = f.next(1, 1, from_hex("03"));
  REQUIRE(one.value());
  CHECK(to_hex((*one)->body.bytes()) == "010203");
  CHECK(f.unfinished() == 0);
  CHECK(f.bytes() == 0);
}

TEST_CASE("a message in one fragment is whole at once") {
  fragments f({});
  CHECK(f.first(1, 1, {}, from_hex("01")).value());
  CHECK(f.unfinished() == 0);
}

TEST_CASE("a fragment out of turn ends the connection") {
  fragments f({});
  CHECK_FALSE(f.next(1, 1, from_hex("01")));
  REQUIRE(f.first(1, 3, {}, from_hex("01")));
  CHECK_FALSE(f.next(1, 1, from_hex("01")));
  CHECK_FALSE(f.first(1, 3, {}, from_hex("01")));
}

TEST_CASE("too many unfinished messages are an error, too many bytes drop the message that brings them") {
  fragments few({2, 100});
  REQUIRE(few.first(1, 2, {}, {}));
  REQUIRE(few.first(2, 2, {}, {}));
  CHECK(few.first(3, 2, {}, {}).error().code == base::errc::limit);

  fragments small({10, 4});
  REQUIRE(small.first(1, 3, {}, from_hex("0102")));
  REQUIRE(small.first(2, 2, {}, from_hex("0102")));
  CHECK_FALSE(small.next(1, 2, from_hex("03")).value());
  CHECK(small.dropped() == 1);
  CHECK_FALSE(small.next(1, 1, from_hex("04")).value());
  CHECK(small.unfinished() == 1);
  const auto other = small.next(2, 1, from_hex("05"));
  REQUIRE(other.value());
  CHECK(to_hex((*other)->body.bytes()) == "010205");
}
