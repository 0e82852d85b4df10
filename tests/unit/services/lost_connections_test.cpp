// SPDX-License-Identifier: MIT
// Tests of the lost connections that `global` was told of: each is passed on once.
#include "services/global/lost_connections.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace coppice;
using services::lost_connections;
using heard = lost_connections::heard;

namespace {

constexpr std::uint32_t x = 1, y = 2;

} // namespace

TEST_CASE("a loss is heard first once, and so is each later one of the same two nodes") {
  lost_connections losses;
  CHECK(losses.hear(x, {"a", "b", 5, 1}, 0) == heard::first);
  CHECK(losses.hear(y, {"a", "b", 5, 1}, 0) == heard::again);
  CHECK(losses.hear(y, {"b", "a", 5, 1}, 0) == heard::first);
  CHECK(losses.hear(x, {"a", "b", 5, 3}, 0) == heard::first);
  CHECK(losses.hear(x, {"a", "b", 5, 2}, 0) == heard::again);
  CHECK(losses.hear(x, {"a", "b", 6, 1}, 0) == heard::first); // a different creation
  CHECK(losses.hear(y, {"a", "b", 5, 3}, 0) == heard::again);
  CHECK(losses.hear(y, {"a", "b", 6, 1}, 0) == heard::again);
  CHECK(losses.size() == 3);
}

TEST_CASE("who tells of very many losses has room for some, nobody else loses room, and old ones make room") {
  lost_connections losses;
  const auto names = [](std::size_t i) { return "n" + std::to_string(i); };
  const auto tell = [&](std::uint32_t from, std::size_t i, base::nanos now) {
    return losses.hear(from, {"x", names(i), 1, 1}, now);
  };
  for (std::size_t i = 0; i < lost_connections::most_by_one; ++i) REQUIRE(tell(x, i, 1) == heard::first);
  CHECK(tell(x, 5000, 1) == heard::no_room);
  CHECK(tell(x, 0, 1) == heard::again);
  CHECK(tell(y, 5001, 1) == heard::first);
  const base::nanos later = 1 + lost_connections::kept;
  CHECK(tell(x, 5000, later - 1) == heard::no_room);
  CHECK(tell(y, 5002, later) == heard::first);
  CHECK(tell(x, 5000, 2 * later) == heard::first);
  CHECK(losses.size() == 1); // all other losses were old
}

TEST_CASE("however many losses a node makes up, they stop going round between those that heard of them") {
  struct node {
    lost_connections losses;
    std::deque<std::size_t> told; // losses that the other node has passed on
  };
  node a, b;
  std::size_t passed_on = 0;
  const auto hear = [&](node& by, node& other, std::uint32_t from, std::size_t i) {
    if (by.losses.hear(from, {"x", "n" + std::to_string(i), 1, 1}, 0) != heard::first) return;
    other.told.push_back(i);
    ++passed_on;
  };
  constexpr std::size_t many = 5000;
  for (std::size_t i = 0; i < many; ++i) hear(a, b, x, i);
  while (!a.told.empty() || !b.told.empty()) {
    REQUIRE(passed_on <= 2 * many);
    for (const auto& [by, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      if (by->told.empty()) continue;
      const std::size_t i = by->told.front();
      by->told.pop_front();
      hear(*by, *other, y, i);
    }
  }
  CHECK(passed_on == 2 * lost_connections::most_by_one);
}
