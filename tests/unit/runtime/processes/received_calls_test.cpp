// SPDX-License-Identifier: MIT
// Which calls a process has received and not answered. A call may be in either of two places: in the process,
// or in a table.
#include "runtime/processes/received_calls.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace coppice::runtime;
using place = received_calls::place;

namespace {

struct fixture {
  received_calls calls{reference{}};
  received_calls::table others;

  static call_id call(std::uint32_t who, std::uint64_t number = 1) { return {{0, 7, who, 0}, number}; }
  void add(const call_id& one, place where) {
    calls.add(one, where, [this]() -> received_calls::table& { return others; });
  }
  bool answer(const call_id& one) { return calls.remove(one) || others.erase(one.ref()); }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a call is owed from when it comes until it is answered, once") {
  for (const place where : {place::at_hand, place::at_hand_if_free, place::table}) {
    add(call(1), where);
    CHECK_FALSE(answer(call(2)));
    CHECK_FALSE(answer(call(1, 2)));
    CHECK(answer(call(1)));
    CHECK_FALSE(answer(call(1)));
  }
  CHECK_FALSE(calls.take().who);
  CHECK(others.empty());
}

TEST_CASE_FIXTURE(fixture,
                  "a call that waits to be handled stays at hand, one that was left for later gives way") {
  add(call(1), place::at_hand);
  add(call(2), place::at_hand_if_free);
  CHECK(others.size() == 1);
  CHECK(others.find(call(2).ref()) != nullptr);
  add(call(3), place::at_hand);
  CHECK(others.find(call(1).ref()) != nullptr);
  CHECK(calls.take() == call(3));
  for (const std::uint32_t who : {1U, 2U}) CHECK(answer(call(who)));
  CHECK_FALSE(answer(call(3)));
}

TEST_CASE("who waits for the start is at hand from the beginning") {
  const reference starter = reference::made_by({0, 7, 9, 3}, 42);
  received_calls calls(starter);
  CHECK(calls.take() == call_id{{0, 7, 9, 3}, 42});
  CHECK_FALSE(calls.take().who);
}
