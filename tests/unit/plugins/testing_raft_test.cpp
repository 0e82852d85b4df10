// SPDX-License-Identifier: MIT
// Tests of coppice/testing/raft.hpp: a group of equal members causes no failure. Each way in which members
// can come to differ causes one, whose text names the entry.
#include <doctest/doctest.h>
#include <coppice/testing/raft.hpp>

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;
using kind = raft_answer::kind;

namespace {

value add(std::int64_t amount) {
  return std::pair(coppice::etf::atom{"add"}, amount);
}
// The text of the failure that `what` throws. "": none.
template <class What>
std::string failing(const What& what) {
  try {
    what();
  } catch (const failure& why) {
    return why.what();
  }
  return {};
}
bool has(const std::string& text, const char* part) {
  return text.find(part) != text.npos;
}
// The text of the failure at the first of ten commands that fails.
std::string failing_command(const plugin& slips, std::string_view name) {
  return failing([&] {
    raft_in_test group(slips, {.actor = name});
    for (int i = 0; i < 10; ++i) group.append(add(3));
  });
}

} // namespace

TEST_CASE("members that are alike answer as one, with the entry's serial, time and random number") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips);
  const raft_answer added = group.append(add(3), {.time = 5000, .random = 0});
  CHECK(added.what == kind::done);
  CHECK(added.serial == 1);
  CHECK(added.term == "{3,5000,false}"_erl);
  CHECK(group.append(add(4)).term == "{7,5001,true}"_erl);
  CHECK(group.query(atom("sum")).term == 7);
  CHECK(group.state().term == 7);
  group.snapshot();
  CHECK(group.append(add(1)).term == "{8,5002,true}"_erl);
  CHECK(group.complaints().empty());
}

TEST_CASE(
    "what validate refuses is no entry, what apply refuses is one, and so is a command of another form") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips);
  const raft_answer early = group.append(add(-1));
  CHECK(early.what == kind::discarded);
  CHECK(early.term == atom("too_little"));
  CHECK(early.serial == 0);
  const raft_answer late = group.append(add(101));
  CHECK(late.what == kind::discarded);
  CHECK(late.term == atom("too_much"));
  CHECK(late.serial == 1);
  CHECK(group.append(atom("what")).what == kind::discarded);
  CHECK(group.apply(atom("what")).serial == 2);
  CHECK(group.apply(add(-1)).term.as<std::tuple<std::int64_t, std::int64_t, bool>>() ==
        std::tuple(std::int64_t{-1}, std::int64_t{1767225600003}, true));
  const raft_answer unknown = group.query(atom("what"));
  CHECK(unknown.what == kind::discarded);
  CHECK(text(unknown.term).starts_with("{bad_request,"));
}

TEST_CASE("an exception in apply ends the members, and nothing can be asked of them then") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips);
  const raft_answer ended = group.append(add(100));
  CHECK(ended.what == kind::ended);
  CHECK(ended.term == "{exception,'std::runtime_error',<<\"a hundred\">>}"_erl);
  CHECK(ended.serial == 1);
  CHECK(has(failing([&] { group.append(add(1)); }), "has ended"));
  CHECK(has(failing([&] { group.query(atom("sum")); }), "has ended"));
}

TEST_CASE("the first member is told of its group, and may send then") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips);
  group.on_leader("{clean,'a@127.0.0.1'}"_erl, 4);
  REQUIRE(group.first().did.sent.size() == 1);
  CHECK(group.first().did.sent[0].to == atom("watcher"));
  CHECK(group.first().did.sent[0].term == "{{clean,'a@127.0.0.1'},4}"_erl);
  group.on_quorum(3, true);  // it has no such callback
  group.on_member("[]"_erl); // and no such callback either
  CHECK(group.complaints().empty());
}

TEST_CASE(
    "replies that depend on the clock, on other members or on what no snapshot has are found at their "
    "entry") {
  const plugin slips = fixture("slips");
  const std::string timed = failing_command(slips, "timed");
  CHECK(timed.starts_with("entry 1, {add,3}: a member answers "));
  CHECK(has(timed, "but a member with another pid, clock and node answers "));
  CHECK(failing_command(slips, "shares").starts_with("entry 1, {add,3}: "));
  CHECK(failing_command(slips, "forgets") ==
        "entry 2, {add,3}: a member answers 2, but a member that was restored from a snapshot answers 1");
}

TEST_CASE("states that differ are found, and so is a snapshot that is refused, or not read") {
  const plugin slips = fixture("slips");
  CHECK(
      has(failing_command(slips, "local"), "but that of a member with another pid, clock and node is #Pid<"));
  CHECK(failing_command(slips, "ignores") ==
        "entry 1, {add,3}: the state of a member is 3, but that of a member that was restored from it is 0");
  const std::string refuses = failing_command(slips, "refuses");
  CHECK(refuses.starts_with("entry 1, {add,3}: restore_state refuses the state 3: "));
}

TEST_CASE("a state that is changed by what may not change it is found") {
  const plugin slips = fixture("slips");
  CHECK(failing_command(slips, "hasty") ==
        "entry 4, {add,3}: it is discarded, but has changed the state from 9 to 12");
  CHECK(failing_command(slips, "counts") == "validate of {add,3} has changed the state from 0 to 3");
  raft_in_test asked(slips, {.actor = "counts"});
  CHECK(failing([&] { asked.query(atom("sum")); }) == "query sum has changed the state from 0 to 1");
  raft_in_test told(slips, {.actor = "counts"});
  CHECK(has(failing([&] { told.on_quorum(5, true); }), "has changed the state from 0 to 5"));
}

TEST_CASE("a call that does something and is no effect is refused in apply, and told") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "labels"});
  CHECK(group.append(add(1)).what == kind::ended);
  REQUIRE_FALSE(group.complaints().empty());
  CHECK(group.complaints()[0] ==
        "its apply called coppice.actor/1's set_label, which is not allowed there: that callback may only "
        "look");
  CHECK(group.first().did.label.empty());
}

TEST_CASE("what apply sends is sent by the first member, and timers fire as entries") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "asking"});
  CHECK(group.append("{later,1000,2}"_erl).what == kind::done);
  REQUIRE(group.first().did.sent.size() == 1);
  CHECK(group.first().did.sent[0].to == atom("watcher"));
  CHECK(group.first().did.sent[0].term == value(std::int64_t{2}));
  CHECK(group.effects().timers.size() == 1);
  CHECK(group.advance(std::chrono::milliseconds(999)).empty());
  group.snapshot();
  CHECK(group.advance(std::chrono::milliseconds(1)).size() == 1); // it starts another one of 10 ms
  const auto fired = group.advance(std::chrono::milliseconds(10));
  REQUIRE(fired.size() == 1);
  CHECK(fired[0].serial == 3);
  CHECK(has(text(group.state().term), "{[2,3],"));
  CHECK(group.effects().timers.empty());
  CHECK(group.complaints().empty());
}

TEST_CASE("a timer that repeats fires until it is cancelled, and one for another process makes it no entry") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "asking"});
  group.append("{often,100,<<>>}"_erl);
  CHECK(group.advance(std::chrono::milliseconds(350)).size() == 3);
  CHECK(group.append(atom("stop")).term == "{true,false}"_erl);
  CHECK(group.append(atom("stop")).term == "{false,false}"_erl);
  CHECK(group.advance(std::chrono::hours(1)).empty());
  group.append("{often,100,<<\"far\">>}"_erl);
  group.advance(std::chrono::milliseconds(200));
  REQUIRE(group.first().did.sent.size() == 2);
  CHECK(group.first().did.sent[1].to == atom("far"));
  CHECK(group.first().did.sent[1].term == "{tick,0}"_erl);
  CHECK(has(text(group.state().term), "{[0,0,0],"));
}

TEST_CASE("the end of a monitored process is an entry, unless it is not monitored any more") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "asking"});
  CHECK(group.append("{watch,<<\"shop\">>}"_erl).what == kind::done);
  REQUIRE(group.first().did.sent.size() == 1);
  CHECK(group.first().did.sent[0].is_cast);
  REQUIRE(group.effects().monitors.size() == 1);
  const value reference = group.effects().monitors.begin()->first;
  CHECK(group.effects().monitors.begin()->second.whom == atom("shop"));
  CHECK(group.down(reference, atom("boom")).what == kind::done);
  CHECK(has(text(group.state().term), "{[-1],"));
  CHECK(has(failing([&] { group.down(reference, atom("boom")); }), "the group has no monitor"));
  group.append("{watch,<<\"shop\">>}"_erl);
  CHECK(group.effects().monitors.begin()->first != reference);
  CHECK(group.append(atom("stop")).term == "{false,true}"_erl);
  CHECK(group.effects().monitors.empty());
}

TEST_CASE("the effects of a command that is discarded are forgotten") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "asking"});
  group.append("{later,1000,1}"_erl);
  group.first().did.sent.clear();
  CHECK(group.append(atom("refuse")).what == kind::discarded);
  CHECK(group.first().did.sent.empty());
  CHECK(group.effects().timers.size() == 1);
  CHECK(group.advance(std::chrono::hours(1)).size() == 1);
}

TEST_CASE("effects that differ are found, and so is a timer by another clock") {
  const plugin slips = fixture("slips");
  const std::string uneven = failing_command(slips, "uneven");
  CHECK(uneven.starts_with("entry 1, {add,3}: the effects of a member are "));
  CHECK(has(uneven, "but those of a member with another pid, clock and node are "));
  raft_in_test group(slips, {.actor = "hurried"});
  CHECK(group.append(add(1)).what == kind::ended);
  REQUIRE_FALSE(group.complaints().empty());
  CHECK(has(group.complaints()[0], "with a deadline of a monotonic clock"));
}

TEST_CASE("equal maps are equal in any order of their keys; without save_state only answers are compared") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "shuffles"});
  for (int i = 0; i < 3; ++i) CHECK(group.append(add(1)).what == kind::done);
  CHECK_FALSE(group.state().term);
  CHECK(has(failing([&] { group.snapshot(); }), "no save_state"));
}

TEST_CASE("an actor of another behaviour is refused") {
  const plugin clerks = fixture("clerk");
  CHECK(failing([&] { raft_in_test group(clerks); }) == "this actor is no replicated state machine");
}

TEST_CASE("a group of an older version follows its rules, until it goes over to the next one") {
  const plugin slips = fixture("slips");
  raft_in_test group(slips, {.actor = "grows"}, 1);
  CHECK(group.version() == 1);
  CHECK(group.append(add(3)).term == "{1,3}"_erl);
  CHECK(group.state().version == 1);
  CHECK(group.state().term == 3);
  group.snapshot();
  group.upgrade();
  CHECK(group.version() == 2);
  CHECK(group.state().version == 2);
  CHECK(group.state().term == "{3,0}"_erl);
  CHECK(group.append(add(3)).term == "{2,33}"_erl);
  CHECK(group.state().term == "{33,1}"_erl);
  group.snapshot();
  CHECK(group.append(add(1)).serial == 3);
  CHECK(has(failing([&] { group.upgrade(); }), "knows no version after 2"));
  CHECK(group.complaints().empty());
}

TEST_CASE(
    "a group without a version in its test has the newest one of its code, and a new group goes over as it "
    "is") {
  const plugin slips = fixture("slips");
  raft_in_test newest(slips, {.actor = "grows"});
  CHECK(newest.append(add(3)).term == "{2,30}"_erl);
  raft_in_test fresh(slips, {.actor = "grows"}, 1);
  fresh.upgrade();
  CHECK(fresh.append(add(3)).term == "{2,30}"_erl);
  raft_in_test none(slips, {.actor = "clean"});
  CHECK(none.version() == 0);
}

TEST_CASE("a version that the code does not know, and one to which it cannot go over, is a failure") {
  const plugin slips = fixture("slips");
  CHECK(failing([&] { raft_in_test group(slips, {.actor = "grows"}, 3); }) ==
        "this actor does not know version 3, but 1 to 2");
  CHECK(has(failing([&] { raft_in_test group(slips, {.actor = "clean"}, 1); }), "does not know version 1"));
  raft_in_test group(slips, {.actor = "stays"}, 1);
  group.append(add(3));
  CHECK(failing([&] {
          group.upgrade();
        }).starts_with("the change to version 2: restore_state refuses the state 3: "));
}
