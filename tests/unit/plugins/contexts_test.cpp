// SPDX-License-Identifier: MIT
// Tests of requests whose context the host keeps until their member gets the answer, in an actor's own test.
// The tests in unit/host check that a node does the same.
#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

neighbours market() {
  neighbours out;
  out.serve("market",
            [](const value& asked) { return asked == std::string("gold") ? replies(70) : silence(); });
  return out;
}

} // namespace

TEST_CASE("each of several callers is answered by its request's context, which the answer comes with") {
  const plugin brokers = fixture("broker");
  actor broker(brokers, {.among = market()});
  const answer slow = broker.call("{quote, <<\"tin\">>}"_erl);
  CHECK_FALSE(slow);
  CHECK(broker.call("{quote, <<\"gold\">>}"_erl) == "{<<\"gold\">>, 70, true}"_erl);
  broker.advance(200ms);
  CHECK(slow == "{<<\"tin\">>, -1, false}"_erl);
  CHECK(broker.did.complaints.empty());
}

TEST_CASE("a request's context outlives the code that made it") {
  const plugin brokers = fixture("broker");
  actor old(brokers, {.among = market()});
  const answer asked = old.call("{quote, <<\"tin\">>}"_erl);
  actor next = actor::restored(brokers, old.save());
  next.advance(200ms);
  CHECK(asked == "{<<\"tin\">>, -1, true}"_erl);
}

TEST_CASE("the member of a state machine is told its state and the context, also of a postponed answer") {
  const plugin brokers = fixture("broker");
  actor machine(brokers, {.actor = "machine", .among = market()});
  const answer asked = machine.call("{quote, <<\"gold\">>}"_erl);
  CHECK_FALSE(asked);
  machine.cast("{quote, <<>>}"_erl);
  CHECK(asked == "{busy, 70}"_erl);
  CHECK(machine.did.complaints.empty());
}

TEST_CASE("a context whose views are read is lent until the member returns") {
  const plugin brokers = fixture("broker");
  actor later(brokers, {.actor = "later", .among = market()});
  later.cast("{quote, <<\"gold\">>}"_erl);
  CHECK(later.did.sent.at(0).term == "{<<\"gold\">>, 70}"_erl);
}
