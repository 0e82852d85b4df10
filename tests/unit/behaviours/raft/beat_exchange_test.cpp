// SPDX-License-Identifier: MIT
// Tests of the place where heartbeats of many groups gather: how many messages they make, when these leave,
// which lists of heartbeats are refused, and which member a heartbeat is for.
#include "behaviours/raft/beat_exchange.hpp"

#include <map>
#include <string>
#include <vector>

#include "away_nodes.hpp"
#include "behaviours/terms.hpp"

using namespace coppice;
using namespace coppice::test;
using behaviours::raft::beat_exchange;

namespace {

// A heartbeat of the group with that number.
consensus::message beat(std::uint64_t number) {
  return {{1, number}, {2, number}, {3, number}, 5, consensus::heartbeat{number, 7}};
}

} // namespace

TEST_CASE("the heartbeats of a thousand groups to two nodes are a few messages, each of them bounded") {
  beat_exchange of;
  CHECK(of.due() == 0);
  CHECK(of.add("b@host", beat(0), 100));
  CHECK_FALSE(of.add("c@host", beat(0), 100));
  for (std::uint64_t i = 1; i < 1000; ++i)
    for (const char* const node : {"b@host", "c@host"}) (void)of.add(node, beat(i), 100 + 1);
  CHECK(of.due() == 100);
  auto all = of.take(99); // messages that are full
  for (auto& one : of.take(100)) all.push_back(std::move(one));
  CHECK(all.size() == 8);
  CHECK(of.due() == 0);
  CHECK(of.take(1000).empty());
  std::map<std::string, std::uint64_t> next;
  for (const auto& one : all) {
    CHECK(one.count <= beat_exchange::most_beats);
    const auto message = beat_exchange::to_message(one);
    CHECK(message.size() <= beat_exchange::most_bytes + 64);
    const auto read = beat_exchange::read(message.bytes());
    REQUIRE(read.has_value());
    CHECK(read->size() == one.count);
    for (const consensus::message& each : beats_in(message)) CHECK(each == beat(next[one.node]++));
  }
  CHECK(next == std::map<std::string, std::uint64_t>{{"b@host", 1000}, {"c@host", 1000}});
}

TEST_CASE("heartbeats leave when the first of them is due, and those of longer intervals go with them") {
  beat_exchange of;
  CHECK(of.add("b@host", beat(1), 500));
  CHECK(of.due() == 500);
  CHECK(of.add("b@host", beat(2), 100)); // of a group with a shorter interval
  CHECK_FALSE(of.add("b@host", beat(3), 300));
  CHECK(of.due() == 100);
  CHECK(of.take(99).empty());
  const auto all = of.take(100);
  REQUIRE(all.size() == 1);
  CHECK(beats_in(beat_exchange::to_message(all[0])) ==
        std::vector<consensus::message>{beat(1), beat(2), beat(3)});
  CHECK(of.add("b@host", beat(1), 500));
}

TEST_CASE("what waits for a node that takes nothing is bounded, and there is room again once it has left") {
  beat_exchange of;
  for (std::uint64_t i = 0; i < 100'000; ++i) (void)of.add("b@host", beat(i), 100);
  std::size_t bytes = 0;
  for (const auto& one : of.take(100)) bytes += one.beats.size();
  CHECK(bytes <= beat_exchange::most_waiting_bytes);
  CHECK(bytes > beat_exchange::most_waiting_bytes / 2);
  CHECK(of.add("b@host", beat(1), 100));
  CHECK(of.take(100).size() == 1);
}

TEST_CASE("a list with anything but heartbeats and their answers in it is refused as a whole") {
  consensus::message vote = beat(2);
  vote.body = consensus::vote_request{};
  consensus::message said = beat(2);
  said.body = consensus::heartbeat_answer{7, 3, 3, {}};
  CHECK(beats_in(beats_of({beat(1), said})) == std::vector<consensus::message>{beat(1), said});
  CHECK_FALSE(beat_exchange::read(beats_of({beat(1), vote}).bytes()).has_value());
  const std::vector<consensus::message> many(beat_exchange::most_beats, beat(1));
  CHECK(beats_in(beats_of(many)).size() == many.size());
  std::vector<consensus::message> too_many = many;
  too_many.push_back(beat(1));
  CHECK_FALSE(beat_exchange::read(beats_of(too_many).bytes()).has_value());
  for (const char* const bad :
       {"raft_beats", "{raft_beats}", "{raft_beats,[]}", "{raft_beats,beat}", "{raft_beats,[beat]}",
        "{raft_beats,[{raft,1,2,3,4,5}]}", "{raft_beats,[],[]}", "{other,[beat]}"}) {
    CAPTURE(bad);
    CHECK_FALSE(beat_exchange::read(term(bad).bytes()).has_value());
  }
}

TEST_CASE("a message that is longer than any list of heartbeats is not read") {
  runtime::message_writer out;
  out.tuple(2);
  out.atom(behaviours::raft::beats_word);
  out.list(1);
  out.binary(std::string(beat_exchange::longest_message, 'x'));
  out.nil();
  const auto read = beat_exchange::read(out.take().bytes());
  REQUIRE_FALSE(read.has_value());
  CHECK(read.error().code == base::errc::limit);
}

TEST_CASE(
    "a member that handles nothing is told of a bounded number of heartbeats of a node, and then of as many "
    "as "
    "it handles") {
  beat_exchange of;
  const runtime::pid who{0, 1, 1, 4};
  auto seat = of.enter({3, 1}, who);
  seat.expect(std::vector<std::string>{"b@host", "c@host"});
  for (std::size_t i = 0; i < beat_exchange::most_told; ++i) REQUIRE(of.tell({3, 1}, "b@host") == who);
  CHECK_FALSE(of.tell({3, 1}, "b@host"));
  CHECK_FALSE(of.tell({3, 2}, "b@host"));
  seat.handled("b@host");
  CHECK(of.tell({3, 1}, "b@host") == who);
  CHECK_FALSE(of.tell({3, 1}, "b@host"));
  // Heartbeats that it has not handled still count when it expects the node anew.
  seat.expect(std::vector<std::string>{"b@host"});
  CHECK_FALSE(of.tell({3, 1}, "b@host"));
}

TEST_CASE("a node without a member of the group has no place, and no node has that of another one") {
  beat_exchange of;
  const runtime::pid who{0, 1, 1, 4};
  auto seat = of.enter({3, 1}, who);
  CHECK_FALSE(of.tell({3, 1}, "b@host")); // nothing is expected yet
  seat.expect(std::vector<std::string>{"b@host", "c@host"});
  for (std::size_t i = 0; i < 2 * beat_exchange::most_told; ++i) {
    REQUIRE_FALSE(of.tell({3, 1}, "stranger@host"));
    (void)of.tell({3, 1}, "b@host");
  }
  CHECK(of.tell({3, 1}, "c@host") == who);
  seat.expect(std::vector<std::string>{"c@host"});
  CHECK_FALSE(of.tell({3, 1}, "b@host"));
}

TEST_CASE("a node is expected as long as any member here expects it") {
  beat_exchange of;
  auto one = of.enter({3, 1}, {0, 1, 1, 4});
  CHECK_FALSE(of.expects("b@host"));
  one.expect(std::vector<std::string>{"b@host", "c@host"});
  {
    auto other = of.enter({3, 2}, {0, 2, 2, 4});
    other.expect(std::vector<std::string>{"b@host"});
    CHECK(of.expects({3, 2}, "b@host"));
    CHECK_FALSE(of.expects({3, 2}, "c@host"));
    one.expect(std::vector<std::string>{"c@host"});
    CHECK(of.expects("b@host"));
  }
  CHECK_FALSE(of.expects("b@host"));
  CHECK(of.expects("c@host"));
  one = of.enter({3, 1}, {0, 3, 3, 4}); // the member, started again
  CHECK_FALSE(of.expects("c@host"));
}

TEST_CASE("a member is found by its id until it ends, and its next life stays") {
  beat_exchange of;
  const runtime::pid first{0, 1, 1, 4};
  const runtime::pid second{0, 2, 2, 4};
  CHECK_FALSE(of.find({3, 1}));
  {
    auto seat = of.enter({3, 1}, first);
    CHECK(of.find({3, 1}) == first);
    auto next = of.enter({3, 1}, second);
    seat = {};
    CHECK(of.find({3, 1}) == second);
  }
  CHECK_FALSE(of.find({3, 1}));
}
