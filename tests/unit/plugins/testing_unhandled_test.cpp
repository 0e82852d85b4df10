// SPDX-License-Identifier: MIT
// Tests of requests that no callback takes, in a plugin's own test as in a node. The class decides, by the
// plugin's note, unless the configuration does.
#include <doctest/doctest.h>
#include <coppice/testing/note.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;
using coppice::unhandled;

TEST_CASE(
    "a class that says reply_error answers what it does not take, with the decoder's text, and goes on") {
  const plugin askers = fixture("asker");
  actor one(askers);
  CHECK(text(one.call("{ask, oracle}"_erl).reply())
            .starts_with("{error,{bad_request,<<\"request: expected {ask, "));
  one.cast("what"_erl);
  one.send("what"_erl);
  CHECK(one.alive());
  CHECK(one.call("heard"_erl) == 0);
  one.advance(1h);
  CHECK(one.did.complaints.empty());
}

TEST_CASE("the configuration's choice goes before the class's") {
  const plugin askers = fixture("asker");
  SUBCASE("exit: it ends, as in OTP") {
    actor one(askers, {.unhandled = unhandled::exit});
    CHECK_FALSE(one.call("what"_erl));
    CHECK(one.reason() == "{bad_call, what}"_erl);
    actor other(askers, {.unhandled = unhandled::exit});
    other.cast("what"_erl);
    CHECK(other.reason() == "{bad_cast, what}"_erl);
  }
  for (const unhandled quiet : {unhandled::log, unhandled::ignore}) {
    actor one(askers, {.unhandled = quiet});
    CHECK_FALSE(one.call("what"_erl));
    one.cast("what"_erl);
    one.advance(1h);
    CHECK(one.alive());
    CHECK(one.did.complaints.empty());
  }
}

TEST_CASE("a class that says nothing ends, and a configuration may have it answer") {
  const plugin caretakers = fixture("caretaker");
  actor one(caretakers);
  one.call("what"_erl);
  CHECK(one.reason() == "{bad_call, what}"_erl);
  actor other(caretakers, {.unhandled = unhandled::reply_error});
  CHECK(text(other.call("what"_erl).reply()).starts_with("{error,{bad_request,"));
  CHECK(other.alive());
  const plugin rude = fixture("rude"); // in C
  actor third(rude, {.unhandled = unhandled::reply_error});
  CHECK(rude.unhandled_of("rude") == unhandled::exit);
}

TEST_CASE("a call that nothing takes is answered in a node's words for that kind of actor") {
  const plugin brokers = fixture("broker");
  for (const auto& each :
       {std::pair("silent_machine", "state machine"), std::pair("silent_handler", "event handler")}) {
    actor one(brokers, {.actor = each.first, .unhandled = unhandled::reply_error});
    CHECK(text(one.call("what"_erl).reply()) ==
          "{error,{bad_request,<<\"the " + std::string(each.second) + " takes no such request\">>}}");
    CHECK(one.alive());
  }
}

TEST_CASE("the choice is found in a note however that is laid out") {
  using detail::word_of_actor;
  const char* const spread =
      "{ \"coppice\" : 1,\n \"abi\": [1, 0], \"actors\" : [ { \"args_schema\": "
      "{\"a\": [\"]}\", {\"unhandled\":\"no\"}]},\n \"name\": \"one\" }, "
      "{\"unhandled\" : \"log\", \"name\":\"two\"} ] }";
  CHECK(word_of_actor(spread, "one", "unhandled").empty());
  CHECK(word_of_actor(spread, "two", "unhandled") == "log");
  CHECK(word_of_actor(spread, "three", "unhandled").empty());
  for (const char* broken : {"", "{", "[]", "{\"actors\"", "{\"actors\":", "{\"actors\":[", "{\"actors\":[{",
                             "{\"actors\":[{\"name\"", "{\"actors\":[{\"name\":\"two", "{\"actors\":[1]}",
                             "{\"actors\":[{]}", "{,}", "{\"actors\":\"\\"}) {
    CAPTURE(broken);
    CHECK(word_of_actor(broken, "two", "unhandled").empty());
  }
}
