// SPDX-License-Identifier: MIT
// Tests which member is named as differing, by the hashes of their states that members have sent.
#include "behaviours/raft/state_checks.hpp"

#include <doctest/doctest.h>

using coppice::behaviours::raft::state_checks;
using coppice::consensus::configuration;
using coppice::consensus::member_id;
using coppice::consensus::member_role;
using ids = std::vector<member_id>;

namespace {

constexpr member_id a{0, 1}, b{0, 2}, c{0, 3}, d{0, 4};

configuration group(const ids& voters, const ids& learners = {}) {
  configuration made;
  for (const member_id& one : voters) made.put({one, member_role::voter, "x@n@h"});
  for (const member_id& one : learners) made.put({one, member_role::learner, "x@n@h"});
  return made;
}

} // namespace

TEST_CASE("the member that differs from the majority is named, by itself and by the others") {
  const configuration members = group({a, b, c});
  state_checks of;
  of.note(a, {10, 1, 7});
  CHECK_FALSE(of.judge(members, a, 10).differs);
  of.note(b, {10, 1, 8});
  CHECK_FALSE(of.judge(members, a, 10).differs); // no majority yet
  CHECK_FALSE(of.judge(members, a, 10).undecided);
  of.note(c, {10, 1, 8});
  CHECK(of.judge(members, a, 10).differs);
  CHECK(of.judge(members, a, 10).others == ids{});
  CHECK_FALSE(of.judge(members, b, 10).differs);
  CHECK(of.judge(members, b, 10).others == ids{a});
  CHECK_FALSE(of.judge(members, a, 11).differs); // no hash of that serial is known
}

TEST_CASE("without a majority that is alike nobody is named") {
  state_checks of;
  const configuration two = group({a, b});
  of.note(a, {10, 1, 7});
  of.note(b, {10, 1, 8});
  CHECK(of.judge(two, a, 10).undecided);
  CHECK_FALSE(of.judge(two, a, 10).differs);
  CHECK(of.judge(two, a, 10).others.empty());
  of.note(b, {10, 1, 7});
  CHECK_FALSE(of.judge(two, a, 10).undecided);
}

TEST_CASE("learners have no vote, but are named, and states of another version are not compared") {
  state_checks of;
  const configuration members = group({a, b, c}, {d});
  of.note(a, {10, 1, 7});
  of.note(d, {10, 1, 7});
  of.note(b, {10, 2, 9});
  CHECK_FALSE(of.judge(members, a, 10).undecided);
  of.note(c, {10, 1, 8});
  CHECK_FALSE(of.judge(members, a, 10).differs);
  of.note(b, {10, 1, 8});
  CHECK(of.judge(members, a, 10).differs);
  CHECK(of.judge(members, b, 10).others == ids{a, d});
}

TEST_CASE("a few serials of each member are kept, and none of members that are gone") {
  state_checks of;
  const configuration members = group({a, b, c});
  for (std::uint64_t serial = 1; serial <= 6; ++serial) of.note(a, {serial, 1, 7});
  for (std::uint64_t serial = 1; serial <= 1000; ++serial) of.note(b, {serial, 1, 8});
  CHECK(of.find(a, 2) == nullptr);
  CHECK(of.find(a, 3) != nullptr); // hashes of b do not displace those of a
  CHECK(of.find(b, 996) == nullptr);
  CHECK(of.find(b, 997) != nullptr);
  (void)of.judge(group({a, c}), a, 6);
  CHECK(of.find(b, 1000) == nullptr);
}

TEST_CASE("hashes of a command that the group passes over, and of later ones, are forgotten") {
  state_checks of;
  const configuration members = group({a, b, c});
  for (std::uint64_t serial = 4; serial <= 12; serial += 4) {
    of.note(a, {serial, 1, 7});
    of.note(b, {serial, 1, 8});
    of.note(c, {serial, 1, 8});
  }
  of.forget_from(8);
  for (const member_id& one : {a, b, c}) {
    CHECK(of.find(one, 4) != nullptr);
    CHECK(of.find(one, 8) == nullptr);
    CHECK(of.find(one, 12) == nullptr);
  }
  CHECK(of.judge(members, a, 4).differs);
  CHECK_FALSE(of.judge(members, a, 8).differs);
}
