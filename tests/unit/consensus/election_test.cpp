// SPDX-License-Identifier: MIT
// When a member stands for election, which candidate it votes for, and what of that is kept on its disk.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;

TEST_CASE("a follower that hears of no leader asks for pre-votes and keeps its term") {
  one_member of;
  of.pass(of.how.election - 1);
  CHECK(of.out.messages.empty());
  of.pass(1);
  REQUIRE(of.sent<vote_request>(2));
  CHECK(of.sent<vote_request>(2)->pre);
  CHECK(of.out.messages[0].term == 2);
  CHECK(of.machine->term() == 1);
  CHECK(of.out.writes.empty());
}

TEST_CASE("a candidate asks for votes once its own is on disk, and leads with a majority") {
  one_member of;
  of.pass(of.how.election);
  of.say(3, 2, vote_answer{true, true});
  CHECK(of.machine->what() == role::candidate);
  CHECK_FALSE(of.sent<vote_request>(2));
  REQUIRE(of.out.writes.size() == 1);
  CHECK(of.out.writes[0].hard == hard_state{2, id(1)});
  of.say(2, 2, vote_answer{false, true});
  CHECK(of.machine->what() == role::candidate); // its own vote does not count yet
  of.sync();
  CHECK(of.machine->what() == role::leader);
  REQUIRE(of.sent<append_request>(2));
  CHECK(of.sent<append_request>(2)->entries[0].kind == entry_kind::no_op);
}

TEST_CASE("a group of one leads by itself") {
  one_member of(1);
  of.pass(of.how.election);
  CHECK(of.machine->what() == role::candidate);
  of.sync();
  CHECK(of.machine->what() == role::leader);
  CHECK(of.machine->commit() == 0);
  of.sync();
  CHECK(of.machine->established());
}

TEST_CASE("a vote is told once it is on disk, and is the only one of its term") {
  one_member of;
  of.say(2, 5, vote_request{1, 1, false, false});
  CHECK_FALSE(of.sent<vote_answer>(2));
  of.sync();
  REQUIRE(of.sent<vote_answer>(2));
  CHECK(of.sent<vote_answer>(2)->granted);
  of.say(3, 5, vote_request{9, 4, false, false});
  REQUIRE(of.sent<vote_answer>(3));
  CHECK_FALSE(of.sent<vote_answer>(3)->granted);
  of.say(2, 5, vote_request{1, 1, false, false});
  CHECK(of.sent<vote_answer>(2)->granted);
}

TEST_CASE("a vote outlives a restart") {
  durable_state found = core::first_state(voters(3));
  found.hard = {5, id(3)};
  one_member of(std::move(found));
  of.say(2, 5, vote_request{1, 1, false, false});
  CHECK_FALSE(of.sent<vote_answer>(2)->granted);
  of.say(3, 5, vote_request{1, 1, false, false});
  CHECK(of.sent<vote_answer>(3)->granted);
}

TEST_CASE("nobody gets a vote whose log is older") {
  durable_state found = core::first_state(voters(3));
  found.hard.term = 4;
  found.entries.push_back(command(3, "a"));
  found.entries.push_back(command(3, "b"));
  const struct {
    log_index last;
    term_number term;
    bool granted;
  } cases[] = {{3, 3, true}, {2, 3, false}, {9, 2, false}, {1, 4, true}, {4, 3, true}};
  for (const auto& one : cases) {
    one_member of(found);
    of.say(2, 5, vote_request{one.last, one.term, true, false});
    CHECK(of.sent<vote_answer>(2)->granted == one.granted);
    of.say(2, 5, vote_request{one.last, one.term, false, false});
    of.sync();
    CHECK(of.sent<vote_answer>(2)->granted == one.granted);
  }
}

TEST_CASE("while there is a leader, requests for votes change nothing, unless the leader hands over") {
  one_member of;
  of.say(2, 2, heartbeat{0, 1});
  of.pass(of.how.election - 1);
  of.say(3, 9, vote_request{9, 8, false, false});
  of.say(3, 9, vote_request{9, 8, true, false});
  CHECK(of.out.messages.empty());
  CHECK(of.machine->term() == 2);
  CHECK(of.dropped(drop::disturbing) == 2);
  of.say(3, 3, vote_request{9, 2, false, true});
  of.sync();
  CHECK(of.sent<vote_answer>(3)->granted);
}

TEST_CASE("a leader that hears of no majority for one time-out steps down, also after it was suspended") {
  one_member of;
  of.establish();
  of.pass(of.how.election - 1);
  CHECK(of.machine->what() == role::leader);
  of.append("a", 7);
  of.pass(1);
  CHECK(of.machine->what() == role::follower);
  CHECK(of.answer_to(7) == outcome::unknown);
  CHECK_FALSE(of.sent<heartbeat>(2));
  of.append("b", 8);
  CHECK(of.answer_to(8) == outcome::no_leader);
}

TEST_CASE("a leader of an earlier term is told of the present one") {
  one_member of;
  of.say(2, 5, heartbeat{0, 1});
  of.sync();
  of.say(3, 4, append_request{1, 1, 1, {}});
  REQUIRE(of.sent<append_answer>(3));
  CHECK_FALSE(of.sent<append_answer>(3)->accepted);
  CHECK(of.out.messages[0].term == 5);
}

TEST_CASE("a member without a vote does not stand") {
  configuration members = voters(3);
  members.put({id(1), member_role::learner, {}});
  one_member of(core::first_state(members));
  of.pass(5 * of.how.election);
  CHECK(of.out.messages.empty());
  CHECK(of.machine->what() == role::follower);
}

TEST_CASE("what the disk has is looked at before it is believed") {
  effects out;
  least chance;
  options how;
  how.cluster = {1, 1};
  how.self = id(1);
  const auto starts = [&](durable_state found) {
    return core::start(how, chance, std::move(found), 0, out).has_value();
  };
  durable_state sound = core::first_state(voters(3));
  sound.hard.term = 3;
  sound.entries.push_back(command(3, "a"));
  CHECK(starts(sound));
  CHECK(starts({}));
  durable_state falls = sound;
  falls.entries.push_back(command(2, "b"));
  CHECK_FALSE(starts(falls));
  durable_state ahead = sound;
  ahead.entries.push_back(command(4, "b"));
  CHECK_FALSE(starts(ahead));
  durable_state gap = sound;
  gap.before = 5;
  gap.before_term = 1;
  CHECK_FALSE(starts(gap));
  durable_state torn = sound;
  torn.entries.push_back({3, 0, 0, entry_kind::configuration, bytes("xyz")});
  CHECK_FALSE(starts(torn));
  durable_state late = sound;
  late.hard.term = UINT64_MAX;
  CHECK_FALSE(starts(late));
  how.in_flight_bytes = 0;
  CHECK_FALSE(starts(sound));
  how = {.cluster = how.cluster, .self = how.self};
  CHECK(starts(sound));
  how.election = 2 * how.heartbeat;
  CHECK_FALSE(starts(sound));
}
