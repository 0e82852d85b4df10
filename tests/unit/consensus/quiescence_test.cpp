// SPDX-License-Identifier: MIT
// When an idle group becomes quiescent, and what wakes a member up.
#include "one_member.hpp"

using namespace coppice;
using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

options quiet() {
  options how;
  how.quiesce_after = 2;
  return how;
}

struct quiet_member : one_member {
  quiet_member() : one_member(core::first_state(voters(3)), quiet()) {}
  void answer(std::uint64_t from) {
    const heartbeat* const beat = sent<heartbeat>(from);
    REQUIRE(beat != nullptr);
    const heartbeat asked = *beat;
    const log_index last = machine->log().last();
    say(from, machine->term(), heartbeat_answer{asked.round, last, last, {}});
  }
  // `beats` heartbeats pass, and each member answers each of them.
  void rest(int beats) {
    for (; beats > 0; --beats) {
      pass(how.heartbeat);
      const effects told = out;
      answer(2);
      out = told;
      answer(3);
    }
  }
  void lead_at_rest() {
    establish();
    say(3, machine->term(), append_answer{true, machine->log().last(), 0, 0});
    rest(4);
    REQUIRE(machine->may_quiesce());
    machine->quiesce(now);
    REQUIRE(machine->is_quiescent());
  }
  // Makes the core a quiescent follower of member 2, in term 2.
  void follow_at_rest() {
    say(2, 2, append_request{1, 1, 2, {entry{2}}});
    sync();
    say(2, 2, heartbeat{2, 1});
    out.clear();
    machine->quiesce_under(now, id(2), 2, 2, out);
    REQUIRE(machine->is_quiescent());
  }
};

} // namespace

TEST_CASE("a leader whose group has nothing to do for some heartbeats may quiesce, and then sends nothing") {
  quiet_member of;
  of.lead_at_rest();
  CHECK(of.machine->wake() == INT64_MAX);
  of.pass(100 * of.how.election);
  CHECK(of.out.messages.empty());
  CHECK(of.machine->what() == role::leader);
}

TEST_CASE("a member that does not answer, an entry or a read keeps a group awake") {
  quiet_member of;
  of.establish();
  of.say(3, of.machine->term(), append_answer{true, of.machine->log().last(), 0, 0});
  for (int beats = 0; beats < 6; ++beats) {
    of.pass(of.how.heartbeat);
    of.answer(2);
    CHECK_FALSE(of.machine->may_quiesce());
  }
  of.rest(4);
  CHECK(of.machine->may_quiesce());
  of.append("entry");
  CHECK_FALSE(of.machine->may_quiesce());
}

TEST_CASE("an entry, a read and a member's message wake a leader up, and it beats at once") {
  for (int kind = 0; kind < 3; ++kind) {
    CAPTURE(kind);
    quiet_member of;
    of.lead_at_rest();
    of.now += 100 * of.how.election;
    if (kind == 0) {
      of.append("entry");
    } else if (kind == 1) {
      of.out.clear();
      of.machine->read(of.now, 7, of.out);
      CHECK(of.out.reads.empty()); // the read waits for the answers to a heartbeat
    } else {
      of.say(2, of.machine->term() + 1, vote_request{of.machine->log().last(), of.machine->term(), true});
    }
    CHECK_FALSE(of.machine->is_quiescent());
    CHECK(of.machine->what() == role::leader);
    CHECK(of.sent<heartbeat>(2));
    CHECK(of.sent<heartbeat>(3));
  }
}

TEST_CASE("a follower quiesces only in the state of its leader, and otherwise tells the leader") {
  quiet_member of;
  of.follow_at_rest();
  CHECK(of.machine->wake() == INT64_MAX);
  of.pass(100 * of.how.election);
  CHECK(of.out.messages.empty());
  CHECK(of.machine->leader() == id(2));
  quiet_member behind;
  behind.say(2, 2, append_request{1, 1, 2, {entry{2}}});
  behind.sync();
  behind.out.clear();
  behind.machine->quiesce_under(behind.now, id(2), 2, 3, behind.out);
  CHECK_FALSE(behind.machine->is_quiescent());
  CHECK(behind.sent<heartbeat_answer>(2));
  behind.out.clear();
  behind.machine->quiesce_under(behind.now, id(3), 2, 2, behind.out); // this member does not lead
  behind.machine->quiesce_under(behind.now, id(2), 1, 2, behind.out); // an earlier term
  CHECK_FALSE(behind.machine->is_quiescent());
  CHECK(behind.out.messages.empty());
}

TEST_CASE("a follower that wakes up runs its time-out from when its leader's node was heard") {
  quiet_member of;
  of.follow_at_rest();
  of.now += 100 * of.how.election;
  const base::nanos heard = of.now - of.how.election / 2;
  of.out.clear();
  of.machine->wake_up(of.now, heard, of.out);
  CHECK(of.machine->wake() == heard + of.how.election);
  CHECK(of.sent<heartbeat_answer>(2));
  of.pass(of.how.election / 2);
  CHECK(of.sent<vote_request>(3));
}

TEST_CASE("a message of its leader and the request of a candidate wake a follower up") {
  quiet_member of;
  of.follow_at_rest();
  of.say(2, 2, heartbeat{2, 9});
  CHECK_FALSE(of.machine->is_quiescent());
  CHECK(of.machine->wake() == of.now + of.how.election);
  quiet_member other;
  other.follow_at_rest();
  other.say(3, 3, vote_request{2, 2, true});
  CHECK_FALSE(other.machine->is_quiescent());
  CHECK(other.sent<heartbeat_answer>(2));
  CHECK_FALSE(other.sent<vote_answer>(3)); // it has heard of its leader until now
}

TEST_CASE("a follower whose code is replaced tells its quiescent leader the versions") {
  quiet_member of;
  of.follow_at_rest();
  of.out.clear();
  of.machine->set_versions(of.now, {1, 2}, of.out);
  REQUIRE(of.sent<heartbeat_answer>(2));
  CHECK(of.sent<heartbeat_answer>(2)->versions == version_range{1, 2});
  CHECK_FALSE(of.machine->is_quiescent());
}
