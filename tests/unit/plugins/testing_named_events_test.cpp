// SPDX-License-Identifier: MIT
// Tests of coppice/testing/named_events.hpp, with an actor that publishes and an actor that subscribes.
#include <coppice/testing/named_events.hpp>

#include <doctest/doctest.h>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

actor made(const plugin& of, const char* what, const value& args = {}) {
  return actor(of, {.actor = what, .args = args});
}

} // namespace

TEST_CASE("what an actor publishes, numbered for each event") {
  const plugin feeds = fixture("feeds");
  actor shop = made(feeds, "shop", "#{event => <<\"orders\">>, buffer => 3}"_erl);
  named_events events(shop);
  CHECK(events.has("orders"));
  CHECK(shop.call("{publish, {a, 1}}"_erl) == "1"_erl);
  CHECK(shop.call("{publish_many, 2}"_erl) == "3"_erl);
  REQUIRE(events.published().size() == 3);
  CHECK(events.published()[0].payload == "{a, 1}"_erl);
  CHECK(events.published()[2].name == "orders");
  CHECK(events.published()[2].seq == 3);
  shop.send(event_subscribers_message("orders", 1));
  CHECK(shop.call("heard"_erl) == value(std::vector<int>{1}));
  // An actor that registers the event again gets the same token, and no other token is accepted.
  const value token = shop.call("token"_erl).reply();
  CHECK(shop.call("{enroll, <<\"orders\">>}"_erl) == token);
  CHECK(shop.call(std::tuple(atom("publish_by").term(), token.term(), 7)) == "4"_erl);
  CHECK_FALSE(shop.call("{publish_by, 1, x}"_erl));
}

TEST_CASE("an event that was ended takes no more; a name of the node's is no name") {
  const plugin feeds = fixture("feeds");
  actor shop = made(feeds, "shop", "#{event => <<\"orders\">>}"_erl);
  CHECK(shop.call("unregister"_erl) == "ok"_erl);
  CHECK_FALSE(named_events(shop).has("orders"));
  CHECK_FALSE(shop.call("{publish, x}"_erl));
  actor own = made(feeds, "shop", "#{event => <<\"coppice.mine\">>}"_erl);
  CHECK_FALSE(own.alive());
}

TEST_CASE("a token goes over a reload") {
  const plugin feeds = fixture("feeds");
  actor shop = made(feeds, "shop", "#{event => <<\"orders\">>}"_erl);
  CHECK(shop.call("{publish, x}"_erl) == "1"_erl);
  actor next = actor::restored(feeds, shop.save(), {.actor = "shop"});
  CHECK(next.call("{publish, y}"_erl) == "2"_erl);
  CHECK(named_events(next).published().at(1).payload == "y"_erl);
}

TEST_CASE("what an actor subscribes to, and the messages of it") {
  const plugin feeds = fixture("feeds");
  actor desk = made(feeds, "desk");
  named_events events(desk);
  CHECK(desk.call("{subscribe, <<\"orders\">>, <<>>, buffered}"_erl));
  CHECK(desk.call("{subscribe, <<\"orders\">>, <<\"shop@far\">>, {7, 9}}"_erl) == "{0, 0, 0, 0}"_erl);
  REQUIRE(events.subscriptions().size() == 2);
  CHECK(events.subscriptions()[0].begin == COPPICE_CHANNEL_BUFFERED);
  CHECK(events.subscriptions()[1].node == "shop@far");
  CHECK(events.subscriptions()[1].begin == COPPICE_CHANNEL_AFTER);
  CHECK(events.subscriptions()[1].creation == 7);
  CHECK(events.subscriptions()[1].after == 9);
  desk.send(event_message("orders", 1, 10));
  desk.send(event_gap_message("orders", 2, 4));
  desk.send(event_message("orders", 10, atom("far"), "shop@far"));
  desk.send(event_end_message("orders", atom("noconnection"), "shop@far"));
  const value wanted =
      "[<<\"orders 1 10\">>, <<\"orders gap 2-4\">>, <<\"orders@shop@far 10 far\">>, "
      "<<\"orders@shop@far end noconnection\">>]"_erl;
  CHECK(desk.call("got"_erl) == wanted);
  CHECK(desk.call("{unsubscribe, <<\"orders\">>, <<>>}"_erl) == "true"_erl);
  CHECK(desk.call("{unsubscribe, <<\"orders\">>, <<>>}"_erl) == "false"_erl);
  CHECK(events.subscriptions().size() == 1);
}

TEST_CASE("subscribing fails where there is no such event, and a second time") {
  const plugin feeds = fixture("feeds");
  actor desk = made(feeds, "desk");
  named_events(desk).forget("nothing");
  CHECK_FALSE(desk.call("{subscribe, <<\"nothing\">>, <<>>, now}"_erl));
  actor other = made(feeds, "desk");
  CHECK(other.call("{subscribe, <<\"orders\">>, <<>>, now}"_erl));
  CHECK_FALSE(other.call("{subscribe, <<\"orders\">>, <<>>, now}"_erl));
}

// tests/e2e/events.py checks that a node refuses the same.
TEST_CASE("the kit refuses the options and the names that a node refuses") {
  const plugin feeds = fixture("feeds");
  actor shop = made(feeds, "shop", "#{event => <<\"orders\">>}"_erl);
  const auto registers = [&](const std::string& options) {
    return shop.call(erl("{try_options, <<\"x\">>, " + options + "}"));
  };
  CHECK(registers("3, 1000000, 1000000, 67108864, 3") == value(COPPICE_OK));
  for (const char* wrong : {"4, 0, 0, 0, 0", "0, 1000001, 0, 0, 0", "0, 0, 1000001, 0, 0",
                            "0, 0, 0, 67108865, 0", "0, 0, 0, 0, 4"}) {
    CAPTURE(wrong);
    CHECK(registers(wrong) == value(COPPICE_E_INVALID));
  }
  CHECK(shop.call("{try_subscribe, <<\"x\">>, 2, 0}"_erl) == value(COPPICE_E_INVALID));
  CHECK(shop.call("{try_subscribe, <<\"x\">>, 0, 3}"_erl) == value(COPPICE_E_INVALID));
  CHECK(shop.call("{try_subscribe, <<>>, 0, 0}"_erl) == value(COPPICE_E_INVALID));
  std::string wide;
  for (int i = 0; i < 255; ++i) wide += "\u00e4"; // two bytes each
  CHECK(shop.call(std::tuple(atom("enroll").term(), wide)));
  CHECK_FALSE(shop.call(std::tuple(atom("enroll").term(), wide + "x")));
}

TEST_CASE("ticker publishes its ticks, over a reload too") {
  const plugin tickers = plugin::load(std::string(PLUGIN_FOLDER) + "/ticker.so");
  const value args = "#{to => <<\"ear\">>, every => 100, event => <<\"ticks\">>}"_erl;
  actor one(tickers, {.args = args});
  one.advance(250ms);
  CHECK(named_events(one).published().at(1).payload == "{tick, 2}"_erl);
  actor next = actor::restored(tickers, one.save(), {.args = args});
  next.advance(100ms);
  CHECK(named_events(next).published().at(2).payload == "{tick, 3}"_erl);
  CHECK(named_events(next).published().at(2).seq == 3);
}
