// SPDX-License-Identifier: MIT
// Reads by read-index, from the leader and from followers: they are answered only after a majority has
// confirmed the leader.
#include "one_member.hpp"

using namespace coppice::consensus;
using namespace coppice::consensus::test;

namespace {

void read(one_member& of, std::uint64_t token) {
  of.out.clear();
  of.machine->read(of.now, token, of.out);
}

// Returns a different number each time.
class counting final : public random_source {
 public:
  explicit counting(std::uint64_t first) : next_(first) {}
  std::uint64_t next() override { return next_ += 1000; }

 private:
  std::uint64_t next_;
};

} // namespace

TEST_CASE("a read waits for a round of heartbeats that began after it") {
  one_member of;
  of.establish();
  const std::uint64_t before = of.sent<heartbeat>(2) != nullptr ? of.sent<heartbeat>(2)->round : 0;
  of.say(2, 2, heartbeat_answer{before + 1, 2, 2, {}}); // the round that began with leadership
  read(of, 5);
  CHECK(of.out.reads.empty());
  REQUIRE(of.sent<heartbeat>(2));
  const std::uint64_t round = of.sent<heartbeat>(2)->round;
  of.say(2, 2, heartbeat_answer{round - 1, 2, 2, {}});
  CHECK(of.out.reads.empty());
  of.say(3, 2, heartbeat_answer{round, 0, 0, {}});
  REQUIRE(of.out.reads.size() == 1);
  CHECK(of.out.reads[0].token == 5);
  CHECK(of.out.reads[0].index == 2);
}

TEST_CASE("reads that come while a round is under way share the next one") {
  one_member of;
  of.establish();
  of.say(2, 2, heartbeat_answer{1, 2, 2, {}});
  read(of, 1);
  const std::uint64_t round = of.sent<heartbeat>(2)->round;
  read(of, 2);
  read(of, 3);
  CHECK(of.out.messages.empty());
  of.say(2, 2, heartbeat_answer{round, 2, 2, {}});
  CHECK(of.out.reads.size() == 1);
  REQUIRE(of.sent<heartbeat>(2));
  CHECK(of.sent<heartbeat>(2)->round == round + 1);
  of.say(2, 2, heartbeat_answer{round + 1, 2, 2, {}});
  CHECK(of.out.reads.size() == 2);
}

TEST_CASE("a read does not wait for the answers to heartbeats that were due by time") {
  one_member of;
  of.establish();
  of.say(2, 2, heartbeat_answer{1, 2, 2, {}});
  of.pass(of.how.heartbeat);
  const std::uint64_t by_time = of.sent<heartbeat>(2)->round;
  read(of, 1);
  REQUIRE(of.sent<heartbeat>(2));
  CHECK(of.sent<heartbeat>(2)->round == by_time + 1);
  of.say(2, 2, heartbeat_answer{by_time, 2, 2, {}}); // it began before the read came
  CHECK(of.out.reads.empty());
  of.say(2, 2, heartbeat_answer{by_time + 1, 2, 2, {}});
  CHECK(of.out.reads.size() == 1);
}

TEST_CASE("the answer to a heartbeat that has overtaken a round serves no read of that round") {
  one_member of;
  of.establish();
  of.out.clear();
  of.machine->read(of.now, 5, of.out);
  CHECK_FALSE(of.overtaking(2)); // its round was not due by time
  of.machine->read(of.now, 6, of.out);
  of.pass(of.how.heartbeat); // starts the round of the second read
  const std::uint64_t round = of.sent<heartbeat>(2)->round;
  const auto beat = of.overtaking(2);
  REQUIRE(beat);
  of.say(2, 2, heartbeat_answer{beat->round, 2, 2, {}});
  REQUIRE(of.out.reads.size() == 1);
  CHECK(of.out.reads[0].token == 5);
  of.say(2, 2, heartbeat_answer{round, 2, 2, {}});
  REQUIRE(of.out.reads.size() == 1);
  CHECK(of.out.reads[0].token == 6);
}

TEST_CASE("a new leader answers no read before its term's no-op is committed") {
  one_member of;
  of.lead();
  read(of, 5);
  of.say(2, 2, heartbeat_answer{1, 1, 1, {}});
  CHECK(of.out.reads.empty());
  of.sync();
  of.say(2, 2, append_answer{true, 2, 0, 0});
  CHECK(of.out.reads.empty());
  REQUIRE(of.sent<heartbeat>(3));
  std::uint64_t round = 0;
  for (const message& one : of.out.messages)
    if (const auto* const beat = std::get_if<heartbeat>(&one.body)) round = std::max(round, beat->round);
  of.say(2, 2, heartbeat_answer{round, 2, 2, {}});
  REQUIRE(of.out.reads.size() == 1);
  CHECK(of.out.reads[0].index == 2);
}

TEST_CASE("a follower asks its leader, and gives up after one time-out") {
  one_member of;
  read(of, 1);
  CHECK(of.answer_to(1) == outcome::no_leader);
  of.say(2, 2, heartbeat{0, 1});
  of.sync();
  read(of, 2);
  REQUIRE(of.sent<read_request>(2));
  const std::uint64_t number = of.sent<read_request>(2)->number;
  of.say(3, 2, read_answer{number, 4});
  CHECK(of.out.reads.empty());
  of.say(2, 2, read_answer{number, 4});
  REQUIRE(of.out.reads.size() == 1);
  CHECK(of.out.reads[0].index == 4);
  read(of, 3);
  of.pass(of.how.election);
  CHECK(of.answer_to(3) == outcome::timed_out);
}

TEST_CASE("a member without a vote whose leader is silent says that it knows no leader") {
  configuration members = voters(3);
  members.put({id(1), member_role::learner, {}});
  one_member of(core::first_state(members));
  of.say(2, 2, heartbeat{0, 1});
  of.sync();
  read(of, 1);
  REQUIRE(of.sent<read_request>(2));
  of.pass(2 * of.how.election);
  CHECK(of.out.changed);
  CHECK(of.machine->what() == role::follower);
  read(of, 2);
  CHECK(of.answer_to(2) == outcome::no_leader);
  of.pass(2 * of.how.election);
  CHECK_FALSE(of.out.changed);
}

TEST_CASE("a leader that steps down refuses the reads that wait") {
  one_member of;
  of.establish();
  of.say(3, 2, read_request{11});
  read(of, 1);
  of.say(2, 3, append_request{2, 2, 0, {}});
  CHECK(of.answer_to(1) == outcome::no_leader);
  REQUIRE(of.sent<read_answer>(3));
  CHECK(of.sent<read_answer>(3)->index == 0);
}

TEST_CASE("a group of one answers reads by itself") {
  one_member of(1);
  of.pass(of.how.election);
  of.sync();
  of.sync();
  read(of, 1);
  CHECK(of.out.reads.size() == 1);
}

TEST_CASE("an answer to a read of before a restart does not fit one of after it, also where numbers wrap") {
  options how;
  how.cluster = {1, 1};
  how.self = id(3);
  counting chance(UINT64_MAX - 2500);
  const auto say = [&](core& to, message_body body, effects& out) {
    to.receive(0, {how.cluster, id(1), how.self, 1, std::move(body)}, out);
  };
  std::vector<std::uint64_t> numbers;
  for (int start = 0; start < 3; ++start) {
    effects out;
    auto made = core::start(how, chance, core::first_state(voters(3)), 0, out);
    REQUIRE(made);
    core& machine = **made;
    say(machine, heartbeat{0, 1}, out);
    for (const std::uint64_t old : numbers) say(machine, read_answer{old, 5}, out);
    out.clear();
    for (std::uint64_t token = 1; token <= 3; ++token) machine.read(0, token, out);
    REQUIRE(out.messages.size() == 3);
    for (const std::uint64_t old : numbers) say(machine, read_answer{old, 5}, out);
    CHECK(out.reads.empty());
    numbers.clear();
    for (std::size_t i = 0; i < 3; ++i)
      numbers.push_back(std::get<read_request>(out.messages[i].body).number);
    for (const std::uint64_t own : numbers) say(machine, read_answer{own, 6}, out);
    CHECK(out.reads.size() == 3);
  }
}
