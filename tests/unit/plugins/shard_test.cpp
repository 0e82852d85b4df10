// SPDX-License-Identifier: MIT
// Tests of the bundled shard, driven without a node: the route of each key, what happens when a route fails,
// which requests it answers itself, and its state over a reload.
#include <doctest/doctest.h>
#include <coppice/testing.hpp>
#include <coppice/testing/erlang.hpp>
#include <coppice/testing/order.hpp>

#include <set>
#include <tuple>

#include "places.hpp"

using namespace coppice::testing;
namespace etf = coppice::etf;

namespace {

plugin shard_plugin() {
  return plugin::load(std::string(PLUGIN_FOLDER) + "/shard.so");
}
settings with_two() {
  settings how;
  how.args = erl("#{among => [<<\"east\">>, <<\"west\">>]}");
  how.routes = {{"east", atom("east_store")}, {"west", atom("west_store")}};
  return how;
}
value get(int key) {
  return std::tuple(etf::atom{"get"}, key);
}

} // namespace

TEST_CASE("a key goes to the same route each time, and both routes have keys") {
  const plugin from = shard_plugin();
  actor shard(from, with_two());
  REQUIRE(shard.status() == COPPICE_OK);
  shard.serve("east_store", [](const value&) { return replies(atom("east")); });
  shard.serve("west_store", [](const value&) { return replies(atom("west")); });
  std::set<value> answers;
  for (int key = 0; key < 50; ++key) {
    const answer first = shard.call(get(key));
    CHECK(shard.call(get(key)) == first.reply());
    answers.insert(first.reply());
  }
  CHECK(answers.size() == 2);
  CHECK(shard.did.routed.size() == 100);
  CHECK(shard.did.complaints.empty());
}

TEST_CASE("a route that is gone gives way to the other, and two that are gone to an error") {
  const plugin from = shard_plugin();
  actor shard(from, with_two());
  shard.serve("east_store", [](const value&) { return replies(atom("east")); });
  shard.serve("west_store", [](const value&) { return response{COPPICE_E_NOPROC, {}}; });
  for (int key = 0; key < 20; ++key) CHECK(shard.call(get(key)) == atom("east"));
  shard.serve("east_store", [](const value&) { return nodedown(); });
  const std::string route = shard.did.routed.front().route;
  const answer lost = shard.call(get(0));
  const std::string last = route == "east" ? "west" : "east";
  CHECK(lost ==
        value(std::pair(etf::atom{"error"}, std::tuple(etf::atom{"not_routed"}, last,
                                                       etf::atom{last == "east" ? "nodedown" : "noproc"}))));
}

TEST_CASE("casts and messages go on, and what has no key is its own") {
  const plugin from = shard_plugin();
  actor shard(from, with_two());
  shard.cast(get(1));
  shard.send(get(2));
  REQUIRE(shard.did.sent.size() == 2);
  CHECK(shard.did.sent[0].is_cast);
  CHECK_FALSE(shard.did.sent[1].is_cast);
  CHECK(shard.call(atom("routes")) == erl("[<<\"east\">>, <<\"west\">>]"));
  const saved_state saved = shard.save();
  actor next = actor::restored(from, saved, with_two());
  CHECK(next.call(atom("routes")) == erl("[<<\"east\">>, <<\"west\">>]"));
}
