// SPDX-License-Identifier: MIT
// A list of signals: order, and insertion and removal at its ends and in the middle.
#include "runtime/messages/signal_list.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace coppice::runtime;
namespace runtime = coppice::runtime; // <signal.h> has a `signal`, too

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
        list.take([&](const runtime::signal& one) { return one.number == wanted; }, [] { return false; });
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
  signal_list first = list.take([&](const runtime::signal&) { return ++taken; }, [&] { return taken == 2; });
  CHECK(numbers(first) == std::vector<std::uint64_t>{1, 2});
  CHECK(numbers(list) == std::vector<std::uint64_t>{3, 4});
}

TEST_CASE("one is put in at the front, between and at the end") {
  signal_list list;
  list.insert_after(nullptr, make(2));
  list.insert_after(nullptr, make(1));
  runtime::signal* const second = const_cast<runtime::signal*>(list.last());
  list.insert_after(second, make(3));
  CHECK(list.last()->number == 3);
  list.push_back(make(4));
  CHECK(numbers(list) == std::vector<std::uint64_t>{1, 2, 3, 4});
}

TEST_CASE("chains go to the end, and a list is walked from any signal in it") {
  const auto chain = [](std::uint64_t from, signal_list& to) { // two signals; the list links the last one
    runtime::signal* const first = make(from).release();
    runtime::signal* const second = make(from + 1).release();
    first->next = second;
    second->next = nullptr;
    to.append(first, second);
  };
  signal_list list;
  CHECK(list.first() == nullptr);
  chain(1, list);
  chain(3, list);
  std::vector<std::uint64_t> seen;
  for (const runtime::signal* at = list.first(); at != nullptr; at = list.after(at))
    seen.push_back(at->number);
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3, 4});
  const runtime::signal* const last = list.last();
  CHECK(list.after(last) == nullptr);
  list.push_back(make(5));
  CHECK(list.after(last)->number == 5);

  signal_list other(std::move(list));
  CHECK(list.empty());
  CHECK(numbers(other) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
  CHECK(other.empty());
  other.push_back(make(6)); // an empty list can be used again
  CHECK(other.first() == other.last());
  CHECK(numbers(other) == std::vector<std::uint64_t>{6});
}

TEST_CASE("nothing, all, or all but one is taken out") {
  for (const std::uint64_t kept : {0U, 1U, 2U, 3U, 9U}) {
    CAPTURE(kept);
    signal_list list;
    for (std::uint64_t n = 1; n <= 3; ++n) list.push_back(make(n));
    signal_list taken = list.take([&](const runtime::signal& one) { return kept != 9 && one.number != kept; },
                                  [] { return false; });
    const std::vector<std::uint64_t> left = kept == 0   ? std::vector<std::uint64_t>{}
                                            : kept == 9 ? std::vector<std::uint64_t>{1, 2, 3}
                                                        : std::vector<std::uint64_t>{kept};
    CHECK(numbers(list) == left);
    CHECK(numbers(taken).size() == 3 - left.size());
  }
}
