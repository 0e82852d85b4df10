// SPDX-License-Identifier: MIT
// Tests of coppice/blocking.hpp: when a resource on the pool for blocking work is made, used and closed.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

TEST_CASE("a resource on the pool is made at its first use, kept, closed when told so, and made anew") {
  const plugin librarians = fixture("librarian");
  actor one(librarians);
  CHECK(one.call("counts"_erl) == "{0, 0}"_erl);
  CHECK(one.call("{find, <<\"a\">>}"_erl) == "<<\"north/a/1\">>"_erl);
  CHECK(one.call("{find, <<\"b\">>}"_erl) == "<<\"north/b/2\">>"_erl);
  CHECK(one.call("counts"_erl) == "{1, 0}"_erl);
  one.call("{move_to, <<\"south\">>}"_erl);
  CHECK(one.call("counts"_erl) == "{1, 0}"_erl);
  CHECK(one.call("{find, <<\"a\">>}"_erl) == "<<\"south/a/1\">>"_erl);
  CHECK(one.call("counts"_erl) == "{2, 1}"_erl);
  one.call("shut"_erl);
  CHECK(one.call("counts"_erl) == "{2, 2}"_erl);
  CHECK(one.call("{find, <<\"a\">>}"_erl) == "<<\"south/a/1\">>"_erl);
  actor next = actor::restored(librarians, one.save());
  CHECK(next.call("{find, <<\"a\">>}"_erl) == "<<\"north/a/1\">>"_erl);
  CHECK(next.call("counts"_erl) == "{4, 2}"_erl);
  CHECK(one.did.complaints.empty());
}

TEST_CASE("what a resource's constructor throws is thrown at its use, and the next use tries again") {
  const plugin librarians = fixture("librarian");
  actor one(librarians);
  one.call("{move_to, <<>>}"_erl);
  CHECK(one.call("{find, <<\"a\">>}"_erl) == "<<\"a shelf has a name\">>"_erl);
  CHECK(one.call("{find, <<\"a\">>}"_erl) == "<<\"a shelf has a name\">>"_erl);
  one.call("{move_to, <<\"west\">>}"_erl);
  CHECK(one.call("{find, <<\"a\">>}"_erl) == "<<\"west/a/1\">>"_erl);
}
