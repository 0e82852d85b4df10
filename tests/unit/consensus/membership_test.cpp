// SPDX-License-Identifier: MIT
// Adding, promoting and removing members, and handing over leadership.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;
using action = change_request::action;

namespace {

void change(one_member& of, action what, std::uint64_t who, std::uint64_t token = 1) {
  of.out.clear();
  of.machine->change(of.now, token, {what, {id(who), member_role::voter, {}}}, of.out);
  of.note();
}

void hand_over(one_member& of, std::uint64_t to, std::uint64_t token = 1) {
  of.out.clear();
  of.machine->transfer(of.now, token, id(to), of.out);
}

// Member 4 is to become a voter, and does not answer for longer than an election time-out.
void let_join_slowly(one_member& of) {
  of.establish();
  change(of, action::add_voter, 4);
  of.sync();
  of.say(2, 2, append_answer{true, 3, 0, 0});
  for (int i = 0; i < 3; ++i) {
    of.pass(of.how.election / 2);
    of.say(2, 2, heartbeat_answer{1, 3, 3, {}});
  }
}

} // namespace

TEST_CASE("members are not changed before the term's no-op is committed, nor before the last change is") {
  one_member of;
  of.lead();
  change(of, action::add_learner, 4);
  CHECK(of.answer_to(1) == outcome::busy);
  of.sync();
  of.say(2, 2, append_answer{true, 2, 0, 0});
  change(of, action::add_learner, 4);
  CHECK(of.out.answers.empty());
  change(of, action::remove, 3, 2);
  CHECK(of.answer_to(2) == outcome::busy);
}

TEST_CASE("a new voter has no vote until it has caught up, and then gets it by itself") {
  one_member of;
  of.establish();
  change(of, action::add_voter, 4);
  REQUIRE(of.sent<append_request>(4));
  CHECK(of.machine->members().voters() == 3);
  of.sync();
  of.say(2, 2, append_answer{true, 3, 0, 0});
  CHECK(of.answer_to(1) == outcome::committed);
  of.say(4, 2, append_answer{true, 3, 0, 0});
  CHECK(of.machine->members().voters() == 4);
  CHECK(of.machine->log().last() == 4);
  CHECK(of.machine->members().majority() == 3);
}

TEST_CASE("a change with any token is answered") {
  one_member of;
  of.establish();
  change(of, action::add_learner, 4, 0);
  of.sync();
  of.say(2, 2, append_answer{true, 3, 0, 0});
  CHECK(of.answer_to(0) == outcome::committed);
}

TEST_CASE("one that is slow to catch up gets another goal") {
  one_member of;
  let_join_slowly(of);
  of.append("more");
  of.say(4, 2, append_answer{true, 3, 0, 0});
  CHECK(of.machine->members().voters() == 3);
  of.say(4, 2, append_answer{true, 4, 0, 0});
  CHECK(of.machine->members().voters() == 4);
}

TEST_CASE("one that was slow to catch up gets its vote also where nothing is appended any more") {
  one_member of;
  let_join_slowly(of);
  of.say(4, 2, append_answer{true, 3, 0, 0});
  CHECK(of.machine->members().voters() == 3);
  of.pass(of.how.heartbeat);
  of.say(4, 2, heartbeat_answer{of.sent<heartbeat>(4)->round, 3, 3, {}});
  CHECK(of.machine->members().voters() == 4);
  REQUIRE(of.sent<append_request>(4));
  CHECK(of.sent<append_request>(4)->entries.size() == 1);
}

TEST_CASE("a leader that is removed leads until that is committed, without a vote, and names another") {
  one_member of;
  of.establish();
  change(of, action::remove, 1);
  of.sync();
  of.say(2, 2, append_answer{true, 3, 0, 0});
  CHECK(of.machine->what() == role::leader);
  of.say(3, 2, append_answer{true, 3, 0, 0});
  CHECK(of.machine->what() == role::follower);
  CHECK((of.sent<elect_now>(2) != nullptr || of.sent<elect_now>(3) != nullptr));
  of.pass(10 * of.how.election);
  CHECK(of.out.messages.empty());
}

TEST_CASE("a leader that steps down before its own removal is committed stands again, and completes that") {
  one_member of(2);
  of.establish();
  change(of, action::remove, 1);
  of.sync();
  of.pass(of.how.election);
  REQUIRE(of.machine->what() == role::follower);
  of.say(2, 3, vote_request{2, 2, true, false});
  CHECK_FALSE(of.sent<vote_answer>(2)->granted);
  of.pass(2 * of.how.election);
  REQUIRE(of.sent<vote_request>(2));
  CHECK(of.sent<vote_request>(2)->last_index == 3);
  of.say(2, 3, vote_answer{true, true});
  of.sync();
  CHECK(of.machine->what() == role::candidate); // its log removes it, so it has no vote itself
  of.say(2, 3, vote_answer{false, true});
  REQUIRE(of.machine->what() == role::leader);
  of.say(2, 3, append_answer{true, 4, 0, 0});
  CHECK(of.machine->commit() == 4);
  CHECK(of.machine->what() == role::follower);
  CHECK(of.sent<elect_now>(2));
  of.pass(10 * of.how.election);
  CHECK(of.out.messages.empty());
}

TEST_CASE("the last voter, strangers and members that are there already are no changes") {
  one_member of(1);
  of.pass(of.how.election);
  of.sync();
  of.sync();
  change(of, action::remove, 1);
  CHECK(of.answer_to(1) == outcome::invalid);
  change(of, action::remove, 5, 2);
  CHECK(of.answer_to(2) == outcome::invalid);
  change(of, action::add_voter, 1, 3);
  CHECK(of.answer_to(3) == outcome::invalid);
}

TEST_CASE("a configuration goes with the entry that brought it") {
  one_member of;
  configuration four = voters(4);
  entry added{2, 0, 0, entry_kind::configuration, four.encode()};
  of.say(2, 2, append_request{1, 1, 0, {added}});
  CHECK(of.machine->members() == four);
  CHECK(of.machine->others().size() == 3);
  of.say(3, 3, append_request{1, 1, 0, {command(3, "a")}});
  CHECK(of.machine->members() == voters(3));
  CHECK(of.machine->others().size() == 2);
}

TEST_CASE("a configuration that takes another one's place is in force with all its members") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 0, {{2, 0, 0, entry_kind::configuration, voters(4).encode()}}});
  of.say(3, 3, append_request{1, 1, 0, {{3, 0, 0, entry_kind::configuration, voters(5).encode()}}});
  CHECK(of.machine->members() == voters(5));
  CHECK(of.machine->others().size() == 4);
}

TEST_CASE("leadership goes to a voter that has everything, and nothing is appended meanwhile") {
  one_member of;
  of.establish();
  hand_over(of, 3);
  CHECK_FALSE(of.sent<elect_now>(3));
  of.append("a", 9);
  CHECK(of.answer_to(9) == outcome::transferring);
  of.say(3, 2, append_answer{true, 2, 0, 0});
  CHECK(of.sent<elect_now>(3));
  of.say(3, 3, vote_request{2, 2, false, true});
  CHECK(of.machine->what() == role::follower);
  CHECK(of.out.answers.empty()); // member 3 may still lose the election
  of.say(3, 3, heartbeat{2, 1});
  CHECK(of.answer_to(1) == outcome::committed);
}

TEST_CASE("a transfer is done only if the one that was told leads next") {
  enum class ends { by_another, by_time, as_follower, untold };
  for (const ends how : {ends::by_another, ends::by_time, ends::as_follower, ends::untold}) {
    CAPTURE(static_cast<int>(how));
    one_member of;
    of.establish();
    if (how != ends::untold) of.say(3, 2, append_answer{true, 2, 0, 0});
    hand_over(of, 3);
    CHECK((of.sent<elect_now>(3) != nullptr) == (how != ends::untold));
    if (how == ends::by_time) {
      of.pass(of.how.election / 2);
      of.say(2, 2, heartbeat_answer{1, 2, 2, {}});
      CHECK(of.machine->wake() <= of.now + of.how.election / 2);
      of.pass(of.how.election / 2);
      CHECK(of.machine->what() == role::leader);
      CHECK(of.answer_to(1) == outcome::unknown);
      continue;
    }
    of.say(2, 4, vote_request{2, 2, false, true});
    REQUIRE(of.machine->what() == role::follower);
    if (how == ends::untold) {
      CHECK(of.answer_to(1) == outcome::no_leader);
      continue;
    }
    CHECK(of.out.answers.empty());
    if (how == ends::by_another) {
      of.say(2, 4, heartbeat{2, 1});
    } else {
      CHECK(of.machine->wake() == of.now + of.how.election);
      of.pass(of.how.election);
    }
    CHECK(of.answer_to(1) == outcome::unknown);
  }
}

TEST_CASE("a transfer that does not succeed ends after one time-out") {
  one_member of;
  of.establish();
  hand_over(of, 3);
  of.pass(of.how.election / 2);
  of.say(2, 2, heartbeat_answer{1, 2, 2, {}});
  of.pass(of.how.election / 2);
  CHECK(of.answer_to(1) == outcome::timed_out);
  of.append("a", 9);
  CHECK(of.out.answers.empty());
  hand_over(of, 7, 2);
  CHECK(of.answer_to(2) == outcome::invalid);
}

TEST_CASE("one that the leader names stands at once, without pre-votes") {
  one_member of;
  of.say(2, 2, heartbeat{0, 1});
  of.sync();
  of.say(3, 2, elect_now{});
  CHECK(of.machine->what() == role::follower);
  of.say(2, 2, elect_now{});
  CHECK(of.machine->what() == role::candidate);
  of.sync();
  REQUIRE(of.sent<vote_request>(3));
  CHECK(of.sent<vote_request>(3)->transfer);
}

TEST_CASE("a configuration's bytes are read back, and malformed ones are not") {
  configuration made = voters(3);
  made.put({id(9), member_role::joining, "ledger@c"});
  const payload bytes_of = made.encode();
  configuration read;
  CHECK(read.decode(bytes_of.bytes()));
  CHECK(read == made);
  for (std::size_t length = 0; length < bytes_of.size(); ++length)
    CHECK_FALSE(configuration().decode(bytes_of.bytes().first(length)));
  configuration none;
  none.put({id(1), member_role::learner, {}});
  CHECK_FALSE(read.decode(none.encode().bytes()));
}
