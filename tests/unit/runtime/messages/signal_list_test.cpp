// SPDX-License-Identifier: MIT
// Signals in order, put in and taken out at the ends and between.
#include "runtime/messages/signal_list.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace coppice::runtime;

namespace {

signal_ptr make(std::uint64_t number) {
  signal_ptr one = make_signal(signal_kind::message, {}, message::atom("m"));
  one->number = number;
  return one;
}

std::vector<std::uint64_t> numbers(signal_list& of) {
  std::vector<std::uint64_t> all;
  while (const signal_ptr one = of.pop_front()) all.push_back(one->number);
  return all;
}

} // namespace

TEST_CASE("what is taken out leaves the rest in order, and the end where it was") {
  for (const std::uint64_t wanted : {1U, 2U, 3U, 9U}) {
    CAPTURE(wanted);
    signal_list list;
    for (std::uint64_t n = 1; n <= 3; ++n) list.push_back(make(n));
    signal_list taken =
        list.take([&](const signal& one) { return one.number == wanted; }, [] { return false; });
    list.push_back(make(4));
    std::vector<std::uint64_t> expected{1, 2, 3, 4};
    std::erase(expected, wanted);
    CHECK(numbers(list) == expected);
    CHECK(numbers(taken).size() == 4 - expected.size());
  }
}

TEST_CASE("taking out ends when it is enough") {
  signal_list list;
  for (std::uint64_t n = 1; n <= 4; ++n) list.push_back(make(n));
  int taken = 0;
  signal_list first = list.take([&](const signal&) { return ++taken; }, [&] { return taken == 2; });
  CHECK(numbers(first) == std::vector<std::uint64_t>{1, 2});
  CHECK(numbers(list) == std::vector<std::uint64_t>{3, 4});
}

TEST_CASE("one is put in at the front, between and at the end") {
  signal_list list;
  list.insert_after(nullptr, make(2));
  list.insert_after(nullptr, make(1));
  signal* const second = const_cast<signal*>(list.last());
  list.insert_after(second, make(3));
  CHECK(list.last()->number == 3);
  list.push_back(make(4));
  CHECK(numbers(list) == std::vector<std::uint64_t>{1, 2, 3, 4});
}
