// SPDX-License-Identifier: MIT
// Tests of the messages that wait for the consumers of a stage: their order, and what a subscription loses
// that exceeds the bound.
#include "behaviours/stage/backlog.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coppice;
using behaviours::stage_backlog;
using runtime::destination;
using runtime::message;

namespace {

constexpr runtime::pid consumer{0, 1, 7, 1};

message bytes(std::size_t count, char which) {
  runtime::message_writer out;
  out.binary(std::string(count, which));
  return out.take();
}

// The first bytes of the messages that are drained, in order; at most `most` of them.
std::string drained(stage_backlog& from, std::size_t most = 1'000'000) {
  std::string out;
  from.drain([&](const destination&, const message& m) {
    if (out.size() == most) return false;
    out += static_cast<char>(m.bytes()[5]);
    return true;
  });
  return out;
}

} // namespace

TEST_CASE("a subscription that is dropped leaves the others of its consumer in their order") {
  stage_backlog backlog;
  const std::uint64_t most = 64'000;
  for (int i = 0; i < 3; ++i) {
    CHECK(backlog.add_events(consumer, 1, 1, bytes(100, 'a'), most).empty());
    CHECK(backlog.add_events(consumer, 2, 2, bytes(10'000, 'b'), most).empty());
    CHECK(backlog.add_events(consumer, 3, 1, bytes(100, 'c'), most).empty());
  }
  CHECK(backlog.add(destination(consumer), bytes(1, 'o')));
  CHECK(drained(backlog, 4) == "abca");
  const auto lost = backlog.add_events(consumer, 1, 1, bytes(50'000, 'A'), most);
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].of == 1);
  CHECK(lost[0].events == 2);
  CHECK(backlog.bytes(consumer, 1) == 0);
  CHECK(backlog.bytes(consumer, 2) > 20'000);
  CHECK(drained(backlog) == "bcbco");
  CHECK(backlog.empty());
}

TEST_CASE("very many subscriptions of one consumer are dropped one by one, and nothing is left of them") {
  stage_backlog backlog;
  constexpr std::uint64_t subscriptions = 2000;
  const std::uint64_t most = std::uint64_t{64} << 20;
  for (int i = 0; i < 2; ++i)
    for (std::uint64_t of = 1; of <= subscriptions; ++of)
      CHECK(backlog.add_events(consumer, of, 1, bytes(100, 'x'), most).empty());
  std::uint64_t events = 0;
  // The bound is below what is in use, so subscriptions are dropped until the message waits alone.
  const auto lost = backlog.add_events(consumer, subscriptions + 1, 1, bytes(100, 'y'), 1);
  for (const auto& one : lost) events += one.events;
  CHECK(lost.size() == subscriptions);
  CHECK(events == 2 * subscriptions);
  CHECK(drained(backlog) == "y");
  CHECK(backlog.empty());
}
