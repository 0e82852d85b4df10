// SPDX-License-Identifier: MIT
// State machines: what follows from the cells of a transition table.
#include <doctest/doctest.h>

#include "base/transition_table.hpp"

namespace coppice::base {
namespace {

enum class lamp : std::uint8_t { off, on, broken };
enum class hand : std::uint8_t { presses, drops };

constexpr auto lamp_table = [] {
  using enum lamp;
  using enum no_transition;
  // clang-format off
  return transition_table<lamp, 3, hand, 2>{{{
    //           presses drops
    /* off */    {on,    broken},
    /* on */     {off,   broken},
    /* broken */ {stays, never},
  }}};
  // clang-format on
}();

using lamp_machine = state_machine<lamp_table>;

TEST_CASE("a machine begins in the first state") {
  CHECK(lamp_machine().now() == lamp::off);
  CHECK(lamp_machine(lamp::on).now() == lamp::on);
}

TEST_CASE("an event brings the state of its cell") {
  lamp_machine it;
  CHECK(it.take(hand::presses));
  CHECK(it.now() == lamp::on);
  CHECK(it.take(hand::presses));
  CHECK(it.now() == lamp::off);
  CHECK(it.take(hand::drops));
  CHECK(it.now() == lamp::broken);
}

TEST_CASE("an event that is ignored says so") {
  lamp_machine it(lamp::broken);
  CHECK_FALSE(it.take(hand::presses));
  CHECK(it.now() == lamp::broken);
}

TEST_CASE("a table tells what it ignores from what cannot happen") {
  const auto ignored = lamp_table.after(lamp::broken, hand::presses);
  CHECK_FALSE(ignored.moves());
  CHECK_FALSE(ignored.is_never());
  CHECK(lamp_table.after(lamp::broken, hand::drops).is_never());
}

TEST_CASE("a machine takes one byte") {
  CHECK(sizeof(lamp_machine) == 1);
}

} // namespace
} // namespace coppice::base
