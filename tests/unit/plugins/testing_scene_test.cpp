// SPDX-License-Identifier: MIT
// Tests of coppice/testing/scene.hpp and explore.hpp: several actors and supervisors in one world, and
// different orders of the events between them.
#include <doctest/doctest.h>

#include <coppice/testing/explore.hpp>

#include <sstream>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

using lines = std::vector<std::string>;

namespace {

value heard(actor& envoy) {
  return envoy.call("heard"_erl).reply();
}
std::string word_of(const value& term) {
  return text(term);
}

// Two clerks write into a ledger; the first one opens it. Returns what the ledger lost.
value lost_after(scene& world, const plugin& stall) {
  world.start("ledger", stall, {.actor = "ledger"});
  world.start("opener", stall, {.actor = "clerk", .args = "open"_erl});
  world.start("writer", stall, {.actor = "clerk", .args = "{add, 2}"_erl});
  world.together([&] {
    world["opener"].send("go"_erl);
    world["writer"].send("go"_erl);
  });
  return world["ledger"].call("lost"_erl).reply();
}

} // namespace

TEST_CASE("an actor calls another one of its scene, after the messages that it has sent to it") {
  const plugin stall = fixture("stall_1");
  scene world;
  world.start("bank", stall, {.actor = "bank"});
  actor& till = world.start("till", stall, {.actor = "till"});
  CHECK(till.call("{sell, 3}"_erl) == 8);
  CHECK(world["bank"].call("total"_erl) == 8);
  CHECK(till.did.calls.at(0).to == "bank"_erl);
  CHECK(till.did.sent.at(0).term == "{pay, 1}"_erl);
  CHECK(till.call("order"_erl));
  CHECK(till.call("answered"_erl) == 8);
  CHECK(world.complaints().empty());
}

TEST_CASE(
    "all actors of a scene have one clock: a call waits for a timer of its callee, or for its own time") {
  const plugin stall = fixture("stall_1");
  scene world;
  world.start("bank", stall, {.actor = "bank"});
  actor& till = world.start("till", stall, {.actor = "till"});
  const nanoseconds begin = world.now();
  CHECK(till.call("{ask, wait, 5000}"_erl) == "ring"_erl);
  CHECK(world.now() == begin + 1s);
  CHECK(world["bank"].now() == world.now());
  CHECK(till.call("{ask, wait, 400}"_erl) == "timeout"_erl);
  CHECK(world.now() == begin + 1400ms);
  till.advance(599ms);
  CHECK(world["bank"].timers().size() == 1);
  world.advance(1ms);
  CHECK(world["bank"].timers().empty());
}

TEST_CASE("a call to an actor that ends is its exit, and to one that is gone noproc") {
  const plugin stall = fixture("stall_1");
  scene world;
  world.start("bank", stall, {.actor = "bank"});
  actor& till = world.start("till", stall, {.actor = "till"});
  CHECK(till.call("{ask, crash, 5000}"_erl) == "exit"_erl);
  CHECK(word_of(world["bank"].reason()) == "unhappy");
  CHECK(till.call("{ask, total, 5000}"_erl) == "noproc"_erl);
  CHECK(till.alive());
}

TEST_CASE("a process that the test serves stands beside the actors") {
  const plugin stall = fixture("stall_1");
  scene world;
  actor& till = world.start("till", stall, {.actor = "till"});
  world.serve("bank", [](const value&) { return replies(5); });
  CHECK(till.call("{ask, total, 5000}"_erl) == 5);
}

TEST_CASE("the exit of an actor ends those that are linked to it, or comes to them as a message") {
  const plugin envoys = fixture("envoy");
  scene world;
  for (const char* name : {"first", "second", "third"}) world.start(name, envoys);
  const value third = world["third"].pid();
  for (const char* name : {"first", "second"})
    world[name].call(std::tuple(coppice::etf::atom{"link"}, third.term(), 0));
  CHECK(world["third"].links().size() == 2);
  world["second"].call("{raise, true}"_erl);
  world.kill("third");
  CHECK_FALSE(world["first"].alive());
  CHECK(word_of(world["first"].reason()) == "killed");
  CHECK(world["second"].alive());
  CHECK(heard(world["second"]) == value(std::vector{std::tuple(coppice::etf::atom{"EXIT"}, third.term(),
                                                               coppice::etf::atom{"killed"})}));
  // A link to a process that has ended brings its exit signal at once.
  world["second"].call(std::tuple(coppice::etf::atom{"link"}, third.term(), 0));
  CHECK(text(heard(world["second"])).ends_with(",noproc}]"));
}

TEST_CASE("a monitor by pid or name tells of the end, and of a process that is not there") {
  const plugin envoys = fixture("envoy");
  scene world;
  actor& watcher = world.start("watcher", envoys);
  actor& other = world.start("other", envoys);
  watcher.call("{monitor, other, 0, 0, undefined}"_erl);
  watcher.call("{monitor, nobody, 0, 0, undefined}"_erl);
  CHECK(text(heard(watcher)).find("process,{nobody,test@localhost},noproc}]") != std::string::npos);
  watcher.call(std::tuple(coppice::etf::atom{"exit"}, other.pid().term(), coppice::etf::atom{"enough"}, 0));
  CHECK(word_of(other.reason()) == "enough");
  CHECK(text(heard(watcher)).find("process,{other,test@localhost},enough}]") != std::string::npos);
  CHECK(watcher.monitors().empty());
}

TEST_CASE("a child that an actor spawns runs in its scene") {
  const plugin envoys = fixture("envoy");
  scene world;
  actor& parent = world.start("parent", envoys);
  parent.call("spawn"_erl);
  REQUIRE(parent.did.children.size() == 1);
  const value child = parent.did.children[0].pid;
  CHECK(parent.call(std::tuple(coppice::etf::atom{"link"}, child.term(), 0)));
  parent.call("{raise, true}"_erl);
  parent.call(std::tuple(coppice::etf::atom{"exit"}, child.term(), coppice::etf::atom{"enough"}, 0));
  const std::string told = text(heard(parent));
  CHECK(told.find("'EXIT'") != std::string::npos);
  CHECK(told.find("'DOWN'") != std::string::npos);
}

TEST_CASE("a supervisor starts a child that has ended again, under its name, and others by its strategy") {
  const plugin envoys = fixture("envoy");
  const struct {
    strategy how;
    const char* killed;
    std::vector<bool> is_new;
  } all[] = {
      {strategy::one_for_one, "b", {false, true, false}},  {strategy::one_for_all, "b", {true, true, true}},
      {strategy::rest_for_one, "b", {false, true, true}},  {strategy::rest_for_one, "a", {true, true, true}},
      {strategy::rest_for_one, "c", {false, false, true}},
  };
  for (const auto& each : all) {
    CAPTURE(int(each.how));
    scene world;
    const supervisor& above =
        world.supervise({.how = each.how}, {{"a", envoys}, {"b", envoys}, {"c", envoys}});
    std::vector<value> before;
    for (const char* name : {"a", "b", "c"}) before.push_back(world[name].pid());
    world.kill(each.killed);
    CHECK(above.alive());
    CHECK(above.restarts() == 1);
    std::vector<bool> is_new;
    for (std::size_t i = 0; i < 3; ++i) {
      actor& now = world[std::string(1, char('a' + int(i)))];
      CHECK(now.alive());
      CHECK(now.parent() == above.pid());
      is_new.push_back(now.pid() != before[i]);
    }
    CHECK(is_new == each.is_new);
  }
}

TEST_CASE("a supervisor with too many restarts within its period gives up, and its children end") {
  const plugin envoys = fixture("envoy");
  scene world;
  const supervisor& above = world.supervise({.intensity = 2, .period = 10s}, {{"a", envoys}, {"b", envoys}});
  for (int i = 0; i < 4; ++i) {
    world.kill("a");
    CHECK(above.alive());
    world.advance(6s);
  }
  world.kill("a");
  CHECK(above.alive());
  world.kill("a");
  CHECK_FALSE(above.alive());
  CHECK_FALSE(world["a"].alive());
  CHECK(word_of(world["b"].reason()) == "shutdown");
}

TEST_CASE("a transient child is restarted after a failure alone, and a temporary one never") {
  const plugin envoys = fixture("envoy");
  scene world;
  const supervisor& above = world.supervise(
      {.intensity = 9}, {{"t", envoys, {}, restart::transient}, {"once", envoys, {}, restart::temporary}});
  world.kill("t");
  CHECK(world["t"].alive());
  world["t"].exit(world["once"].pid(), "shutdown"_erl);
  CHECK_FALSE(world["t"].alive());
  world.kill("once");
  CHECK_FALSE(world["once"].alive());
  CHECK(above.restarts() == 1);
}

TEST_CASE("other code takes over the actors of a scene, with their pids, states and open calls") {
  const plugin first = fixture("stall_1");
  scene world;
  world.supervise({}, {{"bank", first, {.actor = "bank"}}, {"till", first, {.actor = "till"}}});
  const value pid = world["bank"].pid();
  world["till"].call("{sell, 3}"_erl);
  world.reload_with(std::string(FIXTURE_FOLDER) + "/stall_2.so");
  CHECK(world["bank"].pid() == pid);
  CHECK(world["bank"].call("total"_erl) == 9);
  CHECK(world["till"].call("{sell, 1}"_erl) == 9);
  world.kill("bank");
  CHECK(world["till"].call("{sell, 1}"_erl) == 10);
  CHECK(world.complaints().empty());
}

TEST_CASE(
    "an order of messages that breaks a test is found, with the fewest choices, and its seed repeats it") {
  const plugin stall = fixture("stall_1");
  const auto body = [&](scene& world) { return lost_after(world, stall) == 0; };
  scene plain;
  CHECK(lost_after(plain, stall) == 0);
  const explored found = explore(200, body);
  REQUIRE_FALSE(found);
  CHECK_FALSE(found.is_plain);
  CHECK(found.fault == "the test returned false");
  CHECK(found.choices.size() == 1);
  const explored again = explore(1, body, {.seed = found.seed});
  CHECK(again.choices == found.choices);
  std::ostringstream out;
  out << found;
  CHECK(out.str().find("with seed " + std::to_string(found.seed) + ",") != std::string::npos);
  CHECK(out.str().find("choices that differ from the plain order: 1\n    choice ") != std::string::npos);
}

TEST_CASE("messages of one actor to another one stay in order in every run") {
  const plugin stall = fixture("stall_1");
  const explored found = explore(200, [&](scene& world) {
    world.start("ledger", stall, {.actor = "ledger"});
    world.start("opener", stall, {.actor = "clerk", .args = "open"_erl});
    world["opener"].send("go"_erl);
    return world["ledger"].call("lost"_erl) == 0;
  });
  CHECK(found);
  CHECK(found.runs == 200);
}

TEST_CASE("a timer may be due before a message that was sent earlier has come") {
  const plugin stall = fixture("stall_1");
  const explored found = explore(200, [&](scene& world) {
    world.start("ledger", stall, {.actor = "ledger"});
    world.start("opener", stall, {.actor = "clerk", .args = "open"_erl});
    world["ledger"].send("{plan, 1500}"_erl);
    world["opener"].send("later"_erl);
    world.advance(2s);
    return world["ledger"].call("lost"_erl) == 0;
  });
  REQUIRE_FALSE(found);
  CHECK_FALSE(found.is_plain);
  REQUIRE(found.choices.size() == 1);
  // The timer is due before the opener has sent its message, or before the message has arrived.
  CHECK(found.choices[0].find(": the next timer is due, before open") != std::string::npos);
}

TEST_CASE(
    "host calls, exits and reloads that a test allows happen in some runs and never in the plain order") {
  const plugin stall = fixture("stall_1");
  const auto shop = [&](scene& world) {
    world.supervise({.intensity = 9},
                    {{"bank", stall, {.actor = "bank"}}, {"till", stall, {.actor = "till"}}});
  };
  const auto total_is = [](scene& world, int wanted) {
    world["till"].send("{pay, 1}"_erl);
    return world["bank"].call("total"_erl) == wanted;
  };
  const explored failing = explore(50, [&](scene& world) {
    shop(world);
    world.may_fail("send", COPPICE_E_FULL);
    return total_is(world, 11);
  });
  REQUIRE_FALSE(failing);
  CHECK(failing.choices.size() == 1);
  CHECK(failing.choices.at(0).ends_with("coppice.actor/1's send fails"));

  const explored killed = explore(200, [&](scene& world) {
    shop(world);
    world.may_be_killed("bank");
    world["till"].send("{pay, 1}"_erl);
    world["till"].send("{pay, 1}"_erl);
    return world["bank"].call("total"_erl) == 12;
  });
  REQUIRE_FALSE(killed);
  CHECK(killed.choices.size() == 1);
  CHECK(killed.choices.at(0).find("bank is killed") != std::string::npos);

  const explored reloaded = explore(200, [&](scene& world) {
    shop(world);
    world.may_be_reloaded_with(std::string(FIXTURE_FOLDER) + "/stall_2.so");
    return total_is(world, 11); // the second version adds one when it is restored
  });
  REQUIRE_FALSE(reloaded);
  CHECK(reloaded.choices.at(0).find("the code of stall is replaced") != std::string::npos);
}

TEST_CASE("a test that fails in the plain order says so, and an exception is its fault") {
  const explored found = explore(10, [](scene& world) { world["nobody"].send(1); });
  CHECK_FALSE(found);
  CHECK(found.is_plain);
  CHECK(found.fault == "this scene has no actor nobody");
}

TEST_CASE("a rule of the API that an actor breaks fails a run") {
  const plugin faulty = fixture("faulty_1");
  const explored found = explore(10, [&](scene& world) {
    world.start("one", faulty, {.actor = "replies_twice"});
    world["one"].call("ask"_erl);
  });
  CHECK_FALSE(found);
  CHECK(found.fault == "one: its handle_call called coppice.call/1's reply twice for the call in hand");
}
