// SPDX-License-Identifier: MIT
// A member whose disk is full takes nothing that it could not keep, and does not harm the others.
#include "one_member.hpp"

using namespace coppice;
using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

void fill(one_member& of, bool full) {
  of.out.clear();
  of.machine->disk_full(of.now, full, of.out);
  of.note();
}

} // namespace

TEST_CASE(
    "a follower whose disk is full votes and answers heartbeats, and takes entries once there is room") {
  one_member of;
  of.say(2, 2, heartbeat{0, 1});
  of.sync();
  fill(of, true);
  const append_request ask{1, 1, 1, {command(2, "a")}};
  of.say(2, 2, ask);
  CHECK(of.out.writes.empty());
  CHECK(of.sent<append_answer>(2) == nullptr);
  CHECK(of.dropped(drop::full) == 1);
  of.say(2, 2, append_request{1, 1, 1, {}});
  REQUIRE(of.sent<append_answer>(2));
  CHECK(of.sent<append_answer>(2)->index == 1);
  of.say(2, 2, heartbeat{1, 2});
  REQUIRE(of.sent<heartbeat_answer>(2));
  CHECK(of.sent<heartbeat_answer>(2)->received == 1);
  of.say(2, 2, snapshot_chunk{{5, 2, 4, 1, voters(3)}, 0, 4, bytes("abcd")});
  CHECK(of.out.writes.empty());
  of.pass(of.how.election);
  of.say(3, 3, vote_request{9, 2, false, false});
  of.sync();
  REQUIRE(of.sent<vote_answer>(3));
  CHECK(of.sent<vote_answer>(3)->granted);
  fill(of, false);
  of.say(3, 3, append_request{1, 1, 1, {command(2, "a")}});
  of.sync();
  REQUIRE(of.sent<append_answer>(3));
  CHECK(of.sent<append_answer>(3)->index == 2);
}

TEST_CASE("a member whose disk is full neither stands nor recovers alone, and does once there is room") {
  one_member of;
  fill(of, true);
  of.pass(2 * of.how.election);
  CHECK(of.machine->what() == role::follower);
  CHECK(of.out.messages.empty());
  of.out.clear();
  of.machine->recover_alone(of.now, 7, {2, 2}, of.out);
  CHECK(of.answer_to(7) == outcome::overloaded);
  fill(of, false);
  of.pass(2 * of.how.election);
  CHECK(of.sent<vote_request>(2) != nullptr);
}

TEST_CASE("a leader whose disk is full steps down") {
  one_member of;
  of.establish();
  of.append("a", 5);
  fill(of, true);
  CHECK(of.machine->what() == role::follower);
  CHECK(of.answer_to(5) == outcome::unknown);
  CHECK(of.out.changed);
  of.out.clear();
  of.machine->transfer(of.now, 6, id(2), of.out);
  CHECK(of.answer_to(6) == outcome::no_leader);
}
