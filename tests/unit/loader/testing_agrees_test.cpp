// SPDX-License-Identifier: MIT
// Compares coppice/testing.hpp with a node: the same plugin files get the same requests, and must give the
// same answers and end for the same reasons.
#include <doctest/doctest.h>
#include <coppice/testing.hpp>

#include <coppice/testing/erlang.hpp>

#include "garden.hpp"

using namespace coppice;

namespace {

struct conversation {
  const char* plugin;
  const char* args;
  std::vector<const char*> requests;
};

const conversation conversations[] = {
    {"greeter",
     "#{greeting => <<\"moin\">>}",
     {"{hello, <<\"you\">>}", "{hello, \"you\"}", "{hello, 7}", "{hello, you}"}},
    {"kv",
     "#{max_entries => 2}",
     {"{put, #{a => 1, b => 2}, x}", "{get, #{b => 2, a => 1}}", "{update_counter, n, 5}", "{put, c, 1}",
      "size", "{delete, n}", "keys", "nonsense", "size"}},
    {"probe",
     "#{}",
     {"ping", "{echo, {any, [\"term\", 1.5]}}", "{trap_exit, true}", "{trap_exit, false}", "{sleep, 1}",
      "{link, nobody}", "{spawn_at, 'other@nowhere', m, f, [a], [monitor], 1000}",
      "{spawn_at, nowhere, m, f, [], [], 1000}", "{spawn_at, 'other@nowhere', m, f, a, [], 1000}",
      "{spawn_actor_at, 'other@nowhere', 'kv:kv', #{}, [link], 1000}", "{send, nobody, x, [priority]}",
      "{send, 17, x, [priority]}", "{exit, nobody, x, [priority]}", "segfault", "{exit, {went, away}}",
      "{exit, normal}", "throw", "ping"}},
    {"relay",
     "#{}",
     {"{relay, nobody, x}", "{relay, relay, x}", "{relay, 17, x}", "{relay, {kv, 'other@nowhere'}, x}",
      "{fanout, [nobody, 17], x}", "{fanout, [], x}"}},
    {"clerk",
     "#{greeting => <<\"hi\">>}",
     {"greeting", "{compute, 21}", "{compute, -1}", "{rename, <<\"second\">>}", "{hire, <<\"junior\">>}",
      "{hire, <<\"clerk\">>}", "{stop, {all, done}}", "{stop, normal}", "exit_self", "{what, ever}",
      "greeting"}},
    {"envoy",
     "#{}",
     {"word", "{send, 17, x, 0}", "{send, nobody, x, 1073741824}", "{send, {ear, 'other@nowhere'}, x, 2}",
      "{cast, {ear, 'other@nowhere'}, x, 2}", "{exit, nobody, x, 0}", "{link, nobody, 0}",
      "{monitor, 17, 0, 0, undefined}", "{monitor, nobody, 0, 4, undefined}",
      "{monitor, nobody, 8, 0, undefined}", "{monitor, {ear, 'other@nowhere'}, 2, 0, undefined}",
      "{alias, 2}", "{every, 0, x}", "{cancel, 99}", "{raise, true}", "{raise, false}", "heard"}},
    {"intruder", "#{}", {"on_thread", "in_blocking", "small_options"}},
    {"rude", "#{}", {"twice"}},
};

// The reply to each request in Erlang's syntax, or "!exit REASON".
std::vector<std::string> without_a_node(const std::string& file, const conversation& what) {
  const auto from = testing::plugin::load(file);
  const testing::settings how{.args = testing::erl(what.args), .name = what.plugin};
  std::vector<std::string> said;
  std::optional<testing::actor> one;
  for (const char* request : what.requests) {
    if (!one || !one->alive()) one.emplace(from, how);
    const auto answer = one->call(testing::erl(request));
    said.push_back(answer ? testing::text(answer.reply()) : "!exit " + testing::text(one->reason()));
  }
  return said;
}

std::vector<std::string> in_a_node(test::garden& grounds, const conversation& what) {
  std::vector<std::string> said;
  for (const char* request : what.requests) {
    if (!grounds.host.system.whereis(what.plugin)) REQUIRE(grounds.grow(what.plugin, what.args) == "ok");
    said.push_back(grounds.call(what.plugin, request));
  }
  return said;
}

} // namespace

TEST_CASE("an actor under test answers and ends as it does in a node") {
  test::workshop shop;
  for (const char* name : {"clerk", "envoy", "intruder", "rude"}) shop.put(name, name);
  for (const char* name : {"greeter", "kv", "probe", "relay"}) {
    const auto file = shop.plugins() / (std::string(name) + ".so");
    std::filesystem::copy_file(std::string(PLUGIN_FOLDER) + "/" + name + ".so", file);
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  }
  test::garden grounds(shop);
  for (const conversation& each : conversations) {
    const auto expected = in_a_node(grounds, each);
    const auto found = without_a_node((shop.plugins() / (std::string(each.plugin) + ".so")).string(), each);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CAPTURE(each.requests[i]);
      CHECK(found[i] == expected[i]);
    }
  }
}

TEST_CASE("an actor under test fails to start for the reason that it does in a node") {
  test::workshop shop;
  const auto file = shop.put("rude", "rude");
  test::garden grounds(shop);
  const auto from = testing::plugin::load(file.string());
  const testing::actor one(from, {.args = testing::atom("create")});
  CHECK_FALSE(one.alive());
  CHECK(grounds.grow("rude", "create") == "{error," + testing::text(one.reason()) + "}");
}

TEST_CASE("a plugin whose tables a node refuses is refused under test in the same words") {
  for (const char* name :
       {"fixture_small_table", "fixture_small_type", "fixture_no_tables", "fixture_no_callbacks",
        "fixture_table_twice_in_code", "fixture_small_descriptor"}) {
    CAPTURE(name);
    test::workshop shop;
    const auto file = shop.put(name);
    test::garden grounds(shop);
    const auto loaded = grounds.loads.load_for("fixture");
    REQUIRE_FALSE(loaded);
    std::string under_test;
    try {
      testing::plugin::load(file.string());
    } catch (const testing::failure& refused) {
      under_test = refused.what();
    }
    CHECK_FALSE(under_test.empty());
    CAPTURE(loaded.error().text);
    CHECK(loaded.error().text.ends_with(under_test));
  }
}
