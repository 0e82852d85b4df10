// SPDX-License-Identifier: MIT
// Tests of the processes that watch a node: each is told as often as it asked, and many of them cost no more
// for each than few.
#include "dist/node_watchers.hpp"

#include <doctest/doctest.h>

using coppice::dist::node_watchers;
using coppice::runtime::pid;

namespace {

pid process(std::uint32_t id) {
  return {0, 1, id, 0};
}

std::uint32_t times(const node_watchers& all, const pid& who) {
  for (const auto& [one, count] : all)
    if (one == who) return count;
  return 0;
}

} // namespace

TEST_CASE("a watcher is told as often as it asked for it and did not take it back") {
  const auto lives = [](const pid&) { return true; };
  node_watchers all;
  CHECK_FALSE(all.remove(process(1)));
  for (int i = 0; i < 3; ++i) all.add(process(1), lives);
  all.add(process(2), lives);
  CHECK(all.remove(process(1)));
  CHECK(times(all, process(1)) == 2);
  CHECK(all.remove(process(2)));
  CHECK_FALSE(all.remove(process(2)));
  CHECK(all.size() == 1);
}

TEST_CASE("whether watchers live is asked a few times for each, and those that have ended do not pile up") {
  constexpr std::uint32_t many = 20'000;
  std::uint64_t asked = 0;
  node_watchers living;
  node_watchers ended;
  for (std::uint32_t id = 0; id < many; ++id) {
    living.add(process(id), [&](const pid&) { return ++asked != 0; });
    ended.add(process(id), [](const pid&) { return false; });
    CHECK(ended.size() < 100);
  }
  CHECK(living.size() == many);
  CHECK(asked < 4 * many);
}

TEST_CASE("they can be told some at a time") {
  node_watchers all;
  for (std::uint32_t id = 0; id < 10; ++id) all.add(process(id), [](const pid&) { return true; });
  CHECK(all.take(4).size() == 4);
  CHECK(all.size() == 6);
  CHECK(all.take(7).size() == 6);
  CHECK(all.empty());
}
