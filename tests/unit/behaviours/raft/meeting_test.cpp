// SPDX-License-Identifier: MIT
// Tests how the first members of a group find each other, and of the hello messages by which they do.
#include "behaviours/raft/meeting.hpp"

#include <doctest/doctest.h>

#include "behaviours/terms.hpp"

using namespace coppice;
using namespace coppice::behaviours::raft;

namespace {

const std::vector<std::string> all{"l@a@h", "l@b@h", "l@c@h"};

consensus::member_id id(std::uint64_t number) {
  return {1, number};
}

} // namespace

TEST_CASE("a group begins once all first members are known, and begins alike wherever that is noticed") {
  meeting at_a(all, "l@a@h", id(1));
  meeting at_b(all, "l@b@h", id(2));
  CHECK_FALSE(at_a.first());
  CHECK(at_a.missing() == std::vector<std::string>{"l@b@h", "l@c@h"});
  CHECK(at_a.met("l@b@h", id(2)));
  CHECK_FALSE(at_a.first());
  CHECK(at_a.met("l@c@h", id(3)));
  CHECK(at_b.met("l@c@h", id(3)));
  CHECK(at_b.met("l@a@h", id(1)));
  REQUIRE(at_a.first());
  REQUIRE(at_b.first());
  CHECK(*at_a.first() == *at_b.first());
  CHECK(at_a.first()->voters() == 3);
  const auto group = group_of(all, 100);
  CHECK(cluster_of(*at_a.first(), group) == cluster_of(*at_b.first(), group));
}

TEST_CASE("members that have begun with different identities belong to different groups") {
  meeting one(all, "l@a@h", id(1));
  one.met("l@b@h", id(2));
  one.met("l@c@h", id(3));
  meeting other(all, "l@a@h", id(1));
  other.met("l@b@h", id(2));
  other.met("l@c@h", id(4));
  const auto group = group_of(all, 100);
  CHECK(cluster_of(*one.first(), group) != cluster_of(*other.first(), group));
  CHECK(cluster_of(*one.first(), group) != cluster_of(*one.first(), group_of(all, 101)));
}

TEST_CASE("a member that the configuration does not name is none of the first ones") {
  meeting one(all, "l@a@h", id(1));
  CHECK_FALSE(one.met("l@d@h", id(9)));
  CHECK(one.missing().size() == 2);
}

TEST_CASE("what has to be alike is the members, in any order, and the bound of sessions") {
  CHECK(group_of(all, 5) == group_of({"l@c@h", "l@a@h", "l@b@h"}, 5));
  CHECK(group_of(all, 5) != group_of(all, 6));
  CHECK(group_of(all, 5) != group_of({"l@a@h", "l@b@h"}, 5));
}

TEST_CASE("a hello is read as it was written, and anything else is refused") {
  hello said{"l", 77, id(3), true, {}};
  auto read = read_hello(to_message(said).bytes());
  REQUIRE(read);
  CHECK(read->name == "l");
  CHECK(read->group == 77);
  CHECK(read->id == id(3));
  CHECK(read->asks);
  CHECK_FALSE(read->of);
  consensus::configuration members;
  members.put({id(1), consensus::member_role::voter, "l@a@h"});
  said.of = hello::belongs{id(8), 100, members};
  read = read_hello(to_message(said).bytes());
  REQUIRE(read);
  REQUIRE(read->of);
  CHECK(read->of->cluster == id(8));
  CHECK(read->of->clients == 100);
  CHECK(read->of->members == members);
  said.of->members = {};
  REQUIRE(read_hello(to_message(said).bytes()));
  for (const char* const bad :
       {"raft_hello", "{raft_hello, 'l@a', 1, <<1:128>>, true, undefined}",
        "{raft_hello, l, 1, <<1:128>>, true}", "{raft_hello, 7, 1, <<1:128>>, true, undefined}",
        "{raft_hello, l, -1, <<1:128>>, true, undefined}", "{raft_hello, l, 1, <<1:120>>, true, undefined}",
        "{raft_hello, l, 1, <<0:128>>, true, undefined}", "{raft_hello, l, 1, <<1:128>>, yes, undefined}",
        "{raft_hello, l, 1, <<1:128>>, true, {<<1:128>>, 1}}",
        "{raft_hello, l, 1, <<1:128>>, true, {<<1:128>>, 1, <<255>>}}"}) {
    CAPTURE(bad);
    std::string text(bad);
    // test::term() does not read sizes in binaries, so these are written out.
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{"<<1:128>>", "<<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1>>"},
          {"<<0:128>>", "<<0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0>>"},
          {"<<1:120>>", "<<0,0,0,0,0,0,0,0,0,0,0,0,0,0,1>>"}})
      for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    CHECK_FALSE(read_hello(test::term(text).bytes()));
  }
}
