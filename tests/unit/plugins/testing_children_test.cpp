// SPDX-License-Identifier: MIT
// Tests of coppice/testing/children.hpp: a supervisor beside the actor under test, whose children are pids.
#include <doctest/doctest.h>

#include <coppice/testing/children.hpp>
#include <coppice/testing/match.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

struct office {
  supervisor_in_test crew;
  plugin caretakers = fixture("caretaker");
  actor one{caretakers, {.among = neighbours_of(*this)}};

  office() : crew("crew") {}
  explicit office(child_in_test of_template) : crew("crew", std::move(of_template)) {}
  static neighbours neighbours_of(office& of) {
    neighbours out;
    of.crew.serve(out);
    return out;
  }
  value asks(const char* what) { return one.call(erl(what)).reply(); }
};

// Whether the answer is {ok, Pid} with the pid that the child has now.
bool has_started(const value& answer, const supervisor_in_test& by, const value& id) {
  return answer == value(std::pair(coppice::etf::atom{"ok"}, by.child(id).pid));
}

} // namespace

TEST_CASE("an actor starts, ends and removes children of a supervisor of the test") {
  office set;
  CHECK(has_started(set.asks("{hire, <<\"ann\">>, 3}"), set.crew, "ann"_erl));
  CHECK(set.crew.children().size() == 1);
  CHECK(set.crew.child("ann"_erl).actor == "caretaker:worker");
  CHECK(set.crew.child("ann"_erl).args == "#{level => 3}"_erl);
  CHECK(match("{error, -19, {already_started, _}}", set.asks("{hire, <<\"ann\">>, 4}")));
  CHECK(set.asks("{forget, <<\"ann\">>}") == "{error, -19, running}"_erl);
  CHECK(set.asks("{terminate, <<\"ann\">>}") == "{ok, ok}"_erl);
  CHECK(!set.crew.child("ann"_erl).pid);
  CHECK(set.asks("{hire, <<\"ann\">>, 4}") == "{error, -19, already_present}"_erl);
  CHECK(has_started(set.asks("{rehire, <<\"ann\">>}"), set.crew, "ann"_erl));
  CHECK(set.asks("{rehire, <<\"ann\">>}") == "{error, -19, running}"_erl);
  CHECK(set.asks("{terminate, <<\"ann\">>}") == "{ok, ok}"_erl);
  CHECK(set.asks("{forget, <<\"ann\">>}") == "{ok, ok}"_erl);
  CHECK(set.crew.children().empty());
  CHECK(set.asks("{terminate, <<\"ann\">>}") == "{error, -19, not_found}"_erl);
  CHECK_THROWS_AS(set.crew.child("ann"_erl), failure);
}

TEST_CASE("a child of a supervisor of the test that ends is restarted as its restart type says") {
  office set;
  set.asks("{hire, <<\"ann\">>, 3}");
  const value before = set.crew.child("ann"_erl).pid;
  set.crew.ended(before, "crashed"_erl);
  CHECK(set.crew.child("ann"_erl).pid);
  CHECK(set.crew.child("ann"_erl).pid != before);
  set.asks("{start, <<\"caretaker:worker\">>, <<\"once\">>, #{}}");
  set.crew.ended("once"_erl, "crashed"_erl);
  CHECK(set.crew.children().size() == 1);
  CHECK_THROWS_AS(set.crew.ended("once"_erl, "crashed"_erl), failure);
}

TEST_CASE("a supervisor of the test refuses children where the test says so") {
  office set;
  set.crew.refuse_children(
      [](const child_in_test& one) { return one.args == "#{level => 3}"_erl ? "no_room"_erl : value(); });
  CHECK(match(
      "{error, -19, {no_room, {child, undefined, ann, {coppice, start_link, _}, permanent, false, 5000, "
      "worker, [caretaker]}}}",
      set.asks("{hire, <<\"ann\">>, 3}")));
  CHECK(set.crew.children().empty());
  CHECK(has_started(set.asks("{hire, <<\"bob\">>, 2}"), set.crew, "bob"_erl));
}

TEST_CASE("a supervisor of the test with a template merges what it is asked for over the arguments") {
  office set({.actor = "caretaker:worker", .args = "#{level => 1, room => a}"_erl, .restart = "transient"});
  const value first = set.asks("{extra, #{level => 2}}");
  CHECK(has_started(first, set.crew, set.crew.children().at(0).pid));
  CHECK(match("#{level := 2, room := a}", set.crew.children().at(0).args));
  CHECK(set.asks("{rehire, <<\"ann\">>}") == "{error, -19, simple_one_for_one}"_erl);
  CHECK(set.asks("{terminate, <<\"ann\">>}") == "{error, -19, simple_one_for_one}"_erl);
  set.asks("{extra, #{}}");
  set.crew.ended(set.crew.children().at(1).pid, "normal"_erl);
  CHECK(set.crew.children().size() == 1);
  const value pid = set.crew.children().at(0).pid;
  CHECK(set.one.call(value(std::pair(coppice::etf::atom{"terminate_pid"}, pid))) == "{ok, ok}"_erl);
  CHECK(set.crew.children().empty());
}

TEST_CASE(
    "an actor is given the child of a supervisor as a supervisor too, with its children in the arguments") {
  office set;
  set.asks("{found, <<\"team\">>, <<\"one_for_all\">>}");
  CHECK(set.crew.child("team"_erl).actor == "supervisor");
  CHECK(match("{#{strategy := one_for_all, intensity := 5}, [#{id := first}, #{id := second}]}",
              set.crew.child("team"_erl).args));
  CHECK(set.one.did.complaints.empty());
}
