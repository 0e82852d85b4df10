// SPDX-License-Identifier: MIT
// The machine version of a group: when a leader logs the next version, which members it waits for, and what
// is known of the version in snapshots, after a restart, and in a log that is cut.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

using ids = std::vector<member_id>;

one_member that_knows(version_range known) {
  options how;
  how.versions = known;
  return one_member(core::first_state(voters(3)), how);
}

// A leader that knows versions 1 and 2, in a group whose version 1 is committed.
one_member at_version_one() {
  one_member of = that_knows({1, 2});
  of.establish();
  REQUIRE(of.machine->commit() == 3);
  REQUIRE(of.machine->log().version() == 1);
  return of;
}

void tells(one_member& of, std::uint64_t who, version_range known) {
  const log_index has = of.machine->commit();
  of.say(who, of.machine->term(), heartbeat_answer{0, has, has, known});
}

void acknowledges(one_member& of, std::uint64_t who) {
  of.say(who, of.machine->term(), append_answer{true, of.machine->log().last(), 0, 0});
}

void leave_out(one_member& of, std::uint64_t token, std::uint64_t who) {
  of.out.clear();
  of.machine->upgrade(of.now, token, id(who), of.out);
  of.note();
}

void knows_now(one_member& of, version_range known) {
  of.out.clear();
  of.machine->set_versions(of.now, known, of.out);
  of.note();
}

entry version_entry(term_number term, std::uint64_t number) {
  return {term, 0, number, entry_kind::version, {}};
}

} // namespace

TEST_CASE("a new group begins with the oldest version that its first leader knows, before any command") {
  one_member of = that_knows({2, 4});
  of.lead();
  const raft_log& log = of.machine->log();
  REQUIRE(log.last() == 3);
  CHECK(log.at(2).kind == entry_kind::no_op);
  CHECK(log.at(3) == version_entry(2, 2));
  CHECK(log.version() == 2);
  CHECK(log.version_at() == 3);
  CHECK(log.version_as_of(2) == 0);
}

TEST_CASE("a leader without versions, and one of a log that has commands, names none") {
  one_member none = that_knows({0, 0});
  none.lead();
  CHECK(none.machine->log().last() == 2);
  durable_state found = core::first_state(voters(3));
  found.entries.push_back(command(1, "a"));
  options how;
  how.versions = {1, 1};
  one_member old(std::move(found), how);
  old.lead();
  CHECK(old.machine->log().version() == 0);
}

TEST_CASE("the next version is logged once the code of every voter can go over to it, and not before") {
  one_member of = at_version_one();
  CHECK(of.machine->waits_for() == ids{id(2), id(3)});
  tells(of, 2, {1, 2});
  CHECK(of.machine->waits_for() == ids{id(3)});
  tells(of, 3, {1, 1});
  tells(of, 3, {2, 3}); // this code could not have applied the group's version
  CHECK(of.machine->log().last() == 3);
  CHECK(of.machine->waits_for() == ids{id(3)});
  tells(of, 3, {1, 2});
  REQUIRE(of.machine->log().last() == 4);
  CHECK(of.machine->log().at(4) == version_entry(2, 2));
  REQUIRE(of.sent<append_request>(2));
  CHECK(of.sent<append_request>(2)->entries == std::vector<entry>{version_entry(2, 2)});
  CHECK(of.machine->waits_for().empty()); // no code knows version 3
  of.sync();
  acknowledges(of, 2);
  CHECK(of.machine->commit() == 4);
  CHECK(of.machine->log().last() == 4);
}

TEST_CASE("one version follows the other, each once the one before is committed") {
  one_member of = that_knows({1, 3});
  of.establish();
  tells(of, 2, {1, 3});
  tells(of, 3, {1, 3});
  CHECK(of.machine->log().version() == 2);
  tells(of, 3, {1, 3});
  CHECK(of.machine->log().last() == 4);
  of.sync();
  acknowledges(of, 2);
  CHECK(of.machine->log().version() == 3);
  CHECK(of.machine->log().last() == 5);
}

TEST_CASE("a leader whose own code is replaced logs the next version then") {
  one_member of = that_knows({1, 1});
  of.establish();
  tells(of, 2, {1, 2});
  tells(of, 3, {1, 2});
  CHECK(of.machine->log().version() == 1);
  CHECK(of.machine->waits_for() == ids{id(1)});
  knows_now(of, {1, 2});
  CHECK(of.machine->log().version() == 2);
}

TEST_CASE("learners are not waited for") {
  configuration members = voters(2);
  members.put({id(3), member_role::learner, {}});
  options how;
  how.versions = {1, 2};
  one_member of(core::first_state(members), how);
  of.establish();
  tells(of, 2, {1, 2});
  CHECK(of.machine->log().version() == 2);
}

TEST_CASE("a voter that is gone is left out when an operator wants it, and no other one") {
  one_member of = at_version_one();
  leave_out(of, 7, 3);
  CHECK(of.answer_to(7) == outcome::not_ready);
  leave_out(of, 7, 9);
  CHECK(of.answer_to(7) == outcome::invalid);
  tells(of, 2, {1, 2});
  leave_out(of, 8, 2);
  CHECK(of.answer_to(8) == outcome::not_ready);
  leave_out(of, 9, 3);
  CHECK(of.out.answers.empty());
  CHECK(of.machine->log().version() == 2);
  leave_out(of, 10, 3);
  CHECK(of.answer_to(10) == outcome::busy);
  of.sync();
  acknowledges(of, 2);
  CHECK(of.answer_to(9) == outcome::committed);
  leave_out(of, 11, 3); // no code knows version 3
  CHECK(of.answer_to(11) == outcome::not_ready);
  one_member follower;
  leave_out(follower, 1, 2);
  CHECK(follower.answer_to(1) == outcome::no_leader);
}

TEST_CASE("a leader trusts no answer of an earlier term") {
  one_member of = at_version_one();
  tells(of, 2, {1, 2});
  of.say(3, 5, vote_request{9, 4, false, true}); // another member leads for some time
  of.sync();
  of.lead();
  CHECK(of.machine->waits_for() == ids{id(2), id(3)});
}

TEST_CASE("a follower tells the versions of its code, also after that was replaced") {
  one_member of = that_knows({1, 2});
  of.say(2, 2, heartbeat{0, 1});
  of.sync();
  REQUIRE(of.sent<heartbeat_answer>(2));
  CHECK(of.sent<heartbeat_answer>(2)->versions == version_range{1, 2});
  knows_now(of, {2, 3});
  of.say(2, 2, heartbeat{0, 2});
  REQUIRE(of.sent<heartbeat_answer>(2));
  CHECK(of.sent<heartbeat_answer>(2)->versions == version_range{2, 3});
}

TEST_CASE("a client can append no version") {
  one_member of = at_version_one();
  of.out.clear();
  const proposal one{1, entry_kind::version, 0, 9, {}};
  of.machine->append(of.now, std::span(&one, 1), of.out);
  CHECK(of.answer_to(1) == outcome::invalid);
  CHECK(of.machine->log().version() == 1);
}

TEST_CASE("a version that was not committed goes with its entry") {
  one_member of = that_knows({1, 2});
  of.say(2, 2, append_request{1, 1, 0, {version_entry(2, 1), version_entry(2, 2)}});
  CHECK(of.machine->log().version() == 2);
  of.say(3, 3, append_request{2, 2, 0, {command(3, "a")}});
  CHECK(of.machine->log().version() == 1);
  CHECK(of.machine->log().version_at() == 2);
}

TEST_CASE(
    "a version that another leader's log has taken back is logged again, once the leader knows its voters' "
    "code") {
  one_member of = at_version_one();
  tells(of, 2, {1, 2});
  tells(of, 3, {1, 2});
  REQUIRE(of.machine->log().version() == 2);
  of.say(3, 5, append_request{3, 2, 3, {{5, 0, 0, entry_kind::no_op, {}}}});
  CHECK(of.machine->log().version() == 1);
  CHECK(of.machine->log().version_at() == 3);
  of.sync();
  of.lead();
  tells(of, 2, {1, 2});
  tells(of, 3, {1, 2});
  CHECK(of.machine->log().version() == 1); // no entry of its term is committed
  of.sync();
  acknowledges(of, 2);
  CHECK(of.machine->log().version() == 2);
  CHECK(of.machine->log().version_at() == 6);
}

TEST_CASE("a version that no code can have is malformed") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 0, {version_entry(2, std::uint64_t{1} << 32)}});
  CHECK(of.dropped(drop::malformed) == 1);
  durable_state found = core::first_state(voters(3));
  found.entries.push_back(version_entry(1, std::uint64_t{1} << 32));
  options how;
  how.cluster = {1, 1};
  how.self = id(1);
  least chance;
  effects out;
  CHECK_FALSE(core::start(how, chance, std::move(found), 0, out));
}

TEST_CASE(
    "a snapshot has the version at its index, and a member that begins with it has the group's version") {
  one_member of = that_knows({1, 2});
  of.say(2, 2, append_request{1, 1, 0, {version_entry(2, 1), command(2, "a"), version_entry(2, 2)}});
  of.sync();
  of.say(2, 2, heartbeat{4, 1});
  REQUIRE(of.machine->commit() == 4);
  CHECK(of.machine->describe(3).version == 1);
  CHECK(of.machine->describe(4).version == 2);

  one_member late;
  late.say(2, 2, snapshot_chunk{{9, 2, 4, 77, voters(3), 2}, 0, 4, bytes("abcd")});
  late.sync();
  REQUIRE(late.out.restore);
  CHECK(late.out.restore->version == 2);
  CHECK(late.machine->log().version() == 2);

  durable_state found;
  found.hard.term = 2;
  found.snapshot = {9, 2, 4, 77, voters(3), 2};
  found.before = 9;
  found.before_term = 2;
  found.entries = {command(2, "b"), version_entry(2, 3)};
  one_member restarted(std::move(found));
  CHECK(restarted.machine->log().version_as_of(10) == 2);
  CHECK(restarted.machine->log().version() == 3);
}
