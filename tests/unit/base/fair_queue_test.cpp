// SPDX-License-Identifier: MIT
// A queue whose keys take turns.
#include "base/fair_queue.hpp"

#include <doctest/doctest.h>

#include <string>

using coppice::base::fair_queue;

namespace {

std::string popped(fair_queue<char>& from, std::uint32_t without = 0) {
  std::string out;
  while (const auto next = from.pop([without](std::uint32_t key) { return key != without; }))
    out += next->second;
  return out;
}

} // namespace

TEST_CASE("the entries of a key keep their order, and the keys take turns") {
  fair_queue<char> line;
  for (const char one : {'a', 'b', 'c', 'd'}) line.push(1, one);
  line.push(2, 'x');
  line.push(3, 'u');
  line.push(3, 'v');
  CHECK(popped(line) == "axubvcd");
  CHECK(line.empty());
}

TEST_CASE("a key that may not go on is passed over, and keeps its turn") {
  fair_queue<char> line;
  line.push(1, 'a');
  line.push(2, 'x');
  line.push(1, 'b');
  line.push(2, 'y');
  CHECK(popped(line, 1) == "xy");
  CHECK_FALSE(line.empty());
  CHECK(popped(line) == "ab");
}

TEST_CASE("an entry that is removed waits no more, and is removed once") {
  fair_queue<char> line;
  line.push(1, 'a');
  line.push(1, 'b');
  line.push(2, 'x');
  CHECK(line.erase(1, 'a'));
  CHECK_FALSE(line.erase(1, 'a'));
  CHECK_FALSE(line.erase(3, 'a'));
  CHECK(line.erase(2, 'x'));
  CHECK(popped(line) == "b");
  CHECK(line.empty());
}
