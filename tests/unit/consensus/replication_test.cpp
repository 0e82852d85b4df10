// SPDX-License-Identifier: MIT
// How a log is replicated: what a follower accepts, keeps and acknowledges, what a leader sends, and which
// entries it counts as committed.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

// A follower with entries of these terms after the first configuration.
durable_state log_of(std::initializer_list<term_number> terms) {
  durable_state made = core::first_state(voters(3));
  for (const term_number one : terms) {
    made.entries.push_back(command(one, "x"));
    made.hard.term = one;
  }
  return made;
}

std::vector<term_number> terms_of(const raft_log& log) {
  std::vector<term_number> made;
  for (log_index i = log.base() + 1; i <= log.last(); ++i) made.push_back(log.term_at(i));
  return made;
}

using terms = std::vector<term_number>;

} // namespace

TEST_CASE("a follower acknowledges entries once they are on disk, and applies what is committed") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 2, {command(2, "a"), command(2, "b")}});
  CHECK_FALSE(of.sent<append_answer>(2));
  CHECK(of.out.committed == 2);
  of.sync();
  REQUIRE(of.sent<append_answer>(2));
  CHECK(of.sent<append_answer>(2)->accepted);
  CHECK(of.sent<append_answer>(2)->index == 3);
}

TEST_CASE("a repeated request is acknowledged no sooner than its entries are on disk") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 0, {command(2, "a")}});
  of.say(2, 2, append_request{1, 1, 0, {command(2, "a")}});
  CHECK_FALSE(of.sent<append_answer>(2));
  CHECK(of.out.writes.empty());
  of.sync();
  CHECK(of.out.messages.size() == 2);
}

TEST_CASE("an older, shorter request takes nothing away") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 0, {command(2, "a"), command(2, "b"), command(2, "c")}});
  of.say(2, 2, append_request{1, 1, 0, {command(2, "a")}});
  CHECK(of.machine->log().last() == 4);
  of.sync();
  CHECK(of.sent<append_answer>(2)->index == 2);
}

TEST_CASE(
    "logs of another leader are cut where they differ, and no write under way counts for what was cut") {
  one_member of;
  of.say(2, 2, append_request{1, 1, 0, {command(2, "a"), command(2, "b"), command(2, "c")}});
  of.say(3, 3, append_request{2, 2, 0, {command(3, "d")}});
  CHECK(terms_of(of.machine->log()) == terms{1, 2, 3});
  REQUIRE(of.out.writes.back().truncate_from == 3);
  of.out.clear();
  of.machine->written(of.now, 1, of.out); // the first of two writes
  CHECK(of.machine->on_disk() <= 2);
  of.sync();
  CHECK(of.machine->on_disk() == 3);
}

TEST_CASE("a follower that differs says from where the logs may be equal") {
  // Figure 7 of the paper: the leader's log is 1 1 1 4 4 5 5 6 6 6, after the first configuration.
  const struct {
    std::initializer_list<term_number> has;
    log_index hint;
    term_number hint_term;
  } cases[] = {
      {{1, 1, 1, 4, 4, 5, 5, 6, 6}, 10, 6},
      {{1, 1, 1, 4}, 5, 4},
      {{1, 1, 1, 4, 4, 4, 4}, 8, 4},
      {{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3}, 11, 3},
  };
  for (const auto& one : cases) {
    one_member of(log_of(one.has));
    of.say(2, 8, append_request{11, 6, 0, {command(8, "n")}});
    of.sync();
    const append_answer* const said = of.sent<append_answer>(2);
    REQUIRE(said);
    CHECK_FALSE(said->accepted);
    CHECK(said->index == 11);
    CHECK(said->hint == one.hint);
    CHECK(said->hint_term == one.hint_term);
  }
  for (const auto& more :
       {terms{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6}, terms{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}}) {
    durable_state found = core::first_state(voters(3));
    for (const term_number one : more) found.entries.push_back(command(one, "x"));
    found.hard.term = 7;
    one_member of(std::move(found));
    of.say(2, 8, append_request{11, 6, 0, {command(8, "n")}});
    of.sync();
    CHECK(of.sent<append_answer>(2)->accepted);
    CHECK(of.machine->log().last() == 12);
  }
}

TEST_CASE("a leader steps back by whole terms") {
  one_member of(log_of({4, 4, 5, 5, 6, 6}));
  of.lead();
  of.say(3, 7, append_answer{false, 7, 7, 3});
  REQUIRE(of.sent<append_request>(3));
  CHECK(of.sent<append_request>(3)->previous == 1);
  CHECK(of.sent<append_request>(3)->entries.size() == 7);
}

TEST_CASE("a leader's own entry counts once it is on its disk") {
  one_member of;
  of.lead();
  of.say(2, 2, append_answer{true, 2, 0, 0});
  CHECK(of.machine->commit() == 0);
  of.sync();
  CHECK(of.machine->commit() == 2);
}

TEST_CASE("two followers commit without the leader's disk") {
  one_member of;
  of.lead();
  of.say(2, 2, append_answer{true, 2, 0, 0});
  of.say(3, 2, append_answer{true, 2, 0, 0});
  CHECK(of.machine->commit() == 2);
  CHECK(of.machine->on_disk() == 1);
}

TEST_CASE("an entry of an earlier term is not committed by counting") {
  one_member of(log_of({2}));
  of.lead();
  of.sync();
  of.say(2, 3, append_answer{true, 2, 0, 0});
  of.say(3, 3, append_answer{true, 2, 0, 0});
  CHECK(of.machine->commit() == 0);
  of.say(3, 3, append_answer{true, 3, 0, 0});
  CHECK(of.machine->commit() == 3);
}

TEST_CASE("a batch is one write and one message for each follower, answered when it is committed") {
  one_member of;
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  of.out.clear();
  std::vector<proposal> batch(3);
  for (std::uint64_t i = 0; i < 3; ++i) batch[i] = {i + 1, entry_kind::command, 0, 0, bytes("c")};
  of.machine->append(of.now, batch, of.out);
  REQUIRE(of.out.writes.size() == 1);
  CHECK(of.out.writes[0].entries.size() == 3);
  CHECK(of.out.messages.size() == 2);
  of.say(2, 2, append_answer{true, 5, 0, 0});
  CHECK(of.out.answers.empty());
  of.say(3, 2, append_answer{true, 4, 0, 0});
  REQUIRE(of.out.answers.size() == 2);
  CHECK(of.out.answers[1].index == 4);
  CHECK(of.out.committed == 4);
}

TEST_CASE("what a leader appends becomes writes of a bounded length, however much of it there is") {
  options how;
  how.write_bytes = 300;
  one_member of(core::first_state(voters(3)), how);
  of.establish();
  const log_index before = of.machine->log().last();
  of.out.clear();
  const std::string large(100, 'x');
  for (std::uint64_t i = 0; i < 3; ++i) { // the owner carries nothing out meanwhile
    std::vector<proposal> batch(2);
    for (std::uint64_t j = 0; j < 2; ++j) batch[j] = {2 * i + j + 1, entry_kind::command, 0, 0, bytes(large)};
    of.machine->append(of.now, batch, of.out);
  }
  const proposal longest{7, entry_kind::command, 0, 0, bytes(std::string(1000, 'y'))};
  of.machine->append(of.now, std::span(&longest, 1), of.out);
  of.note();
  REQUIRE(of.out.writes.size() == 4);
  log_index next = before + 1;
  for (const auto& one : of.out.writes) {
    CHECK(one.first == next);
    CHECK(one.entries.size() == (&one == &of.out.writes.back() ? 1U : 2U));
    next += one.entries.size();
  }
  of.sync();
  of.say(2, of.machine->term(), append_answer{true, before + 7, 0, 0});
  CHECK(of.out.committed == before + 7);
}

TEST_CASE("what is in flight to a follower is bounded, and pipelined up to there") {
  options how;
  how.batch_entries = 2;
  how.in_flight_messages = 3;
  one_member of(core::first_state(voters(3)), how);
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  std::size_t sent = 0;
  for (int i = 0; i < 10; ++i) {
    of.append("x");
    for (const message& one : of.out.messages) sent += one.to == id(3) ? 1 : 0;
  }
  CHECK(sent == 3);
  of.say(3, 2, append_answer{true, 3, 0, 0});
  CHECK(of.sent<append_request>(3)->entries.size() == 2);
}

TEST_CASE(
    "what a follower did not get is sent again after a heartbeat's answer, what its disk has not yet is "
    "not") {
  one_member of;
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  of.append("a");
  of.pass(of.how.heartbeat);
  const std::uint64_t round = of.sent<heartbeat>(3)->round;
  of.say(3, 2, heartbeat_answer{round, 3, 2, {}});
  CHECK_FALSE(of.sent<append_request>(3));
  of.say(3, 2, heartbeat_answer{round, 2, 2, {}});
  REQUIRE(of.sent<append_request>(3));
  CHECK(of.sent<append_request>(3)->entries.size() == 1);
  of.say(3, 2, heartbeat_answer{round, 3, 3, {}}); // counts as an acknowledgement
  CHECK(of.machine->others()[1].match == 3);
}

TEST_CASE("aligned heartbeats are due at the multiples of their interval") {
  options how;
  how.aligned_heartbeats = true;
  one_member of(core::first_state(voters(3)), how);
  of.establish();
  CHECK(of.machine->wake() % how.heartbeat == 0);
  of.pass(of.machine->wake() - of.now + how.heartbeat / 3); // it is called late
  REQUIRE(of.sent<heartbeat>(2));
  CHECK(of.machine->wake() % how.heartbeat == 0);
  CHECK(of.machine->wake() - of.now == how.heartbeat - how.heartbeat / 3);
}

TEST_CASE("a heartbeat may wait, unless a read waits for its answer or messages are in flight") {
  one_member of;
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  const auto may_wait = [&of](std::uint64_t to) {
    for (const message& one : of.out.messages) {
      const auto* const beat = std::get_if<heartbeat>(&one.body);
      if (one.to == id(to) && beat != nullptr && beat->round != 0) return of.machine->may_wait(one);
    }
    FAIL("no heartbeat");
    return false;
  };
  of.pass(of.how.heartbeat);
  CHECK(may_wait(2));
  CHECK(may_wait(3));
  of.out.clear();
  of.machine->read(of.now, 5, of.out);
  CHECK_FALSE(may_wait(2));
  of.say(2, 2, heartbeat_answer{of.sent<heartbeat>(2)->round, 2, 2, {}});
  CHECK(of.out.reads.size() == 1);
  of.append("a");
  of.sync();
  of.say(2, 2, append_answer{true, 3, 0, 0});
  of.pass(of.how.heartbeat);
  CHECK(may_wait(2));
  CHECK_FALSE(may_wait(3));
}

TEST_CASE("a heartbeat that overtakes entries on their way keeps the leader, and has nothing sent again") {
  one_member of;
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  of.pass(of.how.heartbeat);
  const std::uint64_t round = of.sent<heartbeat>(3)->round;
  of.say(3, 2, heartbeat_answer{round, 2, 2, {}});
  of.append("a");
  of.pass(of.how.heartbeat);
  CHECK_FALSE(of.overtaking(3)); // the heartbeat before this was answered
  // From now on, messages to member 3 wait behind a long one, and member 2 is gone.
  for (coppice::base::nanos waited = 0; waited < 3 * of.how.election; waited += of.how.heartbeat) {
    of.pass(of.how.heartbeat);
    REQUIRE(of.machine->what() == role::leader);
    const auto beat = of.overtaking(3);
    REQUIRE(beat);
    of.say(3, 2, heartbeat_answer{beat->round, 2, 2, {}});
    CHECK_FALSE(of.sent<append_request>(3));
  }
  CHECK(of.machine->counted().resent == 0);
}

TEST_CASE("a follower that was restarted learns what is committed also where nothing is appended any more") {
  one_member of;
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  of.pass(of.how.heartbeat);
  const std::uint64_t round = of.sent<heartbeat>(3)->round;
  of.say(3, 2, heartbeat_answer{round, 2, 2, {}});
  CHECK_FALSE(of.sent<append_request>(3));
  of.say(3, 2, heartbeat_answer{round, 0, 0, {}}); // it comes from the restarted member
  REQUIRE(of.sent<append_request>(3));
  const append_request ask = *of.sent<append_request>(3);
  CHECK(ask.previous == 2);
  CHECK(ask.commit == 2);
  CHECK(ask.entries.empty());
  of.say(3, 2, heartbeat_answer{round, 0, 0, {}});
  CHECK_FALSE(of.sent<append_request>(3)); // only one message at a time
  durable_state found = core::first_state(voters(3));
  found.hard.term = 2;
  found.entries.push_back({2, 0, 0, entry_kind::no_op, {}});
  one_member restarted(std::move(found));
  restarted.say(2, 2, heartbeat{2, round});
  CHECK(restarted.out.committed == 0);
  restarted.say(2, 2, ask);
  CHECK(restarted.out.committed == 2);
}

TEST_CASE(
    "a follower that comes back with an older disk is fed again, and counts no longer for what it had") {
  one_member of;
  of.establish();
  of.say(3, 2, append_answer{true, 2, 0, 0});
  of.pass(of.how.heartbeat);
  const std::uint64_t round = of.sent<heartbeat>(3)->round;
  of.say(3, 2, heartbeat_answer{round, 0, 0, {}});
  REQUIRE(of.sent<append_request>(3));
  CHECK(of.sent<append_request>(3)->previous == 2);
  SUBCASE("at once") {
    of.say(3, 2, append_answer{false, 2, 1, 1});
    CHECK(of.machine->others()[1].match == 0);
    REQUIRE(of.out.lost.size() == 1);
    CHECK(of.out.lost[0].by == id(3));
    CHECK(of.out.lost[0].index == 2);
    REQUIRE(of.sent<append_request>(3));
    CHECK(of.sent<append_request>(3)->previous == 1);
    CHECK(of.sent<append_request>(3)->entries.size() == 1);
    of.append("a");
    of.sync();
    CHECK(of.out.committed == 0); // members 1 and 3 are no majority before 3 has it
    of.say(3, 2, append_answer{true, 2, 0, 0});
    REQUIRE(of.sent<append_request>(3));
    of.say(3, 2, append_answer{true, 3, 0, 0});
    CHECK(of.out.lost.empty());
    CHECK(of.out.committed == 3);
  }
  SUBCASE("and one whose refusal was late stays where it was") {
    of.say(3, 2, append_answer{false, 2, 1, 1});
    CHECK(of.machine->commit() == 2);
    of.say(3, 2, heartbeat_answer{round, 2, 2, {}});
    CHECK(of.machine->others()[1].match == 2);
    const std::uint64_t dropped = of.dropped(drop::stale);
    of.say(3, 2, append_answer{false, 2, 1, 1}); // it is answered already
    CHECK(of.machine->others()[1].match == 2);
    CHECK(of.dropped(drop::stale) == dropped + 1);
    of.append("a");
    REQUIRE(of.sent<append_request>(3));
    CHECK(of.sent<append_request>(3)->previous == 2);
  }
}

TEST_CASE(
    "a follower takes an entry that its own bound would refuse, up to one bound that all members have") {
  options how;
  how.max_entry = 4;
  one_member of(core::first_state(voters(3)), how);
  of.say(2, 2, append_request{1, 1, 0, {command(2, "12345")}});
  CHECK(of.machine->log().last() == 2);
  const std::string huge(64 * 1024 * 1024 + 1, 'x');
  of.say(2, 2, append_request{2, 2, 0, {command(2, huge)}});
  CHECK(of.dropped(drop::malformed) == 1);
  how.cluster = {1, 1};
  how.self = id(1);
  how.max_entry = huge.size();
  effects out;
  least chance;
  CHECK_FALSE(core::start(how, chance, core::first_state(voters(3)), 0, out));
}

TEST_CASE("a leader refuses what is too large, and what exceeds its bounds") {
  options how;
  how.max_entry = 4;
  how.pending = 1;
  one_member of(core::first_state(voters(3)), how);
  of.establish();
  of.append("12345", 5);
  CHECK(of.answer_to(5) == outcome::too_large);
  of.append("1", 6);
  of.append("2", 7);
  CHECK(of.answer_to(7) == outcome::overloaded);
}
