// SPDX-License-Identifier: MIT
// Tests of the bundled alarms, an event handler, driven without its manager: events, calls, how it is
// removed and with which result, and its state over a reload. The fixture sentry tests a handler that
// removes itself.
#include <doctest/doctest.h>
#include <coppice/testing.hpp>

#include "places.hpp"

using namespace coppice::testing;
namespace etf = coppice::etf;

namespace {

struct options {
  static constexpr etf::form etf_form = etf::form::map;
  std::uint32_t limit;
};

plugin alarms_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/alarms.so");
}
plugin sentry_plugin() {
  return plugin::load(std::string(FIXTURE_FOLDER) + "/sentry.so");
}

value set(const char* id) {
  return std::pair(etf::atom{"set_alarm"}, std::pair(etf::atom{id}, 1));
}
value clear(const char* id) {
  return std::pair(etf::atom{"clear_alarm"}, etf::atom{id});
}
value listed(std::initializer_list<const char*> ids) {
  std::vector<std::pair<etf::atom, int>> all;
  for (const char* id : ids) all.emplace_back(etf::atom{id}, 1);
  return all;
}

} // namespace

TEST_CASE("alarms are kept as events set and clear them") {
  const plugin from = alarms_plugin();
  actor handler(from);
  REQUIRE(handler.status() == COPPICE_OK);
  handler.notify(set("disk"));
  handler.notify(set("memory"));
  CHECK(handler.call(atom("get_alarms")) == listed({"memory", "disk"}));
  handler.notify(clear("memory"));
  CHECK(handler.call(atom("get_alarms")) == listed({"disk"}));
  CHECK(handler.did.complaints.empty());
}

TEST_CASE("what is no event of its, and a message or a cast, it drops") {
  const plugin from = alarms_plugin();
  actor handler(from);
  handler.notify(atom("nonsense"));
  handler.send(atom("nonsense"));
  handler.cast(atom("nonsense"));
  CHECK(handler.alive());
  CHECK(handler.call(atom("get_alarms")) == listed({}));
}

TEST_CASE("remove gives what its removed() wrote, and ends it") {
  const plugin from = alarms_plugin();
  actor handler(from);
  handler.notify(set("disk"));
  CHECK(handler.remove(atom("why")) == listed({"disk"}));
  CHECK(!handler.alive());
  CHECK(handler.reason() == atom("normal"));
  REQUIRE(handler.did.left.size() == 1);
  CHECK(handler.did.left[0].why == atom("why"));
  CHECK_THROWS_AS(handler.remove(atom("again")), failure);
}

TEST_CASE("a failure tells removed() why, and is the reason of its end") {
  const plugin from = alarms_plugin();
  actor handler(from, {.args = options{1}});
  handler.notify(set("disk"));
  handler.notify(set("memory"));
  CHECK(!handler.alive());
  REQUIRE(handler.did.left.size() == 1);
  etf::cursor at(handler.did.left[0].why.bytes());
  CHECK(at.read_tuple_of(2));
  CHECK(at.read_atom_is("error"));
}

TEST_CASE("its manager's end is told as stop") {
  const plugin from = alarms_plugin();
  actor handler(from);
  handler.shut_down();
  REQUIRE(handler.did.left.size() == 1);
  CHECK(handler.did.left[0].why == atom("stop"));
  CHECK(handler.reason() == atom("normal"));
}

TEST_CASE("its alarms are there after a reload") {
  const plugin from = alarms_plugin();
  actor handler(from);
  handler.notify(set("disk"));
  actor next = actor::restored(from, handler.save());
  REQUIRE(next.status() == COPPICE_OK);
  next.notify(set("memory"));
  CHECK(next.call(atom("get_alarms")) == listed({"memory", "disk"}));
}

TEST_CASE("a handler that removes itself is told so, and ends") {
  const plugin from = sentry_plugin();
  actor handler(from);
  handler.notify(atom("done"));
  CHECK(!handler.alive());
  REQUIRE(handler.did.left.size() == 1);
  CHECK(handler.did.left[0].why == atom("remove_handler"));
  CHECK(handler.did.left[0].result == 1);
  CHECK(!handler.did.left[0].next);
}

TEST_CASE("a handler that gives its place away says to whom, and with what") {
  const plugin from = sentry_plugin();
  actor handler(from);
  handler.notify(atom("relief"));
  CHECK(!handler.alive());
  REQUIRE(handler.did.left.size() == 1);
  const left_manager& left = handler.did.left[0];
  CHECK(left.why == atom("over"));
  CHECK(left.next == atom("sentry"));
  CHECK(left.next_args == 7);
  CHECK(left.result == 1);
}

TEST_CASE("events are for event handlers") {
  const plugin from = plugin::load(std::string(PLUGIN_FOLDER) + "/kv.so");
  actor server(from);
  CHECK_THROWS_AS(server.notify(atom("event")), failure);
  CHECK_THROWS_AS(server.remove(atom("why")), failure);
}
