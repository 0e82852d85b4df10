// SPDX-License-Identifier: MIT
// Two nodes: one has quiescent leaders, the other has their followers. How the nodes agree on that, and what
// wakes the members up.
#include "consensus/node_liveness.hpp"

#include <doctest/doctest.h>

#include <coppice/etf/writer.hpp>
#include <optional>
#include <string>

using namespace coppice;
using namespace coppice::consensus;

namespace {

constexpr base::nanos ms = base::nanos_per_ms;
constexpr node_liveness::pace pace{100 * ms, 1000 * ms};

member_id leader(std::uint64_t of) {
  return {1, of};
}
member_id follower(std::uint64_t of) {
  return {2, of};
}
quiescence state(std::uint64_t of, log_index last = 5) {
  return {leader(of), 3, last};
}

struct two_nodes {
  bool offer(std::uint64_t of, log_index last = 5) {
    const node_liveness::place place{"b", follower(of)};
    return a.offer(now, state(of, last), std::span(&place, 1), pace);
  }
  bool follow(std::uint64_t of, log_index last = 5) {
    return b.follow(now, follower(of), "a", state(of, last), pace.election);
  }
  // Time passes, and each message arrives at once. Returns how many messages were sent.
  std::size_t pass(base::nanos span) {
    std::size_t sent = 0;
    for (const base::nanos until = now + span; now < until; now += 10 * ms) {
      node_liveness::outcome of_a, of_b;
      a.advance(now, of_a);
      b.advance(now, of_b);
      sent += deliver(of_a, of_b);
    }
    return sent;
  }
  std::size_t deliver(node_liveness::outcome& of_a, node_liveness::outcome& of_b) {
    std::size_t sent = 0;
    while (!of_a.sent.empty() || !of_b.sent.empty()) {
      node_liveness::outcome next_a, next_b;
      sent += of_a.sent.size() + of_b.sent.size();
      for (const auto& one : of_a.sent)
        if (!is_cut) b.receive(now, "a", one.what, next_b);
      for (const auto& one : of_b.sent)
        if (!is_cut) a.receive(now, "b", one.what, next_a);
      note(of_a, of_b);
      of_a = std::move(next_a);
      of_b = std::move(next_b);
    }
    note(of_a, of_b);
    return sent;
  }
  void note(const node_liveness::outcome& of_a, const node_liveness::outcome& of_b) {
    told_a.insert(told_a.end(), of_a.told.begin(), of_a.told.end());
    told_b.insert(told_b.end(), of_b.told.begin(), of_b.told.end());
  }
  // Makes `count` groups quiescent, with the calls that their members make.
  void rest(std::uint64_t count) {
    CHECK_FALSE(offer(1)); // the nodes do not know each other yet
    pass(100 * ms);
    for (std::uint64_t i = 1; i <= count; ++i) REQUIRE(offer(i));
    pass(100 * ms);
    for (std::uint64_t i = 1; i <= count; ++i) REQUIRE(follow(i));
    told_a.clear();
    told_b.clear();
  }

  base::nanos now = 100'000 * ms;
  std::optional<node_liveness> a_place{std::in_place, 11}, b_place{std::in_place, 12};
  node_liveness& a = *a_place; // after emplace(), the new object
  node_liveness& b = *b_place;
  bool is_cut = false;
  std::vector<node_liveness::news> told_a, told_b;
};

} // namespace

TEST_CASE("a follower is told of its leader's quiescence, and may follow it only in that state") {
  two_nodes of;
  CHECK_FALSE(of.offer(1));
  of.pass(100 * ms);
  REQUIRE(of.offer(1));
  CHECK_FALSE(of.follow(1));
  of.pass(100 * ms);
  REQUIRE(of.told_b.size() == 1);
  CHECK(of.told_b[0].to == follower(1));
  CHECK(of.told_b[0].node == "a");
  CHECK(of.told_b[0].offer == state(1));
  CHECK_FALSE(of.follow(1, 6));
  CHECK(of.follow(1));
}

TEST_CASE("a thousand quiescent groups cost a message and its answer in each heartbeat interval") {
  two_nodes of;
  of.rest(1000);
  CHECK(of.pass(1000 * ms) == 20);
  CHECK(of.told_a.empty());
  CHECK(of.told_b.empty());
}

TEST_CASE("members whose nodes hear nothing of each other wake up within an election time-out") {
  two_nodes of;
  of.rest(3);
  of.is_cut = true;
  of.pass(900 * ms);
  CHECK(of.told_a.empty());
  CHECK(of.told_b.empty());
  const base::nanos until = of.now;
  of.pass(200 * ms);
  CHECK(of.told_a.size() == 3);
  REQUIRE(of.told_b.size() == 3);
  CHECK_FALSE(of.told_b[0].offer);
  CHECK(of.told_b[0].heard < until);
  CHECK(of.a.due() == INT64_MAX);
}

TEST_CASE("a leader that wakes up, or ends, wakes its follower and no other one") {
  two_nodes of;
  of.rest(3);
  of.a.wake(leader(2));
  of.pass(100 * ms);
  REQUIRE(of.told_b.size() == 1);
  CHECK(of.told_b[0].to == follower(2));
  CHECK_FALSE(of.told_b[0].offer);
  CHECK_FALSE(of.follow(2));
  REQUIRE(of.offer(2));
  of.pass(100 * ms);
  CHECK(of.follow(2));
}

TEST_CASE("a leader wakes up when its follower does, or ends, or never takes the offer") {
  two_nodes of;
  of.rest(3);
  of.b.wake(follower(2));
  of.pass(200 * ms);
  REQUIRE(of.told_a.size() == 1);
  CHECK(of.told_a[0].to == leader(2));
  of.told_a.clear();
  REQUIRE(of.offer(4)); // its follower does not run at node b
  of.pass(node_liveness::grace + 200 * ms);
  REQUIRE(of.told_a.size() == 1);
  CHECK(of.told_a[0].to == leader(4));
}

TEST_CASE("a node that began anew wakes the members that leaned on it") {
  two_nodes of;
  of.rest(3);
  of.a_place.emplace(13);
  CHECK_FALSE(of.offer(9));
  of.pass(100 * ms);
  CHECK(of.told_b.size() == 3);
  two_nodes other;
  other.rest(3);
  other.b_place.emplace(13);
  other.pass(200 * ms);
  CHECK(other.told_a.size() == 3);
}

TEST_CASE("a lost connection wakes the members on both sides, whichever side has seen it") {
  for (const bool is_seen_by_a : {false, true}) {
    CAPTURE(is_seen_by_a);
    two_nodes of;
    of.rest(3);
    node_liveness::outcome made, none;
    if (is_seen_by_a)
      of.a.lost("b", made);
    else
      of.b.lost("a", made);
    is_seen_by_a ? of.note(made, none) : of.note(none, made);
    of.pass(1100 * ms);
    CHECK(of.told_a.size() == 3);
    CHECK(of.told_b.size() == 3);
  }
}

TEST_CASE("a message that is late keeps nobody quiescent, and one with a gap before its changes does not") {
  two_nodes of;
  of.rest(1);
  node_liveness::outcome made, none;
  of.pass(100 * ms);
  of.now += 100 * ms;
  of.a.advance(of.now, made);
  REQUIRE(made.sent.size() == 1);
  liveness_message late = made.sent[0].what;
  liveness_message gap = late;
  gap.number += 5;
  gap.base = gap.upto = late.upto + 3;
  const base::nanos heard = of.now;
  of.b.receive(of.now, "a", late, none);
  of.now += 900 * ms;
  of.b.receive(of.now, "a", late, none);
  of.b.receive(of.now, "a", gap, none);
  CHECK(none.told.empty());
  of.now = heard + pace.election;
  of.b.advance(of.now, none);
  CHECK(none.told.size() == 1);
}

TEST_CASE("a node keeps a bounded number of offers of another one, and beyond them nobody leans on it") {
  node_liveness of(12);
  node_liveness::outcome made;
  base::nanos now = 1000 * ms;
  const base::nanos last_good = now + static_cast<base::nanos>(node_liveness::most_offers / 250 - 1) * ms;
  std::uint64_t next = 1;
  for (std::uint64_t number = 1; now <= last_good + 5 * ms; ++number, now += ms) {
    liveness_message one{11, 12, number, 0, false, 0, next - 1, next + 249, {}, {}};
    for (int i = 0; i < 250; ++i, ++next) one.changes.push_back({follower(next), state(next)});
    of.receive(now, "a", one, made);
  }
  CHECK(made.told.size() == node_liveness::most_offers);
  CHECK(of.follow(last_good + 999 * ms, follower(1), "a", state(1), pace.election));
  CHECK_FALSE(of.follow(last_good + 1000 * ms, follower(2), "a", state(2), pace.election));
}

TEST_CASE("offers to members that are not here are kept up to a bound, and their leaders are told at once") {
  node_liveness of(12);
  const base::nanos now = 1000 * ms;
  constexpr std::uint64_t row = node_liveness::most_changes;
  node_liveness::outcome made;
  for (std::uint64_t number = 1; number <= 8; ++number) {
    liveness_message one{11, 12, number, 0, true, 0, (number - 1) * row, number * row, {}, {}};
    for (std::uint64_t i = 1; i <= row; ++i)
      one.changes.push_back({follower(one.base + i), state(one.base + i), false});
    of.receive(now, "a", one, made);
  }
  CHECK(made.told.empty());
  REQUIRE(made.sent.size() == 8);
  CHECK(made.sent.back().what.applied == node_liveness::most_absent);
  CHECK(made.sent.front().what.awake.size() == row);
  // An offer to a member that is here is still taken.
  liveness_message last{11, 12, 9, 0, true, 0, node_liveness::most_absent, node_liveness::most_absent + 1,
                        {}, {}};
  last.changes.push_back({follower(1'000'000), state(1), true});
  of.receive(now, "a", last, made);
  REQUIRE(made.told.size() == 1);
  CHECK(made.told[0].to == follower(1'000'000));
}

TEST_CASE("nodes that come and go take no other node's place") {
  two_nodes of;
  node_liveness::outcome made;
  for (std::uint64_t i = 1; i <= 2 * node_liveness::most_nodes; ++i) {
    const std::string name = "stranger" + std::to_string(i);
    of.b.receive(of.now, name, {i, 0, 1, 0, true, 0, 0, 0, {}, {}}, made);
    of.b.lost(name, made);
  }
  of.rest(3);
  CHECK(of.pass(1000 * ms) == 20);
  CHECK(of.told_a.empty());
}

TEST_CASE("groups become quiescent again after a lost connection, whichever side has seen it") {
  for (const bool is_seen_by_a : {false, true}) {
    CAPTURE(is_seen_by_a);
    two_nodes of;
    of.rest(3);
    for (int again = 0; again < 3; ++again) {
      node_liveness::outcome made;
      is_seen_by_a ? of.a.lost("b", made) : of.b.lost("a", made);
      of.pass(2200 * ms);
      of.rest(3);
      of.pass(2200 * ms);
      CHECK(of.told_a.empty());
      CHECK(of.told_b.empty());
    }
  }
}

TEST_CASE("a message that a node lives comes back the same, and malformed ones are refused") {
  liveness_message one{
      1, 2, 3, 4, true, 5, 6, 7, {{follower(1), state(1)}, {follower(2), {}}}, {follower(3)}};
  const auto encoded = [](const liveness_message& of) {
    etf::vector_writer out;
    encode(of, out);
    return out.take();
  };
  for (int rounds = 0; rounds < 2; ++rounds) {
    const auto read = decode_liveness(encoded(one));
    REQUIRE(read.has_value());
    CHECK(*read == one);
    one.changes.clear();
    one.awake.clear();
  }
  one.changes.assign(node_liveness::most_changes + 1, {follower(1), {}});
  CHECK_FALSE(decode_liveness(encoded(one)).has_value());
  one.changes.clear();
  one.base = one.upto + 1;
  CHECK_FALSE(decode_liveness(encoded(one)).has_value());
  auto bytes = encoded({1, 2, 3, 4, true, 5, 6, 7, {{follower(1), state(1)}}, {follower(3)}});
  for (; !bytes.empty(); bytes.pop_back()) {
    const std::span<const std::uint8_t> part(bytes.data(), bytes.size() - 1);
    CHECK_FALSE(decode_liveness(part).has_value());
  }
}
