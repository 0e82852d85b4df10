// SPDX-License-Identifier: MIT
// Tests of the list of child specifications: it keeps what was put into it, and copies share the blocks that
// they have in common.
#include "behaviours/supervision/child_list.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "behaviours/supervision/child_spec.hpp"

using namespace coppice;
using behaviours::child_list;

namespace {

child_list::value value_of(std::size_t number) {
  auto out = std::make_shared<behaviours::child_spec>();
  out->actor = std::to_string(number);
  return out;
}

std::vector<child_list::value> contents(const child_list& of) {
  std::vector<child_list::value> out(of.begin(), of.end());
  REQUIRE(out.size() == of.size());
  for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(of[i] == out[i]);
  return out;
}

} // namespace

TEST_CASE("a list of children gives back what was put into it, in order") {
  child_list list;
  CHECK(list.empty());
  CHECK(list.begin() == list.end());
  std::vector<child_list::value> expected;
  for (std::size_t i = 0; i < 1000; ++i) {
    expected.push_back(value_of(i));
    list.push_back(expected.back());
  }
  CHECK(list.front() == expected.front());
  CHECK(contents(list) == expected);
}

TEST_CASE("a copy of a list of children keeps what it had when the other grows") {
  child_list one;
  one.push_back(value_of(1));
  const child_list before = one;
  one.push_back(value_of(2));
  CHECK(before.size() == 1);
  CHECK(contents(before).size() == 1);
  CHECK(one.size() == 2);
}

TEST_CASE("one child changed among thousands leaves all but one block shared") {
  child_list before;
  for (std::size_t i = 0; i < 100'000; ++i) before.push_back(value_of(i));
  child_list after;
  after.append(before, 0, 50'000);
  after.push_back(value_of(1'000'000));
  after.append(before, 50'001, before.size());
  CHECK(after.size() == before.size());
  const std::size_t blocks = before.shared_with(before);
  CHECK(after.shared_with(before) >= blocks - 2);
}

TEST_CASE("pieces put together again and again are what a plain list would be, in as few blocks") {
  std::mt19937 random(7);
  child_list list;
  std::vector<child_list::value> plain;
  for (std::size_t i = 0; i < 2000; ++i) {
    plain.push_back(value_of(i));
    list.push_back(plain.back());
  }
  for (std::size_t turn = 0; turn < 500; ++turn) {
    const std::size_t first = random() % plain.size();
    const std::size_t last = std::min(plain.size(), first + random() % 3);
    const std::size_t fresh = random() % 3;
    child_list next;
    next.append(list, 0, first);
    std::vector<child_list::value> expected(plain.begin(), plain.begin() + static_cast<long>(first));
    for (std::size_t i = 0; i < fresh; ++i) {
      expected.push_back(value_of(turn * 10 + i));
      next.push_back(expected.back());
    }
    next.append(list, last, list.size());
    expected.insert(expected.end(), plain.begin() + static_cast<long>(last), plain.end());
    list = next;
    plain = expected;
  }
  CHECK(contents(list) == plain);
  CHECK(list.shared_with(list) <= 2 * (plain.size() / 256 + 1) + 1);
}
