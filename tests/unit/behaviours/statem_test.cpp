// SPDX-License-Identifier: MIT
// Tests of the state machine engine: the order of events, what a transition does to time-outs and postponed
// events, what ends the machine and with which reason, and what sys sees. scripted_statem.hpp explains the
// scripts.
#include "behaviours/statem/statem.hpp"

#include <chrono>

#include "scripted_statem.hpp"

using namespace coppice;
using namespace coppice::test;

namespace {

struct row {
  const char* script;
  const char* played;
};

void check(std::initializer_list<row> rows) {
  test_host host;
  for (const row& each : rows) {
    CAPTURE(each.script);
    CHECK(played(host, each.script) == each.played);
  }
}

} // namespace

TEST_CASE(
    "the enter callback comes first, then inserted events in their order, then postponed ones, then zero "
    "time-outs, then the mailbox") {
  check(
      {{"{true, [{next, a, []}, {keep, []}, {keep, [postpone]}, {keep, [postpone]}, "
        "{next, b, [{state_timeout, 0, z}, {next_event, internal, i1}, {next_event, cast, i2}]}], "
        "[{cast, p1}, {info, p2}, {call, go}, {cast, last}]}",
        "enter:a@a cast:p1@a info:p2@a call:go@a enter:a@b internal:i1@b cast:i2@b cast:p1@b info:p2@b "
        "state_timeout:z@b cast:last@b | up {ok,{b,data}} | go=none"}});
}

TEST_CASE("init's actions come before the first message") {
  check({{"{false, [{next, a, [{next_event, internal, first}, {{timeout, n}, 0, zero}]}], [{cast, x}]}",
          "internal:first@a {timeout,n}:zero@a cast:x@a | up {ok,{a,data}} | "},
         {"{true, [{next, a, [{next_event, internal, first}, postpone]}], []}",
          "enter:a@a internal:first@a | up {ok,{a,data}} | "}});
}

TEST_CASE("postponed events come again after a real change of the state, and after nothing else") {
  check(
      {{"{true, [{next, a, []}, {keep, []}, {keep, [postpone]}, {next, a, []}, {repeat, []}, {keep, []}, "
        "{keep, []}, "
        "{next, b, []}], [{cast, p}, {cast, same}, {cast, again}, {cast, no}, {cast, go}]}",
        "enter:a@a cast:p@a cast:same@a cast:again@a enter:a@a cast:no@a cast:go@a enter:a@b cast:p@b | "
        "up {ok,{b,data}} | "}});
}

TEST_CASE("an event postponed with the change of the state is handled in the new one") {
  check({{"{false, [{next, a, []}, {next, b, [postpone]}], [{cast, p}]}",
          "cast:p@a cast:p@b | up {ok,{b,data}} | "}});
}

TEST_CASE("a call is answered three states later") {
  check(
      {{"{false, [{next, a, []}, {keep, [postpone]}, {next, b, []}, {keep, [postpone]}, {next, c, []}, "
        "{keep, [{reply, yes}]}], "
        "[{call, q}, {cast, one}, {cast, two}]}",
        "call:q@a cast:one@a call:q@b cast:two@b call:q@c | up {ok,{c,data}} | q=yes"}});
}

TEST_CASE("an event time-out of zero is cancelled by any other event") {
  check({{"{false, [{next, a, []}, {keep, [{timeout, 0, t}]}], [{cast, x}]}",
          "cast:x@a timeout:t@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, []}, {keep, [{timeout, 0, t}, {next_event, internal, i}]}], [{cast, x}]}",
          "cast:x@a internal:i@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, []}, {keep, [{timeout, 30, t}]}], [{cast, x}, {cast, y}, {sleep, 60}]}",
          "cast:x@a cast:y@a | up {ok,{a,data}} | "}});
}

TEST_CASE("a change of the state cancels its time-out, and named ones go on") {
  check({{"{false, [{next, a, [{state_timeout, 30, s}, {{timeout, n}, 30, n}]}, {next, b, []}], [{cast, go}, "
          "{sleep, 80}]}",
          "cast:go@a {timeout,n}:n@b | up {ok,{b,data}} | "},
         {"{false, [{next, a, [{state_timeout, 30, s}]}, {next, a, []}, {repeat, []}], [{cast, x}, {cast, "
          "y}, {sleep, 80}]}",
          "cast:x@a cast:y@a state_timeout:s@a | up {ok,{a,data}} | "},
         {"{true, [{next, a, []}, {keep, [{state_timeout, 30, s}]}, {next, b, []}, {keep, [{state_timeout, "
          "30, t}]}], "
          "[{cast, x}, {sleep, 80}]}",
          "enter:a@a cast:x@a enter:a@b state_timeout:t@b | up {ok,{b,data}} | "}});
}

TEST_CASE("a time-out is updated at the time there was, and one that is not set is of zero then") {
  check({{"{false, [{next, a, [{{timeout, n}, 30, old}]}, {keep, [{{timeout, n}, update, new}]}], [{cast, "
          "x}, {sleep, 80}]}",
          "cast:x@a {timeout,n}:new@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, []}, {keep, [{state_timeout, update, new}]}], [{cast, x}]}",
          "cast:x@a state_timeout:new@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, [{{timeout, n}, 30, old}]}, {keep, [{{timeout, n}, cancel}]}], [{cast, x}, "
          "{sleep, 80}]}",
          "cast:x@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, [{{timeout, n}, 30, old}]}, {keep, [{{timeout, n}, infinity, x}]}], [{cast, "
          "x}, {sleep, 80}]}",
          "cast:x@a | up {ok,{a,data}} | "}});
}

TEST_CASE("of each time-out the last action counts, and zeros come in the order in which they were set") {
  check({{"{false, [{next, a, []}, {keep, [{state_timeout, 0, s1}, {{timeout, n}, 0, n}, {state_timeout, 0, "
          "s2}]}], [{cast, x}]}",
          "cast:x@a {timeout,n}:n@a state_timeout:s2@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, []}, {keep, [{state_timeout, 0, s1}, {{timeout, n}, 0, n}, {next_event, "
          "internal, i}]}, "
          "{keep, [{state_timeout, 0, s2}]}], [{cast, x}]}",
          "cast:x@a internal:i@a {timeout,n}:n@a state_timeout:s2@a | up {ok,{a,data}} | "}});
}

TEST_CASE("what an enter callback may not do ends the machine with OTP's reason") {
  check({{"{true, [{next, a, []}, {keep, [postpone]}], []}",
          "enter:a@a | down {bad_state_enter_action_from_state_function,postpone} | "},
         {"{true, [{next, a, []}, {keep, [{next_event, internal, x}]}], []}",
          "enter:a@a | down {bad_state_enter_action_from_state_function,{next_event,internal,x}} | "},
         {"{true, [{next, a, []}, {next, b, []}], []}",
          "enter:a@a | down {bad_state_enter_return_from_state_function,{next_state,b,data}} | "}});
}

TEST_CASE("a bad action ends it, after the replies before it") {
  check({{"{false, [{next, a, []}, {keep, [{reply, yes}, {state_timeout, -1, x}, postpone]}], [{call, q}]}",
          "call:q@a | down {bad_action_from_state_function,{state_timeout,-1,x}} | q=yes"},
         {"{false, [{next, a, []}, {keep, [{next_event, what, x}]}], [{cast, q}]}",
          "cast:q@a | down {bad_action_from_state_function,{next_event,99,x}} | "},
         {"{false, [{next, a, []}, {keep, [{state_timeout, 9000000000000, x}]}], [{cast, q}]}",
          "cast:q@a | down badarg | "},
         {"{false, [{next, a, []}, {keep, [{state_timeout, 9000000000000, x, [{abs, true}]}]}], [{cast, q}]}",
          "cast:q@a | down badarg | "},
         {"{false, [{next, a, []}, {keep, [{{timeout, n}, 8000000000000, x, [{abs, true}]}]}], [{cast, q}]}",
          "cast:q@a | up {ok,{a,data}} | "},
         {"{false, [{next, a, []}, {keep, [{state_timeout, 8000000000000, x}]}], [{cast, q}]}",
          "cast:q@a | up {ok,{a,data}} | "}});
}

TEST_CASE("one that stops sends its replies first, and nothing else may be with them") {
  check({{"{false, [{next, a, []}, {keep, [postpone]}, {stop, {shutdown, x}, [{reply, bye}]}], [{call, p}, "
          "{call, q}]}",
          "call:p@a call:q@a | down {shutdown,x} | p=none q=bye"},
         {"{false, [{next, a, []}, {stop, normal, [{reply, bye}, postpone]}], [{call, q}]}",
          "call:q@a | down {bad_reply_action_from_state_function,postpone} | q=bye"}});
}

TEST_CASE("a start without a state, or with a bad action, fails") {
  check({{"{false, [{keep, []}], []}", "start {error,{bad_return_from_init,ok}}"},
         {"{false, [{next, a, [{state_timeout, -5, x}]}], []}",
          "start {error,{bad_action_from_state_function,{state_timeout,-5,x}}}"},
         {"{false, [{stop, no, []}], []}", "start {error,no}"}});
}

TEST_CASE("states are any terms") {
  check(
      {{"{false, [{next, {on, 1}, []}, {next, {on, 1}, []}, {next, #{x => 2}, []}], [{cast, p}, {cast, q}]}",
        "cast:p@{on,1} cast:q@{on,1} | up {ok,{#{x => 2},data}} | "}});
}

TEST_CASE("more postponed events than may be end it, or are dropped") {
  test_host host;
  const std::string script =
      "{false, [{next, a, []}, {keep, [postpone]}, {keep, [postpone]}, {keep, [postpone]}, {next, b, []}], "
      "[{cast, p1}, {cast, p2}, {cast, p3}, {cast, go}]}";
  CHECK(played(host, script, 2) == "cast:p1@a cast:p2@a cast:p3@a | down postponed_full | ");
  CHECK(played(host, script, 2, statem_overflow::drop_new) ==
        "cast:p1@a cast:p2@a cast:p3@a cast:go@a cast:p1@b cast:p2@b | up {ok,{b,data}} | ");
  CHECK(played(host, script, 2, statem_overflow::drop_old) ==
        "cast:p1@a cast:p2@a cast:p3@a cast:go@a cast:p2@b cast:p3@b | up {ok,{b,data}} | ");
  CHECK(played(host, script, 0, statem_overflow::drop_old) ==
        "cast:p1@a cast:p2@a cast:p3@a cast:go@a | up {ok,{b,data}} | ");
  // A postponed event that is due again at once takes no room.
  CHECK(played(host, "{false, [{next, a, []}, {next, b, [postpone]}], [{cast, p}]}", 0) ==
        "cast:p@a cast:p@b | up {ok,{b,data}} | ");
}

TEST_CASE("a thousand drops of the oldest keep the last ones in their order") {
  statem_machine<runtime::message> machine;
  struct none final : statem_effects<runtime::message> {
    bool reply(const runtime::message&, runtime::message) override { return true; }
    std::uint64_t arm(const statem_action<runtime::message>&, std::uint64_t) override { return 0; }
    void disarm(std::uint32_t, std::uint64_t) override {}
    void dropped(const statem_event<runtime::message>& gone) override { last = text(gone.content); }
    std::string last;
  } effects;
  using step = decltype(machine)::step;
  machine.bound(5, statem_overflow::drop_old);
  machine.next_state(term("a"));
  REQUIRE(machine.start(effects) == step::idle);
  REQUIRE(machine.go_on(effects, false) == step::idle);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(machine.begin({COPPICE_STATEM_EVENT_CAST, {}, term(std::to_string(i))}) == step::handle);
    machine.add({.what = statem_action<runtime::message>::kind::postpone});
    REQUIRE(machine.finish(effects, false) == step::idle);
  }
  CHECK(machine.dropped() == 995);
  CHECK(effects.last == "994");
  REQUIRE(machine.postponed_count() == 5);
  CHECK(text(machine.postponed(0).content) == "995");
  CHECK(text(machine.postponed(4).content) == "999");
}

// The timers of cancelled time-outs go on, and serve the next time-out.
TEST_CASE("a time-out is due at its own time, whatever was set and cancelled before it") {
  test_host host;
  const auto took = [&](const char* script) {
    const auto began = std::chrono::steady_clock::now();
    CHECK(played(host, script).find("state_timeout:y@b") != std::string::npos);
    return std::chrono::steady_clock::now() - began;
  };
  using namespace std::chrono_literals;
  // The timer of the earlier time-out would fire too late in the first script, and too soon in the second.
  CHECK(took("{false, [{next, a, [{state_timeout, 3600000, x}]}, {next, b, [{state_timeout, 20, y}]}], "
             "[{cast, p}, {sleep, 500}]}") < 1h);
  CHECK(took("{false, [{next, a, [{state_timeout, 300, x}]}, {next, b, [{state_timeout, 600, y}]}], "
             "[{cast, p}, {sleep, 1200}]}") >= 600ms);
  CHECK(
      played(host,
             "{false, [{next, a, [{state_timeout, 300, x}]}, {next, b, []}, {keep, [{state_timeout, 400, "
             "y}]}, {keep, [{state_timeout, cancel}]}], [{cast, p}, {cast, q}, {cast, r}, {sleep, 700}]}") ==
      "cast:p@a cast:q@b cast:r@b | up {ok,{b,data}} | ");
  // The same holds for event time-outs.
  CHECK(
      played(host,
             "{false, [{next, a, [{timeout, 300, x}]}, {keep, [{timeout, 60000, y}]}, {keep, [{timeout, 20, "
             "z}]}], [{cast, p}, {cast, q}, {sleep, 500}]}") ==
      "cast:p@a cast:q@a timeout:z@a | up {ok,{a,data}} | ");
}

TEST_CASE("a time-out does not overtake an event that came before it was due, whatever was set before it") {
  test_host host;
  // The timer of 600 ms fires within the callback, and is read when the time-out of 900 ms is due as well.
  CHECK(played(host,
               "{false, [{next, a, [{state_timeout, 600, x}]}, {next, b, [{state_timeout, 900, y}]}], "
               "[{cast, p}, {cast, {outlast, 800, 400}}, {sleep, 200}]}") ==
        "cast:p@a cast:{outlast,800,400}@b cast:later@b state_timeout:y@b | up {ok,{b,data}} | ");
  CHECK(played(host,
               "{false, [{next, a, [{timeout, 600, x}]}, {keep, []}, {keep, []}], "
               "[{cast, p}, {cast, q}, {sleep, 1}]}") == "cast:p@a cast:q@a | up {ok,{a,data}} | ");
}

TEST_CASE("a timer that fired before it was cancelled is nothing") {
  test_host host;
  CHECK(played(host,
               "{false, [{next, a, [{{timeout, n}, 1, x}]}, {keep, [{{timeout, n}, cancel}]}], [{sleep, 20}, "
               "{sleep, 1}]}") == "{timeout,n}:x@a | up {ok,{a,data}} | ");
  // No message can pass for a fired time-out.
  CHECK(
      played(host,
             "{false, [{next, a, [{state_timeout, 60000, x}]}], [{info, {'$coppice_timeout', 6, 1, []}}]}") ==
      "info:{'$coppice_timeout',6,1,[]}@a | up {ok,{a,data}} | ");
}
