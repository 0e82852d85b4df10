// SPDX-License-Identifier: MIT
// The small hash table, compared with std::map, with hashes that collide.
#include "runtime/structures/flat_table.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <random>

using coppice::runtime::flat_table;

namespace {

struct poor_hash {
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key % 5) * 7; }
};
using table = flat_table<int, std::unique_ptr<int>, poor_hash>;

std::map<int, int> content(const table& of) {
  std::map<int, int> all;
  of.for_each([&](int key, const std::unique_ptr<int>& value) { all[key] = *value; });
  return all;
}

} // namespace

TEST_CASE("an empty table has nothing and erases nothing") {
  table empty;
  CHECK(empty.empty());
  CHECK(empty.find(1) == nullptr);
  CHECK_FALSE(empty.erase(1));
  CHECK_FALSE(empty.take(1));
  CHECK(content(empty).empty());
}

TEST_CASE("insert tells whether a key is new, and gives the value that is there") {
  table some;
  for (int key = 0; key < 20; ++key) {
    const auto [value, is_new] = some.insert(key);
    CHECK(is_new);
    CHECK(value == nullptr);
    value = std::make_unique<int>(key);
    CHECK_FALSE(some.insert(key).second);
    CHECK(*some[key] == key);
  }
  CHECK(some.size() == 20);
}

TEST_CASE("after any insertions and erasures it has what a map has") {
  std::mt19937 choose(7);
  table tried;
  std::map<int, int> expected;
  for (int step = 0; step < 20'000; ++step) {
    const int key = static_cast<int>(choose() % 40);
    switch (choose() % 4) {
      case 0:
      case 1:
        tried[key] = std::make_unique<int>(step);
        expected[key] = step;
        break;
      case 2:
        CHECK(tried.erase(key) == (expected.erase(key) == 1));
        break;
      default: {
        const auto taken = tried.take(key);
        const auto at = expected.find(key);
        REQUIRE(taken.has_value() == (at != expected.end()));
        if (taken) CHECK(**taken == at->second);
        expected.erase(key);
      }
    }
    REQUIRE(tried.size() == expected.size());
    if (step % 100 == 0) REQUIRE(content(tried) == expected);
  }
}
