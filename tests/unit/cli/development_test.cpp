// SPDX-License-Identifier: MIT
// Tests of what a changed file leads to, of what Meson's files say about plugins, and of the lines that
// report the
// result.
#include "cli/development.hpp"

#include <doctest/doctest.h>

using namespace coppice;
using namespace coppice::cli;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

const std::string shop = "config/shop.yaml";

built_plugins known() {
  return {{"cart", {}}, {"audit", {}}};
}

// The work that is due: "build", "config", names of plugins.
std::string due(const std::string& changed, const std::string& configuration = shop) {
  const due_work work = work_for(changed, known(), configuration);
  std::string out = work.build ? "build" : "";
  if (work.configuration) out += "config";
  for (const std::string& name : work.plugins) out += name;
  return out;
}

} // namespace

TEST_CASE("a changed file makes the plugin, everything, or the configuration due") {
  CHECK(due("plugins/cart/cart.cpp") == "cart");
  CHECK(due("plugins/cart/src/deep/lib.rs") == "cart");
  CHECK(due("plugins/cart") == "cart");
  CHECK(due("plugins/common/money.hpp") == "build");
  CHECK(due("plugins/money.hpp") == "build");
  CHECK(due("meson.build") == "build");
  CHECK(due("meson_options.txt") == "build");
  CHECK(due("plugins/cart/meson.build") == "build");
  CHECK(due("config/shop.yaml") == "config");
  CHECK(due("config/conf.d/more.yaml") == "config");
  CHECK(due("config/node.schema.json").empty());
  CHECK(due("README.md").empty());
  CHECK(due("pluginsX/a.cpp").empty());
  CHECK(due("etc/deep/one.yaml", "etc/deep/one.yaml") == "config");
  CHECK(due("one.yaml", "one.yaml") == "config");
  CHECK(due("two.yaml", "one.yaml").empty());
}

TEST_CASE("what changes in several files is due together") {
  due_work all;
  CHECK(!all.any());
  all.add(work_for("plugins/cart/cart.cpp", known(), shop));
  all.add(work_for("plugins/audit/audit.cpp", known(), shop));
  all.add(work_for(shop, known(), shop));
  CHECK(all.plugins == std::set<std::string>{"audit", "cart"});
  CHECK(all.configuration);
  CHECK(!all.build);
}

TEST_CASE("folders of sources and of the configuration are watched, those that tools make are not") {
  CHECK(is_watched_folder("plugins", shop));
  CHECK(is_watched_folder("plugins/cart/src", shop));
  CHECK(is_watched_folder("config/conf.d", shop));
  CHECK(!is_watched_folder("build", shop));
  CHECK(!is_watched_folder("tests", shop));
  CHECK(!is_watched_folder("plugins/cart/target", shop));
  CHECK(is_watched_folder("etc", "etc/deep/one.yaml"));
  CHECK(is_watched_folder("etc/deep", "etc/deep/one.yaml"));
  CHECK(!is_watched_folder("build", "one.yaml"));
}

TEST_CASE("Meson's notes say what builds a plugin and how its test is run") {
  const json targets{{{"name", "cart"}, {"filename", {"/p/build/cart.so"}}},
                     {{"name", "cart_test"}, {"filename", {"/p/build/cart_test"}}},
                     {{"name", "audit"}, {"filename", {"/p/build/audit.so"}}},
                     {{"name", "inner"}, {"filename", {"/p/build/sub/inner.so"}}},
                     {{"name", "broken"}}};
  const json tests{{{"name", "cart"},
                    {"cmd", {"/p/build/cart_test", "--all"}},
                    {"env", {{"LANG", "C"}}},
                    {"workdir", nullptr},
                    {"timeout", 30}},
                   {{"name", "tree"}, {"cmd", {"/bin/sh"}}}};
  const auto read = plugins_of_build(targets.dump(), tests.dump(), "/p/build");
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  const built_plugin& cart = read->at("cart");
  CHECK(cart.targets == std::vector<std::string>{"cart.so", "cart_test"});
  CHECK(cart.test.command == std::vector<std::string>{"/p/build/cart_test", "--all"});
  CHECK(cart.test.environment.at("LANG") == "C");
  CHECK(cart.test.folder.empty());
  CHECK(cart.test.timeout == 30s);
  CHECK(read->at("audit").targets == std::vector<std::string>{"audit.so"});
  CHECK(read->at("audit").test.command.empty());
  CHECK(!plugins_of_build("no", "[]", "/p/build"));
  CHECK(!plugins_of_build("[]", "{}", "/p/build"));
}

TEST_CASE("a build folder says which source it belongs to") {
  CHECK(source_of_build(R"({"directories":{"source":"/p","build":"/p/build"}})") == "/p");
  for (const char* other : {"", "[]", "{}", R"({"directories":5})", R"({"directories":{"source":[]}})"})
    CHECK(source_of_build(other).empty());
}

TEST_CASE("of a tool's output the first error is told, else its first words") {
  CHECK(first_error("[1/2] Compiling\nFAILED: cart.so\ncart.cpp:3:5: error: no\ncart.cpp:4: error: more\n") ==
        "cart.cpp:3:5: error: no");
  CHECK(first_error("\n  \nfailed: it counts\nfailed: more") == "failed: it counts");
  CHECK(first_error("meson.build:3:0: ERROR: Dependency not found") ==
        "meson.build:3:0: ERROR: Dependency not found");
  CHECK(first_error("Compiling cart\nerror[E0425]: cannot find value\n") ==
        "error[E0425]: cannot find value");
  CHECK(first_error("").empty());
}

TEST_CASE("a reload and an apply are told in a few words") {
  const auto actor = [](const char* outcome) { return json{{"outcome", outcome}}; };
  CHECK(
      reload_text({{"plugins", {{{"actors", {actor("carried"), actor("restarted"), actor("carried")}}}}}}) ==
      "2 carried over, 1 restarted");
  CHECK(reload_text({{"plugins", {{{"actors", json::array()}}}}}) == "no actor of it runs");
  json changes = json::array();
  CHECK(changes_text({{"changes", changes}}).empty());
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"})
    changes.push_back({{"action", "start"}, {"path", std::string("shop/") + name}});
  CHECK(changes_text({{"changes", changes}}) ==
        "start shop/a, start shop/b, start shop/c, start shop/d, start shop/e and 2 more");
}

TEST_CASE("a node that ends again and again stays down longer each time") {
  back_off pause;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) CHECK(pause.after(59s) == wait);
  CHECK(pause.after(60s) == 1s);
  CHECK(pause.after(1s) == 2s);
  pause.reset();
  CHECK(pause.after(1s) == 1s);
}
