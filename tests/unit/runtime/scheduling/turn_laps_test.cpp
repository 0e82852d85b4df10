// SPDX-License-Identifier: MIT
// A turn that is measured in detail: its time by kind of work, and its messages. The test sets the clock.
#include "runtime/scheduling/turn_laps.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <numeric>

#include "held_clock.hpp"

namespace coppice::runtime {
namespace {

base::nanos part_of(const turn_laps& of, work_kind kind) {
  return of.took()[static_cast<std::size_t>(kind)];
}

} // namespace

TEST_CASE("a turn has its time by kind of work, as often as it stands for turns" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock held;
  turn_laps turn;
  turn.begin(7);
  CHECK(turn.is_on());
  held.advance(std::chrono::microseconds(1));
  turn.turn_to(work_kind::call);
  held.advance(std::chrono::microseconds(2));
  turn.turn_to(work_kind::cast);
  held.advance(std::chrono::microseconds(3));
  turn.end();
  CHECK_FALSE(turn.is_on());
  CHECK(part_of(turn, work_kind::other) == 7'000);
  CHECK(part_of(turn, work_kind::call) == 14'000);
  CHECK(part_of(turn, work_kind::cast) == 21'000);
  CHECK(part_of(turn, work_kind::info) == 0);
}

TEST_CASE("the next turn begins with nothing, and a dropped one keeps no messages") {
  turn_laps turn;
  turn.begin(1);
  while (turn.has_room()) turn.note({10, 20});
  CHECK(turn.noted().size() == 8);
  turn.drop();
  CHECK_FALSE(turn.is_on());
  CHECK(turn.noted().empty());
  turn.begin(1);
  CHECK(std::accumulate(turn.took().begin(), turn.took().end(), base::nanos{0}) == 0);
}

TEST_CASE("a callback has the kind of its name") {
  CHECK(kind_of("init") == work_kind::init);
  CHECK(kind_of("handle_call") == work_kind::call);
  CHECK(kind_of("handle_cast") == work_kind::cast);
  CHECK(kind_of("handle_info") == work_kind::info);
  CHECK(kind_of("terminate") == work_kind::other);
}

} // namespace coppice::runtime
