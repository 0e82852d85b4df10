// SPDX-License-Identifier: MIT
// Tests of the bundled door, driven without a node: its states, postponed events, time-outs on the test's
// clock, each transition with its actions, and its state over a reload.
#include <doctest/doctest.h>
#include <coppice/testing.hpp>

#include "places.hpp"

using namespace coppice::testing;
namespace etf = coppice::etf;

namespace {

struct code {
  std::int64_t digits;
};

plugin door_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/door.so");
}

} // namespace

TEST_CASE("the right code opens it, and its state's time-out closes it") {
  const plugin from = door_plugin();
  actor door(from);
  REQUIRE(door.status() == COPPICE_OK);
  CHECK(door.state() == atom("locked"));
  CHECK(door.call(code{1}) == false);
  CHECK(door.call(code{4711}) == true);
  CHECK(door.state() == atom("open"));
  REQUIRE(door.timeouts().size() == 1);
  CHECK(door.timeouts()[0].type == COPPICE_STATEM_EVENT_STATE_TIMEOUT);
  CHECK(door.timeouts()[0].due == door.now() + 10s);
  door.advance(9s);
  CHECK(door.state() == atom("open"));
  door.advance(1s);
  CHECK(door.state() == atom("locked"));
  CHECK(door.timeouts().empty());
  CHECK(door.did.complaints.empty());
}

TEST_CASE("each transition is there with its event, its states and its actions") {
  const plugin from = door_plugin();
  actor door(from);
  door.did.transitions.clear();
  door.call(code{4711});
  REQUIRE(door.did.transitions.size() == 2); // handle_event, enter
  const auto& handled = door.did.transitions[0];
  CHECK(handled.event == COPPICE_STATEM_EVENT_CALL);
  CHECK(handled.content == value(code{4711}));
  CHECK(handled.from == atom("locked"));
  CHECK(handled.to == atom("open"));
  REQUIRE(handled.actions.size() == 1);
  CHECK(handled.actions[0].what == coppice::statem_action<value>::kind::reply);
  CHECK(handled.actions[0].content == value(true));
  const auto& entered = door.did.transitions[1];
  CHECK(entered.event == 0);
  REQUIRE(entered.actions.size() == 1);
  CHECK(entered.actions[0].type == COPPICE_STATEM_EVENT_STATE_TIMEOUT);
  CHECK(nanoseconds(entered.actions[0].time) == 10s);
}

TEST_CASE("what comes too early waits, and what a state does not know ends it") {
  const plugin from = door_plugin();
  actor door(from);
  door.cast(atom("push"));
  CHECK(door.postponed() == std::vector<value>{atom("push")});
  for (int i = 0; i < 3; ++i) CHECK(door.call(code{1}) == false);
  CHECK(door.state() == atom("blocked"));
  const answer waits = door.call(code{4711});
  CHECK_FALSE(waits);
  door.advance(30s);
  CHECK(waits == true);
  CHECK(door.call(etf::constant<"passed">{}) == 1);
  CHECK(door.postponed().empty());
  door.call(atom("what"));
  CHECK(door.alive()); // the call was refused
}

TEST_CASE("a reload takes the counts over, and finds the state, what waits and the time that is left") {
  const plugin from = door_plugin();
  actor before(from);
  before.cast(atom("push"));
  for (int i = 0; i < 3; ++i) before.call(code{1});
  before.advance(20s);
  const saved_state saved = before.save();
  CHECK(saved.term == value(std::pair(0, 0)));
  actor after = actor::restored(from, saved);
  REQUIRE(after.status() == COPPICE_OK);
  CHECK(after.state() == atom("blocked"));
  CHECK(after.postponed().size() == 1);
  after.advance(9s);
  CHECK(after.state() == atom("blocked"));
  after.advance(1s);
  CHECK(after.state() == atom("locked"));
  CHECK(after.call(code{4711}) == true);
  CHECK(after.call(etf::constant<"passed">{}) == 1);
}

TEST_CASE("how much may be postponed, and what becomes of one more, is the test's to say") {
  const plugin from = door_plugin();
  const std::pair<coppice::statem_overflow, std::size_t> rows[] = {{coppice::statem_overflow::drop_new, 2},
                                                                   {coppice::statem_overflow::drop_old, 2}};
  for (const auto& [on_full, kept] : rows) {
    settings how;
    how.postponed = {2, on_full};
    actor door(from, how);
    for (int i = 0; i < 3; ++i) door.cast(atom("push"));
    CHECK(door.alive());
    CHECK(door.postponed().size() == kept);
  }
  settings how;
  how.postponed.limit = 2;
  actor door(from, how);
  for (int i = 0; i < 3; ++i) door.cast(atom("push"));
  CHECK_FALSE(door.alive());
  CHECK(door.reason() == atom("postponed_full"));
}
