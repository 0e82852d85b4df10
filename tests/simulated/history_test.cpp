// SPDX-License-Identifier: MIT
// Tests the search for an order of a history: which histories it accepts, and which it must refuse.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "workloads/history.hpp"

using coppice::simulated::find_order;
using coppice::simulated::history;
using coppice::simulated::nanos;
using coppice::simulated::never;

namespace {

using operations = std::vector<history::operation>;

history::operation add(std::int64_t amount, nanos invoked, nanos returned, std::int64_t answer) {
  return {amount, invoked, returned, answer, 0};
}
history::operation read(nanos invoked, nanos returned, std::int64_t answer) {
  return {0, invoked, returned, answer, 0};
}
history::operation unknown(std::int64_t amount, nanos invoked) {
  return {amount, invoked, never, 0, 0};
}

} // namespace

TEST_CASE("operations one after the other have one order") {
  CHECK(find_order(operations{add(2, 1, 2, 2), read(3, 4, 2), add(1, 5, 6, 3), read(7, 8, 3)}).empty());
  CHECK_FALSE(find_order(operations{add(2, 1, 2, 2), read(3, 4, 0)}).empty());
}

TEST_CASE("operations at the same time have any order") {
  CHECK(find_order(operations{add(2, 1, 9, 2), read(2, 3, 0), read(4, 5, 2)}).empty());
  CHECK(find_order(operations{add(1, 1, 9, 3), add(2, 1, 9, 2)}).empty());
  CHECK_FALSE(find_order(operations{add(2, 1, 9, 2), read(2, 3, 2), read(4, 5, 0)}).empty());
}

TEST_CASE("an acknowledged addition that nobody sees is no order") {
  CHECK_FALSE(find_order(operations{add(1, 1, 2, 1), add(1, 3, 4, 1), read(5, 6, 1)}).empty());
}

TEST_CASE("an addition of unknown outcome happened at any later time, or never") {
  CHECK(find_order(operations{unknown(5, 1), read(2, 3, 0), read(4, 5, 0)}).empty());
  CHECK(find_order(operations{unknown(5, 1), read(2, 3, 0), read(4, 5, 5)}).empty());
  CHECK_FALSE(find_order(operations{unknown(5, 1), read(2, 3, 5), read(4, 5, 0)}).empty());
  CHECK_FALSE(find_order(operations{unknown(5, 4), read(2, 3, 5)}).empty());
}

TEST_CASE("many additions of unknown outcome do not make the search long") {
  operations all;
  for (int at = 0; at < 40; ++at) all.push_back(unknown(1, at));
  all.push_back(read(50, 51, 20));
  all.push_back(read(52, 53, 40));
  CHECK(find_order(all).empty());
  all.push_back(read(54, 55, 41));
  CHECK_FALSE(find_order(all).empty());
}
