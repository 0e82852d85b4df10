// SPDX-License-Identifier: MIT
// What waits outside of a full mailbox: senders and messages. The mailbox itself is not needed.
#include "runtime/messages/waiting_line.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace coppice::runtime;
namespace runtime = coppice::runtime; // <signal.h> has a `signal`, too

namespace {

constexpr auto always = [](const runtime::signal&) { return true; };
constexpr auto nothing = [] {};

pid sender(std::uint32_t id, std::uint32_t node = 0) {
  return {node, 7, id, 0};
}
signal_ptr make(const pid& from, std::uint32_t weight, bool remote = false) {
  signal_ptr one = make_signal(signal_kind::message, from, message::atom("m"));
  one->weight = weight;
  if (remote) one->flags |= runtime::signal::remote;
  return one;
}

} // namespace

TEST_CASE("senders are let in first come first served, one that has left is not") {
  waiting_line line;
  for (std::uint32_t id = 1; id <= 3; ++id) line.wait({sender(id), id}, make(sender(id), 10));
  CHECK(line.leave({sender(2), 9}) == waiting_line::left::nothing);
  CHECK(line.leave({sender(2), 2}) == waiting_line::left::message);
  CHECK(line.leave({sender(2), 2}) == waiting_line::left::nothing);
  for (const std::uint32_t id : {1U, 3U}) {
    const auto first = line.take_first(always, nothing);
    REQUIRE(first);
    CHECK(first->sender.who == sender(id));
    CHECK(first->what->from == sender(id));
  }
  CHECK(line.empty());
  CHECK_FALSE(line.take_first(always, nothing));
}

TEST_CASE("one that is not let in stays the first") {
  waiting_line line;
  line.wait({sender(1), 1}, make(sender(1), 10));
  bool taken_before = false;
  CHECK_FALSE(line.take_first([](const runtime::signal&) { return false; }, [&] { taken_before = true; }));
  CHECK_FALSE(taken_before);
  CHECK(line.take_first(always, [&] { taken_before = true; }));
  CHECK(taken_before);
}

TEST_CASE(
    "what other nodes send waits up to so many bytes, and those of a sender are known while they wait") {
  waiting_line line;
  const pid far = sender(1, 4);
  signal_ptr one = make(far, 60, true);
  CHECK(line.overflow(one, 100) == true);
  one = make(far, 40, true);
  CHECK(line.overflow(one, 100) == false);
  one = make(far, 1, true);
  CHECK_FALSE(line.overflow(one, 100));
  CHECK(one != nullptr);
  CHECK(line.has_overflow_of(far));
  CHECK_FALSE(line.has_overflow_of(sender(2, 4)));
  CHECK(line.has_overflow_of({4, 7, 0, 0})); // any process of that node
  CHECK_FALSE(line.has_overflow_of({5, 7, 0, 0}));
  CHECK(line.take_first(always, nothing));
  CHECK(line.has_overflow_of(far));
  CHECK(line.overflow(one, 100) == false);
  while (line.take_first(always, nothing)) {
  }
  CHECK_FALSE(line.has_overflow_of(far));
  CHECK_FALSE(line.has_overflow_of({4, 7, 0, 0}));
}

TEST_CASE("what may end a call of the owner is found by the call's number, and the others keep their order") {
  waiting_line line;
  const pid owner = sender(9);
  const pid far = sender(1, 4);
  const auto ends = [&](signal_kind what, std::uint64_t number) {
    signal_ptr one = make_signal(what, far, reference::made_by(owner, number), message::atom("m"));
    one->flags |= runtime::signal::remote;
    return one;
  };
  signal_ptr one = make(far, 10, true);
  CHECK(line.overflow(one, 100) == true);
  one = ends(signal_kind::message, 5);
  CHECK(line.overflow(one, 100) == true); // the owner may wait for it
  one = ends(signal_kind::down, 6);
  CHECK(line.overflow(one, 100) == false); // it has been told and has not looked
  CHECK(line.take_end_of_call(7, nothing) == nullptr);
  one = ends(signal_kind::down, 5);
  CHECK(line.overflow(one, 100) == true);
  signal_ptr first = line.take_end_of_call(5, nothing);
  REQUIRE(first != nullptr);
  CHECK(first->kind == signal_kind::message);
  first = line.take_end_of_call(6, nothing);
  REQUIRE(first != nullptr);
  CHECK(first->kind == signal_kind::down);
  CHECK(line.take_end_of_call(6, nothing) == nullptr);
  CHECK(line.has_overflow_of(far));
  CHECK(line.take_first(always, nothing)->what->weight == 10);
  CHECK(line.take_first(always, nothing)->what->kind == signal_kind::down);
  CHECK(line.take_end_of_call(5, nothing) == nullptr);
  CHECK(line.empty());
  CHECK_FALSE(line.has_overflow_of(far));
}

TEST_CASE("of the newest the oldest message goes, and no signal that does not count") {
  waiting_line line;
  CHECK(line.push_newest(make(sender(1), 0), 2).first);
  for (std::uint32_t id = 2; id <= 3; ++id) {
    const auto [alone, oldest] = line.push_newest(make(sender(id), 10), 2);
    CHECK_FALSE(alone);
    CHECK(oldest == nullptr);
  }
  const auto [alone, oldest] = line.push_newest(make(sender(4), 10), 2);
  CHECK_FALSE(alone);
  REQUIRE(oldest != nullptr);
  CHECK(oldest->from == sender(2));
  signal_list all = line.take_newest(nothing);
  std::vector<std::uint32_t> left;
  while (const signal_ptr one = all.pop_front()) left.push_back(one->from.id);
  CHECK(left == std::vector<std::uint32_t>{1, 3, 4});
  CHECK(line.empty());
  CHECK(line.push_newest(make(sender(5), 10), 2).first);
}

TEST_CASE("who rests is woken with the others, and leaves as who rests") {
  waiting_line line;
  CHECK(line.rest({sender(1), 1}));
  CHECK(line.rest({sender(2), 2}));
  CHECK(line.anyone_rests());
  CHECK(line.leave({sender(1), 1}) == waiting_line::left::rest);
  CHECK(line.take_resting().size() == 1);
  CHECK_FALSE(line.anyone_rests());
  std::uint32_t rests = 0;
  while (line.rest({sender(rests + 1), 1})) ++rests;
  CHECK(rests == 64);
  line.wait({sender(9), 1}, make(sender(9), 10));
  const auto [waiting, resting] = line.take_all();
  CHECK(waiting.size() == 1);
  CHECK(resting.size() == 64);
  CHECK(line.empty());
}
