// SPDX-License-Identifier: MIT
// Tests of requests whose answer the actor waits for, in an actor's own test. The tests in unit/host and
// interop/awaited check that a node does the same.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

// The processes that an asker may ask.
neighbours others() {
  neighbours out;
  out.serve("oracle", [](const value& asked) { return replies(asked); });
  out.serve("tomb", [](const value&) { return silence(); });
  out.serve("ruin", [](const value&) { return exits("{burnt, down}"_erl); });
  out.serve("far@away", [](const value&) { return nodedown(); });
  return out;
}

} // namespace

TEST_CASE("an answer is awaited, and the request's end is heard of nowhere else") {
  const plugin askers = fixture("asker");
  actor one(askers, {.among = others()});
  CHECK(one.call("{ask, oracle, {deep, question}, 5000, 0}"_erl) == "{ok, {deep, question}}"_erl);
  CHECK(one.did.calls.back().id != 0);
  CHECK(one.call("{ask_by_member, oracle, x}"_erl) == "{ok, x}"_erl);
  CHECK(one.call("{ask_all, [oracle, ruin, nobody], x}"_erl) ==
        "[{error, -6, undefined}, {error, -8, {burnt, down}}, {ok, x}]"_erl);
  CHECK(one.call("{ask_twice, oracle, x}"_erl) == "[{ok, x}, {error, -13, undefined}]"_erl);
  CHECK(one.call("ask_nobody"_erl) == COPPICE_E_NOT_FOUND);
  CHECK(one.call("{ask, {far, away}, x, 5000, 0}"_erl) == "{error, -7, undefined}"_erl);
  one.advance(1h);
  CHECK(one.call("heard"_erl) == 0);
  CHECK(one.did.complaints.empty());
}

TEST_CASE("an awaited answer has the time that its request was given, which waiting takes from the clock") {
  const plugin askers = fixture("asker");
  actor one(askers, {.among = others()});
  const auto began = one.now();
  CHECK(one.call("{ask, tomb, x, 300, 0}"_erl) == "{error, -5, undefined}"_erl);
  CHECK(one.now() - began == 300ms);
  CHECK(one.call("{ask, tomb, x, 300, 200}"_erl) == "{error, -5, undefined}"_erl);
  CHECK(one.now() - began == 600ms);
  CHECK(one.call("{ask, tomb, x, 300, 400}"_erl) == "{error, -5, undefined}"_erl); // timed out by then
  CHECK(one.now() - began == 1000ms);
  CHECK(one.call("{ask, oracle, x, 300, 400}"_erl) == "{ok, x}"_erl); // the answer came in time
  one.advance(1h);
  CHECK(one.call("heard"_erl) == 0);
}

TEST_CASE("an awaited answer is read as what was asked for, or the error says what came") {
  const plugin askers = fixture("asker");
  actor one(askers, {.among = others()});
  CHECK(one.call("{ask_number, oracle, 7}"_erl) == "{ok, 7}"_erl);
  CHECK(one.call("{ask_number, oracle, seven}"_erl) ==
        "{error, -15, <<\"bad_term: reply: expected integer, got atom seven\">>}"_erl);
  CHECK(one.call("{ask_number, nobody, 7}"_erl) == "{error, -6, <<\"noproc\">>}"_erl);
}
